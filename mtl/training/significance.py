"""What few rows can say: whether two models differ by more than chance, and between what figures a mean may lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mtl.training.scores import FEW

# Below this a difference is called more than chance.
LEVEL = 0.05
RESAMPLES = 1000


@dataclass(frozen=True)
class Difference:
    """The name of the `test` that was made, and the probability `p` of a difference at least as large if the two were
    equally good."""

    test: str
    p: float

    @property
    def is_clear(self) -> bool:
        return self.p < LEVEL

    @property
    def verdict(self) -> str:
        """In words, for somebody who reads the two figures."""
        return "More than chance" if self.is_clear else "This difference may be chance"

    @property
    def said(self) -> str:
        """The same, with the test."""
        return f"{self.verdict} ({self.test}'s test, p = {self.p:.2g})."


@dataclass(frozen=True)
class Mean:
    """The mean, or another figure, of so many `rows`, and its 95 % interval from `low` to `high`; None where one row,
    or none, says nothing of it."""

    rows: int
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def is_vague(self) -> bool:
        """Whether there are too few rows for the figure to mean much."""
        return self.rows < FEW


def share(right: int, rows: int) -> Mean:
    """The share of rows, at least one, that are right, with Wilson's interval (Wilson 1927)."""
    from scipy.stats import binomtest

    interval = binomtest(right, rows).proportion_ci(method="wilson")
    return Mean(rows, right / rows, float(interval.low), float(interval.high))


def mean(errors: Sequence[float]) -> Mean:
    """The mean of errors, at least one, with its bootstrap interval."""
    import numpy as np

    return bootstrapped(np.mean, errors)


def bootstrapped(statistic: Callable[..., float], *columns: Sequence) -> Mean:
    """What `statistic` gives for rows, at least one, from an array of their values in each column; with the bootstrap's
    percentile interval over the rows (Efron 1979). The same rows always give the same one."""
    import numpy as np
    from scipy.stats import bootstrap

    values = [np.asarray(column) for column in columns]
    rows, value = len(values[0]), float(statistic(*values))
    if rows < 2:
        return Mean(rows, value)
    options = {"n_resamples": RESAMPLES, "batch": 100, "method": "percentile", "rng": np.random.default_rng(0)}
    interval = bootstrap(values, statistic, paired=True, **options).confidence_interval
    return Mean(rows, value, float(interval.low), float(interval.high))


def compare(errors: Sequence[float], others: Sequence[float], right_or_wrong: bool) -> Difference:
    """Compares two models by their errors on the same rows.

    By McNemar's exact test (McNemar 1947) where answers are right or wrong, by Wilcoxon's signed-rank test (Wilcoxon
    1945) where errors have a size; both are two-sided.
    """
    from scipy.stats import binomtest, wilcoxon

    differences = [one - other for one, other in zip(errors, others, strict=True) if one != other]
    name = "McNemar" if right_or_wrong else "Wilcoxon"
    if not differences:
        return Difference(name, 1.0)
    if right_or_wrong:
        worse = sum(difference > 0 for difference in differences)
        return Difference(name, float(binomtest(worse, len(differences)).pvalue))
    return Difference(name, float(wilcoxon(differences).pvalue))
