"""Whether two models differ by more than chance on the same few rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Below this a difference is called more than chance.
LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """The name of the `test` that was made, and the probability `p` of a difference at least as large if the two were
    equally good."""

    test: str
    p: float

    @property
    def is_clear(self) -> bool:
        return self.p < LEVEL


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
