"""Delimiters and quotation marks are recognised, and rows keep their line numbers."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mtl.data.delimited import read_grid
from mtl.data.files import split_lines


def grid(text, prefer=""):
    return read_grid(split_lines(text), prefer)


def filled(text, prefer=""):
    return [row for row in grid(text, prefer).rows if row]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(delimiter, end):
    rows = [["text", "label"], ["It was good, really; wow", "pos"], ["Bad | sad, no fun", "neg"], ["so so", "neg"]]
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(rows)
    read = grid(out.getvalue())
    assert (read.rows, read.lines) == (rows, [1, 2, 3, 4])
    assert read.dialect.delimiter == delimiter


CELLS = st.text(st.sampled_from('ab ,;"\n\r\t|é') | st.characters(codec="utf-8"), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS, st.sampled_from(["pos", "neg"])), min_size=1, max_size=6))
def test_what_the_csv_module_writes_is_read_back(rows):
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "text", "label"])
    writer.writerows(rows)
    read = grid(out.getvalue(), prefer=",")
    assert read.rows[1:] == [list(row) for row in rows]
    lines = split_lines(out.getvalue())
    assert all(lines[line - 1].startswith('"') for line in read.lines)


# What a text may hold apart from the labels and numbers of other columns: between those, lines of it would be rows.
PIECES = ["Dear Sir", "bye", "it's", '"now"', "\\", " ", ", ", "; ", '"', '""', ' "', '" ', "\n", "\r\n", "\r", "\n\n"]


@st.composite
def tables(draw):
    """A delimiter, and rows of a table with one text in it and a header."""
    delimiter = draw(st.sampled_from([",", ";", "\t", "|"]))
    texts = st.lists(st.sampled_from([*PIECES, delimiter, delimiter]), max_size=8).map("".join)
    columns = {
        "id": st.integers(1, 99).map(str),
        "text": texts,
        "label": st.sampled_from(["pos", "neg", ""]),
        "score": st.floats(-1, 1).map(lambda score: f"{score:.2f}"),
    }
    header = draw(st.permutations(["text", *draw(st.sets(st.sampled_from(["id", "label", "score"]), min_size=1))]))
    rows = draw(st.lists(st.tuples(*(columns[name] for name in header)).map(list), min_size=1, max_size=6))
    return delimiter, [header, *rows]


@settings(max_examples=500)
@given(tables())
@example((",", [["text", "label"], ["fine day", "pos"], ["Dear Sir, hello\nthank you", "pos"], ["so so", "neg"]]))
@example((";", [["text", "label"], ["fine day", "pos"], ['Bye; "now"\nand more', "neg"], ["so so", "neg"]]))
@example((",", [["text", "label"], ["fine day", "pos"], ["Dear Sir,\nthank you", "pos"], ["so so", ""]]))
@example((",", [["text", "label"], ["well, ", "pos"], [" so so", "neg"]]))
def test_what_the_csv_module_quotes_where_it_must_is_read_back(table):
    delimiter, rows = table
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    read = grid(out.getvalue())
    assert (read.rows, read.mended, read.unclosed) == (rows, [], [])


def test_stray_quotes_do_not_tear_a_quoted_cell():
    read = grid('text,label\nfine,pos\n"Dear Sir, hello\nthank you",pos\n"Great" film,neg\n"Bye now,neg\nbad,neg\n')
    assert [row[0] for row in read.rows[1:]] == ["fine", "Dear Sir, hello\nthank you", "Great film", '"Bye now', "bad"]
    assert (read.mended, read.unclosed) == ([5, 6], [6])


def test_lines_are_counted_through_quoted_line_ends():
    text = 'text,label\n"one\ntwo\n\nfour",pos\n\nplain,neg\n"last\r\none",pos\n'
    read = grid(text)
    assert [(line, row) for line, row in zip(read.lines, read.rows, strict=True) if row] == [
        (1, ["text", "label"]),
        (2, ["one\ntwo\n\nfour", "pos"]),
        (7, ["plain", "neg"]),
        (8, ["last\r\none", "pos"]),
    ]


def test_quotes_in_a_tsv_are_characters():
    text = 'label\ttext\n1\t"Nice" she said\n0\t"never closed\n1\tmid "quoted" word\n0\t"all of it"\n1\tend"\n'
    assert [row[1] for row in filled(text)[1:]] == [
        '"Nice" she said',
        '"never closed',
        'mid "quoted" word',
        '"all of it"',
        'end"',
    ]


def test_a_quote_that_opens_in_one_row_and_closes_in_another_joins_nothing():
    text = 'label\ttext\n1\t"open\n0\tmiddle\n1\tclose"\n0\tlast\n'
    assert [row[0] for row in filled(text)] == ["label", "1", "0", "1", "0"]


def test_labels_between_two_stray_quotes_are_those_of_rows():
    """Ever so far apart, and whatever else the rows hold: names, scores, a label that is seen once."""
    between = "".join(f"u{i},0.{i},words {i},{'rare' if i == 5 else 'pos'}\n" for i in range(1, 10))
    read = grid(f'user,score,text,label\nu0,0.5,"open,neg\n{between}u10,0.25,close",pos\nu11,1,last,neg\n')
    assert [row[0] for row in read.rows] == ["user", *(f"u{i}" for i in range(12))]
    assert read.unclosed == [2]


@pytest.mark.parametrize("delimiter", [",", ";", "|"])
def test_a_quote_that_nothing_closes_is_told_and_stays(delimiter):
    read = grid('text,label\nHello there,pos\n"Bye now,neg\nbad day,neg\n'.replace(",", delimiter))
    assert read.rows[1:] == [["Hello there", "pos"], ['"Bye now', "neg"], ["bad day", "neg"]]
    assert read.unclosed == [3]


def test_a_quote_that_nothing_closes_leaves_quotes_elsewhere_alone():
    read = grid('"text","label"\n"Hello there","pos"\n"Bye now,"neg"\n"bad ""day""","neg"\n')
    assert read.rows == [["text", "label"], ["Hello there", "pos"], ['"Bye now', "neg"], ['bad "day"', "neg"]]
    assert read.unclosed == [3]


