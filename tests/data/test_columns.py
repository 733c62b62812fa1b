"""Columns are recognised by their names and cells, and a person's word overrules the guess."""

from __future__ import annotations

import pytest

from mtl.config import KINDS, UserError
from mtl.data.table import read_table
from mtl.kinds.classification import Classification

SENTENCES = [f"This is sentence number {i} of many" for i in range(12)]


def columns(tmp_path, header, *cells, **options):
    """Name to (role, kind) of a table with these columns of 12 cells."""
    rows = [header, *(";".join(map(str, row)) for row in zip(*cells, strict=True))]
    path = tmp_path / "data.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return {c.name: (c.role, c.kind) for c in read_table(path, **options).columns}


def kind(tmp_path, header, cells, **options):
    return columns(tmp_path, f"text;{header}", SENTENCES, cells, **options)[header]


@pytest.mark.parametrize("name", ["text", "Sentence", " review ", "content", "tweet", "comment_text", "reviewBody"])
def test_the_text_has_a_name(tmp_path, name):
    found = columns(tmp_path, f"remark;{name}", [s + " and much more" for s in SENTENCES], SENTENCES)
    assert found[name.strip()] == ("text", None)
    assert found["remark"] == ("ignored", None)


def test_the_text_is_the_longest(tmp_path):
    found = columns(tmp_path, "a;b;c", SENTENCES, [s + " and more" for s in SENTENCES], ["x", "y"] * 6)
    assert found == {"a": ("ignored", None), "b": ("text", None), "c": ("task", "classification")}


def test_a_name_does_not_make_numbers_a_text(tmp_path):
    found = columns(tmp_path, "text;remark", [i / 8 for i in range(12)], SENTENCES)
    assert found == {"text": ("task", "regression"), "remark": ("text", None)}


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        ("mood", ["good", "bad", "so so"] * 4, "classification"),
        ("flag", [0, 1] * 6, "classification"),
        ("stars", [1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 1, 1], "classification"),
        ("grade", ["1.0", "2.0"] * 6, "classification"),
        ("intensity", [-0.5, 1, 0.25, -1, 0.3, 0.1, 0, 0, 0, 1, -0.2, 0.9], "regression"),
        ("strength", ["0,5", "1,25", "-3,0"] * 4, "regression"),
        ("price", [10, 200, 35, 70, 8, 90, 55, 15, 200, 35, 70, 8], "regression"),
        ("spans", ['[{"start":0,"end":4,"label":"X"}]', "[]"] * 6, "tagging"),
        ("tags", ["O O O O O O O", "B-X I-X O O O O O"] * 6, "tagging"),
        ("marked", [f"[This](X) is sentence number {i} of many" for i in range(12)], "tagging"),
    ],
)
def test_kinds_of_tasks(tmp_path, name, cells, expected):
    assert kind(tmp_path, name, cells) == ("task", expected)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("id", range(12)),
        ("tweet_id", [90071 + 13 * i for i in range(12)]),
        ("number", range(100, 112)),
        ("split", ["train", "test"] * 6),
        ("Unnamed: 0", range(12)),
        ("", range(12)),
        ("source", ["web"] * 12),
        ("weight", [1] * 12),
        ("name", [f"person{i}" for i in range(12)]),
        ("notes", [""] * 12),
        ("more", [s[::-1] for s in SENTENCES]),
    ],
)
def test_what_says_nothing_is_ignored(tmp_path, name, cells):
    found = columns(tmp_path, f"text;{name};label", SENTENCES, cells, ["a", "b"] * 6)
    assert found[name or "unnamed 2"] == ("ignored", None)
    assert found["label"] == ("task", "classification")


