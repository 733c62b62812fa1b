"""Regression: a number for each text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

from mtl.config import TaskSpec
from mtl.data.facts import Facts
from mtl.data.labels import why_the_same
from mtl.data.rows import Column, Findings, Row
from mtl.kinds.kind import THIN, Evidence, Kind, Metric, Report
from mtl.text.numbers import number_format
from mtl.text.values import plural, shown

# Unusual numbers are reported from this many numbers on.
_ENOUGH = 5


class Regression(Kind):
    name = "regression"
    head = "mtl.heads:RegressionHead"
    fewest_labels = 0
    value_noun = "number"
    teachable = True
    right_or_wrong = False
    right_said = "off by {} on average over {}"
    metrics = (
        Metric("spearman", "Spearman", "How well it ranks the rows: 1 is the right order, 0 is chance.", "correlation"),
        Metric(
            "mae",
            "mean error",
            "Mean absolute error: how far off an answer is on average, in the units of the file. Lower is better.",
            "number",
            higher_is_better=False,
        ),
    )

    def new_spec(self, name: str, labels: tuple[str, ...], values: Sequence[float]) -> TaskSpec:
        low, high = min(values), max(values)
        return TaskSpec(name, self.name, low=low, high=high if high > low else low + max(1.0, abs(low)))

    def covers(self, spec: TaskSpec, values: Sequence[float]) -> bool:
        return spec.low <= min(values) and max(values) <= spec.high

    def outputs(self, spec: TaskSpec) -> int:
        return 1

    def recognise(self, column: Facts, likely: bool) -> Evidence | None:
        if not column.holds_numbers(likely):
            return None
        numbers = column.all_numbers
        distinct = set(numbers)
        low, high = min(distinct), max(distinct)
        if len(distinct) == 1 and not likely:
            return Evidence(0.0, "it is the same number in every row")
        unique = column.are_whole and len(numbers) >= 5 and len(distinct) > 0.9 * len(numbers)
        if unique and (high - low + 1 == len(numbers) or high > 1e5):
            return Evidence(0.0, "it numbers the rows")
        if column.trails_off and not likely:
            lowest = f"{numbers.count(low):,} of {plural(len(numbers), 'number')} are {low:g}"
            return Evidence(THIN, f"{lowest}, and hardly one is {high:g}, as where something is counted")
        if not likely and (doubt := why_the_same(Counter(numbers))):
            return Evidence(THIN, doubt)
        return Evidence(0.5, f"it has numbers from {low:g} to {high:g}")

    def reader(self, cells: Sequence[str], report: Report) -> Callable[[str, str, int], float | None]:
        form = number_format(cells)
        if form.said:
            report("number-format", None, said=form.said)

        def read(cell: str, text: str, line: int) -> float | None:
            number = form.parse(cell)
            if number is None:
                report("number", line, cell=shown(cell))
            return number

        return read

    def examine(self, rows: Sequence[Row], column: Column, findings: Findings) -> None:
        """Report a column of one number, and numbers over ten times the 90th percentile, which suggest a lost decimal
        point or another scale."""
        values = [row.labels[column.name] for row in rows]
        if len(set(values)) == 1:
            findings.add("one-number", None, column.name, value=values[0])
        ordered = sorted(map(abs, values))
        usual = ordered[9 * (len(ordered) - 1) // 10] if len(ordered) >= _ENOUGH else 0.0
        for row, value in zip(rows, values, strict=True):
            if usual and abs(value) > 10 * usual:
                findings.add("magnitude", row.line, column.name, value=value, usual=usual)

    def describe(self, values: Sequence[float]) -> str:
        if not values:
            return "no numbers"
        low, high = min(values), max(values)
        return f"numbers from {low:g} to {high:g}" if high > low else f"only the number {low:g}"

    def value_text(self, value: float) -> str:
        return f"{value:.3g}"

    def misfit(self, value: Any, spec: TaskSpec) -> str:
        if isinstance(value, tuple):
            return super().misfit(value, spec)
        try:
            finite = math.isfinite(float(value))
        except (TypeError, ValueError):
            finite = False
        return "" if finite else f"Task {spec.name!r} needs a number, not {value!r}."

    def score(
        self, spec: TaskSpec, truths: Sequence[float], answers: Sequence[float], words: Sequence[Sequence[tuple]]
    ) -> dict[str, Any]:
        """The metrics, and the mean error of always answering the mean."""
        import numpy as np

        truth, answer = np.array(truths, float), np.array(answers, float)
        return {
            "spearman": spearman(truth, answer),
            "mae": float(np.abs(truth - answer).mean()),
            "mae_of_mean": float(np.abs(truth - truth.mean()).mean()),
        }

    def written(self, answer: float) -> float:
        return answer

    def written_value(self, value: float) -> float:
        return value

    def value_of(self, answer: float) -> float | None:
        return answer

    def error(self, truth: float, value: float) -> float:
        return abs(truth - value)

    def guess(self, values: Sequence[float]) -> float:
        return fmean(values)

    def answer_text(self, answer: float) -> str:
        return f"{answer:+.2f}"


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's rank correlation; 0 if either side is constant."""
    from scipy.stats import spearmanr

    if len(a) < 2 or min(a) == max(a) or min(b) == max(b):
        return 0.0
    return float(spearmanr(a, b).statistic)
