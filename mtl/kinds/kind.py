"""What a kind of task is: a record that model, data, training, card and page ask, so that none of them knows its name.

Nothing here imports torch: the page, the sandbox and the command line read these records before there is a model.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtl.config import KINDS, TaskSpec, UserError
from mtl.data.facts import Facts
from mtl.data.rows import Column, Findings, Row
from mtl.text.values import plural

if TYPE_CHECKING:
    from torch import nn

# Reports what is wrong with a cell: a key of `mtl.data.messages.MESSAGES`, the line, what fills the message's braces.
Report = Callable[..., None]


@dataclass(frozen=True)
class Metric:
    """A score of a task. `show` is how it is written: "percent", "correlation" (from -1 to 1) or "number"."""

    name: str
    title: str
    help: str
    show: str = "percent"
    higher_is_better: bool = True

    @property
    def heading(self) -> str:
        """The title as the beginning of a line."""
        return self.title[:1].upper() + self.title[1:]

    def write(self, value: float) -> str:
        return f"{100 * value:.1f} %" if self.show == "percent" else f"{value:.3f}"

    def write_change(self, change: float) -> str:
        """A difference of two scores with its sign, in points where the score is in percent; "0.0" for what rounds to
        nothing."""
        text = f"{100 * change:+.1f}" if self.show == "percent" else f"{change:+.3f}"
        return text if float(text) else text[1:]


@dataclass(frozen=True)
class Evidence:
    """How strongly the cells of a column speak for a kind, from 0 to 1, and why.

    0: they are of this kind, and yet teach nothing.
    """

    score: float
    reason: str


class Kind:
    """A kind of task. A new kind overrides what is not true of it and is registered by `mtl.config.register_kind`.

    `texts`: how many texts of a row it reads, 1 or 2. `reads`: "sentence" (a pooled vector for each text), "words" (a
    vector for each word), "pair" or "embedding" (the model's own embeddings; its head has no weights). `head` is
    "module:class or function", called with a spec and the width of vectors, which gives the head (see
    `mtl.heads.Head`); it is imported when a model is built. Its specs list labels, which a table's are matched with, at
    least `fewest_labels` of them, each a `label_noun` to people; 0: it has none. `teachable`: another model's answers
    can be learnt from. `moves_embedding`: rows with such a label are not held by the anchor. `metrics`: its scores, the
    first of which, the higher the better, stands for the others.
    """

    name: str
    head: str
    metrics: tuple[Metric, ...]
    texts = 1
    reads = "sentence"
    fewest_labels = 2
    label_noun = "label"
    teachable = False
    moves_embedding = False

    @property
    def headline(self) -> str:
        """The name of the score that stands for the others."""
        return self.metrics[0].name

    # --- specs and heads ---

    def check(self, spec: TaskSpec) -> None:
        """Raise `UserError` for a spec that no head of this kind can have."""
        if spec.labels and not self.fewest_labels:
            raise UserError(f"Task {spec.name!r} is a {self.name}: it has no labels.")
        if len(spec.labels) < self.fewest_labels:
            fewest = plural(self.fewest_labels, self.label_noun)
            raise UserError(f"Task {spec.name!r} needs at least {fewest}; it has {len(spec.labels)}.")

    def new_spec(self, name: str, labels: tuple[str, ...], values: Sequence[Any]) -> TaskSpec:
        """The head that a new task gets when nothing else is asked for; `values` are those found in the data."""
        return TaskSpec(name, self.name, labels)

    def covers(self, spec: TaskSpec, values: Sequence[Any]) -> bool:
        """Whether a head without labels can give all these values."""
        return True

    def outputs(self, spec: TaskSpec) -> int:
        """How many numbers the head gives for one text or one word."""
        return len(spec.labels)

    def build(self, spec: TaskSpec, dim: int) -> nn.Module:
        """A new head that reads vectors of width `dim`."""
        module, _, name = self.head.partition(":")
        return getattr(importlib.import_module(module), name)(spec, dim)

    # --- data ---

    def recognise(self, column: Facts, likely: bool) -> Evidence | None:
        """What the cells of a column say for this kind, None where nothing; `likely` says that the column should hold
        labels of some kind."""
        return None

    def reader(self, cells: Sequence[str], report: Report) -> Callable[[str, str, int], Any]:
        """A function (cell, text, line) -> value of a column; None, and a report, where a cell holds none.

        It is never asked about a blank cell."""
        return lambda cell, text, line: cell.strip()

    def settle(self, rows: Sequence[Row], name: str, findings: Findings) -> None:
        """Look at all values of the column `name` together once they are read, and mend them in place."""

    def examine(self, rows: Sequence[Row], column: Column, findings: Findings) -> None:
        """Report what is odd about the values of a column over `rows`, all of which have one."""

    def counts(self, values: Sequence[Any]) -> Mapping[str, int]:
        """How often each label occurs; empty for a kind without labels."""
        return {}

    def describe(self, values: Sequence[Any]) -> str:
        """What a column with these values has, as in "4 labels"."""
        return plural(len(self.counts(values)), "label")

    def translate(self, value: Any, meaning: Mapping[str, Any]) -> Any:
        """A value with each label in it replaced by what it means; None where nothing is left.

        A label that is not in `meaning` stays."""
        return meaning.get(f"{value:g}" if isinstance(value, float) else value, value)

    def cut(self, value: Any, characters: int) -> Any:
        """What is left of a value when its text is cut to so many characters."""
        return value

    def misfit(self, value: Any, spec: TaskSpec) -> str:
        """Why a value cannot be one of a task's; "" where it can."""
        if isinstance(value, tuple):
            return f"task {spec.name!r} has no entities, but that is what is marked there."
        if value in spec.labels:
            return ""
        return f"task {spec.name!r} has no label {value!r}; it has {', '.join(spec.labels)}."

    # --- answers ---

    def score(
        self, spec: TaskSpec, truths: Sequence[Any], answers: Sequence[Any], words: Sequence[Sequence[tuple]]
    ) -> dict[str, Any]:
        """Every metric, and whatever else should be shown, of a head's answers to rows; `words` as in `Tokens`."""
        raise NotImplementedError

    def answer_text(self, answer: Any) -> str:
        """An answer in a line."""
        return str(answer)


def metric_named(name: str) -> Metric:
    """A score by its name; of a kind that is not there any more, what its name says."""
    every = (metric for kind in KINDS.values() for metric in kind.metrics)
    return next((metric for metric in every if metric.name == name), Metric(name, name.replace("_", " "), ""))
