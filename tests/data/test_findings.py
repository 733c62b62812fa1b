"""Every fault that a table can have is found, on its line, and said in words."""

from __future__ import annotations

import csv
import dataclasses
import io
import string
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.data.findings import examine
from mtl.data.rows import LEVELS, Findings, Row, messages
from mtl.data.table import read_table

HEADER = "text,label,score,entities\n"
FINE = "".join(f"Ada met Bob {i} times,{'ab'[i % 2]},{i / 10},B-PER O B-PER O O\n" for i in range(1, 11))


def read(tmp_path, text, **options):
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return read_table(path, **options)


def found(tmp_path, text, **options):
    """(code, level, line, column) of each finding."""
    return [(f.code, f.level, f.line, f.column) for f in read(tmp_path, text, **options).findings]


def test_nothing_is_found_in_a_table_without_faults(tmp_path):
    assert found(tmp_path, HEADER + FINE) == []


SPAN = '"[{{""start"": {}, ""end"": {}, ""label"": ""PER""}}]"'
SPANS = "text,entities\n" + "".join(f"Ada met Bob {i} times,{SPAN.format(0, 3)}\n" for i in range(1, 11))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (",a,0.5,", [("text-empty", "error", 12, "text")]),
        (" \t ,a,0.5,O", [("text-empty", "error", 12, "text")]),
        ("A new text,,0.5,O O O", [("label-blank", "note", 12, "label")]),
        ("A new text,n/a,0.5,O O O", [("label-blank", "note", 12, "label")]),
        ("A new text,c,0.5,O O O", [("label-once", "warning", 12, "label")]),
        ("A new text,A,0.5,O O O", [("label-spelling", "warning", 12, "label")]),
        ("A new text,a ,0.5,O O O", [("label-spelling", "warning", 12, "label")]),
        ("A new text,a,fair,O O O", [("number", "error", 12, "score")]),
        ("A new text,a,1e999,O O O", [("number", "error", 12, "score")]),
        ("A new text,a,50,O O O", [("magnitude", "warning", 12, "score")]),
        ("A new text,a,-50,O O O", [("magnitude", "warning", 12, "score")]),
        ("A new text,a,0.5,O O", [("entity-cell", "error", 12, "entities")]),
        ("A new text,a,0.5,O O PER", [("entity-cell", "error", 12, "entities")]),
        ("A new text,a,0.5,O I-PER O", [("bio-illegal", "warning", 12, "entities")]),
        ("A new text,a,0.5,B-PER I-LOC O", [("bio-illegal", "warning", 12, "entities")]),
        ("A new text,a,0.5,B-per O O", [("label-spelling", "warning", 12, "entities")]),
        (
            "A new text,a",
            [("ragged-short", "warning", 12, None), *[("label-blank", "note", 12, c) for c in ("score", "entities")]],
        ),
        ("Well, a text,a,0.5,O O O", [("ragged-joined", "warning", 12, None)]),
        ('"A, new" text,a,0.5,O O O', [("quotes", "warning", 12, None)]),
        ("Ada met Bob 3 times,b,0.3,B-PER O B-PER O O", [("duplicate", "note", 12, None)]),
        ("Ada met Bob 3 times,a,0.3,B-PER O B-PER O O", [("duplicate-differs", "warning", 12, "label")]),
        ("Ada met Bob 3 times,b,0.3,B-PER O O O O", [("duplicate-differs", "warning", 12, "entities")]),
        ("\nA new text,a,0.5,O O O", [("blank-line", "note", 12, None)]),
    ],
)
def test_faults_of_a_row(tmp_path, row, expected):
    assert found(tmp_path, HEADER + FINE + row + "\n") == expected


def test_a_quotation_mark_that_nothing_closes(tmp_path):
    table = read(tmp_path, 'text,label\nHello there,pos\n"Bye now,neg\nfine day,pos\nbad day,neg\n')
    (finding,) = table.findings
    assert (finding.code, finding.level, finding.line) == ("quote-open", "warning", 3)
    assert table.rows[1] == Row('"Bye now', {"label": "neg"}, 3)


@pytest.mark.parametrize("row", ['"A new text,a,0.5,O O O', '"A new text,"a",0.5,O O O'])
def test_a_quotation_mark_that_nothing_closes_among_others_that_are(tmp_path, row):
    table = read(tmp_path, HEADER + FINE + '"One, two, three",a,0.5,O O O\n' + row + "\n")
    assert [(f.code, f.line) for f in table.findings] == [("quote-open", 13)]
    assert (table.rows[-1].text, table.rows[-1].labels["label"]) == ('"A new text', "a")


