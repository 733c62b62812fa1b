"""The numbers of a column are read as the column as a whole says, and what is special about them is told."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.data.table import read_table
from mtl.text.numbers import NumberFormat, number_format
from mtl.text.values import parse_number


def read(cells):
    form = number_format(cells)
    return [form.parse(cell) for cell in cells]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        # A comma: thousands beside whole numbers, by itself and beside decimal points, decimals beside decimals.
        (["509", "968", "5,762", "7,784", "3,10"], [509, 968, 5762, 7784, None]),
        (["5,762", "3,141"], [5762, 3141]),
        (["5,762", "0.5"], [5762, 0.5]),
        (["1,234,567", "0,5", "2"], [1234567, None, 2]),
        (["1,234.50", "1,000"], [1234.5, 1000]),
        (["3,141", "0,123", "10,5"], [3.141, 0.123, 10.5]),
        (["5,762"] * 30 + ["3,10"], [5762] * 30 + [None]),
        (["0,5", "1,25", "-3,0", "1.234", "1.234,50"], [0.5, 1.25, -3, 1234, 1234.5]),
        (["1.234,56", "2.000", "7,50", "0.75"], [1234.56, 2000, 7.5, None]),
        # A point: decimals, unless there are several or the column has decimal commas.
        (["1.234", "5.678"], [1.234, 5.678]),
        (["1.234", "509"], [1.234, 509]),
        (["1.234.567", "1.234"], [1234567, 1234]),
        # Either mark is a decimal where none can be thousands.
        (["0.5", "0.25", "3,10"], [0.5, 0.25, 3.1]),
        (["0,5", "1,25", "0.75"], [0.5, 1.25, 0.75]),
        # Other marks between groups.
        (["1 234", "5\u00a0678,5", "12\u202f000", "3"], [1234, 5678.5, 12000, 3]),
        (["1'234.50", "12\u2019000", "3,5"], [1234.5, 12000, 3.5]),
        (["12,34,567", "1,23,456.50"], [1234567, 123456.5]),
        (["1,234", "1,23", "12,3456", "1,,234", ",123", "0,123"] + ["999"] * 20, [1234, *[None] * 5, *[999] * 20]),
        # Signs.
        (["-5", "+5", "\u22125", "(5)", "(1,234)"], [-5, 5, -5, -5, -1234]),
        (["$5", "-$5", "$-5", "($5)", "$(5)"], [5, -5, -5, -5, -5]),
        (["--5", "-(5)", "(5", "5)", "(-5)", "- 5"], [None] * 6),
        # Units, of most of the cells.
        (["85%", "90 %", "99.5 percent", "7"], [85, 90, 99.5, 7]),
        (["85", "90", "5%"], [85, 90, None]),
        (["$1,234.50", "$5", "USD 5"], [1234.5, 5, None]),
        (["3,50 €", "€ 4", "1.200 €"], [3.5, 4, 1200]),
        (["5 CHF", "1\u2019000.00 CHF"], [5, 1000]),
        (["₹1,00,000", "₹ 500"], [100000, 500]),
        (["$5", "€6"], [None, None]),
        (["4/5", "3.5/5", "5 / 5", "2"], [4, 3.5, 5, 2]),
        (["4 out of 5", "4.5 out of 5 stars", "3 of 5"], [4, 4.5, 3]),
        (["1/2", "3/4", "1/2"], [None, None, None]),
        (["4 stars", "1 star", "4.5 Stars", "3-star"], [4, 1, 4.5, 3]),
        (["5★", "3 ★", "4⭐"], [5, 3, 4]),
        # What is no number.
        (["iPhone 12", "12 apples", "4 stars hotel", "5k", "٣", "５", "½"], [None] * 7),
        (["12/05/2020", "2020-01-05", "12:30", "10.0.0.1", "1.2.3", "1,2,3"], [None] * 6),
        (["1e999", "9" * 401, "inf", "nan", ".", ",", "%", ""], [None] * 8),
    ],
)  # fmt: skip
def test_cells_are_read_as_the_column_says(cells, values):
    assert read(cells) == values


@pytest.mark.parametrize(
    ("cells", "form", "said"),
    [
        ([], NumberFormat(), ""),
        (["1", "2.5", "-3e5"], NumberFormat(), ""),
        (["good", "bad"], NumberFormat(), ""),
        (["509", "5,762"], NumberFormat(thousands=","), 'a comma separates thousands: "5,762" is 5762'),
        (["509", "1.234"], NumberFormat(), 'a point marks decimals: "1.234" is 1.234'),
        (["0,5", "3"], NumberFormat(",", "."), 'a comma marks decimals: "0,5" is 0.5'),
        (
            ["1\u00a0234", "0,5"],
            NumberFormat(",", " "),
            'a space separates thousands and a comma marks decimals: "1 234" is 1234, "0,5" is 0.5',
        ),
        (
            ["85%", "(2%)"],
            NumberFormat(unit="%"),
            '% is the unit and parentheses mean minus: "85%" is 85, "(2%)" is -2',
        ),
        (["4/5", "5/5"], NumberFormat(unit="/5"), '/5 is the unit: "4/5" is 4'),
        (["4 stars", "1 star"], NumberFormat(unit="stars"), 'stars is the unit: "4 stars" is 4'),
    ],
)
def test_what_is_special_is_said(cells, form, said):
    assert (number_format(cells), number_format(cells).said) == (form, said)


MARKS = st.sampled_from([(".", ""), (".", ","), (",", "."), (",", " "), (".", "\u202f"), (",", "\u00a0"), (".", "'")])
UNITS = st.sampled_from(["{}", "{}%", "{} %", "${}", "{} €", "CHF {}", "{} stars", "{}/100", "{} out of 10"])


@given(st.lists(st.integers(-(10**11), 10**11), min_size=1, max_size=30), MARKS, UNITS)
def test_what_is_written_in_a_format_is_read_back_in_it(hundredths, marks, unit):
    decimal, thousands = marks
    values = [number / 100 for number in hundredths]
    # The format shows in two decimals, or with a mark for thousands in groups beside them.
    cells = [f"{value:,.2f}".translate({ord(","): thousands, ord("."): decimal}) for value in values]
    assert read([unit.format(cell) for cell in cells]) == values


@given(st.lists(st.integers(-(10**11), 10**11), min_size=1, max_size=30), st.sampled_from(",'\u00a0"))
def test_whole_numbers_with_thousands_are_read_back(values, mark):
    assert read([f"{value:,}".replace(",", mark) for value in values]) == values


CELLS = st.text("0123456789.,'’ +-−()/%$€★eE\u00a0", max_size=12) | st.text(max_size=12)


@given(st.lists(CELLS, max_size=12), CELLS)
def test_no_cell_is_too_odd(cells, other):
    form = number_format(cells)
    for cell in (*cells, other):
        value = form.parse(cell)
        assert value is None or abs(value) < float("inf")
    assert form == number_format(reversed(cells))


@given(CELLS)
def test_without_a_format_a_cell_is_read_as_by_itself(cell):
    alone = parse_number(cell)
    assert alone is None or NumberFormat().parse(cell) == alone


@pytest.mark.parametrize(
    "cell", ["9" * 399, "1" + ",123" * 99, "1," * 200, "1 " * 200, "(" * 399, "5" + " " * 398 + "%", "4 of " * 80]
)
def test_reading_takes_no_longer_than_the_cells(cell):
    """A pattern that backtracked would take over a second for one of these."""
    start = time.process_time()
    number_format([cell, *(cell + str(i) for i in range(200)), cell * 10_000])
    assert time.process_time() - start < 1


def table(tmp_path, header, cells, **options):
    path = tmp_path / "data.tsv"
    rows = (f"This is sentence number {i}\t{cell}\n" for i, cell in enumerate(cells))
    path.write_text(f"text\t{header}\n" + "".join(rows), encoding="utf-8")
    return read_table(path, **options)


def test_a_table_with_thousands_says_so_and_names_the_faulty_cell(tmp_path):
    read = table(tmp_path, "score", ["509", "968", "5,762", "7,784", "24", "3,10", "1,007"])
    assert [row.labels.get("score") for row in read.rows] == [509, 968, 5762, 7784, 24, None, 1007]
    assert read.tasks()["score"].reason == "it has numbers from 24 to 7784"
    [note] = [finding for finding in read.findings if finding.code == "number-format"]
    assert (note.level, note.column, note.line) == ("note", "score", None)
    assert note.problem == 'Here a comma separates thousands: "5,762" is 5762.'
    [fault] = read.errors
    assert (fault.code, fault.line) == ("number", 7)


def test_plain_numbers_need_no_words(tmp_path):
    assert table(tmp_path, "score", ["0.5", "1.25", "-3", "7", "1e1"]).findings == ()


def test_labels_with_units_are_labels_as_they_are_written(tmp_path):
    read = table(tmp_path, "rating", ["4 stars", "1 star", "5 stars", "4.0 stars", "4 stars", "1 star"] * 2)
    task = read.tasks()["rating"]
    assert (task.kind, task.labels) == ("classification", ("1 star", "4 stars", "5 stars"))
    assert [finding.code for finding in read.findings if finding.level != "note"] == ["label-spelling"] * 2
