"""The model card that goes with a checkpoint: what it is, how it was trained, what it scored."""

from __future__ import annotations

from typing import Any

from mtl.model import MultiTaskModel

_SHOWN = {
    "classification": ("accuracy", "macro_f1"),
    "regression": ("spearman", "mae"),
    "tagging": ("precision", "recall", "f1"),
}


def text(model: MultiTaskModel, record: dict[str, Any]) -> str:
    """A model card in Markdown for a model and the record of the run that made it (`train.json`)."""
    train = record["train"]
    frozen = train["freeze"] if train["freeze"] >= 0 else len(model.backbone.groups)
    lines = [
        "# A multi-task sentence transformer",
        "",
        f"Trained from `{record['start_from']}` on the backbone `{model.backbone.name}` "
        f"({model.backbone.parameter_count / 1e6:.1f} M parameters) with MTL Playground. This folder holds only the "
        "weights that training changed.",
        "",
        "| task | kind | labels |",
        "|---|---|---|",
        *(f"| {_cell(t.name)} | {t.kind} | {_cell(', '.join(t.labels))} |" for t in model.tasks.values()),
        "",
        f"{train['epochs']} epochs, batches of {train['batch_size']}, top layer at {train['lr']:.1e}, each lower at "
        f"{train['lr_decay']:g} of that, heads at {train['head_lr']:.1e}, the lowest {frozen} layer groups frozen, "
        f"anchor {train['anchor']:g}, seed {train['seed']}; {record['seconds']:.0f} s; {record['status']}.",
        "",
        "## Scores on validation rows",
        "",
        *_scores(record["metrics"], model),
    ]
    return "\n".join(lines) + "\n"


def _scores(metrics: dict[str, Any], model: MultiTaskModel, where: str = "") -> list[str]:
    lines = []
    for name, scores in metrics.items():
        if name in model.tasks and "rows" in scores:
            shown = ", ".join(f"{key} {scores[key]:.3f}" for key in _SHOWN[model.tasks[name].kind])
            lines.append(f"- {where}{_cell(name)}: {shown} ({scores['rows']} rows)")
        else:
            lines += _scores(scores, model, f"{_cell(name)}, ")
    return lines or ["No rows were held out."]


def _cell(text: str) -> str:
    # Names come from a stranger's column headers; they must not become markup.
    return text.translate(str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]<>()#+-!|"})).replace("\n", " ")