FAULTS = ["abc", "0x10", "5%", "half", "1/2", "--3", "ten"]


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        ("score", ["0.5", "0.25", "0.75", "0.1", "1.5", *FAULTS[:5], "0.1", "0.25"], ("task", "regression")),
        ("score", [*range(15, 97, 15), "21", *FAULTS[:5]], ("task", "regression")),
        ("stars", ["1", "2", "n/a", "3", "none", "4", "5", "many", "few", "1", "2", "x"], ("task", "classification")),
        ("label", ["1", "2", "3", "4", "5", "6", "good", "bad", "so so", "fair", "a", "b"], ("task", "classification")),
        ("label", [200, 301, 302, 404, 500, 200, "lost", "slow", "lost", 404, 500, "slow"], ("task", "classification")),
        ("label", ["1.5", "2.5", "good", "bad", "so so", "fair"] * 2, ("task", "classification")),
        ("part", [*range(15, 97, 15), "21", *FAULTS[:5]], ("ignored", None)),
    ],
)
def test_amounts_are_numbers_though_many_are_faulty_and_labels_are_not(tmp_path, name, cells, expected):
    found = columns(tmp_path, f"text;{name};label 2", SENTENCES, cells, ["a", "b"] * 6)
    assert found[name] == expected


def test_a_column_without_a_name_is_said_to_have_none(tmp_path):
    columns(tmp_path, ";text;Unnamed: 0;label", [i / 8 for i in range(12)], SENTENCES, range(12), ["a", "b"] * 6)
    reasons = {c.name: c.reason for c in read_table(tmp_path / "data.csv").columns if c.role == "ignored"}
    assert reasons == dict.fromkeys(("unnamed 1", "Unnamed: 0"), "the first line gives it no name of its own")


def test_json_that_is_not_about_spans_is_no_tagging(tmp_path):
    assert kind(tmp_path, "genres", ['[{"id":18,"name":"Drama"}]', '[{"id":35,"name":"Comedy"'] * 6)[1] != "tagging"
    assert kind(tmp_path, "answers", ['[{"label":"pos","score":0.9}]', "[]"] * 6)[1] != "tagging"


def test_every_column_has_a_reason(tmp_path):
    columns(tmp_path, "id;text;label", range(12), SENTENCES, ["a", "b"] * 6)
    reasons = {c.name: c.reason for c in read_table(tmp_path / "data.csv").columns}
    assert reasons == {
        "id": "by its name it says nothing about the text",
        "text": "12 distinct texts, 7 words on average",
        "label": "it has 2 distinct values in 12 rows",
    }


def test_the_guess_can_be_overruled(tmp_path):
    stars = [1, 2, 3] * 4
    assert kind(tmp_path, "stars", stars, roles={"stars": "regression"}) == ("task", "regression")
    assert kind(tmp_path, "stars", stars, roles={"stars": "ignored"}) == ("ignored", None)
    found = columns(tmp_path, "text;other", SENTENCES, [s[::-1] for s in SENTENCES], text="other")
    assert found == {"text": ("ignored", None), "other": ("text", None)}
    found = columns(tmp_path, "text;other", SENTENCES, [s[::-1] for s in SENTENCES], roles={"text": "ignored"})
    assert found["other"] == ("text", None)


def test_unknown_columns_and_roles_are_refused(tmp_path):
    for options, said in (
        ({"text": "body"}, "no column 'body'. The columns are: 'text', 'label'"),
        ({"roles": {"lable": "ignored"}}, "no column 'lable'"),
        ({"roles": {"label": "class"}}, "cannot be 'class'. A column is ignored, text_b, negative, classification"),
    ):
        with pytest.raises(UserError, match=said):
            kind(tmp_path, "label", ["a", "b"] * 6, **options)


@pytest.mark.parametrize(
    ("cells", "spans"),
    [
        (["[]"] * 11 + ['[{"start":0,"end":4,"label":"X"}]'], 1),
        ([f"This is sentence number {i} of many" for i in range(11)] + ["[This](X) is sentence number 11 of many"], 1),
        (["O O O O O O O"] * 12, 0),
    ],
)
def test_tagging_by_a_persons_word_finds_how_entities_are_written(tmp_path, cells, spans):
    kind(tmp_path, "x", cells, roles={"x": "tagging"})
    table = read_table(tmp_path / "data.csv", roles={"x": "tagging"})
    assert sum(len(row.labels["x"]) for row in table.rows) == spans
    assert table.errors == ()


