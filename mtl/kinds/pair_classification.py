"""Pair classification: one label for two texts, such as whether one follows from the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mtl.kinds.classification import Classification
from mtl.kinds.kind import Report

# What data sets of inference have where the annotators do not agree.
_NO_AGREEMENT = "-"


class PairClassification(Classification):
    name = "pair_classification"
    head = "mtl.heads:PairClassificationHead"
    texts = 2
    reads = "pair"
    about_pairs = "A class, such as yes or no: a new head learns to tell the classes apart."
    teachable = False

    def reader(self, cells: Sequence[str], report: Report) -> Callable[[str, str, int], str | None]:
        read_label = super().reader(cells, report)

        def read(cell: str, text: str, line: int) -> str | None:
            if cell.strip() == _NO_AGREEMENT:
                report("no-agreement", line)
                return None
            return read_label(cell, text, line)

        return read
