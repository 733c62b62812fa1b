"""How a kind of task is shown: what the tabs ask, so that none of them knows its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from markupsafe import Markup

from mtl.config import TaskSpec
from mtl.kinds.kind import Kind, metric_named
from mtl.text.values import plural
from mtl.ui.train.result import words
from mtl.ui.widgets import markup

Scores = Mapping[str, Any]
SAID = Markup('<span class="said" dir="auto">{}</span>')


@dataclass(frozen=True)
class Contrast:
    """What two models answer to the same texts.

    `cells`: (row, before, after, whether they differ), as `Markup`; None for the side that has no such head. `said` is
    what changed, in words. `with_text`: each row begins with its text, which the cells do not show. `above` and `below`
    are `Markup` around the list.
    """

    cells: Sequence[tuple[int, Markup | None, Markup | None, bool]]
    said: str
    with_text: bool = True
    above: str = ""
    below: str = ""


class View:
    """How a kind of task is shown; a new kind overrides what is not true of it.

    `use`: what a column of this kind holds, as a choice. `about`: what a head of it gives. `tab`: the tab that lists
    its heads.
    """

    kind: ClassVar[str] = ""
    use = ""
    about = "an answer per text"
    tab = "sentiment"

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

    def shares(self, answer: Any) -> Mapping[str, float] | None:
        """The probability of each label, which a bar shows; None where an answer has none."""
        return None

    def preview_cell(self, value: Any, text: str) -> str:
        """A value of a column in a table of rows."""
        return str(value)

    def score_details(self, before: Scores | None, after: Scores) -> str:
        """What a score card shows below the scores, as `Markup`."""
        return ""

    def before_after(
        self, texts: Sequence[str], specs: Sequence[TaskSpec], before: list | None, after: list | None
    ) -> Contrast:
        """The answers of two models to `texts`, None for one without such a head; `specs`: the task then and now."""

        def cell(side: list | None, row: int) -> Markup | None:
            return None if side is None else SAID.format(self.cell(side[row]))

        differ = differing(texts, before, after, self.cell)
        cells = [(row, cell(before, row), cell(after, row), changed) for row, changed in enumerate(differ)]
        return Contrast(cells, words.changed(sum(differ), len(differ)))


def labels_of(specs: Sequence[TaskSpec]) -> list[str]:
    """The labels of a task before and after, each once."""
    return list(dict.fromkeys(label for spec in specs for label in spec.labels))


def differing(texts: Sequence[str], before: list | None, after: list | None, key: Any) -> list[bool]:
    """Which answers differ by `key`; none where one side has no such head."""
    if before is None or after is None:
        return [False] * len(texts)
    return [key(one) != key(other) for one, other in zip(before, after, strict=True)]


def change(name: str, by: float) -> Markup:
    """The difference of a score with its sign, an arrow, and the colour of better or worse."""
    shown = words.difference(name, by)
    better = (by > 0) == metric_named(name).higher_is_better
    kind, arrow = ("better" if better else "worse", "▲" if by > 0 else "▼") if float(shown) else ("same", "=")
    return Markup('<span class="delta {}">{} {}</span>').format(kind, arrow, shown)


def per_class(caption: str, before: Scores | None, after: Scores) -> Markup:
    """Precision, recall and F1 of each label, as a table."""
    former = before["per_class"] if before else {}
    rows = [
        (
            label,
            found["rows"],
            *(Markup(words.percent(found[metric])) for metric in ("precision", "recall", "f1")),
            change("f1", found["f1"] - former[label]["f1"]) if label in former else Markup(),
        )
        for label, found in after["per_class"].items()
    ]
    headers = ("label", "rows", "precision", "recall", "F1", words.CHANGE)
    return markup.table(caption, headers, rows, "labels")