def test_no_more_tasks_are_guessed_than_anybody_would_want(tmp_path):
    header = "text;" + ";".join(f"label {i}" for i in range(30))
    found = columns(tmp_path, header, SENTENCES, *[["x", "y"] * 6] * 30)
    assert [name for name, (role, _) in found.items() if role == "task"] == [f"label {i}" for i in range(20)]
    found = columns(tmp_path, header, SENTENCES, *[["x", "y"] * 6] * 30, roles={"label 29": "classification"})
    assert found["label 29"] == ("task", "classification")


def test_where_two_kinds_claim_a_column_alike_the_option_that_decides_is_told(tmp_path, monkeypatch):
    class Rival(Classification):
        name = "rival"

    assert kind(tmp_path, "mood", ["good", "bad"] * 6) == ("task", "classification")
    monkeypatch.setitem(KINDS, "rival", Rival())
    assert kind(tmp_path, "mood", ["good", "bad"] * 6) == ("task", "classification")
    [finding] = [f for f in read_table(tmp_path / "data.csv").findings if f.code == "close-call"]
    assert (finding.level, finding.column) == ("note", "mood") and "--role 'mood=rival'" in finding.hint
    assert kind(tmp_path, "mood", ["good", "bad"] * 6, roles={"mood": "rival"}) == ("task", "rival")
    assert not [f for f in read_table(tmp_path / "data.csv", roles={"mood": "rival"}).findings if f.code]


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (["2015-02-24 11:35:52 -0800", "2016-03-01 08:00:00 -0800"] * 6, "dates and times"),
        ([f"{i + 1:02}/05/2024" for i in range(12)], "dates and times"),
        ([f"Tue Feb {i + 10} 11:35:52 +0000 2015" for i in range(12)], "dates and times"),
        ([f"https://example.org/{i}" for i in range(12)], "web addresses"),
        ([f"a{i % 3}@example.org" for i in range(12)], "e-mail addresses"),
        ([f"scan {i}.pdf" for i in range(12)], "file names"),
        (["[40.7, -74.0]", "[0.0, 0.0]"] * 6, "lists of numbers"),
        (['{"a": 1}', '{"a": 2}'] * 6, "structured data"),
        ([f"AB-{i:04}" for i in range(12)], "names of the rows"),
    ],
)
@pytest.mark.parametrize("name", ["x", "label", "text 2"])
def test_what_is_about_the_row_is_set_aside_and_named_whatever_it_is_called(tmp_path, cells, what, name):
    columns(tmp_path, f"text;{name};mood", SENTENCES, cells, ["a", "b"] * 6)
    table = read_table(tmp_path / "data.csv")
    assert {c.name: c.reason for c in table.columns}[name] == f"it holds {what}"
    assert list(table.tasks()) == ["mood"] and table.errors == ()


def test_the_values_decide_which_column_is_the_text_and_the_name_breaks_ties(tmp_path):
    long = [f"{s}, and it goes on for a good many more words than that" for s in SENTENCES]
    found = columns(tmp_path, "title;notes;label", SENTENCES, long, ["a", "b"] * 6)
    assert found["notes"] == ("text", None) and found["title"] == ("ignored", None)
    table = read_table(tmp_path / "data.csv")
    assert not table.questions
    assert "title is left out" in next(c.reason for c in table.columns if c.name == "notes")
    found = columns(tmp_path, "other;review;label", SENTENCES, [s[::-1] for s in SENTENCES], ["a", "b"] * 6)
    assert found["review"] == ("text", None)


