"""The colours of labels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.ui.widgets.colours import NAMED, OKABE_ITO, colours, ink, shorten


def contrast(one: str, other: str) -> float:
    def light(colour):
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


# --- small parts ---


@given(st.text(), st.integers(2, 40))
def test_shortened_text_fits_and_says_that_it_was_cut(text, width):
    short = shorten(text, width)
    assert len(short) <= width
    assert short == text if len(text) <= width else short.endswith("…")


@pytest.mark.parametrize("colour", [*NAMED.values(), *OKABE_ITO])
def test_ink_can_be_read_on_every_colour(colour):
    assert contrast(colour, ink(colour)) >= 4.5


def test_known_labels_keep_their_colours_and_others_get_their_own():
    assert colours(["negative", "neutral", "positive"]) == {
        "negative": "#D55E00",
        "neutral": "#7F7F7F",
        "positive": "#009E73",
    }
    mixed = colours(["PER", "drug", "gene", "LOC"])
    assert mixed["PER"] == "#0072B2" and mixed["LOC"] == "#009E73"
    assert len(set(mixed.values())) == 4
    assert len(colours([f"label {i}" for i in range(30)])) == 30
