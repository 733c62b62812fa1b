"""A column of 0 and 1 for each label is one column of labels; what stands alone stays alone."""

import pytest

from mtl.config import UserError
from mtl.data.table import read_table
from mtl.kinds.multilabel import LabelSet

TEXTS = [f"this is the comment number {i} of twelve" for i in range(12)]
MANY = [("1", "0", "1"), ("0", "0", "0"), ("1", "1", "0"), ("0", "1", "1")] * 3


def table(tmp_path, header, rows, **reading):
    path = tmp_path / "data.csv"
    lines = [f"{text},{','.join(row)}" for text, row in zip(TEXTS, rows, strict=False)]
    path.write_text("\n".join([f"text,{header}", *lines]) + "\n", encoding="utf-8")
    return read_table(path, **reading)


def values(read, name="labels"):
    return [row.labels.get(name) for row in read.rows]


def test_columns_of_0_and_1_are_one_column_that_names_its_members(tmp_path):
    read = table(tmp_path, "toxic,threat,insult", MANY)
    assert [(c.name, c.kind) for c in read.columns] == [("text", None), ("labels", "multilabel")]
    assert read.columns[1].reason == "3 columns of 0 and 1 are its labels: toxic, threat, insult"
    assert read.columns[1].counts == {"toxic": 6, "threat": 6, "insult": 6}
    assert values(read)[:2] == [LabelSet(("toxic", "insult")), LabelSet()]
    assert not read.questions and [f.code for f in read.findings] == ["label-none"]


@pytest.mark.parametrize(("yes", "no"), [("True", "False"), ("1.0", "0.0"), ("true", "FALSE")])
def test_they_are_written_in_several_ways(tmp_path, yes, no):
    rows = [[yes if cell == "1" else no for cell in row] for row in MANY]
    assert values(table(tmp_path, "a,b,c", rows))[0] == LabelSet(("a", "c"))


def test_a_blank_cell_hides_its_label_alone_and_a_blank_row_is_unlabelled(tmp_path):
    read = table(tmp_path, "a,b,c", [("1", "", "0"), ("", "", ""), *MANY[2:]])
    assert values(read)[:2] == [LabelSet(("a",), ("b",)), None]
    assert [f.line for f in read.findings if f.code == "row-unlabelled"] == [3]


def test_a_row_that_ends_early_lacks_labels(tmp_path):
    path = tmp_path / "data.csv"
    full = "".join(f"{text},{','.join(row)}\n" for text, row in zip(TEXTS, MANY, strict=True))
    path.write_text(f"text,a,b,c\n{full}a row of two cells,1\nand one of one\nwith, commas, in it,1,0,1\n")
    read = read_table(path)
    assert values(read)[-3:] == [LabelSet(("a",), ("b", "c")), None, LabelSet(("a", "c"))]
    assert read.rows[-1].text == "with, commas, in it"


def test_exactly_one_in_every_row_is_one_label_and_it_is_said(tmp_path):
    read = table(tmp_path, "is_bug,is_wish,is_praise", [("1", "0", "0"), ("0", "1", "0"), ("0", "0", "1")] * 4)
    assert read.tasks()["labels"].kind == "classification" and values(read)[:2] == ["bug", "wish"]
    assert [f.code for f in read.findings] == ["one-hot"]
    read = table(tmp_path, "a,b,c", [("1", "0", "0"), ("0", "1", "0")] * 6, roles={"labels": "multilabel"})
    assert values(read)[0] == LabelSet(("a",))


def test_a_common_beginning_names_the_family(tmp_path):
    read = table(tmp_path, "mood.joy,mood.fear,mood.awe", MANY)
    assert read.tasks()["mood"].labels == ("awe", "fear", "joy")


def test_what_has_another_role_or_meaning_is_no_member(tmp_path):
    read = table(tmp_path, "a,sentiment,c", MANY)
    assert {name: column.kind for name, column in read.tasks().items()} == dict.fromkeys(
        ("a", "sentiment", "c"), "classification"
    )
    read = table(tmp_path, "a,b,c,d", [(*row, row[0]) for row in MANY], roles={"a": "classification", "b": "ignored"})
    kinds = {"a": "classification", "b": None, "c": "classification", "d": "classification"}
    assert {column.name: column.kind for column in read.columns[1:]} == kinds


def test_a_few_columns_are_a_family_if_that_is_said(tmp_path):
    rows = [row[:2] for row in MANY]
    assert [c.kind for c in table(tmp_path, "a,b", rows).columns[1:]] == ["classification"] * 2
    read = table(tmp_path, "a,b", rows, roles={"a": "multilabel", "b": "multilabel"})
    assert read.tasks()["labels"].labels == ("a", "b")
    read = table(tmp_path, "a,b", rows, roles={"a": "multilabel"})
    assert values(read, "a")[:2] == [LabelSet(("a",)), LabelSet()] and read.tasks()["b"].kind == "classification"


def test_a_label_that_no_row_has_is_said(tmp_path):
    read = table(tmp_path, "a,b,never", [(*row[:2], "0") for row in MANY])
    assert read.tasks()["labels"].labels == ("a", "b")
    [finding] = [f for f in read.findings if f.code == "label-never"]
    assert '"never"' in finding.problem


def test_a_family_takes_a_role_by_its_name(tmp_path):
    assert not table(tmp_path, "a,b,c", MANY, roles={"labels": "ignored"}).tasks()
    with pytest.raises(UserError, match="no column 'moods'"):
        table(tmp_path, "a,b,c", MANY, roles={"moods": "multilabel"})


def test_columns_in_which_hardly_a_row_says_yes_are_left_out_and_offered(tmp_path):
    path = tmp_path / "data.csv"
    rows = [f"this is the comment number {i},{'ab'[i % 2]},0,{int(i == 7)},0" for i in range(60)]
    path.write_text("\n".join(["text,mood,favorited,retweeted,truncated", *rows]))
    read = read_table(path)
    labels = next(column for column in read.columns if column.name == "labels")
    assert (labels.role, labels.offered) == ("ignored", "multilabel") and [*read.tasks()] == ["mood"]
    assert "favorited, retweeted, truncated; 59 of its 60 values are the same" in labels.reason
    assert [f.code for f in read.findings] == ["set-aside"]
    told = read_table(path, roles={"labels": labels.offered})
    assert told.tasks()["labels"].labels == ("retweeted",) and "label-never" in {f.code for f in told.findings}
