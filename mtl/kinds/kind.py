"""A kind of task, as a record that model, data, training, card and page use instead of the kind's name.

Nothing here imports torch, as the page, the sandbox and the command line use these records without a model.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtl.config import KINDS, TaskSpec, UserError, listed
from mtl.data.facts import Facts
from mtl.data.rows import Column, Findings, Row
from mtl.text.values import plural

if TYPE_CHECKING:
    from torch import nn

# Reports a fault of a cell: called with the code of a message in assets/findings.toml, the line, and the facts in it.
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


# Evidence up to this is thin: the column is left out, and its owner may ask for it nevertheless.
THIN = 0.1


@dataclass(frozen=True)
class Evidence:
    """The evidence of a column's cells for a kind, 0 to 1, and the reason. 0: of this kind, but nothing to learn."""

    score: float
    reason: str

    @property
    def is_thin(self) -> bool:
        return 0 < self.score <= THIN


class Kind:
    """A kind of task. Subclass it for a new kind, and register that by `mtl.config.register_kind`.

    `texts`: how many texts of a row it reads, 1 or 2. `reads`: "sentence" (a pooled vector per text), "words" (a vector
    per word), "pair" or "embedding" (the model's own embeddings; its head has no weights). `head`: "module:name" of a
    function (spec, width of vectors) -> `mtl.heads.Head`, imported when a model is built. `fewest_labels`: how many
    labels a spec has at least, 0 for a kind without labels; `label_noun`: what they are called. `value_noun`: what a
    row has of it. `about_pairs`: what a value says about two texts. `teachable`: it can be distilled.
    `moves_embedding`: the anchor skips rows with such a label. `labelled`: False if the texts alone are learned from.
    `metrics`: its scores; the first, which must be better when higher, is the headline. `right_or_wrong`: an answer is
    one or the other, and not more or less wrong. `right_said`: how answers to so many rows did, with a place for the
    figure and for the rows. `hub_task`: what the Hugging Face Hub calls such tasks.
    """

    name: str
    head: str
    metrics: tuple[Metric, ...]
    right_or_wrong = True
    right_said = "right on {} of {}"
    texts = 1
    reads = "sentence"
    fewest_labels = 2
    label_noun = "label"
    value_noun = "label"
    about_pairs = ""
    teachable = False
    moves_embedding = False
    labelled = True
    hub_task = "text-classification"

    @property
    def headline(self) -> Metric:
        """The score that stands for all of them where there is room for one."""
        return self.metrics[0]

    # --- specs and heads ---

    def check(self, spec: TaskSpec) -> None:
        """Raise `UserError` for a spec that is wrong for this kind."""
        if spec.labels and not self.fewest_labels:
            raise UserError(f"Task {spec.name!r} is a {self.name}: it has no labels.")
        if len(spec.labels) < self.fewest_labels:
            fewest = plural(self.fewest_labels, self.label_noun)
            raise UserError(f"Task {spec.name!r} needs at least {fewest}; it has {len(spec.labels)}.")

    def new_spec(self, name: str, labels: tuple[str, ...], values: Sequence[Any]) -> TaskSpec:
        """The default spec of a new task, given the `values` in the data."""
        return TaskSpec(name, self.name, labels)

    def covers(self, spec: TaskSpec, values: Sequence[Any]) -> bool:
        """Whether a head of a kind without labels can give all these values."""
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
        """The evidence of a column's cells for this kind, or None. `likely`: it probably holds labels of some kind."""
        return None

    def reader(self, cells: Sequence[str], report: Report) -> Callable[[str, str, int], Any]:
        """A function (cell, text, line) -> value for a column; None, and a report, if the cell has none.

        It is not called for blank cells."""
        return lambda cell, text, line: cell.strip()

    def keeps_null(self, cells: Sequence[str]) -> bool:
        """Whether NULL is the name of a label in this column, and not a blank cell."""
        return False

    def settle(self, rows: Sequence[Row], name: str, findings: Findings) -> None:
        """Correct the values of the column `name` in place, once all of them are read."""

    def examine(self, rows: Sequence[Row], column: Column, findings: Findings) -> None:
        """Report odd values of a column in `rows`, all of which have one."""

    def counts(self, values: Sequence[Any]) -> Mapping[str, int]:
        """How often each label occurs; empty for a kind without labels."""
        return {}

    def describe(self, values: Sequence[Any]) -> str:
        """A description of a column's values, as in "4 labels"."""
        return plural(len(self.counts(values)), "label")

    def varies(self, values: Sequence[Any]) -> bool:
        """Whether labels of which there are enough differ from row to row, so that there is something to learn."""
        return True

    def translate(self, value: Any, meaning: Mapping[str, Any]) -> Any:
        """A value with each label replaced by its `meaning` (if it has one); None if nothing is left."""
        return meaning.get(f"{value:g}" if isinstance(value, float) else value, value)

    def to_json(self, value: Any) -> Any:
        """A value of a row as JSON data."""
        return value

    def from_json(self, data: Any) -> Any:
        """The value that `to_json` gave."""
        return data

    def value_text(self, value: Any) -> str:
        """A value on one line."""
        return str(value)

    def cut(self, value: Any, characters: int) -> Any:
        """The value when its text is cut to so many characters."""
        return value

    def misfit(self, value: Any, spec: TaskSpec) -> str:
        """Why a value is not possible for a task; "" if it is."""
        if isinstance(value, tuple):
            return f"Task {spec.name!r} has no entities, but that is what is marked there."
        if value in spec.labels:
            return ""
        return f"Task {spec.name!r} has no {self.label_noun} {value!r}; it has {listed(spec.labels)}."

    # --- answers ---

    def judged(self, spec: TaskSpec, truths: Sequence[Any], answers: Sequence[Any]) -> Sequence[Any]:
        """The answers to held-out rows as they are scored while a model learns, before anything is fitted to them."""
        return answers

    def score(
        self, spec: TaskSpec, truths: Sequence[Any], answers: Sequence[Any], words: Sequence[Sequence[tuple]]
    ) -> dict[str, Any]:
        """Every metric, and further figures to show, of a head's answers to rows; `words` as in `Tokens`."""
        raise NotImplementedError

    def answer_text(self, answer: Any) -> str:
        """An answer on one line."""
        return str(answer)

    def written(self, answer: Any) -> str | float:
        """An answer as the cell of a table; best in a form that `reader` reads."""
        return self.answer_text(answer)

    def written_value(self, value: Any) -> str | float:
        """A row's value as the cell of a table; best in a form that `reader` reads."""
        return self.value_text(value)

    def value_of(self, answer: Any) -> Any:
        """An answer in the form that a row's value has; None where the two cannot be compared row by row."""
        return None

    def probabilities(self, answer: Any) -> Mapping[str, float]:
        """The probability of each label; empty for a kind without labels, or without one answer for each."""
        return {}

    def error(self, truth: Any, value: Any) -> float:
        """How wrong a value is: 0 or 1 where `right_or_wrong`, else how far off."""
        return float(truth != value)

    def mistakes(self, truth: Any, value: Any) -> list[str]:
        """What is wrong with a value, in words that many rows share; none where errors have a size."""
        return []

    def mistake_family(self, mistake: str) -> str:
        """The larger group that one of the `mistakes` is of, whatever its labels; "" where there are no such groups."""
        return ""

    def guess(self, values: Sequence[Any]) -> Any:
        """The value that somebody who does not read the texts would always answer, after `values`; None if none is
        better than another."""
        return None


def metric_named(name: str) -> Metric:
    """A metric by its name; for one that no kind has (any more), titled by the name."""
    every = (metric for kind in KINDS.values() for metric in kind.metrics)
    return next((metric for metric in every if metric.name == name), Metric(name, name.replace("_", " "), ""))
