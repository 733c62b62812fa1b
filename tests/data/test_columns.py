"""Columns are recognised by their names and cells, and a person's word overrules the guess."""

from __future__ import annotations

import pytest

from mtl.config import KINDS, UserError
from mtl.data.columns import guess_roles
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
        ("split", [1, 2, 3] * 4),
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
        (
            {"roles": {"label": "class"}},
            "cannot be 'class'. A column is ignored, text_b, negative, split, classification",
        ),
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
    assert (finding.level, finding.column) == ("note", "mood") and "--role mood=rival" in finding.hint
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
        ([f"(0{i}0) 555-01{i:02}" for i in range(12)], "phone numbers"),
        ([f"192.168.0.{i % 7}" for i in range(12)], "internet addresses"),
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
def test_several_labels_in_a_cell_are_not_one_long_label(tmp_path, cells):
    found = columns(tmp_path, "text;labels;mood", SENTENCES, cells, ["x", "y"] * 6)
    assert found["labels"] == ("task", "multilabel")
    assert read_table(tmp_path / "data.csv").tasks()["labels"].labels == ("a", "b", "c")


def test_whether_a_comma_parts_labels_is_asked_where_either_may_be(tmp_path):
    path = tmp_path / "data.csv"
    cells = ["Food, drink", "Food, wine", "Travel", "Home"] * 8
    path.write_text("text;label\n" + "".join(f"{SENTENCES[0]} {i};{cell}\n" for i, cell in enumerate(cells)))
    [question] = read_table(path).questions
    assert [reading.arguments for reading in question.readings] == [
        {"roles": {"label": "classification"}},
        {"roles": {"label": "multilabel"}},
    ]
    assert question.readings[1].sample == (("Food", "drink"), ("Food", "wine"))
    for kind, labels in (("classification", 4), ("multilabel", 5)):
        table = read_table(path, roles={"label": kind})
        assert len(table.tasks()["label"].labels) == labels and not table.questions


@pytest.mark.parametrize(
    "cells", [["sci/tech", "world", "sports"] * 4, ["New York, NY", "Austin, TX", "Dallas, TX"] * 4, ["R&D", "HR"] * 6]
)
def test_one_label_with_a_mark_in_it_stays_one(tmp_path, cells):
    columns(tmp_path, "text;label", SENTENCES, cells)
    assert set(read_table(tmp_path / "data.csv").tasks()["label"].labels) == set(cells)


def test_lists_of_one_label_are_that_label(tmp_path):
    columns(tmp_path, "text;label", SENTENCES, ['["good"]', "['bad']"] * 6)
    assert read_table(tmp_path / "data.csv").tasks()["label"].labels == ("bad", "good")


def test_whether_an_empty_list_is_a_row_without_labels_or_an_unlabelled_one_is_asked(tmp_path):
    columns(tmp_path, "text;label", SENTENCES, ['["good"]', "['bad']", "[]"] * 4)
    [question] = read_table(tmp_path / "data.csv").questions
    assert [reading.title for reading in question.readings] == ["One label.", "Several labels."]
    assert question.readings[1].sample == (("none of the labels",),)
    one = read_table(tmp_path / "data.csv", roles={"label": "classification"})
    assert one.tasks()["label"].labels == ("bad", "good") and "label" not in one.rows[2].labels
    several = read_table(tmp_path / "data.csv", roles={"label": "multilabel"})
    assert several.rows[2].labels["label"].labels == ()


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


@pytest.mark.parametrize(
    ("name", "cells", "what"),
    [
        ("x", [f"0{i % 7}115" for i in range(12)], "numbers of a fixed width, such as postal codes"),
        ("x", [f"+4930123{i % 7}56" for i in range(12)], "phone numbers"),
        ("phone", [f"5550123{i % 7}" for i in range(12)], "phone numbers"),
        ("postalCode", [30174 + i % 4 for i in range(12)], "postal codes"),
        ("zip", [f"SW{i % 4}A 1AA" for i in range(12)], "postal codes"),
        ("release_year", [1987 + i % 9 for i in range(12)], "years"),
        ("x", [1_424_777_752 + 86400 * (i % 7) for i in range(12)], "times"),
        ("geo.latitude", [45.5 + i % 7 for i in range(12)], "places on a map"),
    ],
)
def test_numbers_that_are_no_amounts_are_set_aside_and_named(tmp_path, name, cells, what):
    columns(tmp_path, f"text;{name};mood", SENTENCES, cells, ["a", "b"] * 6)
    table = read_table(tmp_path / "data.csv")
    assert {c.name: c.reason for c in table.columns}[name] == f"it holds {what}"
    assert list(table.tasks()) == ["mood"]
    assert name in read_table(tmp_path / "data.csv", roles={name: "classification"}).tasks()


