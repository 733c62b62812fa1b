"""Workbooks and Parquet become cells, and what would fill the memory is refused before it is read."""

from __future__ import annotations

import datetime
import io
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.config import UserError
from mtl.data.rows import Findings
from mtl.data.sheets import read_sheet
from mtl.data.table import read_table
from tests.data.workbooks import ods, xlsx, zipped

MB = 1_000_000


def read(data, max_bytes=20 * MB):
    findings = Findings()
    grid = read_sheet(data, "a.file", findings, max_bytes)
    return grid, findings.grouped()


def parquet(table, **options):
    buffer = io.BytesIO()
    pq.write_table(pa.table(table) if isinstance(table, dict) else table, buffer, **options)
    return buffer.getvalue()


# --- workbooks ---


def test_the_cells_of_a_workbook_as_text():
    rows = [["text", "stars", "on", "ok"], ["a good day", 4.0, ("date", 45000), True], ["so-so", 2.5, None, False]]
    grid, findings = read(xlsx(Data=rows))
    assert grid.rows == [
        ["text", "stars", "on", "ok"],
        ["a good day", "4", "2023-03-15", "true"],
        ["so-so", "2.5", "", "false"],
    ]
    assert (grid.lines, grid.names, grid.form, findings) == ([1, 2, 3], None, "sheet Data", ())


def test_titles_and_blank_margins_are_left_out():
    rows = [
        [],
        [None, "Survey of 2024"],
        [],
        [None, "text", None, "label"],
        [None, "a", None, "x"],
        [None, "b", None, "y"],
    ]
    grid, (finding,) = read(xlsx(Data=rows))
    assert grid.rows == [["text", "label"], ["a", "x"], ["b", "y"]]
    assert grid.lines == [4, 5, 6]
    assert (finding.code, finding.line) == ("sheet-title", 2)


def test_the_first_sheet_that_holds_a_table_is_taken_and_said():
    notes, table = [["About"], ["Made by hand"], ["in May"]], [["text", "label"], ["a", "x"]]
    grid, (finding,) = read(xlsx(Empty=[], Notes=notes, Data=table, Old=table))
    assert grid.rows == table
    assert finding.code == "sheet"
    assert "Notes, Data, Old" in finding.problem and finding.action == "Data was read."


def test_a_sheet_of_opendocument():
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    blank = '<table:table-cell table:number-columns-repeated="16382"/>'
    row = f"<table:table-row>{cell}{cell}{blank}</table:table-row>"
    rows = row.format("text", "label") + row.format("a", "x")
    rows += f'<table:table-row table:number-rows-repeated="1048574">{blank}</table:table-row>'
    assert read(ods(rows))[0].rows == [["text", "label"], ["a", "x"]]


