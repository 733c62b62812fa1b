"""A model card is safe to show, whatever a stranger's column headers hold."""

from hypothesis import given
from hypothesis import strategies as st

from mtl.training.card import _cell


@given(st.text(max_size=40))
def test_a_card_shows_names_as_text_whatever_they_hold(name):
    cell = _cell(name)
    assert "\n" not in cell
    for mark in "|[]<>`":
        assert cell.count(mark) == cell.count("\\" + mark)
