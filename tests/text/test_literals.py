"""Values in cells are read as JSON, Python and numpy write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.text.literals import are_lists, list_items, literal


@given(st.lists(st.text(st.sampled_from("ab'\"\\ ,[]\n\xa0é\u200b"), min_size=1, max_size=5), min_size=1))
def test_lists_of_words_are_read_as_python_and_numpy_write_them(words):
    assert literal(repr(words)) == words
    assert literal("[" + "\n ".join(map(repr, words)) + "]") == words


@pytest.mark.parametrize("cell", ["", "a word", "[1, 2", "{1, 2}", "[" * 100_000])
def test_any_other_text_is_no_literal(cell):
    with pytest.raises(ValueError):
        literal(cell)
    assert list_items(cell) == []


def test_lists_hold_words_or_whole_numbers_and_nothing_else():
    assert list_items("['a', 'b c']") == ["a", "b c"]
    assert list_items("[1, 2]") == ["1", "2"]
    assert [list_items(cell) for cell in ("[True]", "[1.5]", "[[1]]", '{"a": 1}')] == [[]] * 4
    assert are_lists(["['a']", "", "['b', 'c']"])
    assert not are_lists(["['a']", "some words"])
    assert not are_lists(["", " "])
