"""How several labels are shown: a bar for each, on which its threshold is marked."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from mtl.config import TaskSpec
from mtl.kinds.multilabel import NONE, Labels, LabelSet, Multilabel
from mtl.ui.kinds.view import MACROS, Scores, View, labels_of, per_class
from mtl.ui.train.result import words
from mtl.ui.widgets import markup
from mtl.ui.widgets.colours import colours

# Of more labels than this the likeliest have a bar.
_MOST_BARS = 8


class MultilabelView(View):
    kind = Multilabel.name
    editor = "several"
    use = "several labels"
    about = "any number of labels per text"
    legend = "Each label has a probability of its own. The stroke is its threshold: from there on it is answered."

    def cell(self, answer: Labels) -> str:
        said = (f"{label} ({words.percent(answer.probabilities[label])})" for label in answer.labels)
        return ", ".join(said) or NONE

    def colour_of(self, answer: Labels) -> str:
        return max(answer.labels, key=answer.probabilities.get, default=NONE)

    def besides(self, answer: Labels) -> int:
        return max(len(answer.labels) - 1, 0)

    def preview_cell(self, value: LabelSet, text: str, labels: Sequence[str]) -> str:
        return MACROS.chips(value.labels, value.unknown, NONE)

    def score_details(self, before: Scores | None, after: Scores) -> Markup:
        return markup.details("Each label", per_class("Each label", before, after))

    def row(self, answer: Labels, spec: TaskSpec) -> Markup:
        return MACROS.chips(answer.labels, (), NONE)

    def drawn(self, answer: Labels, specs: Sequence[TaskSpec]) -> Markup:
        palette = colours(labels_of(specs))
        of, at = answer.probabilities, answer.thresholds
        shown = list(of)
        if len(shown) > _MOST_BARS:
            # What is answered first: a low threshold may be reached by a low probability.
            shown = sorted(of, key=lambda label: (of[label] < at[label], -of[label]))[:_MOST_BARS]
        bars = [(label, 100 * of[label], 100 * at[label], palette[label], label in answer.labels) for label in shown]
        return MACROS.label_bars(bars, len(of) - len(bars), self.cell(answer))

    def differ(self, one: Labels, other: Labels, specs: Sequence[TaskSpec]) -> bool:
        return set(one.labels) != set(other.labels)