def test_latitude_and_longitude_are_known_as_a_pair(tmp_path):
    north = [f"{45.4 + i / 7:.6f}" for i in range(12)]
    west = [f"{-122.3 + i / 9:.6f}" for i in range(12)]
    found = columns(tmp_path, "text;a;b", SENTENCES, north, west)
    assert found["a"] == found["b"] == ("ignored", None)
    assert columns(tmp_path, "text;a;b", SENTENCES, north, ["x", "y"] * 6)["a"] == ("task", "regression")


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("x", [f"0{i % 3}" for i in range(12)]),  # grades
        ("price", [1900 + 7 * i % 90 for i in range(12)]),
        ("a;b", [f"{i / 13:.4f};{-i / 17:.4f}" for i in range(12)]),  # scores
        ("latitude", [i % 5 for i in range(12)]),
        ("rating", [1500 + 30 * (i % 9) for i in range(12)]),
        ("x", [f"{i % 2} {i % 3} 1 0 1 0 1" for i in range(12)]),
    ],
)
def test_amounts_are_not_taken_for_anything_else(tmp_path, name, cells):
    aside = ("phone numbers", "postal codes", "years", "times", "places on a map", "numbers of a fixed width")
    columns(tmp_path, f"text;{name}", SENTENCES, cells)
    assert not any(what in c.reason for c in read_table(tmp_path / "data.csv").columns for what in aside)


def test_the_evidence_counts_every_row(tmp_path):
    path = tmp_path / "data.csv"
    rows = [f"sentence {i} is of many words,{'ab'[i % 2]}" for i in range(12)]
    path.write_text("\n".join(["text,label", *(row + ",," for row in rows[:9]), *rows[9:11], "one, two and more,b\n"]))
    text, label = read_table(path).columns
    assert text.reason.startswith("12 distinct texts") and label.reason == "it has 2 distinct values in 12 rows"


SERIALS = ["1951.69", "1937.148", "1911.204", "1880.2", "1999.30", "1937.9"] * 2


@pytest.mark.parametrize("amounts", [["4,7", "1,0", "3,2"] * 4, ["4.7", "1.0", "3.2"] * 4])
def test_inventory_numbers_are_set_aside_and_named(tmp_path, amounts):
    columns(tmp_path, "text;accession;severity", SENTENCES, SERIALS, amounts)
    table = read_table(tmp_path / "data.csv")
    assert {c.name: c.reason for c in table.columns}["accession"].startswith("it holds inventory numbers, a year")
    assert [row.labels for row in table.rows[:3]] == [{"severity": 4.7}, {"severity": 1.0}, {"severity": 3.2}]
    chosen = read_table(tmp_path / "data.csv", roles={"accession": "regression"})
    assert chosen.rows[1].labels["accession"] == 1937.148


@pytest.mark.parametrize(("usual", "other"), [(",", "."), (".", ",")])
def test_numbers_that_other_columns_write_otherwise_are_set_aside_and_named(tmp_path, usual, other):
    usually, otherwise = (["12,5", "3,25", "140,75"] * 4, ["8.11", "8.2", "9.104"] * 4)
    mark = str.maketrans(",.", usual + other)
    usually, otherwise = ([cell.translate(mark) for cell in cells] for cells in (usually, otherwise))
    columns(tmp_path, "text;hours;shelf;cost", SENTENCES, usually, otherwise, usually)
    table = read_table(tmp_path / "data.csv")
    assert [*table.tasks()] == ["hours", "cost"]
    assert "numbers with a" in {c.name: c.reason for c in table.columns}["shelf"]
    # Between one and one, the file leaves open which is the usual way, and a name may settle it.
    columns(tmp_path, "text;hours;shelf", SENTENCES, usually, otherwise)
    assert [*read_table(tmp_path / "data.csv").tasks()] == ["hours", "shelf"]
    columns(tmp_path, "text;hours;score;cost", SENTENCES, usually, otherwise, usually)
    assert [*read_table(tmp_path / "data.csv").tasks()] == ["hours", "score", "cost"]