def test_a_row_without_any_label(tmp_path):
    text = HEADER + FINE + "A new text,,,\nAnother text,n/a,,\n"
    assert found(tmp_path, text) == [("row-unlabelled", "warning", 12, None)]
    assert "1 more places: lines 13." in read(tmp_path, text).findings[0].problem


@pytest.mark.parametrize(
    ("cell", "code", "level", "kept"),
    [
        (SPAN.format(0, 99), "span-range", "error", None),
        (SPAN.format(-1, 3), "span-range", "error", None),
        (SPAN.format(3, 3), "span-range", "error", None),
        (SPAN.format(3, 4), "span-range", "error", None),
        (SPAN.format(0, 4), "span-space", "warning", ["Eve"]),
        (SPAN.format(0, 2), "span-word", "warning", ["Ev"]),
        (SPAN.format(1, 3), "span-word", "warning", ["ve"]),
        ('"[[0, 3, ""PER""], [0, 10, ""ORG""]]"', "span-overlap", "warning", ["Eve met Al"]),
        ('"[[0, 7, ""PER""], [4, 10, ""ORG""]]"', "span-overlap", "warning", ["Eve met"]),
        ("Eve", "entity-cell", "error", None),
    ],
)
def test_faults_of_spans(tmp_path, cell, code, level, kept):
    table = read(tmp_path, SPANS + f"Eve met Al,{cell}\n")
    (finding,) = [f for f in table.findings if f.code != "row-unlabelled"]
    assert (finding.code, finding.level, finding.line, finding.column) == (code, level, 12, "entities")
    spans = table.rows[-1].labels.get("entities")
    assert (spans and [table.rows[-1].text[s.start : s.end] for s in spans]) == kept


def test_the_same_span_twice_is_one(tmp_path):
    table = read(tmp_path, SPANS + 'Eve met Al,"[[0, 3, ""PER""], [0, 3, ""PER""]]"\n')
    assert (len(table.rows[-1].labels["entities"]), table.findings) == (1, ())


def test_marks_around_another_text(tmp_path):
    text = "text,entities\n" + "".join(f"Ada ran {i} miles,[Ada](PER) ran {i} miles\n" for i in range(9))
    assert found(tmp_path, text + "Eve ran off,[Eve](PER) ran away\n")[0] == ("entity-cell", "error", 11, "entities")


def test_spans_inside_words_of_scripts_without_spaces(tmp_path):
    assert found(tmp_path, SPANS + f"東京は大きい都市です,{SPAN.format(0, 2)}\n") == []


def test_faults_of_columns(tmp_path):
    assert found(tmp_path, "text,label\nsome words,a\nmore words,a\n") == [("one-class", "warning", None, "label")]
    many = "text,label\n" + "".join(f"text {i} here,l{i // 2}\n" for i in range(102))
    assert found(tmp_path, many) == [("many-labels", "warning", None, "label")]
    assert found(tmp_path, "text,label\n" + "".join(f"text {i} here,l{i // 2}\n" for i in range(100))) == []
    assert ("no-entities", "warning", None, "ner") in found(
        tmp_path, "text,ner\nsome words,O O\nmore words,O O\n", roles={"ner": "tagging"}
    )
    assert found(tmp_path, "text,label,label\na b,x,y\nc d,x,y\ne f,y,x\ng h,y,x\n") == [
        ("same-name", "warning", 1, "label")
    ]


def test_one_label_far_commoner_than_another(tmp_path):
    def table(common, rare):
        labels = ["a"] * common + ["b"] * rare
        return "text,label\n" + "".join(f"text {i} here,{label}\n" for i, label in enumerate(labels))

    assert found(tmp_path, table(30, 3)) == [("imbalance", "warning", None, "label")]
    assert found(tmp_path, table(29, 3)) == []
    assert [code for code, *_ in found(tmp_path, table(30, 1))] == ["label-once"]
    # A small table is what it is.
    assert found(tmp_path, table(10, 2)) == []


def test_the_range_of_a_column_is_that_of_the_numbers_that_are_kept(tmp_path):
    rows = "".join(f"some words {i},{i * i / 8}\n" for i in range(12))
    table = read(tmp_path, "text,score\n" + rows + "more words,1e999\nand more,-1e999\n")
    assert table.columns[1].reason == "it has numbers from 0 to 15.125"
    assert [(f.code, f.line) for f in table.errors] == [("number", 14), ("number", 15)]
    table = read(tmp_path, "text,score\nsome words,1e999\nmore words,1e999\n", roles={"score": "regression"})
    assert [f.code for f in table.errors] == ["number", "number"]


