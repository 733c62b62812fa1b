"""A file of rows to test on is read like the data; what is in both, missing or unknown is said."""

import pytest

from mtl.config import UserError
from mtl.data.matching import match_tasks
from mtl.data.splits import RowCounts, split
from mtl.data.table import read_table
from mtl.data.validation import read_validation

MOODS = ("good", "bad")


def write(tmp_path, name, rows, header="review,mood"):
    path = tmp_path / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path):
    """A table, matched, and a function that reads rows to test on for it."""
    path = write(tmp_path, "data.csv", [f"this is review number {i} of many,{MOODS[i % 2]}" for i in range(20)])
    table = read_table(path)
    matched = match_tasks(table, {})
    return matched.rows, lambda rows, **about: read_validation(
        write(tmp_path, "test.csv", rows, **about), table, matched, {}
    )


def said(validation, code):
    return [finding for finding in validation.findings if finding.code == code]


def test_its_rows_are_held_out_and_those_of_the_data_train(data):
    rows, read = data
    validation = read([f"another review {i},{MOODS[i % 2]}" for i in range(6)])
    train, held_out = split([*rows, *validation.rows], 0.5)
    assert (len(train), held_out) == (20, validation.rows)
    assert RowCounts.of([*rows, *validation.rows]).given == (20, 6)
    assert not validation.notes


def test_a_row_that_is_in_both_is_tested_on_and_not_trained_on(data):
    rows, read = data
    validation = read(["This is review number 3 of  many,bad", "another review,good"])
    train, held_out = split([*rows, *validation.rows], 0)
    assert (len(train), len(held_out)) == (19, 2)
    [known] = said(validation, "test-known")
    assert known.line == 2 and "line 5" in known.problem


def test_columns_have_the_same_role_whatever_their_cells_and_order(data):
    validation = data[1](["good,the first,x", "bad,the second,y"], header="mood,review,other")
    assert [(row.text, row.labels) for row in validation.rows] == [
        ("the first", {"mood": "good"}),
        ("the second", {"mood": "bad"}),
    ]


def test_labels_are_the_same_in_other_case_and_unknown_ones_are_left_out_and_said(data):
    validation = data[1](["one review,GOOD", "another one,odd", "a third one,bad"])
    assert [row.labels["mood"] for row in validation.rows] == ["good", "bad"]
    [unknown] = said(validation, "test-label")
    assert (unknown.level, unknown.line, unknown.column) == ("error", 3, "mood") and "odd" in unknown.problem
    assert validation.notes[0].startswith("test.csv: Line 3, column mood: ")


def test_a_column_that_is_missing_is_said(tmp_path):
    rows = [f"this is review number {i} of many,{MOODS[i % 2]},{i % 3}" for i in range(20)]
    table = read_table(write(tmp_path, "data.csv", rows, "review,mood,stars"))
    test = write(tmp_path, "test.csv", ["one review,good", "another one,bad"])
    validation = read_validation(test, table, match_tasks(table, {}), {})
    assert [finding.column for finding in said(validation, "test-column")] == ["stars"]


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("text,mood", "no text column 'review'"),
        ("review,feeling", "no column of labels that the data has"),
    ],
)
def test_what_cannot_be_scored_is_refused(data, header, problem):
    with pytest.raises(UserError, match=problem):
        data[1](["one review of many,good", "another one of some,bad"], header=header)


def test_labels_that_are_all_unknown_are_refused(data):
    with pytest.raises(UserError, match="no row that could be scored"):
        data[1](["one review of many,x", "another one of some,y"])


def test_a_column_that_says_it_already_is_not_overruled(tmp_path):
    rows = [f"this is review number {i} of many,{MOODS[i % 2]},{('train', 'test')[i % 4 == 0]}" for i in range(20)]
    path = write(tmp_path, "data.csv", rows, "review,mood,split")
    table = read_table(path)
    with pytest.raises(UserError, match="'split' already says"):
        read_validation(path, table, match_tasks(table, {}), {})


def test_several_labels_entities_and_numbers_are_read_the_same_way(tmp_path):
    header = "text;moods;names;stars"
    row = "{} went home {};{};[{}](PER) went home;{}".format
    lines = [row("Ada", i, ["joy, fear", "joy"][i % 2], "Ada", i / 2) for i in range(20)]
    table = read_table(write(tmp_path, "data.csv", lines, header), roles={"names": "ignored", "moods": "multilabel"})
    matched = match_tasks(table, {})
    test = write(tmp_path, "test.csv", [row("Bob", 1, "joy, odd", "Bob", 3), row("Eve", 2, "fear", "Eve", 99)], header)
    validation = read_validation(test, table, matched, {})
    assert [row.labels["moods"].labels for row in validation.rows] == [("joy",), ("fear",)]
    assert ["stars" in row.labels for row in validation.rows] in ([True, False], [True, True])
