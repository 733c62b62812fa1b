"""What a model makes of the project's own check sets, the files in the default model's folder `checks`: everyday
sentences, words for who somebody is, names in everyday sentences, and texts that are no English.

Nothing is ever trained on them (see their README).
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

import numpy as np

from mtl import checkpoint
from mtl.config import TaskSpec
from mtl.data.columns import IGNORED
from mtl.data.rows import Row
from mtl.data.table import read_table
from mtl.kinds.classification import calibration_error
from mtl.model import MultiTaskModel
from mtl.training import held_out, slices
from mtl.training.metrics import answered
from mtl.training.significance import Mean, bootstrapped, mean, share

FOLDER = checkpoint.DEFAULT_FOLDER / "checks"
EVERYDAY, ENTITIES, IDENTITY, UNFAMILIAR = (
    "everyday.csv",
    "everyday_entities.jsonl",
    "identity.toml",
    "unfamiliar.csv",
)


def rows_of(name: str) -> list[Row]:
    """The rows of a check set that is a table; what kind each is of stands in its facets, as "kind"."""
    return read_table(FOLDER / name, text="text", roles={"kind": IGNORED}).rows


def identity() -> list[dict[str, Any]]:
    """The groups of {title, frames, words}, where each word has its place, {}, in each frame."""
    return tomllib.loads((FOLDER / IDENTITY).read_text(encoding="utf-8"))["groups"]


def measure(model: MultiTaskModel) -> list[dict[str, Any]]:
    """Rows as those of the scorecard, whose `split` is "check", and the 95 % interval of the value from `low` to
    `high`: Wilson's for a share, or else the bootstrap's over the rows; None where a value has none."""
    return [*_everyday(model), *_identity(model), *_entities(model), *_unfamiliar(model)]


def table(figures: Sequence[dict[str, Any]]) -> str:
    """The figures as a Markdown table."""
    lines = ["| task | check set | rows | metric | value | 95 % interval |", "|---|---|---|---|---|---|"]
    for row in figures:
        interval = "" if row["low"] is None else f"{row['low']:.4f} to {row['high']:.4f}"
        cells = (row["task"], row["data"], row["rows"], row["metric"], f"{row['value']:.4f}", interval)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _row(task: str, data: str, metric: str, figure: Mean) -> dict[str, Any]:
    low, high = (end if end is None else round(end, 4) for end in (figure.low, figure.high))
    about = {"task": task, "data": data, "split": "check", "rows": figure.rows, "metric": metric}
    return about | {"value": round(figure.value, 4), "low": low, "high": high}


def _answers(model: MultiTaskModel, name: str, task: str) -> list[held_out.Answer]:
    rows = rows_of(name)
    return [*held_out.answers(name, rows, [], answered(model, rows, [task]))]


def _by_kind(spec: TaskSpec, answers: Sequence[held_out.Answer], metric: str) -> Iterator[dict[str, Any]]:
    for part in sorted(slices.cut(answers, {spec.name: spec.kind}, spec.name, "column kind"), key=attrgetter("name")):
        yield _row(spec.name, f"{answers[0].set}, {part.name}", metric, part.after)


def _everyday(model: MultiTaskModel) -> Iterator[dict[str, Any]]:
    from sklearn.metrics import f1_score

    task, answers = "sentiment", _answers(model, EVERYDAY, "sentiment")
    truths, values = [answer.truth for answer in answers], [answer.after.value for answer in answers]
    confidence, right = [a.after.confidence for a in answers], [a.after.error == 0 for a in answers]
    f1 = bootstrapped(lambda *both: f1_score(*both, average="macro"), truths, values)
    yield _row(task, EVERYDAY, "accuracy", share(sum(right), len(right)))
    yield _row(task, EVERYDAY, "macro f1", f1)
    yield _row(task, EVERYDAY, "calibration error", bootstrapped(calibration_error, confidence, right))
    yield from _by_kind(model.tasks[task], answers, "accuracy")


def _identity(model: MultiTaskModel) -> Iterator[dict[str, Any]]:
    """How far the least and the most positive answers to one frame lie apart, by p(positive) - p(negative)."""
    for group in identity():
        data, spreads = f"{IDENTITY}, {group['title']}", {}
        for frame in group["frames"]:
            answers = model.analyze([frame.format(word) for word in group["words"]], tasks=["sentiment"])
            probabilities = [answer.sentiment.probabilities for answer in answers]
            spreads[frame] = float(np.ptp([each["positive"] - each["negative"] for each in probabilities]))
        words = len(group["words"])
        average = replace(mean([*spreads.values()]), rows=words * len(spreads))
        yield _row("sentiment", data, "spread, mean of frames", average)
        for frame, spread in spreads.items():
            yield _row("sentiment", f"{data}: {frame}", "spread", Mean(words, spread))


def _entities(model: MultiTaskModel) -> Iterator[dict[str, Any]]:
    task, answers = "entities", _answers(model, ENTITIES, "entities")
    for label in (None, *model.tasks[task].labels):
        right, marked = [], []
        for answer in answers:
            truth, found = (
                {(span["start"], span["end"], span["label"]) for span in spans if label in (None, span["label"])}
                for spans in (answer.truth, answer.after.value)
            )
            right.append(len(truth & found))
            marked.append(len(truth) + len(found))
        yield _row(task, f"{ENTITIES}, {label}" if label else ENTITIES, "f1", bootstrapped(_f1, right, marked))
    yield from _by_kind(model.tasks[task], answers, "sentences all right")


def _f1(right: np.ndarray, marked: np.ndarray, axis: int = -1) -> np.ndarray:
    """Strict F1 of sentences with so many `right` spans, and so many `marked` by either the set or the model."""
    return 2 * right.sum(axis) / marked.sum(axis).clip(min=1)


def _unfamiliar(model: MultiTaskModel) -> Iterator[dict[str, Any]]:
    rows = rows_of(UNFAMILIAR)
    parts = defaultdict(list)
    for row, answer in zip(rows, model.analyze([row.text for row in rows], tasks=["sentiment"]), strict=True):
        for data in (UNFAMILIAR, f"{UNFAMILIAR}, {row.facets['kind']}"):
            parts[data].append(answer)
    for data, answers in parts.items():
        if model.familiarity is not None:
            yield _row("familiarity", data, "flagged", share(sum(a.unfamiliar for a in answers), len(answers)))
        yield _row(
            "sentiment", data, "mean confidence", mean([max(a.sentiment.probabilities.values()) for a in answers])
        )
