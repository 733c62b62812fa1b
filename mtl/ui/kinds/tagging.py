"""How entities are shown: marked where they stand in the text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from mtl.config import TaskSpec
from mtl.kinds.tagging import Entity, Tagging
from mtl.text.spans import Span
from mtl.text.values import plural
from mtl.ui.kinds.view import MACROS, Contrast, Scores, View, labels_of, per_class
from mtl.ui.train.result import words
from mtl.ui.widgets import markup
from mtl.ui.widgets.colours import colours


class TaggingView(View):
    kind = Tagging.name
    editor = "spans"
    use = "entities"
    about = "entities in the text"
    tab = "entities"

    def cell(self, answer: Sequence[Entity]) -> str:
        counts = Counter(f"{span.text} ({span.label})" for span in answer)
        return ", ".join(name if times == 1 else f"{name} x{times}" for name, times in counts.items())

    def preview_cell(self, value: Sequence[Span], text: str, labels: Sequence[str]) -> Markup:
        palette = colours(labels)
        return MACROS.marks(markup.marked(text, value, palette, lambda span: ("", span.label)))

    def in_text(self, answer: Sequence[Entity], text: str, spec: TaskSpec) -> Markup:
        return markup.marked(text, answer, colours(spec.labels), lambda span: ("", span.label))

    def score_details(self, before: Scores | None, after: Scores) -> Markup:
        return markup.details("Each entity type", per_class("Each entity type", before, after))

    def before_after(
        self, texts: Sequence[str], specs: Sequence[TaskSpec], before: list | None, after: list | None
    ) -> Contrast:
        palette = colours(labels_of(specs))
        both = before is not None and after is not None
        old, new = ([set(map(_place, spans)) for spans in side or [()] * len(texts)] for side in (before, after))
        gained, lost = (sum(len(a - b) for a, b in zip(x, y, strict=True)) for x, y in ((new, old), (old, new)))
        cells = []
        for row, text in enumerate(texts):
            if not old[row] and not new[row]:
                continue
            # Nothing is lost or gained where there is no other side.
            left = _marked(text, before, row, new[row] if both else old[row], palette, "lost", "lost")
            right = _marked(text, after, row, old[row] if both else new[row], palette, "gained", "new")
            cells.append((row, left, right, both and old[row] != new[row]))
        said = f"{gained} gained, {lost} lost" if gained or lost else words.ALL_SAME
        without = len(texts) - len(cells)
        below = f"{plural(without, 'sentence')} without names, before and after, not shown." if without else ""
        if not cells:
            below = "No names were found in these sentences, before or after."
        return Contrast(cells, said, with_text=False, below=below)


def _place(span: Entity) -> tuple[int, int, str]:
    return span.start, span.end, span.label


def _marked(
    value: str, side: list | None, row: int, others: set, palette: Mapping[str, str], kind: str, word: str
) -> Markup | None:
    """`value` with its names marked; those that are not among `others` are of `kind`, and say so by `word`."""
    if side is None:
        return None

    def look(span: Entity) -> tuple[str, str]:
        return ("kept", span.label) if _place(span) in others else (kind, f"{span.label} · {word}")

    return MACROS.marks(markup.marked(value, side[row], palette, look))