def test_marks_in_brackets_do_not_separate_labels(tmp_path):
    zones = ["Eastern Time (US & Canada)", "Central Time (US & Canada)", "Atlantic Time (Canada)", "Quito"] * 3
    assert kind(tmp_path, "user_timezone", zones) == ("task", "classification")
    sizes = ["paper (bound, loose)", "metal [iron, tin]", "paper (bound, loose)", "wood"] * 3
    assert kind(tmp_path, "material", sizes) == ("task", "classification")
    assert kind(tmp_path, "topics", ["food (hot), art", "art", "food (hot)", "sport, art"] * 3) == (
        "task",
        "multilabel",
    )
    labels = read_table(tmp_path / "data.csv").tasks()["topics"].labels
    assert labels == ("art", "food (hot)", "sport")


def test_phrases_alone_are_asked_about_and_the_likeliest_column_is_named(tmp_path):
    path = tmp_path / "data.csv"
    phrases = ["cold soup", "burnt pizza", "slow waiter", "friendly staff", "long queue"]
    path.write_text("".join(f"{phrases[i % 5]},{('complaint', 'praise')[i % 2]}\n" for i in range(40)))
    table = read_table(path)
    [question] = table.questions
    assert [(r.title, r.option) for r in question.readings] == [("column 1", "--text 'column 1'")]
    [error] = table.errors
    assert "the likeliest is column 1" in error.problem and "--text 'column 1'" in error.hint
    assert "--" not in error.page
    told = read_table(path, **question.readings[0].arguments)
    assert (len(told.rows), told.rows[0].text, list(told.tasks())) == (40, "cold soup", ["column 2"])


def test_where_nothing_may_be_a_text_nothing_is_asked(tmp_path):
    (tmp_path / "data.csv").write_text("a,b\n" + "".join(f"{i % 3},{('x', 'y')[i % 2]}\n" for i in range(40)))
    table = read_table(tmp_path / "data.csv")
    assert (table.questions, [error.code for error in table.errors]) == ((), ["no-text-column"])


def many(name, cells, *others):
    """The columns by name, of a table with as many sentences as there are `cells`, whose column of moods is learned."""
    texts = [f"The day number {i} was nice to all of us." for i in range(len(cells))]
    moods = [("happy", "sad")[i % 2] for i in range(len(cells))]
    guess = guess_roles(["text", "mood", name], [texts, moods, list(map(str, cells))])
    return guess.roles[2]


COUNTS = [0] * 46 + [1] * 9 + [2, 2, 3, 5]
CITIES = [f"town {i}" for i in range(30)] + ["Paris"] * 18 + ["New York"] * 18


