"""The settings of models and training runs: frozen dataclasses that convert to JSON and back.

Every field is checked when an object is created; a wrong one raises `UserError` with a message that says what to write
instead. This module imports nothing of `mtl`, so that every other module may import it.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

# The kinds of task by name (see `mtl.kinds.kind`); filled when `mtl` is imported.
KINDS: dict[str, Any] = {}
POOLINGS = ("mean", "max", "cls", "pooler")
PROJECTION_ACTIVATIONS = ("none", "tanh")
HIDDEN_ACTIVATIONS = ("gelu", "relu")
# Fields of every answer, and hence not possible as names of tasks.
RESERVED_NAMES = (
    *("text", "text_b", "cosine", "embedding", "tokens", "truncated", "unread", "familiarity", "unfamiliar"),
    *("results", "to_json"),
)


class UserError(ValueError):
    """A request that cannot be carried out. The message is written for the user."""


def listed(names: Iterable[str], last: str = "and", most: int | None = None) -> str:
    """Names as in a sentence: "a", "a and b", "a, b and c"; "none" without any. After `most` of them "and 9 more"."""
    names = [*names] or ["none"]
    more = [f"{len(names) - most:,} more"] if most and len(names) > most else []
    *rest, final = names[:most] + more
    return f"{', '.join(rest)} {last} {final}" if rest else final


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise UserError(message)


def _is_number(value: object) -> bool:
    # math.isfinite fails for integers that are too large for a float.
    return type(value) is int or (isinstance(value, float) and math.isfinite(value))


@dataclass(frozen=True)
class Setting:
    """The metadata of a setting (see `setting` and `settings`).

    `help`: what it does and which values make sense, for the page and the command line. `title`: its label on the page.
    `low` and `high` bound a number, or each number of a mapping; `unit` is what it counts; `choices` lists all possible
    values. `advanced`: it is in the form's collapsed part. `shown`: it is in the form at all, and not set by files,
    links and the command line only. `shapes`: it changes which weights there are, so the form is drawn anew. `metavar`:
    the name of its value on the command line.
    """

    default: Any
    help: str = ""
    title: str = ""
    low: float = 0
    high: float = 1
    choices: tuple[str, ...] = ()
    unit: str = ""
    advanced: bool = True
    shown: bool = True
    shapes: bool = False
    metavar: str = ""

    @property
    def plain(self) -> bool:
        """Whether it is one value, rather than a list or a value for each name."""
        return isinstance(self.default, (bool, int, float, str))

    def flag(self, name: str) -> str:
        """The command-line option for this name: in the singular if it can be repeated."""
        return "--" + (name if self.plain else name.removesuffix("s")).replace("_", "-")

    @property
    def allowed(self) -> str:
        """The allowed values, as in "a whole number of rows from 1 to 1024"."""
        if self.choices:
            return f"one of {listed(self.choices, 'or')}"
        if isinstance(self.default, bool):
            return "true or false"
        if isinstance(self.default, (str, tuple)):
            return "a text" if isinstance(self.default, str) else f"a list of {self.unit}"
        return self.number + " for each name" * isinstance(self.default, dict)

    @property
    def number(self) -> str:
        """The same for a number, or for one number of a mapping."""
        whole, of = "whole " * isinstance(self.default, int), f" of {self.unit}" * bool(self.unit)
        return f"a {whole}number{of} from {self.low:.10g} to {self.high:.10g}"

    def admits(self, value: object) -> bool:
        """Whether this value is allowed."""
        if self.choices:
            return value in self.choices
        if isinstance(self.default, (bool, str)):
            return isinstance(value, type(self.default))
        if isinstance(self.default, tuple):
            # Pairs are tuples, checked by the class that has them.
            return isinstance(value, (list, tuple)) and all(isinstance(item, (str, tuple)) for item in value)
        if isinstance(self.default, dict):
            return isinstance(value, Mapping) and all(isinstance(n, str) and self._bounds(v) for n, v in value.items())
        return self._bounds(value) and (type(value) is int or isinstance(self.default, float))

    def _bounds(self, value: object) -> bool:
        return _is_number(value) and self.low <= value <= self.high


def setting(default: Any, help: str = "", **about: Any) -> Any:
    """A dataclass field that is a setting; `about`: the fields of `Setting`. A new setting needs nothing else: checks,
    command line, form, links and files use this metadata."""
    metadata = {"setting": Setting(default, help, **about)}
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


@functools.cache
def settings(config: type) -> dict[str, Setting]:
    """The settings of a config's class by name, in order."""
    return {
        f.name: replace(about, title=about.title or f.name.replace("_", " ").capitalize())
        for f in dataclasses.fields(config)
        if (about := f.metadata.get("setting"))
    }


