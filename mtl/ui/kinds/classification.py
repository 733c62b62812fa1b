"""How a classification is shown: a bar that shares 100 % between the labels, and a confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from mtl.config import TaskSpec
from mtl.kinds.classification import Classes, Classification
from mtl.ui import templates
from mtl.ui.kinds.view import SAID, Contrast, Scores, View, differing, labels_of, per_class
from mtl.ui.train.result import words
from mtl.ui.widgets import markup
from mtl.ui.widgets.figures import colours

# A matrix of more labels than this is a list of its mistakes instead.
_MAX_MATRIX = 12
_MAX_MISTAKES = 20


class ClassificationView(View):
    kind = Classification.name
    use = "labels"
    about = "one label per text"

    def cell(self, answer: Classes) -> str:
        return f"{answer.label} ({words.percent(answer.probabilities[answer.label])})"

    def colour_of(self, answer: Classes) -> str:
        return answer.label

    def shares(self, answer: Classes) -> Mapping[str, float]:
        return answer.probabilities

    def score_details(self, before: Scores | None, after: Scores) -> Markup:
        frequent = max(sum(row) for row in after["confusion"]) / after["rows"]
        return (
            markup.note(words.guessing(frequent))
            + markup.details(words.PER_LABEL, per_class(words.PER_LABEL, before, after))
            + markup.details(words.CONFUSION, _confusions(before, after))
        )

    def before_after(
        self, texts: Sequence[str], specs: Sequence[TaskSpec], before: list | None, after: list | None
    ) -> Contrast:
        labels = labels_of(specs)
        palette = colours(labels)

        def cell(side: list | None, row: int) -> Markup | None:
            if side is None:
                return None
            probabilities = {label: side[row].probabilities.get(label, 0.0) for label in labels}
            return markup.bar(probabilities, palette) + SAID.format(side[row].label)

        differ = differing(texts, before, after, self.colour_of)
        cells = [(row, cell(before, row), cell(after, row), changed) for row, changed in enumerate(differ)]
        above = Markup('<div class="bars-head">{}</div>').format(markup.key(labels))
        return Contrast(cells, words.changed(sum(differ), len(differ)), above=above)


def _confusions(before: Scores | None, after: Scores) -> Markup:
    if len(after["labels"]) > _MAX_MATRIX:
        return _mistakes(after)
    sides = [(words.BEFORE, before), (words.AFTER, after)] if before else [(words.AFTER, after)]
    matrices = Markup().join(confusion(scores["labels"], scores["confusion"], when) for when, scores in sides)
    return markup.note(words.CONFUSION_NOTE) + Markup('<div class="matrices">{}</div>').format(matrices)


def confusion(labels: Sequence[str], counts: Sequence[Sequence[int]], caption: str) -> Markup:
    """A confusion matrix: a table whose cells are the darker, the larger their share of their row."""
    return templates.render("confusion.html", labels=labels, counts=counts, caption=caption)


def _mistakes(scores: Scores) -> Markup:
    labels = scores["labels"]
    found = [
        (labels[i], labels[j], count)
        for i, row in enumerate(scores["confusion"])
        for j, count in enumerate(row)
        if count and i != j
    ]
    if not found:
        return markup.note(words.NO_MISTAKES)
    found.sort(key=lambda mistake: -mistake[2])
    return markup.table(words.CONFUSIONS, (words.RIGHT, words.SAID, words.TIMES), found[:_MAX_MISTAKES], "mistakes")
