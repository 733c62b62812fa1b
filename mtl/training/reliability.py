"""Whether probabilities of held-out answers are deserved: in bins of confidence, the share of answers that is right.

The reliability diagram of DeGroot and Fienberg (1983), with the expected calibration error of Guo et al. (2017). Free
of torch, as `mtl.training.held_out` is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mtl.kinds.classification import bins_of, calibration_error
from mtl.training.held_out import Judged
from mtl.training.significance import Mean, share
from mtl.training.thresholds import LOW, Threshold

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
    sure = [side for side in sides if side.confidence is not None]
    return _binned([side.confidence for side in sure], [side.error == 0 for side in sure])


def reliability_of_labels(labels: Collection[Threshold]) -> Reliability | None:
    """How far the probabilities of several labels are deserved: each that a row was given for a label from `LOW` on is
    right where the row has that label. None where there is none."""
    sides = [(each.have, True) for each in labels] + [(each.lack, False) for each in labels]
    found = [(probability, has) for side, has in sides for probability in side if probability >= LOW]
    return _binned([probability for probability, _ in found], [has for _, has in found])


def _binned(confidences: Sequence[float], rights: Sequence[bool]) -> Reliability | None:
    import numpy as np

    if not confidences:
        return None
    confidence, right = np.array(confidences), np.array(rights)
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