def register_kind(kind: Any) -> None:
    """Add a kind of task. Raises `UserError` if there is one of that name already."""
    _require(kind.name not in KINDS, f"There are two kinds of task called {kind.name!r}.")
    KINDS[kind.name] = kind


class JsonData:
    """Mixin: a dataclass that converts to JSON data and back; unknown fields are refused by name."""

    def to_json(self, defaults: bool = False) -> dict[str, Any]:
        """The fields that differ from the defaults as JSON data, so that a new field does not change keys and digests.
        With `defaults` all fields, for records that have to stay true when defaults change."""
        data = {}
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            usual = f.default if f.default_factory is dataclasses.MISSING else f.default_factory()
            if defaults or value != usual:
                data[f.name] = _as_json(value, defaults)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]):
        """Raises `UserError` at a field that is unknown, missing or wrong."""
        _require(isinstance(data, Mapping), f"{cls.__name__} must be a JSON object, not {type(data).__name__}.")
        fields = {f.name: f for f in dataclasses.fields(cls)}
        if unknown := sorted(str(key) for key in data if key not in fields):
            near = difflib.get_close_matches(unknown[0], fields, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UserError(f"Unknown setting {listed(unknown)}.{hint} The settings are {listed(sorted(fields))}.")
        missing = sorted(
            name
            for name, f in fields.items()
            if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING and name not in data
        )
        _require(not missing, f"{cls.__name__} lacks {listed(missing)}.")
        return cls(**data)

    @classmethod
    def of(cls, value: Any):
        """`value`, which may also be given as JSON data."""
        return value if isinstance(value, cls) else cls.from_json(value)

    def check_settings(self, whose: str = "") -> None:
        """Raise `UserError`, prefixed by `whose`, for a value that is not allowed. Lists become tuples."""
        for name, about in settings(type(self)).items():
            value = getattr(self, name)
            _require(about.admits(value), f"{whose}{name} must be {about.allowed}; it is {value!r}.")
            if not about.plain:
                object.__setattr__(self, name, type(about.default)(value))


def _as_json(value: Any, defaults: bool) -> Any:
    if isinstance(value, JsonData):
        return value.to_json(defaults)
    if isinstance(value, Mapping):
        return {name: _as_json(each, defaults) for name, each in value.items()}
    return [_as_json(each, defaults) for each in value] if isinstance(value, (list, tuple)) else value


@dataclass(frozen=True)
class TaskSpec(JsonData):
    """One task of a model: what its head predicts and reads.

    `kind` is one of `KINDS`; `labels` are its classes or entity types. A head on sentences `reads` either the vector
    that `pooling` makes of the backbone's, or the model's projection, which then is a layer that such heads share. A
    head that reads words also reads the shapes of each word and of the `shape_window` words on either side. `hidden`:
    the width of the head's hidden layer, 0 for a linear head. `low` and `high` bound an answer that is a number.
    `pair_loss`: how scores of pairs are learnt, "cosent" by their order, "cosine" by their distance from the cosine.
    `only_where`: which rows alone it was learnt from, as in 'mood is "bad"', where a column of the table said so; what
    a head is does not depend on it.
    """

    name: str
    kind: str
    labels: tuple[str, ...] = ()
    pooling: str = setting("mean", choices=POOLINGS)
    reads: str = setting("backbone", choices=("backbone", "shared"))
    hidden: int = setting(0, high=4096)
    hidden_activation: str = setting("gelu", choices=HIDDEN_ACTIVATIONS)
    dropout: float = setting(0.1, high=0.9)
    loss_weight: float = setting(1.0, high=100)
    low: float = -1.0
    high: float = 1.0
    shape_window: int = setting(0, high=16)
    pair_loss: str = setting("cosent", choices=("cosent", "cosine"))
    only_where: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(self.labels))
        _require(
            isinstance(self.name, str) and 0 < len(self.name) <= 100 and self.name.strip() == self.name,
            f"A task's name must be 1 to 100 characters without spaces around it; it is {self.name!r}.",
        )
        _require(
            self.name not in RESERVED_NAMES,
            f"A task cannot be called {self.name!r}: an answer already has a field of that name.",
        )
        _require(
            isinstance(self.kind, str) and self.kind in KINDS,
            f"Task {self.name!r}: kind must be one of {listed(KINDS, 'or')}; it is {self.kind!r}.",
        )
        _require(
            all(isinstance(label, str) and label for label in self.labels),
            f"Task {self.name!r}: every label must be a text that is not empty.",
        )
        _require(len(set(self.labels)) == len(self.labels), f"Task {self.name!r} has the same label twice.")
        KINDS[self.kind].check(self)
        self.check_settings(f"Task {self.name!r}: ")
        _require(
            self.reads == "backbone" or self.can_share,
            f"Task {self.name!r}: its kind is {self.kind}, and a shared projection has one vector for each sentence; "
            "reads must be 'backbone'.",
        )
        _require(
            _is_number(self.low) and _is_number(self.high) and self.low < self.high,
            f"Task {self.name!r}: low must be below high; they are {self.low!r} and {self.high!r}.",
        )
        _require(isinstance(self.only_where, str), f"Task {self.name!r}: only_where must be a text.")

    @property
    def caution(self) -> str:
        """What is to be known of its answers to rows unlike those that it was learnt from; "" if nothing is."""
        return caution(self.name, self.only_where)

    @property
    def can_share(self) -> bool:
        """Whether its head could read the shared layer."""
        return KINDS[self.kind].reads == "sentence"

    @property
    def outputs(self) -> int:
        """The number of outputs of the head for one text or one word."""
        return KINDS[self.kind].outputs(self)


