"""Contrastive: texts that belong together, without a score, which train the embedding itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mtl.config import TaskSpec
from mtl.data.rows import Column, Findings, Row
from mtl.kinds.kind import Kind, Metric
from mtl.text.values import plural
from mtl.text.wording import shared

if TYPE_CHECKING:
    import numpy as np

# So many rows are ranked at a time, and a cosine must be larger by this to come first.
_PART, _LEAST = 1024, 1e-6
# Triplets are called swapped from so many on that tell.
_ENOUGH = 8


class Contrastive(Kind):
    """A row's value is True: its second text is the partner of its first, and a third text, if there is one, is not."""

    name = "contrastive"
    head = "mtl.heads:ContrastiveHead"
    texts = 2
    reads = "embedding"
    about_pairs = "That they belong together."
    fewest_labels = 0
    moves_embedding = True
    hub_task = "sentence-similarity"
    labelled = False
    metrics = (
        Metric(
            "found",
            "partner found",
            "The share of texts whose own partner is nearest to them among the partners of all held-out rows.",
        ),
        Metric(
            "mrr",
            "mean reciprocal rank",
            "1 for a partner that is nearest, 1/2 for one that is second nearest, and so on; the mean of them.",
            "correlation",
        ),
    )

    def outputs(self, spec: TaskSpec) -> int:
        return 0

    def reader(self, cells, report):
        return lambda cell, text, line: True

    def describe(self, values: Sequence[bool]) -> str:
        return plural(len(values), "pair")

    def examine(self, rows: Sequence[Row], column: Column, findings: Findings) -> None:
        """Report triplets whose second and third text seem to be swapped."""
        triplets = [row for row in rows if len(row.texts) > 2]
        nearer = [shared(row.text, row.texts[2]) - shared(row.text, row.texts[1]) for row in triplets]
        swapped, right = sum(more > 0 for more in nearer), sum(more < 0 for more in nearer)
        if swapped + right >= _ENOUGH and swapped > 2 * right:
            findings.add("swapped", None, column.name, count=swapped, rows=len(triplets))

    def misfit(self, value: Any, spec: TaskSpec) -> str:
        return (
            ""
            if value is True
            else f"Task {spec.name!r} learns from pairs of texts, without a label such as {value!r}."
        )

    def score(
        self, spec: TaskSpec, truths: Sequence[bool], answers: Sequence[np.ndarray], words: Sequence[Sequence[tuple]]
    ) -> dict[str, Any]:
        """`answers`: of each row the embeddings (3, dim) of its texts, zeros for a text that it does not have."""
        import numpy as np

        anchors, partners, negatives = np.stack(answers).swapaxes(0, 1)
        candidates = np.concatenate((partners, negatives[negatives.any(-1)]))
        own = (anchors * partners).sum(-1)
        ranks = np.concatenate(
            [
                1 + (anchors[at : at + _PART] @ candidates.T > own[at : at + _PART, None] + _LEAST).sum(-1)
                for at in range(0, len(anchors), _PART)
            ]
        )
        return {"found": float((ranks == 1).mean()), "mrr": float((1 / ranks).mean()), "candidates": len(candidates)}

    def answer_text(self, answer: float) -> str:
        return f"cosine {answer:.2f}"
