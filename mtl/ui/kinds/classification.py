"""How a classification is shown: a bar that shares 100 % between the labels, and a confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from mtl.config import TaskSpec
from mtl.kinds.classification import Classes, Classification
from mtl.ui.kinds.view import Contrast, Scores, View, differing, labels_of, per_class
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

    def score_details(self, before: Scores | None, after: Scores) -> str:
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

        def cell(side: list | None, row: int) -> str | None:
            if side is None:
                return None
            probabilities = {label: side[row].probabilities.get(label, 0.0) for label in labels}
            return f'{markup.bar(probabilities, palette)}<span class="said" dir="auto">{escape(side[row].label)}</span>'

        differ = differing(texts, before, after, self.colour_of)
        cells = [(row, cell(before, row), cell(after, row), changed) for row, changed in enumerate(differ)]
        above = f'<div class="bars-head">{markup.key(labels)}</div>'
        return Contrast(cells, words.changed(sum(differ), len(differ)), above=above)


def _confusions(before: Scores | None, after: Scores) -> str:
    if len(after["labels"]) > _MAX_MATRIX:
        return _mistakes(after)
    matrices = [(words.BEFORE, before), (words.AFTER, after)] if before else [(words.AFTER, after)]
    shown = "".join(confusion(s["labels"], s["confusion"], when) for when, s in matrices)
    return f'{markup.note(words.CONFUSION_NOTE)}<div class="matrices">{shown}</div>'


def confusion(labels: Sequence[str], counts: Sequence[Sequence[int]], caption: str) -> str:
    """A confusion matrix: a table whose cells are the darker, the larger their share of their row."""
    head = "".join(f'<th scope="col"><div>{escape(label)}</div></th>' for label in labels)
    body = ""
    for i, (label, row) in enumerate(zip(labels, counts, strict=True)):
        total = max(sum(row), 1)
        cells = "".join(
            f'<td class="{"hit" if i == j else "miss"}" style="--share:{60 * count / total:.0f}%">{count}</td>'
            for j, count in enumerate(row)
        )
        body += f'<tr><th scope="row"><div dir="auto">{escape(label)}</div></th>{cells}</tr>'
    sheet = (
        f'<table class="confusion"><caption>{escape(caption)}</caption><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
    return markup.scroll(caption, sheet, "matrix")


def _mistakes(scores: Scores) -> str:
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
