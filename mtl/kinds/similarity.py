"""Similarity: a score of how alike two texts are, which trains the embedding itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mtl.config import TaskSpec
from mtl.data.facts import Facts
from mtl.data.header import promises_class, promises_likeness
from mtl.kinds.kind import Evidence, Metric
from mtl.kinds.regression import Regression, spearman

# A few whole numbers, of which fewer than this are more often classes than scores.
_FEW, _MOST_WHOLE = 4, 11
# The least correlation of scores with the words that two texts share.
_SOME = 0.15


class Similarity(Regression):
    name = "similarity"
    head = "mtl.heads:SimilarityHead"
    texts = 2
    reads = "embedding"
    about_pairs = "How alike they are: the embedding itself learns from the scores."
    teachable = False
    moves_embedding = True
    hub_task = "sentence-similarity"
    metrics = (
        Metric(
            "spearman",
            "Spearman",
            "How well the cosine of two embeddings ranks the pairs: 1 is the right order, 0 is chance.",
            "correlation",
        ),
        Metric("pearson", "Pearson", "How close the cosines are to a straight line in the scores.", "correlation"),
    )

    def recognise(self, column: Facts, likely: bool) -> Evidence | None:
        if not column.holds_numbers(likely):
            return None
        distinct = set(column.all_numbers)
        low, high = min(distinct), max(distinct)
        if len(distinct) == 1:
            return Evidence(0.0, "it is the same number in every row")
        reason = f"it has scores of two texts from {low:g} to {high:g}"
        if not column.are_whole:
            return Evidence(0.9, reason)
        if len(distinct) > _MOST_WHOLE:
            # Numbers of rows and of texts, years.
            known = promises_likeness(column.name or "") and high <= 100
            return Evidence(0.9, reason) if known else Evidence(0.0, "its whole numbers are no scores of two texts")
        goes_along = column.follows_wording
        reason += f" (correlation with the words they share: {goes_along:.2f})"
        if promises_likeness(column.name or ""):
            return Evidence(1.0 if goes_along >= _SOME else 0.7, reason)
        if len(distinct) == 2:
            return Evidence(0.5, reason)
        if promises_class(column.name or "") and len(distinct) < _FEW:
            return Evidence(0.4, reason)
        if len(distinct) < _FEW:
            return Evidence(0.7 if goes_along >= _SOME else 0.5, reason)
        return Evidence(1.0 if goes_along >= 2 * _SOME else 0.7, reason)

    def score(
        self, spec: TaskSpec, truths: Sequence[float], answers: Sequence[float], words: Sequence[Sequence[tuple]]
    ) -> dict[str, Any]:
        """Both correlations, and of up to some hundred pairs the score and the cosine."""
        step = -(-len(truths) // _SHOWN)
        cosines = [(answer - spec.low) / (spec.high - spec.low) for answer in answers]
        return {
            "spearman": spearman(truths, answers),
            "pearson": pearson(truths, answers),
            "points": [
                (round(float(truth), 4), round(cosine, 4))
                for truth, cosine in zip(truths[::step], cosines[::step], strict=True)
            ],
        }

    def value_of(self, answer: float) -> None:
        """A cosine ranks pairs; it is not on the scale of the scores."""

    def guess(self, values: Sequence[float]) -> None:
        return None

    def answer_text(self, answer: float) -> str:
        return f"{answer:.2f}"


# So many pairs are drawn as points.
_SHOWN = 300


def pearson(a: Sequence[float], b: Sequence[float]) -> float:
    """Pearson's correlation; 0 if either side is constant."""
    from scipy.stats import pearsonr

    if len(a) < 2 or min(a) == max(a) or min(b) == max(b):
        return 0.0
    return float(pearsonr(a, b).statistic)
