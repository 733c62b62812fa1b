"""Texts are cleaned to one line that can be shown and written; where spans count characters, at the same length."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mtl.text.cleaning import clean, clean_in_place


@given(st.text(st.characters()))
def test_cleaning_in_place_keeps_every_other_character_where_it_is(value):
    cleaned = clean_in_place(value)
    assert len(cleaned) == len(value)
    assert all(one == other or other in " \ufffd" for one, other in zip(value, cleaned, strict=True))
    assert clean(cleaned) == cleaned.strip()
