"""A table that says which rows train is taken at its word; where it may say so, its owner is asked."""

import pytest

from mtl.config import UserError
from mtl.data.rows import Row
from mtl.data.splits import RowCounts, is_held_out, scorable, split
from mtl.data.table import read_table


def table(tmp_path, sides, name="split", labels=("good", "bad"), **options):
    """A table of texts, moods and, in the column called `name`, these words."""
    rows = [f"This is sentence number {i} of many,{labels[i % len(labels)]},{side}" for i, side in enumerate(sides)]
    path = tmp_path / "data.csv"
    path.write_text("\n".join([f"text,mood,{name}", *rows]) + "\n", encoding="utf-8")
    return read_table(path, **options)


def found(read, code):
    return [finding for finding in read.findings if finding.code == code]


def roles(read):
    return {column.name: column.kind or column.role for column in read.columns}


@pytest.mark.parametrize("word", ["validation", "Valid", "VAL", "dev", "Test", "eval", "held-out", "Held out"])
def test_words_for_rows_that_are_held_out(word):
    assert is_held_out(word) is True


@pytest.mark.parametrize(("word", "side"), [("Train", False), ("TRAINING", False), ("unsupervised", None), ("1", None)])
def test_words_for_rows_that_train_and_other_words(word, side):
    assert is_held_out(word) is side


@pytest.mark.parametrize("name", ["split", "Set", "data_split", "partition", "Usage"])
def test_a_column_of_such_words_says_which_rows_train(tmp_path, name):
    read = table(tmp_path, ["train"] * 8 + ["val"] * 2 + ["test"] * 2, name)
    assert roles(read) == {"text": "text", "mood": "classification", name: "split"}
    train, held_out = split(read.rows, 0.5)
    assert ([row.line for row in train], len(held_out)) == ([*range(2, 10)], 4)
    assert RowCounts.of(read.rows).held_out(0.5) == 4 and scorable(read.rows) == held_out
    [said] = found(read, "split")
    assert "trained on: train (8); " in said.problem and "held out: val (2) and test (2)" in said.problem
    assert not read.questions


def test_rows_keep_their_word_so_that_test_and_validation_are_seen_apart(tmp_path):
    read = table(tmp_path, ["train", "val", "test"] * 4)
    assert [row.facets["split"] for row in read.rows[:3]] == ["train", "val", "test"]


def test_words_that_are_not_understood_leave_their_row_out(tmp_path):
    read = table(tmp_path, ["train", "test"] * 10 + ["later", ""])
    [unknown], [blank] = found(read, "split-unknown"), found(read, "split-blank")
    assert (unknown.level, unknown.line, unknown.problem.split()[0]) == ("error", 22, '"later"')
    assert blank.line == 23 and read.rows[-1].held_out is False
    assert len(read.rows) == 21


@pytest.mark.parametrize(
    ("name", "sides", "now"),
    [("topic", ["train", "test"] * 6, "classification"), ("split", ["train", "test", "unsup"] * 4, "ignored")],
)
def test_thin_evidence_is_asked_about_and_does_not_win(tmp_path, name, sides, now):
    read = table(tmp_path, sides, name)
    assert roles(read)[name] == now and all(row.held_out is None for row in read.rows)
    [question] = read.questions
    assert [reading.arguments["roles"][name] for reading in question.readings] == [now, "split"]
    assert "--role" in found(read, "may-be-split")[0].hint
    answered = table(tmp_path, sides, name, **question.readings[1].arguments)
    assert not answered.questions and any(row.held_out for row in answered.rows)


def test_topics_that_contain_such_a_word_are_topics(tmp_path):
    read = table(tmp_path, ["test", "train", "music", "sport"] * 4, "topic")
    assert roles(read)["topic"] == "classification" and not read.questions


@pytest.mark.parametrize("sides", [["train"] * 12, ["test"] * 12])
def test_a_column_with_one_side_is_no_split_and_refused_if_it_is_called_one(tmp_path, sides):
    assert roles(table(tmp_path, sides))["split"] == "ignored"
    read = table(tmp_path, sides, roles={"split": "split"})
    with pytest.raises(UserError, match="give the column that says so another use"):
        split(read.rows, 0.15)
    assert RowCounts.of(read.rows).refusal


def test_a_text_on_both_sides_is_not_trained_on():
    rows = [Row("a", {}, 1, held_out=False), Row("A ", {}, 2, held_out=True), Row("b", {}, 3, held_out=False)]
    train, held_out = split(rows, 0.5)
    assert ([row.line for row in train], [row.line for row in held_out]) == ([3], [2])
    assert RowCounts.of(rows).given == (1, 1)
    with pytest.raises(UserError, match="No row is left to train on"):
        split(rows[:2], 0.5)


def test_a_text_on_both_sides_is_said(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(
        "text,mood,split\nWhat a day it was,good,train\nwhat a day it was,bad,test\n"
        "It rained all day long,bad,train\nThe sun came out late,good,train\n"
    )
    [said] = found(read_table(path), "split-both")
    assert said.line == 2 and "line 3" in said.problem


def test_a_label_that_no_training_row_has_is_said(tmp_path):
    read = table(tmp_path, ["train", "train", "test"] * 4, labels=("good", "bad", "odd"))
    [said] = found(read, "split-label")
    assert said.column == "mood" and "odd" in said.problem and "4 rows" in said.problem


def test_only_one_column_can_say_it(tmp_path):
    with pytest.raises(UserError, match="Only one column"):
        table(tmp_path, ["train", "test"] * 4, roles={"split": "split", "mood": "split"})
