"""How a regression is shown: a marker on a track from the lowest to the highest answer."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from markupsafe import Markup

from mtl.config import TaskSpec
from mtl.kinds.regression import Regression
from mtl.ui.kinds.view import Scores, View
from mtl.ui.train.result import words
from mtl.ui.widgets import markup

# A number that changed by less than this share of its range is called the same.
_SLIGHT = 0.025


class RegressionView(View):
    kind = Regression.name
    editor = "number"
    use = "numbers"
    about = "a number per text"
    tab = ""

    def cell(self, answer: float) -> float:
        return answer

    def colour_of(self, answer: float) -> float:
        return answer

    def preview_cell(self, value: float, text: str, labels: Sequence[str]) -> str:
        return f"{value:g}"

    def score_details(self, before: Scores | None, after: Scores) -> str:
        if "mae_of_mean" not in after:  # of earlier versions
            return ""
        return markup.note(f"Always the mean: mean error {words.score('mae', after['mae_of_mean'])}.")

    def drawn(self, answer: float, specs: Sequence[TaskSpec]) -> Markup:
        return markup.gauge(answer, *_range(specs), specs[-1].name)

    def differ(self, one: float, other: float, specs: Sequence[TaskSpec]) -> bool:
        low, high = _range(specs)
        return abs(one - other) > _SLIGHT * (high - low)

    def changes(self, before: list, after: list, differ: Sequence[bool]) -> str:
        mean = fmean(abs(one - other) for one, other in zip(before, after, strict=True))
        return f"{mean:.2f} of change on average" if mean >= 0.005 else words.ALL_SAME


def _range(specs: Sequence[TaskSpec]) -> tuple[float, float]:
    return min(spec.low for spec in specs), max(spec.high for spec in specs)