def caution(task: str, only_where: str) -> str:
    """`TaskSpec.caution`, where there is no spec."""
    rows = f"rows whose {only_where}, hardly from others"
    return f"{task} was learnt from {rows}; its answers for other rows are guesses." if only_where else ""


@dataclass(frozen=True)
class ModelConfig(JsonData):
    """A model: its tasks, and how it makes a sentence embedding.

    `projection`: the dimension that embeddings are projected to, 0 for none; then `projection_activation`, and with
    `projection_norm` division by the length. Heads may read it (see `TaskSpec.reads`). `max_tokens`: the length at
    which texts are cut, 0 for the backbone's own limit.
    """

    tasks: tuple[TaskSpec, ...] = ()
    pooling: str = setting("mean", choices=POOLINGS)
    projection: int = setting(0, high=4096)
    projection_activation: str = setting("none", choices=PROJECTION_ACTIVATIONS)
    projection_norm: bool = setting(False)
    max_tokens: int = setting(0, high=8192)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tasks", tuple(map(TaskSpec.of, self.tasks)))
        names = [task.name for task in self.tasks]
        _require(len(set(names)) == len(names), f"Two tasks have the same name: {listed(sorted(names))}.")
        self.check_settings()
        _require(
            self.projection or not self.on_projection,
            f"The model has no projection for {listed(self.on_projection)}: projection must be at least 1.",
        )

    @property
    def poolings(self) -> set[str]:
        """All poolings in use, for the embedding and for the heads that read sentences."""
        return {
            self.pooling,
            *(t.pooling for t in self.tasks if KINDS[t.kind].reads != "words" and t.reads == "backbone"),
        }

    @property
    def on_projection(self) -> set[str]:
        """The tasks whose heads read the projection, and so train it."""
        return {task.name for task in self.tasks if task.reads == "shared"}

    def shaped_by(self, train: TrainConfig, taught: Iterable[str] | None = None) -> ModelConfig:
        """The model with the shape that settings give it. Those of heads are for the tasks that are `taught` (None:
        all); a head of another shape starts anew."""
        projection = ("projection", "projection_activation", "projection_norm") if train.projection else ()
        layer = {name: getattr(train, name) for name in (*projection, *(["max_tokens"] if train.max_tokens else []))}
        heads = {name: getattr(train, name) for name in ("hidden", "hidden_activation") if train.hidden}
        reads = {"reads": "shared"} if train.projection and train.share_projection else {}
        taught = [task.name for task in self.tasks] if taught is None else taught
        tasks = (
            replace(task, **heads, **(reads if task.can_share else {})) if task.name in taught else task
            for task in self.tasks
        )
        return replace(self, tasks=tuple(tasks), **layer)


