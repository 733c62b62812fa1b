"""How a regression is shown: a marker on a track from the lowest to the highest answer."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from mtl.config import TaskSpec
from mtl.kinds.regression import Regression
from mtl.ui.kinds.view import Contrast, View
from mtl.ui.train.result import words
from mtl.ui.widgets import markup

# A number that changed by less than this share of its range is called the same.
_SLIGHT = 0.025


class RegressionView(View):
    kind = Regression.name
    use = "numbers"
    about = "a number per text"
    tab = ""

    def cell(self, answer: float) -> float:
        return answer

    def colour_of(self, answer: float) -> float:
        return answer

    def preview_cell(self, value: float, text: str) -> str:
        return f"{value:g}"

    def before_after(
        self, texts: Sequence[str], specs: Sequence[TaskSpec], before: list | None, after: list | None
    ) -> Contrast:
        low, high = min(spec.low for spec in specs), max(spec.high for spec in specs)

        def cell(side: list | None, row: int) -> Markup | None:
            return None if side is None else markup.gauge(side[row], low, high, specs[-1].name)

        both = before is not None and after is not None
        change = [abs(before[row] - after[row]) if both else 0.0 for row in range(len(texts))]
        slight = _SLIGHT * (high - low)
        cells = [(row, cell(before, row), cell(after, row), by > slight) for row, by in enumerate(change)]
        return Contrast(cells, words.number_changed(sum(change) / len(change)))