FAR_APART = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
REPEATED = (
    '<table:table-row table:number-rows-repeated="1000000">'
    '<table:table-cell table:number-columns-repeated="16384" office:value-type="float" office:value="3"/>'
    "</table:table-row>"
)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (xlsx(Data=FAR_APART), "reaches over 17,179,869,184 cells"),
        (ods(REPEATED), "reaches over 16,384,000,000 cells"),
        (zipped({"xl/workbook.xml": "", "xl/worksheets/sheet1.xml": bytes(6 * MB)}), "larger than 5 MB unpacked"),
        (zipped({"[Content_Types].xml": "", "word/document.xml": "<w/>"}), "a document, not a workbook"),
        (zipped({"xl/workbook.bin": ""}), "binary Excel workbook"),
        (xlsx(Data=[["a", "b"]])[:-40], "is damaged"),
        (xlsx(Data="<row><c><v"), "is damaged"),
        (xlsx(Data=[]), "no cell with anything in it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is damaged"),
        (b"PK\x03\x04" + bytes(100), "is damaged"),
        (b"PAR1" + bytes(100) + b"PAR1", "is damaged"),
        (parquet({"text": []}), "has no rows"),
        (parquet({"text": ["a" * 2 * MB]}, compression="gzip"), "larger than 1 MB unpacked"),
        (parquet({"text": ["a"] * 200_000}), "has 200,000 rows; 125,000 is the limit"),
        (parquet({"text": ["a" * 1000] * 100_000}), "larger than 1 MB unpacked"),
        (parquet({"text": [["a" * 1000] * 10_000] * 10}), "larger than 1 MB unpacked"),
        (parquet({"n": [[0] * 600_000]}), "larger than 1 MB unpacked"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(data, said):
    with pytest.raises(UserError, match=said):
        read(data, max_bytes=MB)


def test_other_bytes_are_none_of_these():
    assert read(b"text,label\na,x\n")[0] is None


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"))
filled = texts.filter(str.strip)


@given(st.lists(st.tuples(filled, filled), min_size=1, max_size=5))
def test_what_a_workbook_holds_is_read_back(rows):
    rows = [list(row) for row in rows]
    assert read(xlsx(Data=rows))[0].rows == rows


# --- Parquet ---


def test_the_cells_of_parquet():
    table = {
        "text": ["a", "b"],
        "n": [1, None],
        "x": [0.5, float("nan")],
        "ok": [True, False],
        "day": [datetime.date(2024, 1, 2), None],
        "at": [datetime.datetime(2024, 1, 2, 3, 4), None],
        "tags": [["B-PER", "O"], []],
        "spans": [[{"start": 0, "end": 1, "label": "X"}], None],
        "meta": [{"a": 1, "b": "y"}, None],
        "image": [b"\x89PNG", None],
    }
    grid, (finding,) = read(parquet(table))
    assert grid.names == ["text", "n", "x", "ok", "day", "at", "tags", "spans", "meta.a", "meta.b", "meta"]
    assert grid.rows[0] == [
        *("a", "1", "0.5", "true", "2024-01-02", "2024-01-02T03:04:00", '["B-PER","O"]'),
        *('[{"start":0,"end":1,"label":"X"}]', "1", "y", ""),
    ]
    assert grid.rows[1] == ["b", "", "", "false", "", "", "[]", "", "", "", ""]
    assert (finding.code, "image" in finding.problem) == ("binary-columns", True)


def test_hugging_faces_names_of_labels():
    label = {"names": ["neg", "pos"], "_type": "ClassLabel"}
    tags = {"names": ["O", "B-PER", "I-PER"], "_type": "ClassLabel"}
    features = {"label": label, "ner_tags": {"feature": tags, "_type": "Sequence"}, "old": [tags]}
    table = pa.table({"text": ["a b", "c"], "label": [1, -1], "ner_tags": [[1, 2], [0]], "old": [[0], None]})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    grid, _ = read(parquet(table))
    assert grid.rows == [["a b", "pos", '["B-PER","I-PER"]', "O"], ["c", "", '["O"]', ""]]


frames = st.lists(st.tuples(texts, st.none() | texts, st.integers(-(2**53), 2**53)), min_size=1, max_size=5)


@given(frames)
def test_what_pandas_writes_is_read_back(rows):
    frame = pd.DataFrame(rows, columns=["text", "label", "n"])
    grid, findings = read(frame.to_parquet(index=False))
    assert grid.names == ["text", "label", "n"]
    assert grid.rows == [[text, label or "", str(n)] for text, label, n in rows]
    assert findings == ()


# --- any bytes at all ---

WORKBOOK, PARQUET = xlsx(Data=[["text", "label"], ["a", "x"]]), parquet({"text": ["a", "b"], "tags": [["O"], ["x"]]})


@pytest.mark.parametrize(
    ("name", "whole"), [("a.xlsx", WORKBOOK), ("a.parquet", PARQUET), ("a.json", b'[{"text": "a"}]')]
)
@given(data=st.data())
def test_any_bytes_are_a_table_or_a_sentence(tmp_path_factory, name, whole, data):
    start = data.draw(st.integers(0, len(whole)))
    junk = data.draw(st.binary(max_size=40))
    end = data.draw(st.integers(start, len(whole)))
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(whole[:start] + junk + whole[end:])
    try:
        read_table(path)
    except UserError as error:
        assert str(error)