@dataclass(frozen=True)
class TrainConfig(JsonData):
    """One training run.

    The backbone's top layer group learns at `lr`, each group below at `lr_decay` times the rate of the one above, heads
    at `head_lr`; `rates` sets the rate of single groups ("embeddings", "layer 3", "head sentiment", "projection").
    After `warmup` all rates fall linearly to zero. The best epoch has the highest mean of the tasks' headline scores
    (macro F1, Spearman, entity F1) on the validation rows.

    `anchor` weighs the cosine distance between the sentence embedding and that of the backbone before training. If a
    recipe names a teacher, the weight of labels against its answers rises from 0 at the first step to `label_trust` at
    the last.
    """

    epochs: int = setting(3, "How often every row is seen. Sensible: 2 to 10.", low=1, high=1000)
    batch_size: int = setting(32, "Rows per step. Sensible: 8 to 64.", low=1, high=1024, unit="rows")
    freeze: int = setting(
        0, "How many of the lowest layer groups are frozen. -1: all.", low=-1, high=200, unit="groups", advanced=False
    )
    freeze_heads: tuple[str, ...] = setting(
        (), "A head that is frozen.", unit="names of heads", advanced=False, metavar="TASK"
    )
    unfreeze: tuple[tuple[int, int], ...] = setting(
        (),
        "From an epoch on only the lowest k groups are frozen, such as 2:4, 3:0.",
        title="Gradual unfreezing",
        unit="pairs [epoch, k]",
        metavar="EPOCH:K",
    )
    lr: float = setting(
        1e-4,
        "Rate of the top layer; the rest follow. Sensible: 1e-5 to 2e-4.",
        title="Top layer's rate",
        advanced=False,
    )
    lr_decay: float = setting(
        0.9, "Times the rate of the layer above. Sensible: 0.4 to 1.", title="Decay per layer", advanced=False
    )
    head_lr: float = setting(1e-3, "Rate of the heads. Sensible: 1e-4 to 3e-3.", title="Heads' rate", advanced=False)
    rates: Mapping[str, float] = setting(
        {}, "The rate of one group, such as 'layer 6=3e-5'.", advanced=False, metavar="GROUP=RATE"
    )
    weight_decay: float = setting(0.01, "Pulls weights towards 0. Sensible: 0 to 0.1.")
    warmup: float = setting(0.1, "Share of the steps in which rates rise from 0. Sensible: 0 to 0.2.", title="Warm-up")
    clip: float = setting(
        1.0,
        "The longest that the gradient may be. 0: any length. Sensible: 0.5 to 5.",
        high=1e6,
        title="Gradient clipping",
    )
    anchor: float = setting(
        1.0, "Keeps sentence embeddings close to what they were. 0: not at all. Sensible: 0 to 5.", high=1000
    )
    backbone_dropout: bool = setting(False, "Dropout within the backbone too, at the rates that it came with.")
    average: float = setting(
        0.0,
        "Share of the steps, at the end, over which the weights are averaged. Sensible: 0 to 0.5.",
        title="Weight averaging",
    )
    blend: float = setting(
        0.0,
        "How much of the backbone as it was is mixed in at the end. Sensible: 0 to 0.5.",
        title="Blend with the start",
    )
    label_trust: float = setting(
        1.0, "How much labels count at the end against a recipe's teacher. 0: the teacher alone.", shown=False
    )
    calibrate: bool = setting(
        False, "Fit the temperatures of classification heads to the validation rows.", title="Calibration"
    )
    validation: float = setting(
        0.15, "Rows kept apart to judge by. Sensible: 0.1 to 0.3.", high=0.9, title="Validation share"
    )
    keep_best: bool = setting(
        True, "Keep the weights of the epoch that scores best, not those of the last.", title="Keep the best epoch"
    )
    patience: int = setting(0, "Ends after so many epochs without a better score. 0: never.", high=1000, unit="epochs")
    projection: int = setting(
        0,
        "Width of a projection of sentence vectors that heads can share. 0: as in the model. Sensible: 64 to 384.",
        high=1024,
        shapes=True,
    )
    projection_activation: str = setting(
        "none", "What follows the projection.", choices=PROJECTION_ACTIVATIONS, title="Projection's activation"
    )
    projection_norm: bool = setting(
        False, "Vectors after the projection are divided by their length.", title="Normalised projection"
    )
    share_projection: bool = setting(
        True,
        "Heads on sentences read the projection, and train it. Otherwise it learns to keep which texts are alike.",
        title="Heads on the projection",
        shapes=True,
    )
    freeze_projection: bool = setting(False, "The projection stays as it is.", advanced=False)
    hidden: int = setting(
        0,
        "Width of the hidden layer of heads; those with another start anew. 0: as they are. Sensible: 64 to 512.",
        high=1024,
        title="Heads' hidden layer",
        shapes=True,
    )
    hidden_activation: str = setting(
        "gelu", "Of a hidden layer whose width is set here.", choices=HIDDEN_ACTIVATIONS, title="Heads' activation"
    )
    max_tokens: int = setting(
        0,
        "Longer texts are cut, in training and in answers. 0: the model's own limit. Sensible: 32 to 256.",
        high=8192,
        unit="tokens",
        title="Length limit",
    )
    cache_mb: int = setting(
        1024, "Memory for what frozen groups give. 0: no cache.", high=1_000_000, unit="MB", shown=False
    )
    task_weights: Mapping[str, float] = setting(
        {}, "How much a task's loss counts in the sum. Sensible: 0.1 to 10.", high=100, metavar="TASK=WEIGHT"
    )
    balance: str = setting(
        "even",
        "How tasks share the loss. labels: by their numbers of labelled rows. rare: those with few count more.",
        choices=("even", "labels", "rare"),
        title="Balance of tasks",
    )
    positive_weights: float = setting(
        0.0,
        "How much more a rare label counts, in heads with one label a row and with several. 0: no more. 1: as often as "
        "it is rare. Sensible: 0 to 0.5.",
        title="Weight of rare labels",
    )
    seed: int = setting(0, "Another number shuffles the rows, and starts new heads, differently.", high=2**31 - 1)
    precision: str = setting(
        "auto", "Number format of the layers. auto: the quicker one here.", choices=("auto", "float32", "bfloat16")
    )

    def __post_init__(self) -> None:
        try:
            steps = tuple((epoch, lowest) for epoch, lowest in self.unfreeze)
        except (TypeError, ValueError):
            raise UserError(f"unfreeze must be a list of pairs [epoch, k]; it is {self.unfreeze!r}.") from None
        object.__setattr__(self, "unfreeze", steps)
        self.check_settings()
        epochs = [epoch for epoch, _ in steps]
        whole = all(type(number) is int for step in steps for number in step)
        _require(
            whole and all(2 <= epoch <= 1000 and 0 <= lowest <= 200 for epoch, lowest in steps),
            f"unfreeze: epochs must be whole numbers from 2 to 1000, and frozen groups from 0 to 200; it is {steps!r}.",
        )
        _require(epochs == sorted(set(epochs)), "unfreeze: each epoch must come after the last.")

    @property
    def chooses_epoch(self) -> bool:
        """Whether rows that are held out decide which epoch is kept, so that scores on them flatter."""
        return self.keep_best and self.epochs > 1


def settings_in(data: Any, name: str = "It") -> dict[str, Any]:
    """The unchecked training settings in the content of a JSON file: a run.json, a recipe or the config.json of a run.
    Raises `UserError`, which calls the file `name`, if it is none of them."""
    if isinstance(data, dict) and ("train" in data or "train_on" in data):
        data = data.get("train", {})
    _require(isinstance(data, dict), f"{name} must hold a JSON object with settings, as a downloaded run.json does.")
    return data
