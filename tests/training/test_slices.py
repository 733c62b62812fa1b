"""Slices of held-out answers: each row is where it belongs; each slice says how right it is and how sure that is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.training import slices
from mtl.training.held_out import Answer, Judged
from mtl.training.slices import cut, ways, whole

KINDS = {"mood": "classification", "names": "tagging", "tags": "multilabel", "stars": "regression"}


def answer(line, task, truth, error=0.0, before=None, text="Fine.", facets=None):
    was = None if before is None else Judged(truth, before)
    return Answer("validation", line, (text,), task, truth, Judged(truth, error), was, facets or {})


def named(found):
    return {each.name: [a.line for a in each.answers] for each in found}


def test_by_label_a_row_with_several_is_in_several_slices_and_one_with_none_says_so():
    rows = [answer(1, "tags", ["a", "b"]), answer(2, "tags", ["a"]), answer(3, "tags", [])]
    assert named(cut(rows, KINDS, "tags", slices.LABEL)) == {"a": [1, 2], "b": [1], "none": [3]}
    person = {"start": 0, "end": 2, "label": "PER"}
    rows = [answer(1, "names", [person, {**person, "start": 3, "end": 4}]), answer(2, "names", [])]
    assert named(cut(rows, KINDS, "names", slices.LABEL)) == {"PER": [1], "none": [2]}


def test_by_another_task_of_the_same_rows_or_a_column_that_is_not_learned_from():
    rows = [answer(i, "mood", "good", facets={"source": "web"} if i % 2 else {}) for i in range(4)]
    rows += [answer(i, "stars", float(i)) for i in range(3)]
    assert ways(rows, KINDS, "mood") == {
        "length": "length of the text",
        "label": "label",
        "word": "a word in the text",
        "task stars": "stars",
        "column source": "source",
    }
    assert named(cut(rows, KINDS, "mood", "task stars")) == {"0": [0], "1": [1], "2": [2]}
    assert named(cut(rows, KINDS, "mood", "column source")) == {"web": [1, 3]}
    assert cut(rows, KINDS, "mood", "task nobody") == cut(rows, KINDS, "mood", "column nobody") == []


def test_by_a_word_whatever_its_case():
    rows = [answer(1, "mood", "good", text="A REFUND, please."), answer(2, "mood", "bad", text="Thanks.")]
    assert named(cut(rows, KINDS, "mood", slices.WORD, "refund")) == {"with “refund”": [1], "without “refund”": [2]}
    assert cut(rows, KINDS, "mood", slices.WORD) == []


@given(st.lists(st.integers(0, 50), min_size=1, max_size=80))
def test_ranges_part_all_rows_and_never_two_equal_ones(lengths):
    rows = [answer(i, "mood", "good", text="x" * length) for i, length in enumerate(lengths)]
    found = cut(rows, KINDS, "mood", slices.LENGTH)
    assert sorted(a.line for each in found for a in each.answers) == list(range(len(rows)))
    parts = [{len(a.texts[0]) for a in each.answers} for each in found]
    assert all(max(one) < min(other) for one, other in zip(parts, parts[1:], strict=False)) and len(found) <= 4
    assert found[0].name.split()[0] == str(min(lengths))


def test_a_slice_says_how_right_it_is_before_and_after_and_how_sure_that_is():
    rows = [answer(i, "mood", "good", error=float(i > 5), before=float(i > 2)) for i in range(8)]
    [found] = cut(rows, KINDS, "mood", slices.LABEL)
    assert (found.after.value, found.before.value) == (0.75, 0.375) and found.after.is_vague
    assert found.after.low < 0.75 < found.after.high
    numbers = [answer(i, "stars", 3.0, error=0.5 * (i % 2)) for i in range(20)]
    [found] = cut(numbers, KINDS, "stars", slices.LABEL)
    assert found.after.value == 0.25 and found.before is None and found.after.low < 0.25 < found.after.high
    assert whole(numbers, KINDS, "stars").after == found.after


def test_a_slice_without_an_answer_before_for_each_row_has_no_figure_before():
    rows = [answer(1, "mood", "good", before=1.0), answer(2, "mood", "good")]
    assert cut(rows, KINDS, "mood", slices.LABEL)[0].before is None


def test_of_two_hundred_labels_the_commonest_are_slices():
    rows = [answer(i, "mood", f"label {i % 200 if i > 99 else 7}") for i in range(500)]
    found = cut(rows, KINDS, "mood", slices.LABEL)
    assert len(found) == slices.MOST_SLICES and found[0].name == "label 7"


@pytest.mark.parametrize("way", [slices.LENGTH, slices.LABEL, slices.WORD, "task stars", "column source"])
def test_no_rows_are_no_slices(way):
    assert cut([], KINDS, "mood", way, "word") == []
    assert len(cut([answer(1, "mood", "good")], KINDS, "mood", slices.LENGTH)) == 1