FAULTY = (
    ('[{"start": 0, "end": 3, "label": "PER"', "entity-cell"),
    ("[{'start': 0, 'end': 3 'label': 'PER'}]", "entity-cell"),
    ("[{start: 0, end: 3, label: PER}]", "entity-cell"),
    ('[{"start": "x", "end": 3, "label": "PER"}]', "entity-cell"),
    ('[{"start": 0, "end": 3}]', "entity-cell"),
    ('[{"end": 3, "label": "PER"}]', "entity-cell"),
    ('[{"start": 0, "end": 300, "label": "PER"}]', "span-range"),
    ('[{"start": 3, "end": 0, "label": "PER"}]', "span-range"),
)


@given(st.lists(st.sampled_from(FAULTY), min_size=1, max_size=12))
def test_spans_are_recognised_however_many_are_faulty(faulty):
    out = io.StringIO(newline="")
    rows = [(f"Ada met Bob {i} times", cell) for i, (cell, _) in enumerate(faulty)]
    good = ("Ada met Eve", '[{"start": 0, "end": 3, "label": "PER"}]')
    csv.writer(out).writerows([("text", "spans"), good, *rows])
    with tempfile.TemporaryDirectory() as folder:
        table = read(Path(folder), out.getvalue())
    assert table.tasks()["spans"].kind == "tagging"
    counts = Counter()
    for finding in table.errors:
        counts[finding.code] += finding.count
    assert counts == Counter(code for _, code in faulty)
    assert len(table.rows) == len(faulty) + 1


def test_a_column_of_one_number(tmp_path):
    rows = "".join(f"some words {i},2.5\n" for i in range(5))
    assert found(tmp_path, "text,score\n" + rows) == [("one-number", "warning", None, "score")]
    assert found(tmp_path, "text,score\n" + rows + "other words,2.75\n") == []


def test_more_labels_than_a_head_can_have(tmp_path):
    many = "text,label\n" + "".join(f"text {i} here,l{i // 2}\n" for i in range(1002))
    assert found(tmp_path, many) == [("too-many-labels", "warning", None, "label")]


def test_faults_of_the_whole_table(tmp_path):
    assert found(tmp_path, "a,b\n1,2.5\n2,3.5\n") == [("no-text-column", "error", None, None)]
    assert found(tmp_path, "text\nsome words\n") == [("no-task", "note", None, None)]
    assert found(tmp_path, "It was very good,x\nIt was very bad,y\nSo so all day,x\nNever again,y\n") == [
        ("no-header", "warning", 1, None)
    ]


def test_cells_beyond_the_last_tab_are_cut(tmp_path):
    path = tmp_path / "data.tsv"
    path.write_text("text\tlabel\nsome words\ta\nmore words\tb\tc\nand more\tb\t\t\nthe end\ta\n")
    table = read_table(path)
    assert [r.labels["label"] for r in table.rows] == ["a", "b", "b", "a"]
    assert [(f.code, f.line) for f in table.findings] == [("ragged-cut", 3)]


def test_texts_that_are_too_long_for_a_model(tmp_path):
    asked = []

    def token_counts(texts):
        asked.extend(texts)
        return [len(text.split()) + 2 for text in texts]

    text = "text,label\nshort one,a\n" + "word " * 98 + "x,b\n" + "word " * 97 + "x,a\nshort two,b\n"
    table = read(tmp_path, text, token_counts=token_counts, max_tokens=100)
    (finding,) = table.findings
    assert (finding.code, finding.line, len(asked)) == ("truncated", 3, 2)
    assert finding.problem == "The text has 101 tokens."
    assert examine(table.rows, table.columns) == ()


def test_tokens_of_one_byte_are_counted_too():
    row = Row("\U0001f600" * 30, {}, 1)
    (finding,) = examine([row], [], token_counts=lambda texts: [4 * len(t) for t in texts], max_tokens=100)
    assert finding.code == "truncated"


def test_of_an_endless_text_it_is_said_that_there_is_more():
    row = Row("word " * 30_000, {}, 1)
    (finding,) = examine([row], [], token_counts=lambda texts: [len(t[:100_000].split()) for t in texts], max_tokens=9)
    assert finding.problem == "The text has more than 20,000 tokens."


def test_long_texts_are_counted_a_few_at_a_time():
    asked = []

    def token_counts(texts):
        asked.append(len(texts))
        return [len(text) for text in texts]

    examine([Row("a" * 400_000, {}, line) for line in range(1, 7)], [], token_counts, 512)
    assert asked == [2, 2, 2]


