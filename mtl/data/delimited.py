"""From lines of text to cells: which delimiter, what quotation marks mean, and where each row begins.

In a CSV a quotation mark wraps a cell; in many TSV files it is just a character of the text. So every reading
that a file allows is tried, and the one that leaves the fewest lines unexplained is taken.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from mtl.data.header import looks_like_header
from mtl.text.values import parse_number

DELIMITER_NAMES = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe", " ": "space"}

_DELIMITERS = ("\t", ",", ";", "|")
# So many lines show the delimiter, of so many characters: each reading that is tried costs as much as they are long.
_SAMPLE_LINES, _SAMPLE_CHARACTERS = 400, 1_000_000
# So many characters are read again because of quotes that do not pair up, besides twice the file.
_PATIENCE = 1_000_000
# Between these, a quotation mark at the beginning of a cell is hardly somebody who speaks; between tabs it may be.
_QUOTING = (",", ";", "|")

# The csv module refuses cells above 128 KB unless it is told otherwise, for the whole process.
csv.field_size_limit(2**31 - 1)

# Quotes that pair up, and a cell between two of them with only doubled ones inside.
_PAIR = re.compile(r'"[^"]*+"')
_WRAPPED = re.compile(r'"(?:[^"]++|"")*+"')

# `0 a sentence`, and fastText's `__label__good a sentence`.
_SPACED = re.compile(r"\s*+(__label__\S++|[+-]?[0-9]{1,2})(?:[ ]++(\S.*+)|\s*+)", re.DOTALL)


@dataclass(frozen=True)
class Dialect:
    """How to cut a line: the delimiter ("" for a single column), and what quotation marks mean.

    `quotes` is "csv" (they wrap cells and are doubled inside), "backslash" (they are escaped inside),
    "spaced" (csv with spaces behind the delimiters) or "none" (ordinary characters).
    """

    delimiter: str
    quotes: str


@dataclass
class Grid:
    """Cells by row (a blank line is an empty row), and the line that each row begins on.

    `mended` are lines whose quotes did not pair up, and `unclosed` those with a cell that a quotation mark opens
    and none closes. Two counts are of lines inside quoted cells that have as many cells as a row: `swallowed` look
    like rows of this table, `spanned` do not.
    """

    dialect: Dialect
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    mended: list[int] = field(default_factory=list)
    unclosed: list[int] = field(default_factory=list)
    swallowed: int = 0
    spanned: int = 0

    def width(self) -> int:
        """The commonest number of cells; 0 when there are none."""
        widths = Counter(len(row) for row in self.rows if row)
        return widths.most_common(1)[0][0] if widths else 0

    def faults(self) -> int:
        """How many lines this reading leaves unexplained."""
        width = self.width()
        return sum(len(row) != width for row in self.rows if row) + len(self.mended) + self.swallowed


def read_grid(lines: Sequence[str], prefer: str = "") -> Grid:
    """Cut lines, endings included, into cells. `prefer` is the delimiter that the file's name promises."""
    if lines and (marker := re.fullmatch(r"sep=([,;|:\t])\s*", lines[0])):
        # A line that Excel writes for itself. It stays as a blank line so that the others keep their numbers.
        return _best_reading(["\n", *lines[1:]], marker[1])
    delimiter = _delimiter(_sample(lines), prefer)
    return _read_spaced(lines) if delimiter == " " else _best_reading(lines, delimiter)


# Which reading -------------------------------------------------------------------------------------


def _sample(lines: Sequence[str]) -> Sequence[str]:
    sizes = itertools.accumulate(map(len, lines[:_SAMPLE_LINES]))
    return lines[: max(1, sum(size <= _SAMPLE_CHARACTERS for size in sizes))]


def _delimiter(sample: Sequence[str], prefer: str) -> str:
    """The delimiter that cuts most lines like the first; " " for `0 a sentence`; "" for a single column."""
    best, best_score = "", 0.75
    for delimiter in _DELIMITERS:
        if not any(delimiter in line for line in sample):
            continue
        header, score = _score(_best_reading(sample, delimiter))
        # A comma that always has a space behind it is punctuation, unless a header or the file's name says
        # otherwise.
        if not (header or delimiter in (prefer, "\t")) and _is_punctuation(sample, delimiter):
            continue
        score += header + 0.01 * (delimiter == prefer)
        if score > best_score:
            best, best_score = delimiter, score
    if not best and _is_spaced(sample):
        return " "
    return best


