"""CSV to take away: read back as they were written, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.sheets import apostrophes, csv_bytes, safe_cell


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_starts_a_formula(start):
    assert safe_cell(start + "cmd|' /C calc'!A0") == "'" + start + "cmd|' /C calc'!A0"


@pytest.mark.parametrize("value", ["plain", "a=b", "", "'quoted", -0.5, 3, None])
def test_other_cells_stay_as_they_are(value):
    assert safe_cell(value) == value


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n")), min_size=1, max_size=4))
def test_a_csv_reads_back(cells):
    (row,) = read(csv_bytes(["h"] * len(cells), [cells]))[1:]
    for written, back in zip(cells, row, strict=True):
        assert back.removeprefix("'") == written.removeprefix("'")
        assert not back.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_how_many_texts_were_changed_is_known_and_said():
    assert csv_bytes(["text", "n"], [["=A1", -1], ["@you", 2], ["plain", "-3"]]).changed == 2
    assert csv_bytes(["text"], [["plain"]]).changed == 0 and apostrophes(0) == ""
    assert apostrophes(1) == "1 text begins as a formula does, and got an apostrophe before it."
    assert apostrophes(2).startswith("2 texts begin")


def test_negative_numbers_stay_numbers():
    assert read(csv_bytes(["x"], [[-0.25]]))[1] == ["-0.25"]


def test_spreadsheets_are_told_that_it_is_utf_8():
    assert csv_bytes(["Größe"], []).startswith(b"\xef\xbb\xbf")
