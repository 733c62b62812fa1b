"""Tables made to cost much: the work of reading them grows with their size, and what is refused is said."""

import gc
import time
import tracemalloc

import pytest

from mtl.config import UserError
from mtl.data.table import read_table

CLASSES = "text,label\nhello there my friend,a\nsecond text of mine,b\n"
MARKS = "text,label\nhello [a](B) there my,a\nthird ]("
SPANS = "text;entities\nhello there my friend;[]\nsecond text of mine;[(0,1,'a')]\nthird one;"
TAGS = "text,entities\nAda joined Acme,B-PER O B-ORG\n"
LISTS = "tokens,tags\n\"['Ada', 'ran']\",\"['B-A', 'O']\"\n\"['he', 'hid']\",\"['O', 'O']\"\n"
COLUMNS = 1000


def overlapping(size):
    """One text, and spans of almost its whole length."""
    length = size // 2
    spans = ",".join(f'[{i % 7},{length - i % 1000},"A"]' for i in range(size // 32))
    return SPANS + "one\n" + "a" * length + ";[" + spans + "]\n"


def same_names(size):
    names = ["label"] * (size // 20)
    return ",".join([*names, "text"]) + "\n" + "a," * len(names) + "some words of text\n"


def short_rows(size):
    """Many columns, text last, and many rows of one cell."""
    columns = size // 20  # 4,000 in the largest; a table may have 5,000
    names = ",".join(f"c{i}" for i in range(columns))
    return f"{names},text\n{'1,' * columns}some words of text\n" + "ab\n" * (size // 6)


def full_rows(size):
    row = "1," * COLUMNS + "some words of text\n"
    return ",".join(f"c{i}" for i in range(COLUMNS)) + ",text\n" + row * (size // len(row))


# What is made, from how many characters on the work takes some hundredths of a second, and how.
TABLES = {
    # One long cell.
    "digits": (2_000, lambda n: CLASSES + "third one is here," + "1" * n + "x\n"),
    "digits of a span": (50_000, lambda n: SPANS + "[[" + "1" * n + ",2,'a']]\n"),
    "spaces": (1_000_000, lambda n: CLASSES + "third one is here," + " " * n + "x\n"),
    "a label": (1_000_000, lambda n: CLASSES + "third one is here," + "q" * n + "\n"),
    "a name": (1_000_000, lambda n: "text," + "ab " * (n // 3) + "\nhello there my friend,a\n"),
    "words": (1_000_000, lambda n: CLASSES + "ab " * (n // 3) + ",b\n"),
    "marks above letters": (1_000_000, lambda n: CLASSES + "a" + "\u0301" * (n // 2) + ",b\n"),
    "delimiters": (100_000, lambda n: CLASSES + "x" + "," * n + "\n"),
    # Marks in a text.
    "an open bracket": (1_000_000, lambda n: MARKS + "[" + "a" * n + ",b\n"),
    "open brackets": (150_000, lambda n: MARKS + "[" * n + ",b\n"),
    "escaped brackets": (50_000, lambda n: MARKS + "[\\" * (n // 2) + ",b\n"),
    "the label of a mark": (500_000, lambda n: MARKS + "[a](" + "w-" * (n // 2) + ",b\n"),
    "marked words": (30_000, lambda n: MARKS + "[a](B)" * (n // 6) + ",b\n"),
    # Spans and tags in a cell.
    "overlapping spans": (30_000, overlapping),
    "spans as Python writes them": (30_000, lambda n: SPANS + "[" + "(0,1,'a')," * (n // 10) + "]\n"),
    "spans as JSON": (30_000, lambda n: SPANS + "[" + '[0,1,"a"],' * (n // 10) + '[0,1,"a"]]\n'),
    "signs": (100_000, lambda n: SPANS + "[" + "-" * n + "1]\n"),
    "nested lists": (100_000, lambda n: SPANS + "[" * n + "]" * n + "\n"),
    "quotation marks of both kinds": (50_000, lambda n: SPANS + "[" + "'\"" * (n // 2) + "]\n"),
    "starts": (150_000, lambda n: SPANS + "[{" + "start " * (n // 6) + "\n"),
    "tags": (20_000, lambda n: TAGS + "a " * (n // 6) + "," + "B-X " * (n // 6) + "\n"),
    "types": (15_000, lambda n: TAGS + "".join(f"Ada joined Acme {i},B-P{i} O B-Q{i} O\n" for i in range(n // 36))),
    "a list of words": (20_000, lambda n: LISTS + '"[' + "'a'," * (n // 8) + ']","[' + "'O'," * (n // 8) + ']"\n'),
    "lists of words": (20_000, lambda n: LISTS * (n // 60)),
    "words as numpy writes them": (50_000, lambda n: LISTS + '"[' + "'a' " * (n // 4) + ']",[]\n'),
    "escaped quotes": (50_000, lambda n: LISTS + "\"['" + "\\'" * (n // 2) + ']",[]\n'),
    # Many rows and columns.
    "columns called the same": (10_000, same_names),
    "short rows": (20_000, short_rows),
    "full rows": (30_000, full_rows),
    "short lines": (15_000, lambda n: "text\n" + "ab\n" * (n // 3)),
    "lines of one return": (20_000, lambda n: "text,label\r" + "ab,c\r" * (n // 5)),
    "labels": (50_000, lambda n: CLASSES + "".join(f"some text number {i},l{i // 2}\n" for i in range(n // 26))),
    "sentences of CoNLL": (15_000, lambda n: "a O\nb B-X\n\n" * (n // 11)),
    "a sentence of CoNLL": (20_000, lambda n: "a O\nb B-X\n" * (n // 10)),
    "a line of CoNLL": (500_000, lambda n: "a O\nb B-X\n\n" * 600 + "a" + " O" * (n // 2) + "\n"),
    # Quotation marks.
    "quotes in few long lines": (50_000, lambda n: CLASSES + ('"abc;,|\t "x' + 'y,"z' * (n // 160) + "\n") * 40),
    "a quote on every line": (8_000, lambda n: CLASSES + '"a","b\n' * (n // 8)),
    "quotes that open": (8_000, lambda n: CLASSES + '"a,b\n' * (n // 5)),
    "quotes before a long line": (20_000, lambda n: CLASSES + '"a,b\n' * 300 + '"' + "a" * n + '" x,b\n'),
    "a wrapped cell": (1_000_000, lambda n: CLASSES + '"hello" there "my,a\n"' + "a" * n + '",b,c\n'),
    "doubled quotes": (250_000, lambda n: CLASSES + '"hello" there, "my""' + '""' * (n // 2) + "x,b\n"),
    "spaces before a quote": (500_000, lambda n: CLASSES + "a," + " " * n + '"b\n'),
    # Encodings.
    "broken UTF-8": (
        50_000,
        lambda n: b"text,label\n" + b"\xc3\xa4\xc3\xa4 words, \xff and others,a\n" * (n // 27),
    ),
    "NULs": (500_000, lambda n: CLASSES + "a" * 210_000 + "\x00" * n + ",b\n"),
}
# Below so many seconds the clock and the rest of the reading count for more than the table.
NOTHING = 0.02


def write(path, table):
    path.write_bytes(table if isinstance(table, bytes) else table.encode())
    return path


def seconds(path):
    """How long the processor takes to read a table."""
    gc.collect()
    gc.disable()  # it would come now in one reading and now in another
    try:
        start = time.process_time()
        read_table(path)
        return max(time.process_time() - start, NOTHING)
    finally:
        gc.enable()


@pytest.mark.parametrize("name", TABLES)
def test_the_work_grows_with_the_size(name, tmp_path):
    size, make = TABLES[name]
    small, large = (write(tmp_path / f"{times}.csv", make(times * size)) for times in (1, 4))
    least = most = float("inf")
    for _ in range(6):  # other programs make a reading slower, never faster
        least, most = min(least, seconds(small)), min(most, seconds(large))
        if (
            most <= 10 * least
        ):  # in proportion it would be 4 times, by the square 16; caches and busy machines take more
            return
    pytest.fail(f"{size:,} characters take {least:.3f} seconds, four times as many {most:.3f}")


LONG_CELLS = ("an open bracket", "open brackets", "nested lists", "a wrapped cell", "words", "a name", "a label")
LONG_CELLS += ("spans as Python writes them", "tags", "quotation marks of both kinds")


@pytest.mark.parametrize("name", LONG_CELLS)
def test_a_long_cell_takes_few_times_its_room_and_is_not_kept(name, tmp_path):
    size = 1_000_000
    path = write(tmp_path / "a.csv", TABLES[name][1](size))
    read_table(write(tmp_path / "b.csv", CLASSES))
    tracemalloc.start()
    try:
        read_table(path, max_bytes=3 * size)
        left, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 25 * size and left < size / 20


@pytest.mark.parametrize(
    ("table", "code", "line"),
    [
        (CLASSES + "third one is here," + "q" * 1001 + "\n", "label-long", 4),
        ("text,label " + "q" * 1001 + "\nhello there my friend,a\n", "name-long", 1),
        (SPANS + "[" + "(0,1,'a')," * 60_000 + "]\n", "entity-long", 4),
        (SPANS.replace("third one", "a" * 600_000) + "[(0,1,'a')]\n", "entity-long", 4),
        (TAGS + "a " * 300_000 + "," + "O " * 10 + "\n", "entity-long", 3),
        (SPANS + "[(0,5,'" + "q" * 1001 + "')]\n", "entity-cell", 4),
        (SPANS + "[(0,1" + "0" * 30 + ",'a')]\n", "entity-cell", 4),
        (overlapping(50_000), "span-many", 5),
    ],
)
def test_what_is_too_long_is_said_with_its_line(table, code, line, tmp_path):
    read = read_table(write(tmp_path / "a.csv", table))
    [finding] = [finding for finding in read.findings if finding.code == code]
    assert finding.line == line and len(finding.problem) < 1_200
    assert all(len(label) <= 1_000 for column in read.columns for label in (column.name, *column.labels))


def test_more_lines_than_the_limit_of_bytes_has_room_for_are_refused(tmp_path):
    path = write(tmp_path / "a.csv", "ab\n" * 100_001)
    with pytest.raises(UserError, match="a.csv has more than 100,000 lines, the limit here"):
        read_table(path, max_bytes=400_000)
    assert len(read_table(path, max_bytes=900_000).rows) == 100_001


def test_missing_labels_of_short_rows_are_all_counted(tmp_path):
    rows = ["x,1,2", "y,1", "z,,", *["a"] * 50, *["b,1"] * 50, *["c,1,2"] * 9]
    table = read_table(write(tmp_path / "a.csv", "text,stars,score\n" + "\n".join(rows) + "\n"))
    blank = {f.column: f for f in table.findings if f.code == "label-blank"}
    assert {name: finding.count for name, finding in blank.items()} == {"score": 51}
    assert "lines 55, 56, 57, 58, 59, 60, 61 and 43 more" in blank["score"].problem
    assert [f.count for f in table.findings if f.code == "row-unlabelled"] == [51]