def test_somebody_who_speaks_opens_no_cell():
    assert grid('"Well, she said.\n"Yes, indeed.\n').unclosed == []
    assert grid('label\ttext\n1\t"Well\n0\tyes\n').unclosed == []


def test_a_single_stray_quote_costs_one_line():
    rows = "".join(f'"It was, in short, number {i}",pos\n' for i in range(20))
    read = grid("text,label\n" + rows + '"never closed, alas,neg\n' + rows)
    assert read.mended == [22]
    assert [row[0] for row in read.rows[22:]] == [f"It was, in short, number {i}" for i in range(20)]


def test_text_after_a_closing_quote():
    read = grid('text,label\n"Great" film,pos\n"a, b",neg\n"c, d",neg\n')
    assert read.rows[1:] == [["Great film", "pos"], ["a, b", "neg"], ["c, d", "neg"]]
    assert read.mended == [2]


def test_escaped_quotes():
    text = 'text,label\n"He said \\"no, never\\" twice",neg\n"and, well, \\"yes\\"",pos\n'
    assert [row[0] for row in filled(text)[1:]] == ['He said "no, never" twice', 'and, well, "yes"']


def test_spaces_behind_delimiters():
    text = 'text, label\n"one, two", "pos"\n"three, four", "neg"\n'
    assert filled(text)[1:] == [["one, two", "pos"], ["three, four", "neg"]]


def test_excels_own_line_keeps_the_numbers():
    read = grid("sep=|\ntext|label\na, b|pos\n")
    assert [(line, row) for line, row in zip(read.lines, read.rows, strict=True) if row] == [
        (2, ["text", "label"]),
        (3, ["a, b", "pos"]),
    ]