@pytest.mark.parametrize(
    ("name", "cells", "offered", "reason"),
    [
        ("x", COUNTS, "regression", "46 of 59 numbers are 0, and hardly one is 5, as where"),
        ("x", [0] * 30 + [1, 2, 3, 1, 4] * 5 + [87], "regression", "30 of 56 numbers are 0, and hardly one is 87"),
        ("x", [0.0] * 50 + [12.5, 3.25, 7.0], "regression", "50 of 53 numbers are 0, and hardly one is 12.5"),
        ("x", CITIES, "classification", "30 of its 32 values are seen only once or twice"),
        ("x", [0] * 98 + [1] * 2, "classification", "98 of its 100 values are the same"),
        ("x", ["en"] * 97 + ["de", "fr", "fr"], "classification", "97 of its 100 values are the same"),
        ("x", [f"#tag{i} #tag{i + 1}" for i in range(40)], "multilabel", "41 of its 41 values are seen only once"),
        ("user_timezone", ["Quito", "London", "Arizona"] * 20, "classification", "by its name it is about where"),
        ("likes", [3, 17, 250, 4, 12] * 6, "regression", "by its name it is about where"),
    ],
)
def test_what_a_text_hardly_tells_is_left_out_and_offered(name, cells, offered, reason):
    role = many(name, cells)
    assert (role.role, role.kind, role.offered) == ("ignored", None, offered)
    assert reason in role.reason


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("spam", [0] * 19 + [1], "classification"),
        ("spam", [0] * 95 + [1] * 5, "classification"),
        ("spam", ["no"] * 190 + ["yes"] * 10, "classification"),
        ("severity", [0] * 80 + [1] * 15 + [2] * 5, "classification"),  # few, but of each some
        ("x", [5] * 80 + [4] * 10 + [3] * 5 + [1], "classification"),  # grades, mostly the best
        ("x", [*range(1, 6)] * 4, "classification"),
        ("x", ["a", "b", "c", "d"] * 3, "classification"),
        ("x", ["up"] * 60 + ["down"] * 30 + ["dwon", "upp", "UP!"], "classification"),  # typing errors
        ("x", ["a|b", "a", "b|c", "c|a|d", "d"] * 12, "multilabel"),
        ("x", [12, 35, 70, 8, 90, 55, 15, 200] * 4, "regression"),
        ("x", [0, 3, 4, 0, 2, 8, 9] * 5, "classification"),
        ("score", COUNTS, "classification"),  # its name says that it holds labels
        ("topic", CITIES, "classification"),
        ("location", ['[{"start": 4, "end": 7, "label": "WHEN"}]'] * 30, "tagging"),
    ],
)
def test_rare_labels_are_no_reason_to_leave_a_column_out(name, cells, kind):
    role = many(name, cells)
    assert (role.role, role.kind, role.offered) == ("task", kind, "")


def test_what_is_left_out_is_said_with_the_option_that_has_it_learned(tmp_path):
    path = tmp_path / "data.csv"
    rows = [f"This is sentence number {i} of many,{'ab'[i % 2]},{count}" for i, count in enumerate(COUNTS)]
    path.write_text("\n".join(["text,mood,shares of it", *rows]))
    table = read_table(path)
    [finding] = [f for f in table.findings if f.code == "set-aside"]
    assert (finding.level, finding.column) == ("note", "shares of it")
    assert "--role 'shares of it=regression'" in finding.hint and "--" not in finding.page
    assert [*table.tasks()] == ["mood"]
    told = read_table(path, roles={"shares of it": "regression"})
    assert [*told.tasks()] == ["mood", "shares of it"] and "set-aside" not in {f.code for f in told.findings}
    # A column that nothing else is learned from is what its owner came for.
    path.write_text("\n".join(["text,shares of it", *(row.replace(",a", "").replace(",b", "") for row in rows)]))
    assert [*read_table(path).tasks()] == ["shares of it"]


def test_what_says_how_sure_somebody_was_and_what_hardly_a_row_has_is_set_aside():
    names = ["mood", "mood_confidence", "mood:gold", "text"]
    rows = [
        ("happy" if i % 3 else "sad", f"0.{i % 89 + 10}", "sad" if i < 4 else "", f"The day number {i} was nice to us.")
        for i in range(200)
    ]
    found = guess_roles(names, list(zip(*rows, strict=True)))
    assert [role.role for role in found.roles] == ["task", "ignored", "ignored", "text"]
    assert "how sure somebody was of mood" in found.roles[1].reason and "4 rows alone" in found.roles[2].reason


def test_long_answers_that_come_again_and_again_are_offered_as_labels(tmp_path):
    said = ("I strongly agree with this", "I do not agree with this", "I have no opinion on this")
    rows = [f"the hall of day {i} was too small for us,{said[i % 3]},{'ab'[i % 2]}" for i in range(60)]
    (tmp_path / "survey.csv").write_text("\n".join(["remark,statement,group", *rows]))
    columns = {column.name: column for column in read_table(tmp_path / "survey.csv").columns}
    assert columns["remark"].role == "text"
    assert columns["statement"].role == "ignored" and columns["statement"].offered == "classification"
    assert columns["statement"].reason == "its texts come again and again, as labels do"
