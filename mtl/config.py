"""What a model and a training run are made of: frozen dataclasses that turn into JSON and back.

Every field is checked when an object is made, and a wrong one raises `UserError` with a message that says what to
write instead. Nothing here imports anything of `mtl`, so that every other module may import it.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The checkout, and what comes with it beside the code.
ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"

KINDS = ("classification", "regression", "tagging")
POOLINGS = ("mean", "max", "cls", "pooler")


class UserError(ValueError):
    """Something a person asked for cannot be done. The message is written for that person."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise UserError(message)


def _is_number(value: object) -> bool:
    # A whole number of four hundred digits is finite, and too large to be asked about as a float.
    return type(value) is int or (isinstance(value, float) and math.isfinite(value))


def _require_number(name: str, value: object, low: float, high: float) -> None:
    _require(
        _is_number(value) and low <= value <= high,
        f"{name} must be a number from {low:g} to {high:g}; it is {value!r}.",
    )


def _require_whole(name: str, value: object, low: int, high: int) -> None:
    _require(
        isinstance(value, int) and not isinstance(value, bool) and low <= value <= high,
        f"{name} must be a whole number from {low} to {high}; it is {value!r}.",
    )


class JsonData:
    """Mixin: a dataclass that is written as JSON and read back, with unknown fields refused by name."""

    def to_json(self) -> dict[str, Any]:
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]):
        _require(isinstance(data, Mapping), f"{cls.__name__} must be a JSON object, not {type(data).__name__}.")
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = sorted(str(key) for key in data if key not in known)
        _require(
            not unknown,
            f"Unknown setting {', '.join(unknown)}. Known settings: {', '.join(sorted(known))}.",
        )
        missing = sorted(
            f.name
            for f in dataclasses.fields(cls)
            if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING and f.name not in data
        )
        _require(not missing, f"{cls.__name__} lacks {', '.join(missing)}.")
        return cls(**data)


@dataclass(frozen=True)
class TaskSpec(JsonData):
    """One task of a model: what its head predicts and what it reads.

    `labels` are the classes of a classification, or the entity types of a tagging task (its BIO tags follow from
    them). `pooling` is the sentence vector that a classification or regression head reads; a tagging head reads the
    token vectors, and how each word and the `shape_window` words on either side of it are written. `hidden` is the
    width of the head's hidden layer, 0 for a linear head. `low` and `high` bound a regression's answer.
    """

    name: str
    kind: str
    labels: tuple[str, ...] = ()
    pooling: str = "mean"
    hidden: int = 0
    dropout: float = 0.1
    loss_weight: float = 1.0
    low: float = -1.0
    high: float = 1.0
    shape_window: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(self.labels))
        _require(
            isinstance(self.name, str) and 0 < len(self.name) <= 100 and self.name.strip() == self.name,
            f"A task's name must be 1 to 100 characters without spaces around it; it is {self.name!r}.",
        )
        _require(
            self.name not in ("text", "embedding", "tokens", "truncated", "unread", "results", "to_json"),
            f"A task cannot be called {self.name!r}: an answer already has a field of that name.",
        )
        _require(
            self.kind in KINDS, f"Task {self.name!r}: kind must be one of {', '.join(KINDS)}; it is {self.kind!r}."
        )
        _require(
            self.pooling in POOLINGS,
            f"Task {self.name!r}: pooling must be one of {', '.join(POOLINGS)}; it is {self.pooling!r}.",
        )
        _require(
            all(isinstance(label, str) and label for label in self.labels),
            f"Task {self.name!r}: every label must be a text that is not empty.",
        )
        _require(len(set(self.labels)) == len(self.labels), f"Task {self.name!r} has the same label twice.")
        if self.kind == "classification":
            _require(
                len(self.labels) >= 2,
                f"Task {self.name!r} needs at least two labels to choose between; it has {len(self.labels)}.",
            )
        elif self.kind == "tagging":
            _require(len(self.labels) >= 1, f"Task {self.name!r} needs at least one entity type.")
        else:
            _require(not self.labels, f"Task {self.name!r} is a regression: it has no labels.")
        _require_whole(f"Task {self.name!r}: hidden", self.hidden, 0, 4096)
        _require_whole(f"Task {self.name!r}: shape_window", self.shape_window, 0, 16)
        _require_number(f"Task {self.name!r}: dropout", self.dropout, 0.0, 0.9)
        _require_number(f"Task {self.name!r}: loss_weight", self.loss_weight, 0.0, 100.0)
        _require(
            _is_number(self.low) and _is_number(self.high) and self.low < self.high,
            f"Task {self.name!r}: low must be below high; they are {self.low!r} and {self.high!r}.",
        )

    @property
    def tags(self) -> tuple[str, ...]:
        """The BIO tags of a tagging task: O first, then B- and I- of each entity type."""
        return ("O", *(f"{prefix}-{label}" for label in self.labels for prefix in "BI"))

    @property
    def outputs(self) -> int:
        """How many numbers the head gives for one sentence, or for one word of a tagging task."""
        return {"classification": len(self.labels), "regression": 1, "tagging": len(self.tags)}[self.kind]


@dataclass(frozen=True)
class ModelConfig(JsonData):
    """A model: its tasks, and how it makes a sentence embedding.

    `projection` is the dimension that embeddings are projected to, 0 for none. `max_tokens` is where longer texts are
    cut, 0 for the backbone's own limit.
    """

    tasks: tuple[TaskSpec, ...] = ()
    pooling: str = "mean"
    projection: int = 0
    max_tokens: int = 0

    def __post_init__(self) -> None:
        tasks = tuple(t if isinstance(t, TaskSpec) else TaskSpec.from_json(t) for t in self.tasks)
        object.__setattr__(self, "tasks", tasks)
        names = [t.name for t in tasks]
        _require(len(set(names)) == len(names), f"Two tasks have the same name: {', '.join(sorted(names))}.")
        _require(self.pooling in POOLINGS, f"pooling must be one of {', '.join(POOLINGS)}; it is {self.pooling!r}.")
        _require_whole("projection", self.projection, 0, 4096)
        _require_whole("max_tokens", self.max_tokens, 0, 4096)


