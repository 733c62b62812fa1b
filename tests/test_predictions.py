"""A table of a model's answers has every row, what tells it apart, and cells that tables of labels have."""

from __future__ import annotations

import codecs
import csv
import json

import pandas as pd
import pytest

from mtl.config import UserError
from mtl.data.table import read_table
from mtl.predictions import predict, write_columns

LINES = ["id,text,sentiment", 'a7,"Maria loved Oslo.",positive', "b8,=1+1 is dull,negative", "c9,The tram was late.,"]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("\n".join(LINES))
    return read_table(path)


def test_every_row_has_its_answers_beside_its_id_text_and_label(table, default_model):
    columns = predict(default_model, table)
    assert columns["line"] == [2, 3, 4] and columns["id"] == ["a7", "b8", "c9"]
    assert columns["text"][0] == "Maria loved Oslo." and columns["sentiment"] == ["positive", "negative", ""]
    found = default_model.analyze(columns["text"])
    assert columns["predicted sentiment"] == [answer.sentiment.label for answer in found]
    assert columns["sentiment: neutral"] == pytest.approx([a.sentiment.probabilities["neutral"] for a in found])
    assert json.loads(columns["predicted entities"][0])[0]["text"] == "Maria"
    assert columns["familiarity"] == pytest.approx([answer.familiarity for answer in found])


def test_a_table_comes_back_whole_and_as_it_was(default_model, tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(
        "no,when,line,text,stars,predicted topic,version,price\n"
        "007,2026-11-02,A,Maria loved Oslo.,-5,travel,3.9,1.5\n008,2026-11-03,B,,4,,3.10,\n"
        "\n009,2026-11-04,C,The tram was late\n"
    )
    columns = predict(default_model, read_table(path))
    own = ("no", "when", "line", "text", "stars", "predicted topic", "version", "price")
    assert [*columns][:10] == ["line (2)", *own, "predicted sentiment"]
    assert columns["line (2)"] == [2, 3, 5] and columns["line"] == ["A", "B", "C"]
    assert columns["text"] == ["Maria loved Oslo.", "", "The tram was late"] and columns["stars"] == ["-5", "4", None]
    assert columns["predicted topic"] == ["travel", "", None]
    assert [cell is None for cell in columns["predicted topic (2)"]] == [False, True, False]
    for ending in (".csv", ".parquet"):
        write_columns(columns, tmp_path / f"out{ending}")
    assert (tmp_path / "out.csv").read_bytes().startswith(codecs.BOM_UTF8), "spreadsheets would take it for Latin-1"
    [*_, last] = csv.reader((tmp_path / "out.csv").read_text("utf-8-sig").splitlines())
    assert last[:6] == ["5", "009", "2026-11-04", "C", "The tram was late", ""]
    frame = pd.read_parquet(tmp_path / "out.parquet")
    assert frame["no"].tolist() == ["007", "008", "009"] and frame["stars"].tolist()[:2] == [-5, 4]
    assert frame["version"].tolist()[:2] == ["3.9", "3.10"] and frame["price"].tolist()[0] == 1.5


def test_marks_in_a_text_and_sentences_of_a_word_a_line_are_columns_too(default_model, tmp_path):
    path = tmp_path / "marked.txt"
    path.write_text("text\n" + "[Maria](PER) loved [Oslo](LOC).\nThe tram was late.\n" * 3)
    columns = predict(default_model, read_table(path))
    assert columns["text"][:2] == ["Maria loved Oslo.", "The tram was late."]
    assert [name["label"] for name in json.loads(columns["entities"][0])] == ["PER", "LOC"]
    path.write_text("Maria B-PER\nloved O\nOslo B-LOC\n\nThe O\ntram O\n")
    columns = predict(default_model, read_table(path))
    assert columns["line"] == [1, 5] and len(columns["predicted topic"]) == 2
    assert [*columns.values()][1] == ["Maria loved Oslo", "The tram"]


def test_only_the_heads_that_are_named_answer(table, default_model):
    names = predict(default_model, table, ["topic"])
    assert "predicted topic" in names and "predicted sentiment" not in names
    with pytest.raises(UserError, match="nothing"):
        predict(default_model, table, ["nothing"])


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_the_answers_are_read_again_as_labels(table, default_model, tmp_path, ending):
    out = tmp_path / f"out{ending}"
    columns = predict(default_model, table)
    write_columns(columns, out)
    read = read_table(out, roles={"predicted entities": "tagging", "predicted sentiment": "classification"})
    assert len(read.rows) == 3
    row = read.rows[0]
    assert row.labels["predicted sentiment"] == columns["predicted sentiment"][0]
    [name, place] = row.labels["predicted entities"]
    assert (row.text[name.start : name.end], row.text[place.start : place.end]) == ("Maria", "Oslo")


def test_no_text_is_run_as_a_formula(table, default_model, tmp_path):
    out = tmp_path / "out.csv"
    write_columns({"=SUM(A1)": ["=1+1"], "score": [-0.5]}, out)
    [header, row] = csv.reader(out.read_text("utf-8-sig").splitlines())
    assert header[0] == "'=SUM(A1)" and row == ["'=1+1", "-0.5"]
    write_columns({"=SUM(A1)": ["=1+1"]}, tmp_path / "out.parquet")
    assert pd.read_parquet(tmp_path / "out.parquet")["=SUM(A1)"].tolist() == ["=1+1"]


def test_a_table_without_texts_is_refused(tmp_path, default_model):
    path = tmp_path / "numbers.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(UserError, match="no text"):
        predict(default_model, read_table(path))
