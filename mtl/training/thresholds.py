"""What each label's threshold finds and misses on the rows that a run held out, so that another one can be chosen.

A run writes it beside its checkpoint. Free of torch, so that the page can read it before it has loaded a model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl.config import UserError
from mtl.files import json_or_nothing, read_json, write_bytes, write_json
from mtl.kinds.multilabel import Labels, truth_matrix

if TYPE_CHECKING:
    from mtl.training.metrics import Outcome

NAME = "thresholds.json"
STRANGE = "These thresholds are not those of this run. Reload the page and choose again."
# What a threshold may be; as it is fitted.
LOW, HIGH = 0.01, 0.99


@dataclass(frozen=True)
class Threshold:
    """A label's probabilities on held-out rows: of those that `have` it, and of those that `lack` it, as far as a
    threshold may reach down to them; the threshold `fitted` to them, and the one that was `chosen` instead."""

    fitted: float
    have: tuple[float, ...]
    lack: tuple[float, ...]
    chosen: float | None = None

    @property
    def used(self) -> float:
        return self.fitted if self.chosen is None else self.chosen


# By task and label.
Thresholds = Mapping[str, Mapping[str, Threshold]]


def gather(outcomes: Iterable[Outcome], fitted: Mapping[str, Iterable[float]]) -> Thresholds:
    """The thresholds of the tasks that have some, `fitted` by task in the order of the labels."""
    found: dict[str, dict[str, Threshold]] = {}
    for outcome in outcomes:
        spec = outcome.spec
        if spec.name not in fitted:
            continue
        truth = truth_matrix(spec, outcome.truths)
        found[spec.name] = {
            label: Threshold(own, _of(label, outcome.answers, row == 1), _of(label, outcome.answers, row == 0, LOW))
            for label, own, row in zip(spec.labels, fitted[spec.name], truth.T, strict=True)
        }
    return found


def _of(label: str, answers: Sequence[Labels], which: Iterable[bool], least: float = 0.0) -> tuple[float, ...]:
    """The probabilities of a label in some of the answers, from `least` on."""
    found = (round(answer.probabilities[label], 6) for answer, own in zip(answers, which, strict=True) if own)
    return tuple(probability for probability in found if probability >= least)


def chosen(known: Thresholds, task: str, values: Any) -> Thresholds:
    """The same with the threshold of each label of a task as in `values`, a mapping as the browser says it; with None
    for the fitted one. Raises `UserError` where it cannot be that."""
    labels = known.get(task, {})
    if not isinstance(values, dict) or not labels or not values.keys() <= labels.keys():
        raise UserError(STRANGE)
    for label, value in values.items():
        if value is not None and not (_is_number(value) and LOW <= value <= HIGH):
            raise UserError(f"The threshold of {label} must be a number from {LOW} to {HIGH}.")
    own = {label: replace(each, chosen=values.get(label, each.chosen)) for label, each in labels.items()}
    return {**known, task: own}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def keep(folder: Path, found: Thresholds) -> None:
    """Let the model of the run in `folder` answer by these thresholds, and say in its record and its card where they
    are not the fitted ones."""
    from mtl import checkpoint
    from mtl.training import card, limits

    changed = {
        task: {"thresholds": [each.used for each in own.values()]}
        for task, own in found.items()
        if any(each.chosen is not None for each in own.values())
    }
    model = folder / "checkpoint"
    checkpoint.set_fitted(model, changed)
    write_json(model / "train.json", {**read_json(model / "train.json"), "by_hand": [*changed]})
    loaded = checkpoint.load(model, dtype="float32")
    write_bytes(model / "README.md", card.of(model, loaded, limits.measure(loaded)).encode("utf-8"))
    write(folder / NAME, found)


def write(path: Path, found: Thresholds) -> None:
    write_json(path, {task: {label: asdict(each) for label, each in own.items()} for task, own in found.items()})


def read(path: Path) -> Thresholds:
    """The thresholds in a file; none where there is no such file, as of a run of an earlier version, or a damaged
    one."""
    try:
        return {
            task: {
                label: Threshold(
                    float(each["fitted"]),
                    tuple(map(float, each["have"])),
                    tuple(map(float, each["lack"])),
                    None if each["chosen"] is None else float(each["chosen"]),
                )
                for label, each in own.items()
            }
            for task, own in json_or_nothing(path).items()
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}