def _score(grid: Grid) -> tuple[bool, float]:
    """Whether the first row is surely a header, and the share of rows as wide as it (0 for one column)."""
    rows = [row for row in grid.rows if row]
    if not rows or len(rows[0]) < 2:
        return False, 0.0
    return looks_like_header(rows[0]), sum(len(row) == len(rows[0]) for row in rows) / len(rows)


def _is_punctuation(sample: Sequence[str], delimiter: str) -> bool:
    return not any(re.search(re.escape(delimiter) + r"\S", line) for line in sample)


def _is_spaced(sample: Sequence[str]) -> bool:
    matches = [_SPACED.fullmatch(line) for line in sample if line.strip()]
    labels = [match[1] for match in matches if match and match[2]]
    if not all(matches) or len(labels) < 0.9 * len(matches):
        return False
    # A numbered list has as many numbers as lines.
    return len(set(labels)) <= len(labels) // 2


def _best_reading(lines: Sequence[str], delimiter: str) -> Grid:
    """The likeliest reading first; another has to leave fewer lines unexplained."""
    if not any('"' in line for line in lines):
        return _read_literal(lines, Dialect(delimiter, "none"))
    best = _read_quoted(lines, Dialect(delimiter, "csv"))
    if _has_spaced_quotes(best, lines):
        spaced = _read_quoted(lines, Dialect(delimiter, "spaced"))
        best = spaced if spaced.faults() <= best.faults() else best
    if best.faults() and any('\\"' in line for line in lines):
        escaped = _read_quoted(lines, Dialect(delimiter, "backslash"))
        best = escaped if escaped.faults() < best.faults() else best
    if best.faults():
        literal = _read_literal(lines, Dialect(delimiter, "none"))
        # Quotes that wrap whole cells leave no other fault behind when they are taken as characters.
        unexplained = literal.faults() + best.spanned + _wrapped(literal)
        best = literal if unexplained < best.faults() else best
    return best


def _has_spaced_quotes(grid: Grid, lines: Sequence[str]) -> bool:
    """Whether a quote stands behind a delimiter and spaces, outside the quotes that `grid`, a csv reading, paired."""
    delimiter = grid.dialect.delimiter
    # Inside a cell of a usual CSV this quotation mark would be doubled, or it is the one that closes the cell.
    likely = re.compile(re.escape(delimiter) + ' ++"(?!")')
    if not delimiter or not any(likely.search(line) for line in lines):
        return False
    opening = re.compile(re.escape(delimiter) + ' ++"')
    ends = [*grid.lines[1:], len(lines) + 1]
    rows = ("".join(lines[start - 1 : end - 1]) for start, end in zip(grid.lines, ends, strict=True))
    return any(opening.search(_PAIR.sub('"', row)) for row in rows)


def _wrapped(grid: Grid) -> int:
    """How many rows have a cell with quotes around it, where that means anything."""
    if grid.dialect.delimiter not in _QUOTING:
        return 0
    return sum(any(_WRAPPED.fullmatch(cell) for cell in row) for row in grid.rows)


# Reading -------------------------------------------------------------------------------------------


def _read_literal(lines: Sequence[str], dialect: Dialect) -> Grid:
    rows = [_cut(line, dialect.delimiter) for line in lines]
    unclosed: list[int] = []
    if dialect.delimiter in _QUOTING:
        unclosed = [number for number, row in enumerate(rows, start=1) if _is_unclosed(row)]
    return Grid(dialect, rows, list(range(1, len(lines) + 1)), unclosed=unclosed)


def _cut(line: str, delimiter: str) -> list[str]:
    line = line.rstrip("\r\n")
    if not line.strip(" "):
        return []
    return line.split(delimiter) if delimiter else [line]


def _is_unclosed(row: Sequence[str]) -> bool:
    """Whether a quotation mark opens one of these cells and none closes it; the line was cut without regard to them."""
    return any(cell.startswith('"') and cell.count('"') % 2 for cell in row)


