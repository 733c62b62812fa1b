"""Several labels in a cell are told from one label with a mark in its name, from numbers, and from sentences."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.data.facts import Facts
from mtl.data.several import LISTS, label_list, most_likely

NAMES = st.sampled_from(["joy", "fear", "deep sorrow", "awe", "Wut", "3"])


def several(*cells):
    return Facts(None, cells).several


@given(st.lists(st.lists(NAMES, unique=True, max_size=3), min_size=1, max_size=9), st.sampled_from(["|", ";", ","]))
def test_labels_that_stand_alone_and_together_are_found(sets, mark):
    cells = [f"{mark} ".join(labels) for labels in sets if labels]
    both = [f"{a}{mark}{b}" for a, b in itertools.pairwise(["joy", "fear", "awe", "joy"])]
    found = several(*cells, *both, *["joy", "fear", "awe", "deep sorrow", "Wut", "3"] * 8)
    assert found.mark == mark and found.sure and {"joy", "fear", "awe"} <= set(found.labels)
    for labels, cell in zip(filter(None, sets), cells, strict=True):
        assert found.read(cell) == labels


@pytest.mark.parametrize(
    "cells",
    [
        ["sci/tech", "world", "sports"] * 8,
        ["Austin, TX", "Dallas, TX", "Miami, FL"] * 8,
        ["R&D", "HR"] * 9,
        ["We came, we saw, and we left.", "It rained.", "Yes, it did, all day long."] * 8,
        ["4,5", "3", "3,5", "5", "4"] * 6,
        ["1,234", "2,345,678", "345"] * 8,
        ["[0.1, 0.2]", "[0.3, 0.4]"] * 8,
        ["[1, 1, 0]", "[0, 1, 1]"] * 8,
    ],
)
def test_one_thing_with_a_mark_in_it_is_one_thing(cells):
    assert several(*cells) is None


def test_numbers_of_labels_are_told_from_decimals_by_a_cell_with_three():
    found = several(*["27", "3,17", "2", "3", "17", "6,9,27"] * 6)
    assert found.mark == "," and found.read("6,9,27") == ["6", "9", "27"]
    assert several(*["27", "3;17", "2", "3", "17"] * 6).mark == ";"


def test_lists_in_any_notation_hold_labels_or_their_numbers():
    assert several(*["['a', 'b']", '["a"]', "[]"] * 6).mark == LISTS
    assert several(*["[3, 17]", "[2]", "[3]"] * 6).labels == ("3", "17", "2")
    assert several(*["['a']", '["b"]'] * 6) is None  # one label each
    words = [f"['the', 'word{i}', 'and', 'other{i}', 'words']" for i in range(12)]
    assert several(*words, "['the']") is None
    assert label_list("[1, true]") is None and label_list("[-1]") is None


def test_whether_an_empty_list_beside_single_labels_means_none_is_a_close_call():
    found = several(*["['a']", "[]", "['b']"] * 8)
    assert found.mark == LISTS and not found.sure and not found.likely
    assert several(*["['a']", "[]"] * 8).likely  # with one label alone there would be nothing to tell apart


def test_commas_within_long_labels_are_a_close_call():
    found = several(*["Food, drink", "Food, wine", "Travel", "Home"] * 8)
    assert not found.sure and not found.likely
    assert several(*["joy"] * 30, *["fear"] * 30, *["love"] * 30, "joy, fear", "fear, love").likely


def test_however_they_are_written_an_empty_list_has_none():
    found = several(*["joy;fear", "fear", "joy", "[]"] * 4)
    assert found.read("[]") == [] and set(found.labels) == {"joy", "fear"}


def test_cells_that_are_said_to_hold_several_are_divided_at_the_likeliest_mark():
    assert most_likely(["a,b", "c"]).read("a,b") == ["a", "b"]
    assert most_likely(["['a']"]).mark == LISTS
    assert most_likely(["one label"]).read("one label") == ["one label"]
