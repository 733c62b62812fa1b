"""Whether probabilities of held-out answers are deserved: in bins of confidence, the share of answers that is right.

The reliability diagram of DeGroot and Fienberg (1983), with the expected calibration error of Guo et al. (2017). Free
of torch, as `mtl.training.held_out` is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtl.kinds.classification import bins_of, calibration_error
from mtl.training.held_out import Judged
from mtl.training.significance import Mean, share

BINS = 10


@dataclass(frozen=True)
class Bin:
    """The answers with a confidence from `place` / `BINS` on: the mean `confidence`, and the share that is right."""

    place: int
    confidence: float
    right: Mean


@dataclass(frozen=True)
class Reliability:
    """The bins with answers, by rising confidence, and the mean gap of all answers (expected calibration error)."""

    bins: Sequence[Bin]
    error: float

    @property
    def rows(self) -> int:
        return sum(each.right.rows for each in self.bins)


def reliability(sides: Sequence[Judged]) -> Reliability | None:
    """How far the confidence of answers is deserved; None where none has one."""
    import numpy as np

    sure = [side for side in sides if side.confidence is not None]
    if not sure:
        return None
    confidence = np.array([side.confidence for side in sure])
    right = np.array([side.error == 0 for side in sure])
    places = bins_of(confidence, BINS)
    bins = [
        Bin(int(place), float(confidence[inside].mean()), share(int(right[inside].sum()), int(inside.sum())))
        for place in np.unique(places)
        for inside in [places == place]
    ]
    return Reliability(bins, calibration_error(confidence, right, BINS))


def bin_of(confidence: float) -> int:
    """The place of the bin that a confidence is in."""
    import numpy as np

    return int(bins_of(np.array([confidence]), BINS)[0])
