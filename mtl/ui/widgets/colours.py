"""The colours of labels, the same in every view."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B8A800")
GREY = "#7F7F7F"
NAMED = {
    "negative": "#D55E00",
    "neutral": GREY,
    "positive": "#009E73",
    "PER": "#0072B2",
    "ORG": "#E69F00",
    "LOC": "#009E73",
    "MISC": "#CC79A7",
    "Technology": "#56B4E9",
    "Science": "#CC79A7",
    "Other": GREY,
}


def shorten(value: str, width: int) -> str:
    """`value` in at most `width` characters, with an ellipsis where it was cut."""
    return value if len(value) <= width else value[: width - 1].rstrip() + "…"


def colours(labels: Sequence[str]) -> dict[str, str]:
    """A colour for each label: its own where it has one by name, else the next of the palette that is still
    free."""
    taken = {NAMED[label] for label in labels if label in NAMED}
    free = cycle([c for c in OKABE_ITO if c not in taken] or OKABE_ITO)
    return {label: NAMED.get(label) or next(free) for label in labels}


def ink(colour: str | tuple[float, float, float]) -> str:
    """Black or white, whichever is easier to read on `colour`: "#RRGGBB", or red, green and blue from 0 to
    1."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] if isinstance(colour, str) else colour
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (light + 0.05) / 0.05 > 1.05 / (light + 0.05) else "#FFFFFF"
