"""The card of a model, in Markdown: what it answers, what it gets wrong, its data, its scores, how it was made.

One template, `assets/card.md`, makes the README of a checkpoint, what `python -m mtl card` prints and what the page
shows. Everything in it comes from the model's config and records, which may be a stranger's: whatever is filled in is
text and never markup, and what a record does not say, or says in a way that cannot be read, is called not known.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from mtl import checkpoint
from mtl.config import KINDS, TaskSpec, TrainConfig, UserError, listed
from mtl.encoder.backbone import DEFAULT
from mtl.files import json_or_nothing
from mtl.groups import Group, Groups
from mtl.kinds.kind import metric_named
from mtl.model import MultiTaskModel
from mtl.places import ASSETS
from mtl.text.values import cut, plural
from mtl.training.forgetting import probe
from mtl.training.limits import Limits
from mtl.training.scores import each_task, row_count

TITLE = "A multi-task sentence transformer"
# The most characters of a name, the most lines of a table, the most labels in a line.
_LONGEST, _MOST, _MOST_LABELS = 200, 50, 30
# What Markdown reads as markup, and what the places that show READMEs make links of.
_MARKS = re.compile(r"[\\`*_{}\[\]<>#|&~@$]|:(?=//)|(?<=www)\.", re.IGNORECASE)
_TAGS = ("sentence-transformers", "feature-extraction", "sentence-similarity", "multi-task-learning", "mtl-playground")
_HUB_ID = r"[\w-][\w.-]*/[\w-][\w.-]*"
_T = TypeVar("_T")


def of(name: str | Path | None, model: MultiTaskModel, limits: Limits | None, title: str = "") -> str:
    """The card of the `model` that `mtl.load(name)` gave; `limits` as they were measured of it."""
    record, own = _known_of(name)
    return _rendered(model, record, limits, title or ("Built-in English model" if own else TITLE), own)


def for_hub(name: str | Path | None, model: MultiTaskModel, limits: Limits | None, repository: str) -> str:
    """The same as the README of a repository on the Hugging Face Hub, with the metadata that it reads on top."""
    record, own = _known_of(name)
    page = _rendered(model, record, limits, repository.rpartition("/")[2], own, repository)
    return f"---\n{_metadata(model, _Record(record, model), own, repository)}\n---\n\n{page}"


def _known_of(name: str | Path | None) -> tuple[Mapping[str, Any], dict[str, Any] | None]:
    """The record of the model of this name, and what is known of the built-in one."""
    if name is None or str(name) == checkpoint.DEFAULT or Path(name) == checkpoint.DEFAULT_FOLDER:
        return {}, _own()
    return json_or_nothing(Path(name) / "train.json"), None


def text(model: MultiTaskModel, record: Mapping[str, Any], limits: Limits | None, title: str = "") -> str:
    """The card of a model that a run left, by the record of the run (`train.json`)."""
    return _rendered(model, record, limits, title or TITLE, None)


def _rendered(
    model: MultiTaskModel,
    record: Mapping[str, Any],
    limits: Limits | None,
    title: str,
    own: dict[str, Any] | None,
    repository: str = "",
) -> str:
    tasks = [*islice(model.tasks.values(), _MOST)]
    page = _template().render(
        title=title,
        own=own,
        repository=repository,
        place=_Markdown(repository or "FOLDER"),
        bare=not model.tasks and not record and own is None,
        record=_Record(record, model),
        limits=limits,
        backbone=_place(model.backbone.name),
        millions=f"{model.backbone.parameter_count / 1e6:.1f}",
        counted=plural(len(model.tasks), "head") if model.tasks else "no heads",
        tasks=[{"name": t.name, "kind": t.kind, "answers": _answers(t), "reads": _reads(t)} for t in tasks],
        more_tasks=len(model.tasks) - len(tasks),
        cautions=[task.caution for task in tasks if task.caution],
    )
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"  # conditions leave empty lines


# --- the template ---


class _Markdown(str):
    """Markdown of our own, which goes in as it is."""


@functools.cache
def _template() -> Template:
    options = {"trim_blocks": True, "lstrip_blocks": True, "auto_reload": False, "undefined": StrictUndefined}
    return Environment(loader=FileSystemLoader(ASSETS), finalize=_escaped, **options).get_template("card.md")


def _escaped(value: Any) -> str:
    """A value as Markdown that shows it as it is, on one line, shortened."""
    if isinstance(value, _Markdown):
        return value
    line = cut(" ".join(str(value)[: 10 * _LONGEST].split()), _LONGEST)
    return _MARKS.sub(r"\\\g<0>", line.encode("utf-8", "backslashreplace").decode())


# --- the Hub ---


def _metadata(model: MultiTaskModel, record: _Record, own: dict[str, Any] | None, repository: str) -> str:
    """The block of YAML that the Hub reads: tags, the encoder, and the figures of each task."""
    from huggingface_hub import EvalResult, ModelCardData

    if own:
        figures = [(row["task"], row["metric"], row["value"], row["data"]) for row in own["figures"]]
    else:
        figures = record.figures or []
    kinds = {name: KINDS[spec.kind].hub_task for name, spec in model.tasks.items()}
    results = [
        EvalResult(
            task_type=kinds.get(task.partition(",")[0], "sentence-similarity"),
            task_name=task,
            dataset_type="custom",
            dataset_name=data,
            dataset_config=f"{task}: {data}",  # those of one are taken for one result
            metric_type=metric,
            metric_value=round(value, 4),
        )
        for task, metric, value, data in figures
    ]
    name = model.backbone.name
    encoder = f"sentence-transformers/{name}" if name == DEFAULT else name if re.fullmatch(_HUB_ID, name) else None
    return ModelCardData(
        license="apache-2.0" if own else None,
        base_model=encoder,
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=[*dict.fromkeys((*_TAGS, *kinds.values()))],
        model_name=repository.rpartition("/")[2] if results else None,
        eval_results=results or None,
    ).to_yaml()


# --- what a model is ---


def _place(name: str) -> str:
    """A model's name; where it lies on somebody's disk says nothing to anybody else."""
    return "/".join(Path(name).parts[-2:]) if Path(name).is_absolute() else name


def _answers(task: TaskSpec) -> str:
    if task.labels:
        return listed((cut(label, 60) for label in task.labels), most=_MOST_LABELS)
    kind = KINDS[task.kind]
    if kind.reads == "embedding":
        return "none: it trains the embeddings"
    return f"a number from {task.low:g} to {task.high:g}"


def _reads(task: TaskSpec) -> str:
    reads = KINDS[task.kind].reads
    if reads == "embedding":
        return "no head"
    if reads == "words":
        what = "the vector of each word"
    else:
        pooled = "[CLS]" if task.pooling == "cls" else task.pooling
        vector = "the shared layer" if task.reads == "shared" else f"the {pooled} vector"
        what = f"{vector} of each text" if KINDS[task.kind].texts > 1 else vector
    return f"{what}, through a hidden layer of {task.hidden}" if task.hidden else what


# --- the built-in model ---


def _own() -> dict[str, Any]:
    """What only the built-in model's folder has: its figures beside those of the weights before them, and text that was
    written about it."""
    folder = checkpoint.DEFAULT_FOLDER
    figures, earlier = (
        {(row["task"], row["data"], row["metric"]): row for row in json.loads(path.read_text(encoding="utf-8"))}
        for path in (folder / "figures.json", folder / "figures-before.json")
    )
    rows = [row | {"before": earlier[key]["value"] if key in earlier else None} for key, row in figures.items()]
    _, *sections = re.split(r"^## ", (folder / "about.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    about = {title.strip(): _Markdown(body.strip()) for title, body in (s.split("\n", 1) for s in sections)}
    return {
        "data": about["Data"],
        "made": about["How it was made"],
        "unfamiliar": about["Unfamiliar texts"],
        "limits": about["Limits"],
        "about_figures": about["Figures"],
        "figures": [row for row in rows if row["split"] != "check"],
        "checks": [row for row in rows if row["split"] == "check"],
    }


# --- the record of a run ---


@dataclass(frozen=True)
class Score:
    """One line of scores, written."""

    task: str
    title: str
    before: str
    after: str
    rows: str = ""
    trained: bool = True


@dataclass(frozen=True)
class GroupRow:
    name: str
    size: int
    rate: str
    frozen: str


def _known(read: Callable[[_Record], _T]) -> functools.cached_property:
    """A property that is None where the record, which may be a stranger's or of an earlier version, does not say."""

    def known(record: _Record) -> _T | None:
        try:
            return read(record)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, UserError):
            return None

    return functools.cached_property(known)


