"""How a classification is shown: a bar that shares 100 % between the labels, and a confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from mtl.config import TaskSpec
from mtl.kinds.classification import Classes, Classification
from mtl.ui.kinds.view import MACROS, Scores, View, per_class
from mtl.ui.train.result import words
from mtl.ui.widgets import markup
from mtl.ui.widgets.colours import colours

# A matrix of more labels than this is a list of its mistakes instead.
_MAX_MATRIX = 12
_MAX_MISTAKES = 20
# A bar of more labels than this cannot be read in a narrow column.
MAX_PARTS = 5


class ClassificationView(View):
    kind = Classification.name
    editor = "one"
    use = "labels"
    about = "one label per text"

    def cell(self, answer: Classes) -> str:
        return f"{answer.label} ({words.percent(answer.probabilities[answer.label])})"

    def colour_of(self, answer: Classes) -> str:
        return answer.label

    def shares(self, answer: Classes) -> Mapping[str, float]:
        return answer.probabilities

    def row(self, answer: Classes, spec: TaskSpec) -> Markup:
        if len(spec.labels) > MAX_PARTS:
            return MACROS.said(self.cell(answer))
        return markup.bar(answer.probabilities, colours(spec.labels))

    def score_details(self, before: Scores | None, after: Scores) -> Markup:
        frequent = max(sum(row) for row in after["confusion"]) / after["rows"]
        return (
            markup.note(f"Always the most frequent label: {words.percent(frequent)}.")
            + markup.details("Each label", per_class("Each label", before, after))
            + markup.details("Confusion matrix", _confusions(before, after))
        )


def _confusions(before: Scores | None, after: Scores) -> Markup:
    if len(after["labels"]) > _MAX_MATRIX:
        return _mistakes(after)
    return MACROS.confusions([(words.BEFORE, before), (words.AFTER, after)] if before else [(words.AFTER, after)])


def _mistakes(scores: Scores) -> Markup:
    labels = scores["labels"]
    found = [
        (labels[i], labels[j], count)
        for i, row in enumerate(scores["confusion"])
        for j, count in enumerate(row)
        if count and i != j
    ]
    if not found:
        return markup.note("It made no mistakes on these rows.")
    found.sort(key=lambda mistake: -mistake[2])
    return markup.table("Most frequent mistakes", ("is", "was called", "rows"), found[:_MAX_MISTAKES], "mistakes")