@dataclass(frozen=True)
class TrainConfig(JsonData):
    """One training run.

    Rates: the heads learn at `head_lr`; the backbone's top layer group at `lr` and each group below it at `lr_decay`
    times the rate of the one above; `rates` names groups ("embeddings", "layer 3", "head sentiment", "projection")
    whose rate is given outright. `freeze` is the number of lowest layer groups that do not learn (embeddings is the
    first), -1 for all of them; `freeze_heads` names heads that do not learn.

    `anchor` weighs a term that keeps the sentence embedding close (cosine) to the one the backbone gave before
    training. `warmup` is the share of all steps in which the rates rise from zero; they then fall linearly to zero.
    `average` is the share of all steps, at the end, over which the weights are averaged (0: the last weights).
    `blend` is how much of the backbone's weights before training is mixed into those after the last epoch (0: none).
    `label_trust` is how much labels count at the end of a run against the answers of a teacher, where a recipe names
    one: they gain on it step by step (0: the teacher alone is believed, and labels that are wrong are not learnt).
    With `calibrate` the classification heads' temperatures are fitted to the validation rows at the end.

    `unfreeze` lists pairs (epoch, k): from that epoch on only the lowest k groups are frozen. With `keep_best` the
    weights of the epoch with the best validation score are kept (the mean over tasks of macro F1, Spearman, entity
    F1); `patience` ends training after so many epochs without a better one (0: never). What frozen groups give is
    cached in up to `cache_mb` megabytes (0: not at all).
    """

    epochs: int = 3
    batch_size: int = 32
    freeze: int = 0
    freeze_heads: tuple[str, ...] = ()
    unfreeze: tuple[tuple[int, int], ...] = ()
    lr: float = 1e-4
    lr_decay: float = 0.9
    head_lr: float = 1e-3
    rates: Mapping[str, float] = field(default_factory=dict)
    weight_decay: float = 0.01
    warmup: float = 0.1
    clip: float = 1.0
    anchor: float = 1.0
    backbone_dropout: bool = False
    average: float = 0.0
    blend: float = 0.0
    label_trust: float = 1.0
    calibrate: bool = False
    validation: float = 0.15
    keep_best: bool = True
    patience: int = 0
    cache_mb: int = 1024
    task_weights: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    precision: str = "auto"

    def __post_init__(self) -> None:
        _require(
            isinstance(self.freeze_heads, (list, tuple)) and all(isinstance(name, str) for name in self.freeze_heads),
            f"freeze_heads must be a list of names of heads; it is {self.freeze_heads!r}.",
        )
        for name in ("rates", "task_weights"):
            value = getattr(self, name)
            _require(
                isinstance(value, Mapping) and all(isinstance(key, str) for key in value),
                f"{name} must give a number for each name; it is {value!r}.",
            )
        object.__setattr__(self, "freeze_heads", tuple(self.freeze_heads))
        object.__setattr__(self, "rates", dict(self.rates))
        object.__setattr__(self, "task_weights", dict(self.task_weights))
        _require_whole("epochs", self.epochs, 1, 1000)
        _require_whole("batch_size", self.batch_size, 1, 1024)
        _require_whole("freeze", self.freeze, -1, 200)
        try:
            steps = tuple((epoch, lowest) for epoch, lowest in self.unfreeze)
        except (TypeError, ValueError):
            raise UserError(f"unfreeze must be a list of pairs [epoch, k]; it is {self.unfreeze!r}.") from None
        object.__setattr__(self, "unfreeze", steps)
        for epoch, lowest in steps:
            _require_whole("unfreeze: the epoch", epoch, 2, 1000)
            _require_whole("unfreeze: the number of frozen groups", lowest, 0, 200)
        _require(
            [e for e, _ in steps] == sorted({e for e, _ in steps}), "unfreeze: each epoch must come after the last."
        )
        _require_number("lr", self.lr, 0.0, 1.0)
        _require_number("lr_decay", self.lr_decay, 0.0, 1.0)
        _require_number("head_lr", self.head_lr, 0.0, 1.0)
        for name, rate in self.rates.items():
            _require_number(f"The rate of {name!r}", rate, 0.0, 1.0)
        _require_number("weight_decay", self.weight_decay, 0.0, 1.0)
        _require_number("warmup", self.warmup, 0.0, 1.0)
        _require_number("clip", self.clip, 0.0, 1e6)
        _require_number("anchor", self.anchor, 0.0, 1000.0)
        for name in ("backbone_dropout", "calibrate", "keep_best"):
            _require(isinstance(getattr(self, name), bool), f"{name} must be true or false.")
        _require_whole("patience", self.patience, 0, 1000)
        _require_whole("cache_mb", self.cache_mb, 0, 1_000_000)
        _require_number("average", self.average, 0.0, 1.0)
        _require_number("blend", self.blend, 0.0, 1.0)
        _require_number("label_trust", self.label_trust, 0.0, 1.0)
        _require_number("validation", self.validation, 0.0, 0.9)
        for name, weight in self.task_weights.items():
            _require_number(f"The weight of task {name!r}", weight, 0.0, 100.0)
        _require_whole("seed", self.seed, 0, 2**31 - 1)
        _require(
            self.precision in ("auto", "float32", "bfloat16"),
            f"precision must be auto, float32 or bfloat16; it is {self.precision!r}.",
        )