def test_where_two_columns_may_be_the_text_the_owner_is_asked(tmp_path):
    columns(tmp_path, "left words;right words;label", SENTENCES, [s[::-1] for s in SENTENCES], ["a", "b"] * 6)
    table = read_table(tmp_path / "data.csv")
    [question] = table.questions
    assert [reading.arguments for reading in question.readings] == [{"text": "left words"}, {"text": "right words"}]
    assert question.readings[1].sample == tuple((s[::-1],) for s in SENTENCES[:3])
    [finding] = [f for f in table.findings if f.code == "which-text"]
    assert "--text 'right words'" in finding.hint
    assert not read_table(tmp_path / "data.csv", text="right words").questions


def test_labels_of_two_texts_are_about_both_unless_one_is_named(tmp_path):
    columns(tmp_path, "sentence1;sentence2;score", SENTENCES, [s[::-1] for s in SENTENCES], [0.5, 2.5, 4] * 4)
    table = read_table(tmp_path / "data.csv")
    assert table.tasks()["score"].kind == "similarity" and table.rows[0].texts == (SENTENCES[0], SENTENCES[0][::-1])
    assert read_table(tmp_path / "data.csv", text="sentence1").tasks()["score"].kind == "regression"


@pytest.mark.parametrize(
    "cells", [["a|b", "a", "b", "b|c"] * 3, ["a#b", "c", "b#c", "a"] * 3, ['["a", "b"]', '["c"]', "[]", "['a']"] * 3]
)
def test_several_labels_in_a_cell_are_said_and_are_not_one_long_label(tmp_path, cells):
    found = columns(tmp_path, "text;labels;mood", SENTENCES, cells, ["x", "y"] * 6)
    assert found["labels"] == ("ignored", None)
    assert [f.column for f in read_table(tmp_path / "data.csv").findings if f.code == "several-labels"] == ["labels"]


@pytest.mark.parametrize(
    "cells", [["sci/tech", "world", "sports"] * 4, ["New York, NY", "Austin, TX", "Dallas, TX"] * 4, ["R&D", "HR"] * 6]
)
def test_one_label_with_a_mark_in_it_stays_one(tmp_path, cells):
    columns(tmp_path, "text;label", SENTENCES, cells)
    assert set(read_table(tmp_path / "data.csv").tasks()["label"].labels) == set(cells)


def test_lists_of_one_label_are_that_label(tmp_path):
    columns(tmp_path, "text;label", SENTENCES, ['["good"]', "['bad']"] * 6)
    assert read_table(tmp_path / "data.csv").tasks()["label"].labels == ("bad", "good")


def test_null_may_be_a_label_and_is_said(tmp_path):
    columns(tmp_path, "text;label", SENTENCES, ["yes", "no", "NULL"] * 4)
    table = read_table(tmp_path / "data.csv")
    assert table.tasks()["label"].labels == ("no", "NULL", "yes")
    assert [f.code for f in table.findings] == ["label-null"]
    columns(tmp_path, "text;score", SENTENCES, [0.5, 1.25, "NULL"] * 4)
    assert sum("score" in row.labels for row in read_table(tmp_path / "data.csv").rows) == 8


def test_what_cannot_be_seen_does_not_tell_labels_or_names_apart(tmp_path):
    marked = ["good\u200b", "good", "\ufeffgood", "bad\u00a0"] * 3
    columns(tmp_path, "\u200btext;label", SENTENCES, marked)
    table = read_table(tmp_path / "data.csv")
    assert table.text_column == "text" and table.tasks()["label"].labels == ("bad", "good")
    assert {f.code for f in table.findings} == {"label-invisible"}


def test_rows_keep_the_ids_of_their_file(tmp_path):
    columns(tmp_path, "tweet_id;text;label", [f"t{i}" for i in range(12)], SENTENCES, ["a", "b"] * 6)
    table = read_table(tmp_path / "data.csv")
    assert table.id_column == "tweet_id" and [row.id for row in table.rows[:2]] == ["t0", "t1"]
