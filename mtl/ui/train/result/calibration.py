"""A reliability diagram of held-out answers before and after: in each bin of confidence, the share that is right."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from markupsafe import Markup

from mtl.training.held_out import Answer
from mtl.training.reliability import BINS, Reliability, reliability, reliability_of_labels
from mtl.training.scores import FEW
from mtl.training.thresholds import Threshold
from mtl.ui import templates
from mtl.ui.train.result import words

# Of a drawing, in pixels; the room that its axes take, and the height of the bars of counts.
_SIZE, _EDGE, _COUNTS = 248, 48, 34
# Fewer rows than this in all say little about calibration.
_ENOUGH = 10 * FEW


def page(task: str, answers: Sequence[Answer], labels: Collection[Threshold] = ()) -> Markup:
    """The diagram and its table; nothing where the answers have no probability. `labels`: those of a task of several,
    each of which has a probability of its own."""
    sides = [
        (words.BEFORE, reliability([answer.before for answer in answers if answer.before])),
        (words.AFTER, reliability_of_labels(labels) or reliability([answer.after for answer in answers])),
    ]
    sides = [(when, found) for when, found in sides if found]
    if not sides:
        return Markup()
    return templates.render(
        "calibration.html",
        task=task,
        panels=[(when, found, _drawn(found)) for when, found in sides],
        size=_SIZE,
        edge=_EDGE,
        base=_place(0.0, 0.0)[1],
        of_labels=bool(labels),
        few=sides[-1][1].rows < _ENOUGH,
        words=words,
    )


def _drawn(found: Reliability) -> list[dict[str, float]]:
    """Of each bin: its point, the ends of its interval, and its bar among the counts."""
    most = max(each.right.rows for each in found.bins)
    drawn = []
    for each in found.bins:
        x, y = _place(each.confidence, each.right.value)
        low, high = (_place(0.0, end)[1] for end in (each.right.low, each.right.high))
        left, right = (_place((each.place + step) / BINS, 0.0)[0] for step in (0, 1))
        tall = _COUNTS * each.right.rows / most
        drawn.append({"x": x, "y": y, "low": low, "high": high, "left": left, "wide": right - left - 1, "tall": tall})
    return drawn


def _place(across: float, up: float) -> tuple[float, float]:
    room = _SIZE - _EDGE - 8
    return round(_EDGE + across * room, 1), round(8 + (1 - up) * room, 1)