def test_sentences_are_no_table():
    text = "I came, I saw.\nYes, we can.\nWell, well.\n"
    assert grid(text).dialect.delimiter == ""
    assert filled(text) == [["I came, I saw."], ["Yes, we can."], ["Well, well."]]


def test_one_column_of_quoted_cells():
    assert filled('text\n"I came, I saw"\n"two\nlines"\n') == [["text"], ["I came, I saw"], ["two\nlines"]]


def test_a_label_and_a_space():
    assert filled("0 so, so bad\n1 good\n1 very good\n0 no\n0\n1 a b\n1 c\n0 d\n0 e\n1 f\n")[:2] == [
        ["0", "so, so bad"],
        ["1", "good"],
    ]
    assert filled("__label__a one\n__label__b two\n__label__a three\n__label__b x\n")[0] == ["a", "one"]
    assert filled("__label__a __label__b one\n__label__b two\n") == [['["a", "b"]', "one"], ['["b"]', "two"]]


@pytest.mark.parametrize(
    "text",
    [
        "| text | label |\n|---|:-:|\n| a \\| b, c | pos |\n| d | neg |\n",
        "Here it is:\n\ntext | label\n--- | ---\na \\| b, c | pos\nd | neg\n\nAnything else?\n",
        "+------+-----+\n| text | label |\n+------+-----+\n| a \\| b, c | pos |\n| d | neg |\n+---+---+\n(2 rows)\n",
    ],
)
def test_tables_with_a_line_below_the_header(text):
    assert filled(text) == [["text", "label"], ["a | b, c", "pos"], ["d", "neg"]]


def test_cells_in_quotes_with_spaces_between():
    assert filled('"text" "label"\n"1" "So, so bad." "neg"\n"2" "He said \\"no\\"." "pos"\n') == [
        ["text", "label"],
        ["1", "So, so bad.", "neg"],
        ["2", 'He said "no".', "pos"],
    ]
    assert filled('"Yes" he said.\n"No" she said.\n') == [['"Yes" he said.'], ['"No" she said.']]


def test_a_numbered_list_has_no_labels():
    assert filled("1 apples\n2 pears\n3 plums\n4 nuts\n") == [["1 apples"], ["2 pears"], ["3 plums"], ["4 nuts"]]


def test_quotes_that_go_wrong_on_every_line_take_no_longer_than_reading():
    """Each of these lines closes a cell and opens another, so that taking back one line at a time would be slow."""
    read = grid("text,label\n" + 'a","b\n' * 20_000)
    assert len(read.rows) == 20_001
    assert read.rows[-1] == ['a"', '"b']


@pytest.mark.parametrize(
    "text",
    [
        "'id';'comment'\n'1';'It''s fine; really'\n'2';'so so'\n",
        "id;comment\n1;'It''s fine; really'\n2;'so so'\n",
        "'id','comment'\n'1','It''s fine; really'\n'2','so so'\n",
        "'id';'comment'\n'1';'It\\'s fine; really'\n'2';'so so'\n",
    ],
)
def test_single_quotes_as_databases_write_them(text):
    assert filled(text) == [["id", "comment"], ["1", "It's fine; really"], ["2", "so so"]]


def test_a_cell_in_single_quotes_may_have_several_lines():
    text = "'id','comment'\n" + "".join(f"'{i}','one, two\n\nthree four\nfive'\n" for i in range(5))
    assert filled(text)[1:] == [[str(i), "one, two\n\nthree four\nfive"] for i in range(5)]


def test_words_that_begin_with_an_apostrophe_open_no_cell():
    text = "text,label\n" + "'tis fine,pos\n'twas bad and dogs' barking,neg\n" * 5
    assert filled(text)[1:3] == [["'tis fine", "pos"], ["'twas bad and dogs' barking", "neg"]]