class _Record:
    """What the record of a run says, checked."""

    def __init__(self, data: Mapping[str, Any], model: MultiTaskModel) -> None:
        self._data, self._model = data, model
        self.probe = len(probe())

    @_known
    def start_from(self) -> str:
        return _place(self._data["start_from"])

    @_known
    def config(self) -> TrainConfig:
        return TrainConfig.from_json(self._data["train"])

    @_known
    def files(self) -> dict[str, int]:
        return {str(name): int(rows) for name, rows in islice(self._data["files"].items(), _MOST)}

    @_known
    def learned_from(self) -> str:
        total, held_out = int(self._data["rows"]), int(self._data["held_out"])
        apart = f"{plural(held_out, 'row')} held out" if held_out else "none held out"
        if self.tested_on:
            apart += f" ({self.tested_on})"
        return f"{plural(total, 'row')} learned from, {apart}; their texts and labels are not in this folder."

    @_known
    def tested_on(self) -> str:
        """The file of the rows that were held out, where they had one of their own."""
        own = [str(name) for name in self._data["tested_on"] if name not in {"validation", *self._data["files"]}]
        return listed(own, most=_MOST) if own else ""

    @_known
    def by_hand(self) -> str:
        """The tasks whose thresholds somebody chose after the run."""
        return listed(map(str, self._data["by_hand"]), most=_MOST) if self._data["by_hand"] else ""

    @property
    def why_no_scores(self) -> str:
        unmeasured = self._data.get("unmeasured")
        if isinstance(unmeasured, list) and "scores" in unmeasured:
            return "it was stopped before it was scored."
        return (
            "no rows were held out." if self._data.get("metrics") == {} else "the record of this model has no scores."
        )

    @property
    def chosen_on(self) -> str:
        chosen = self.config is not None and self.config.chooses_epoch
        return ", and on which the best epoch was chosen, so that they flatter a little" if chosen else ""

    @_known
    def scores(self) -> list[Score]:
        before = {(rows, task): scores for rows, task, scores in each_task(self._data.get("before") or {})}
        lines = []
        for rows, task, scores in islice(each_task(self._data["metrics"]), _MOST):
            former = before.get((rows, task), {})
            count = f"{rows}, {row_count(scores)}" if rows else row_count(scores)
            for metric in KINDS[self._model.tasks[task].kind].metrics:
                first = metric.write(former[metric.name]) if metric.name in former else "–"
                lines.append(Score(task, metric.title, first, metric.write(scores[metric.name]), count))
        return lines

    @_known
    def figures(self) -> list[tuple[str, str, float, str]]:
        """(task, metric, value, of which rows) of every score."""
        return [
            (task, metric.name, float(scores[metric.name]), rows or "rows held out from training")
            for rows, task, scores in islice(each_task(self._data["metrics"]), _MOST)
            for metric in KINDS[self._model.tasks[task].kind].metrics
        ]

    @_known
    def forgotten(self) -> list[Score]:
        tasks = self._data["forgetting"]["tasks"]
        return [
            Score(
                task,
                metric_named(found["metric"]).title,
                metric_named(found["metric"]).write(found["before"]),
                metric_named(found["metric"]).write(found["after"]),
                trained=bool(found["trained"]),
            )
            for task, found in islice(tasks.items(), _MOST)
        ]

    @_known
    def cosine(self) -> float:
        return float(self._data["forgetting"]["cosine"])

    @_known
    def made(self) -> str:
        config = self.config
        took = f"; {float(self._data['seconds']):.0f} s; {self._data['status']}" if "seconds" in self._data else ""
        return (
            f"{plural(config.epochs, 'epoch')}, batches of {config.batch_size}, top layer at {config.lr:.1e}, each "
            f"lower at {config.lr_decay:g} of that, heads at {config.head_lr:.1e}, anchor {config.anchor:g}, "
            f"seed {config.seed}{took}."
        )

    @_known
    def groups(self) -> list[GroupRow]:
        groups = Groups.of_model(self._model, self.config).under(self.config, self._data["trained"])
        return [_row(group, groups.config.epochs) for group in islice(groups, _MOST)]


def _row(group: Group, epochs: int) -> GroupRow:
    """A group of weights: its size, its rate, and when it was frozen."""
    spans = group.frozen_spans(epochs)
    when = ", ".join(f"epoch {first}" if first == last else f"epochs {first} to {last}" for first, last in spans)
    still = spans == [(1, epochs)]
    if still:
        when = "always: no labels" if group.idle else "always"
    return GroupRow(group.name, group.size, "–" if still else f"{group.rate:.1e}", when or "never")