def test_long_texts_are_counted_in_parts_and_progress_is_told():
    rows, asked, shares = [Row(f"{i} " + "word " * 30, {}, i) for i in range(1200)], [], []

    def token_counts(texts):
        asked.append(len(texts))
        return [101] * len(texts)

    (finding,) = examine(rows, [], token_counts, 100, shares.append)
    assert (finding.count, asked, shares[0]) == (1200, [500, 500, 200], 0.0)
    assert shares == sorted(shares)


def test_few_numbers_are_never_unusual(tmp_path):
    assert found(tmp_path, "text,score\na b c d,0.5\na b c e,0.25\na b c f,50.5\n") == []


def test_many_of_a_kind_become_one(tmp_path):
    text = HEADER + FINE + ",a,0.5,O\n" * 1000
    (finding,) = read(tmp_path, text).findings
    assert (finding.count, finding.line) == (1000, 12)
    assert finding.problem == (
        "The text is empty. The same in 999 more places: lines 13, 14, 15, 16, 17, 18, 19 and 992 more."
    )


def test_a_few_of_a_kind_stay_apart(tmp_path):
    assert [f.line for f in read(tmp_path, HEADER + FINE + ",a,0.5,O\n" * 3).findings] == [12, 13, 14]


def test_errors_come_first(tmp_path):
    table = read(tmp_path, HEADER + FINE + "A text,,0.5,O O\nB text,A,0.5,O O\nC text,a,none,O O\n")
    assert [f.level for f in table.findings] == ["error", "warning", "note"]
    assert table.errors == table.findings[:1]


@pytest.mark.parametrize("code", messages())
def test_every_message_is_made_of_sentences(code):
    message = dict(messages()[code])
    assert [*message][:4] == ["level", "problem", "action", "hint"] and message.pop("level") in LEVELS
    assert message.keys() <= {"problem", "action", "hint", "page"} and "--" not in message.get("page", message["hint"])
    for sentence in message.values():
        assert sentence == "{reason}" or (sentence[0].isupper() or sentence[0] == "{") and sentence.endswith(".")


def test_findings_turn_into_plain_data(tmp_path):
    (finding,) = read(tmp_path, HEADER + FINE + ",a,0.5,O\n").findings
    assert dataclasses.asdict(finding) == {
        "level": "error",
        "line": 12,
        "column": "text",
        "problem": "The text is empty.",
        "action": "The row is skipped.",
        "hint": "Fill in the text or delete the row.",
        "count": 1,
        "code": "text-empty",
        "page": "",
    }


def test_facts_are_not_read_as_messages():
    findings = Findings()
    findings.add("number", 2, "score", cell="{oops} %s {0}")
    assert findings.grouped()[0].problem == "{oops} %s {0} is not a number."
    assert {name for _, name, _, _ in string.Formatter().parse(messages()["number"]["problem"]) if name} == {"cell"}


def test_a_fault_in_a_huge_cell_is_shown_in_short(tmp_path):
    table = read(tmp_path, HEADER + FINE + f"A new text,a,0.5,O {'x' * 100_000} O\n")
    assert [f.code for f in table.findings] == ["entity-cell"]
    assert len(table.findings[0].problem) == 300


def test_spellings_are_joined_in_ragged_rows_too(tmp_path):
    table = read(tmp_path, HEADER + FINE + "A new text,A\n")
    assert table.rows[-1].labels == {"label": "a"}
    assert "label-spelling" in [f.code for f in table.findings]


def test_numbers_are_one_label_only_if_they_are_equal(tmp_path):
    text = "text,label\n" + "a b c d,1000001\ne f g h,1000002\ni j k l,1000002.0\n" * 2
    table = read(tmp_path, text, roles={"label": "classification"})
    assert table.tasks()["label"].counts == {"1000001": 2, "1000002": 4}


def test_a_blank_or_differing_value_is_called_what_it_is_and_its_column_is_named(tmp_path):
    rows = [f"This is sentence number {i} of many,{i / 8},{'ab'[i % 2]}" for i in range(12)]
    rows += ["This is sentence number 3 of many,9.5,b", "Another sentence of many words,,a"]
    path = tmp_path / "data.csv"
    path.write_text("\n".join(["text,score,mood", *rows]) + "\n")
    found = {f.code: f for f in read_table(path).findings}
    assert found["label-blank"].problem == "There is no number in score here."
    assert found["label-blank"].where == "Line 15, column score: "
    assert (
        found["duplicate-differs"].problem == "The text is the same as that of line 5, but its number in score differs."
    )