def _read_quoted(lines: Sequence[str], dialect: Dialect) -> Grid:
    """Read quoted cells, which may hold line ends.

    A quotation mark that is never closed would swallow the rows after it. So a row that is malformed, or
    spans lines and has not as many cells as the first, is taken back, and its first line is read alone.
    """
    grid = Grid(dialect)
    width = 0
    position = 0
    # Rows over several lines, each of which has as many cells as a row: place in the grid, lines.
    doubtful: list[tuple[int, Sequence[str]]] = []
    # Lines taken back are read again. When that becomes much, quotes do not span lines in this file.
    patience = 2 * sum(map(len, lines)) + _PATIENCE
    options = _csv_options(dialect)
    while position < len(lines) and patience > 0:
        start = position
        reader = csv.reader((lines[i] for i in range(start, len(lines))), strict=True, **options)
        try:
            for row in reader:
                end = start + reader.line_num
                if end - position > 1:
                    if width and len(row) != width:
                        raise csv.Error
                    if width > 1 and all(len(_cut(line, dialect.delimiter)) == width for line in lines[position:end]):
                        doubtful.append((len(grid.rows), lines[position:end]))
                elif len(row) == 1 and not row[0].strip(" "):
                    row = []
                grid.rows.append(row)
                grid.lines.append(position + 1)
                width = width or len(row)
                position = end
        except csv.Error:
            patience -= sum(map(len, lines[position : start + reader.line_num]))
            _read_alone(grid, lines[position], position + 1, width)
            position += 1
    for number in range(position, len(lines)):
        _read_alone(grid, lines[number], number + 1, width)
    seen = _Seen(grid, width)
    for place, within in doubtful:
        if _look_like_rows(grid.rows[place], [_cut(line, dialect.delimiter) for line in within], seen):
            grid.swallowed += len(within)
        else:
            grid.spanned += len(within)
    return grid


def _look_like_rows(row: Sequence[str], cut: Sequence[Sequence[str]], seen: _Seen) -> bool:
    """Whether two stray quotes made one row of several: there are labels between them.

    `cut` are its lines, cut without regard to quotes. A text may well have as many delimiters on each line as a row,
    but what stands between those is hardly what another column holds.
    """
    long = [column for column, cell in enumerate(row) if "\n" in cell or "\r" in cell]
    for column in range(len(row)):
        # Before the quote that opens and behind the one that closes, the cells are the row's own.
        inner = cut[column < long[0] : len(cut) - (column > long[-1])]
        filled = [cells[column] for cells in inner if cells[column].strip()]
        if column not in long and 2 * sum(seen.has(column, cell) for cell in filled) > len(filled):
            return True
    return False


class _Seen:
    """What the columns of a grid hold, each looked at when somebody asks."""

    def __init__(self, grid: Grid, width: int) -> None:
        self._grid = grid
        self._width = width
        self._columns: dict[int, tuple[set[str], bool]] = {}

    def has(self, column: int, cell: str) -> bool:
        """Whether a cell, cut without regard to quotes, is like this column: seen in it, or a number among numbers."""
        if self._grid.dialect.quotes == "spaced":
            cell = cell.lstrip(" ")
        if column not in self._columns:
            values = {row[column] for row in self._grid.rows if len(row) == self._width}
            numbers = sum(parse_number(value) is not None for value in values)
            self._columns[column] = values, 2 * numbers > len(values)
        values, are_numbers = self._columns[column]
        # In prose a number has a space before it.
        return cell in values or (are_numbers and cell == cell.strip() and parse_number(cell) is not None)


def _read_alone(grid: Grid, line: str, number: int, width: int) -> None:
    """Read one line by itself; where its quotes give the wrong number of cells, only whole cells are quoted."""
    line = line.rstrip("\r\n")
    try:
        row = next(csv.reader([line], **_csv_options(grid.dialect)), [])
    except csv.Error:
        row = []
    if not row or (width and len(row) != width):
        row = [
            cell[1:-1].replace('""', '"') if _WRAPPED.fullmatch(cell) else cell
            for cell in _cut(line, grid.dialect.delimiter)
        ]
        if _is_unclosed(row):
            grid.unclosed.append(number)
    grid.rows.append(row)
    grid.lines.append(number)
    grid.mended.append(number)


def _csv_options(dialect: Dialect) -> dict:
    # The module wants a delimiter. In a single column, a comma outside quotes then counts as a fault of this
    # reading.
    options: dict = {"delimiter": dialect.delimiter or ","}
    if dialect.quotes == "backslash":
        options |= {"escapechar": "\\", "doublequote": False}
    if dialect.quotes == "spaced":
        options |= {"skipinitialspace": True}
    return options


def _read_spaced(lines: Sequence[str]) -> Grid:
    grid = _read_literal(lines, Dialect(" ", "none"))
    matches = [_SPACED.fullmatch(line) for line in lines]
    grid.rows = [
        [match[1], (match[2] or "").rstrip("\r\n")] if match else _cut(line, "")
        for match, line in zip(matches, lines, strict=True)
    ]
    return grid
