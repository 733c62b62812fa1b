"""Cells with lists of words and tags become texts with spans in characters."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtl.data.table import read_table
from tests.data.tagged import ENTITIES, IDS, TEXTS, WORDS, csv_of, read, spans


def _array(items):
    return "[" + " ".join(map(repr, items)) + "]"


def _lists(write, tags=lambda tag: tag):
    header = ("id", "tokens", "boxes", "ner_tags", "mood")
    rows = [
        (i, write([w for w, _ in words]), write([[1, 2]] * len(words)), write([tags(t) for _, t in words]), "ab"[i % 2])
        for i, words in enumerate(WORDS)
    ]
    return csv_of(header, *rows)


@pytest.mark.parametrize("write", [repr, json.dumps, _array])
@pytest.mark.parametrize("tags", [lambda tag: tag, lambda tag: tag[2:] or "O"])
def test_lists_in_cells(tmp_path, write, tags):
    table = read(tmp_path, _lists(write, tags), "a.csv")
    assert [(row.text, row.line) for row in table.rows] == list(zip(TEXTS, range(2, 6), strict=True))
    assert [spans(row, "ner_tags") for row in table.rows] == ENTITIES
    assert table.tasks()["mood"].counts == {"a": 2, "b": 2}
    assert table.text_column == "tokens"


@pytest.mark.parametrize("write", [repr, _array])
def test_lists_of_integer_tags(tmp_path, write):
    text = _lists(write, IDS.index)
    table = read(tmp_path, text, "a.csv")
    assert [row.text for row in table.rows] == TEXTS
    assert [*table.tasks()] == ["mood"]
    assert [(f.code, f.column) for f in table.findings] == [("names-needed", "ner_tags")]
    named = read(tmp_path, text, "a.csv", names={"ner_tags": IDS})
    assert [spans(row, "ner_tags") for row in named.rows] == ENTITIES
    (finding, *_) = (f for f in read(tmp_path, text, "a.csv", names={"ner_tags": IDS[:5]}).errors if f.line)
    assert (finding.code, finding.line, finding.problem) == ("bio-tag", 2, '"5" is not an entity tag.')


def _records(columns):
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "json", "columns.json"])
@pytest.mark.parametrize("more", [{}, {"pos_tags": [[3] * len(words) for words in WORDS]}])
def test_native_lists_of_words_and_integer_tags(tmp_path, ending, more):
    words = [[w for w, _ in sentence] for sentence in WORDS]
    numbers = [[IDS.index(t) for _, t in sentence] for sentence in WORDS]
    columns = {"id": list("abcd"), "tokens": words, **more, "ner_tags": numbers}
    path = tmp_path / f"a.{ending}"
    if ending == "parquet":
        pq.write_table(pa.table(columns), path)
    elif ending == "jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in _records(columns)))
    else:
        path.write_text(json.dumps(columns if ending == "columns.json" else _records(columns)))
    asked = read_table(path)
    assert [question.names_of for question in asked.questions] == ["ner_tags"]
    named = read_table(path, names={"ner_tags": IDS})
    assert [row.text for row in named.rows] == TEXTS
    assert [spans(row, "ner_tags") for row in named.rows] == ENTITIES
    by_number = read_table(path, **asked.questions[0].readings[0].arguments)
    assert (len(by_number.rows), by_number.errors) == (len(WORDS), ())
    assert by_number.tasks()["ner_tags"].labels == ("1", "2", "3", "4", "5", "6")


def test_lists_of_unequal_length_are_left_out(tmp_path):
    rows = [(repr([w for w, _ in words]), repr([t for _, t in words])) for words in WORDS * 5]
    table = read(tmp_path, csv_of(("tokens", "tags"), *rows, ("['Ada', 'ran']", "['B-PER']")), "a.csv")
    assert len(table.rows) == 20
    (error,) = table.errors
    assert (error.code, error.line) == ("list-lengths", 22) and "1 tag for 2 words" in error.problem
