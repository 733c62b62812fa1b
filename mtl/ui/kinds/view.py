"""How a kind of task is shown: what the tabs ask, so that none of them knows its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from markupsafe import Markup

from mtl.config import TaskSpec
from mtl.kinds.kind import Kind, metric_named
from mtl.text.values import plural
from mtl.ui import templates
from mtl.ui.train.result import words
from mtl.ui.widgets import markup
from mtl.ui.widgets.colours import colours

Scores = Mapping[str, Any]
MACROS = templates.macros("kinds.html")


@dataclass(frozen=True)
class Contrast:
    """What two models answer to the same texts.

    `cells`: (row, before, after, whether they differ), as `Markup`; None for a side that has no such head. `said` is
    what changed, in words. `with_text`: each row begins with its text, which the cells do not show. `labels`: what the
    colours of the cells mean. `below`: a note.
    """

    cells: Sequence[tuple[int, Markup | None, Markup | None, bool]]
    said: str
    with_text: bool = True
    labels: Sequence[str] = ()
    below: str = ""


class View:
    """How a kind of task is shown; a new kind overrides what is not true of it.

    `use`: what a column of this kind holds, as a choice. `about`: what a head of it gives. `tab`: the tab that lists
    its heads. `legend`: how to read its answers, where that needs saying. `editor`: how a person says what a text has,
    see `assets/label.js`; "" where they cannot.
    """

    kind: ClassVar[str] = ""
    use = ""
    about = "an answer per text"
    tab = "sentiment"
    legend = ""
    editor = ""

    def __init__(self, record: Kind) -> None:
        self.record = record
        self.use = self.use or record.name

    def outputs(self, labels: int) -> str:
        """What a head of so many labels chooses between."""
        return plural(labels, self.record.label_noun) if labels else self.about

    def cell(self, answer: Any) -> str | float:
        """An answer in a cell of a table."""
        return self.record.answer_text(answer)

    def colour_of(self, answer: Any) -> str | float | None:
        """What a point of the map is coloured by; None where an answer is no one thing."""
        return None

    def besides(self, answer: Any) -> int:
        """How many more labels an answer has than the one of `colour_of`."""
        return 0

    def shares(self, answer: Any) -> Mapping[str, float] | None:
        """The probability of each label, which a bar shows; None where an answer has none."""
        return None

    def preview_cell(self, value: Any, text: str, labels: Sequence[str]) -> str:
        """A value in a table of rows, for a column with these `labels`; text, or `Markup`."""
        return MACROS.chip(value)

    def score_details(self, before: Scores | None, after: Scores) -> str:
        """What a score card shows below the scores, as `Markup`."""
        return ""

    def before_after(
        self, texts: Sequence[str], specs: Sequence[TaskSpec], before: list | None, after: list | None
    ) -> Contrast:
        """The answers of two models to `texts`, None for one without such a head; `specs`: the task then and now."""
        differ, said = [False] * len(texts), ""
        if before is not None and after is not None:
            differ = [self.differ(*answers, specs) for answers in zip(before, after, strict=True)]
            said = self.changes(before, after, differ)
        nothing = [None] * len(texts)
        sides = ([self.drawn(answer, specs) for answer in side] if side else nothing for side in (before, after))
        cells = list(zip(range(len(texts)), *sides, differ, strict=True))
        has_bars = self.shares((after or before)[0]) is not None
        return Contrast(cells, said, labels=labels_of(specs) if has_bars else ())

    def in_text(self, answer: Any, text: str, spec: TaskSpec) -> Markup | None:
        """The text with the answer marked in it; None for an answer about the whole text."""
        return None

    def row(self, answer: Any, spec: TaskSpec) -> Markup:
        """An answer in a row of all answers to one text."""
        return self.drawn(answer, [spec])

    def drawn(self, answer: Any, specs: Sequence[TaskSpec]) -> Markup:
        """An answer beside that of another model."""
        shares = self.shares(answer)
        if shares is None:
            return MACROS.said(self.cell(answer))
        labels = labels_of(specs)
        bar = markup.bar({label: shares.get(label, 0.0) for label in labels}, colours(labels))
        return bar + MACROS.said(self.colour_of(answer))

    def differ(self, one: Any, other: Any, specs: Sequence[TaskSpec]) -> bool:
        """Whether two models' answers are marked as different."""
        said = self.cell if self.shares(one) is None else self.colour_of
        return said(one) != said(other)

    def changes(self, before: list, after: list, differ: Sequence[bool]) -> str:
        """What became of the answers, in words."""
        return words.changed(sum(differ), len(differ))


def labels_of(specs: Sequence[TaskSpec]) -> list[str]:
    """The labels of a task before and after, each once."""
    return list(dict.fromkeys(label for spec in specs for label in spec.labels))


def change(name: str, by: float) -> Markup:
    """The difference of a score with its sign, an arrow, and the colour of better or worse."""
    shown = words.difference(name, by)
    better = (by > 0) == metric_named(name).higher_is_better
    kind, arrow = ("better" if better else "worse", "▲" if by > 0 else "▼") if float(shown) else ("same", "=")
    return MACROS.delta(kind, arrow, shown)


def per_class(caption: str, before: Scores | None, after: Scores) -> Markup:
    """Precision, recall and F1 of each label, as a table."""
    former = before["per_class"] if before else {}
    rows = [
        (
            label,
            found["rows"],
            *(Markup(words.percent(found[metric])) for metric in ("precision", "recall", "f1")),
            *([change("f1", found["f1"] - former[label]["f1"]) if label in former else Markup()] if former else ()),
        )
        for label, found in after["per_class"].items()
    ]
    headers = ("label", "rows", "precision", "recall", "F1", *([words.CHANGE] if former else ()))
    return markup.table(caption, headers, rows, "labels")
