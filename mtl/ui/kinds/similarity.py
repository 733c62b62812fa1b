"""How a similarity is shown: the score of each held-out pair against the cosine, before and after."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from mtl.kinds.similarity import Similarity
from mtl.ui.kinds.view import MACROS, Scores, View
from mtl.ui.train.result import words
from mtl.ui.widgets import markup

# Of a drawing, in pixels; and the room that its axes take.
_SIZE, _EDGE = 200, 28


class SimilarityView(View):
    kind = Similarity.name
    use = "scores of two texts"
    about = "how alike two texts are"
    tab = ""

    def preview_cell(self, value: float, text: str, labels: Sequence[str]) -> str:
        return f"{value:g}"

    def score_details(self, before: Scores | None, after: Scores) -> Markup:
        sides = [(when, scores) for when, scores in ((words.BEFORE, before), (words.AFTER, after)) if scores]
        truths = [truth for _, scores in sides for truth, _ in scores["points"]]
        low, high = min(truths), max(truths)
        lowest = min(0.0, *(cosine for _, scores in sides for _, cosine in scores["points"]))

        def place(truth: float, cosine: float) -> tuple[float, float]:
            across = (truth - low) / ((high - low) or 1.0)
            up = (cosine - lowest) / ((1 - lowest) or 1.0)
            return round(_EDGE + across * (_SIZE - _EDGE - 8), 1), round(8 + (1 - up) * (_SIZE - _EDGE - 8), 1)

        panels = [(when, [place(*point) for point in scores["points"]]) for when, scores in sides]
        axes = {"low": low, "high": high, "lowest": lowest}
        return markup.details("Scores and cosines", MACROS.scatter(panels, axes, _SIZE, _EDGE), open=True)
