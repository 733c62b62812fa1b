"""The model card of a checkpoint: what it is, how it was trained, what it scored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mtl.config import KINDS, TrainConfig
from mtl.groups import Groups
from mtl.model import MultiTaskModel
from mtl.training.scores import each_task, row_count

_NONE_HELD_OUT = "No rows were held out."
_UNSCORED = "It was stopped before it was scored."


def text(model: MultiTaskModel, record: dict[str, Any]) -> str:
    """A model card in Markdown for a model and the record of the run that made it (`train.json`)."""
    config = TrainConfig.from_json(record["train"])
    lines = [
        "# A multi-task sentence transformer",
        "",
        f"Trained from `{record['start_from']}` on the backbone `{model.backbone.name}` "
        f"({model.backbone.parameter_count / 1e6:.1f} M parameters) with MTL Playground. This folder holds only the "
        "weights that training changed.",
        "",
        'Python: `mtl.load(FOLDER).analyze(["A sentence."])`, after `import mtl`; FOLDER is where this file lies.  ',
        'Command line: `python -m mtl analyze --model FOLDER "A sentence."`',
        "",
        "| task | kind | labels |",
        "|---|---|---|",
        *(f"| {_cell(t.name)} | {t.kind} | {_cell(', '.join(t.labels))} |" for t in model.tasks.values()),
        "",
        f"{config.epochs} epochs, batches of {config.batch_size}, top layer at {config.lr:.1e}, each lower at "
        f"{config.lr_decay:g} of that, heads at {config.head_lr:.1e}, anchor {config.anchor:g}, seed {config.seed}; "
        f"{record['seconds']:.0f} s; {record['status']}.",
        "",
        "## What learned",
        "",
        "| group | weights | learning rate | frozen |",
        "|---|---|---|---|",
        *_groups(Groups.of_model(model, config).under(config, record["trained"])),
        "",
        "## Scores on validation rows",
        "",
        *(
            _scores(record["metrics"], model)
            or [_UNSCORED if "scores" in record.get("unmeasured", ()) else _NONE_HELD_OUT]
        ),
    ]
    return "\n".join(lines) + "\n"


def _groups(groups: Groups) -> Iterator[str]:
    """A table row for each group of weights: its size, its rate, and when it was frozen."""
    epochs = groups.config.epochs
    for group in groups:
        spans = group.frozen_spans(epochs)
        when = ", ".join(f"epoch {first}" if first == last else f"epochs {first} to {last}" for first, last in spans)
        still = spans == [(1, epochs)]
        if still:
            when = "always: no labels" if group.idle else "always"
        rate = "–" if still else f"{group.rate:.1e}"
        yield f"| {_cell(group.name)} | {group.size:,} | {rate} | {when or 'never'} |"


def _scores(metrics: dict[str, Any], model: MultiTaskModel) -> list[str]:
    lines = []
    for rows, task, scores in each_task(metrics):
        where = f"{_cell(rows)}, " if rows else ""
        kind = KINDS[model.tasks[task].kind]
        shown = ", ".join(f"{metric.name} {scores[metric.name]:.3f}" for metric in kind.metrics)
        lines.append(f"- {where}{_cell(task)}: {shown} ({row_count(scores)})")
    return lines


def _cell(text: str) -> str:
    # Names come from column headers of someone's file and must not become markup.
    return text.translate(str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]<>()#+-!|"})).replace("\n", " ")
