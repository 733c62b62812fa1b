"""Lines of text to cells: finds the delimiter, what quotation marks mean, and where each row begins.

In CSV, quotation marks wrap cells; in many TSV files they are ordinary characters. So every plausible reading of a
file is tried, and the one that leaves the fewest lines unexplained wins.
"""

from __future__ import annotations

import csv
import functools
import itertools
import json
import re
from collections.abc import Callable, Sequence

from mtl.data.grid import Dialect, Grid
from mtl.data.header import looks_like_header
from mtl.text.values import parse_number

DELIMITER_NAMES = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe", " ": "space"}

_DELIMITERS = ("\t", ",", ";", "|")
# The part of a file that the delimiter is guessed from.
_SAMPLE_LINES, _SAMPLE_CHARACTERS = 400, 1_000_000
# The budget for reading lines again because of unpaired quotes, in characters, on top of twice the file.
_PATIENCE = 1_000_000
# With these, a quotation mark that begins a cell most likely wraps it; with tabs it may as well begin direct speech.
_QUOTING = (",", ";", "|")

# The csv module's limit is 128 KB per cell; this setting applies to the whole process.
csv.field_size_limit(2**31 - 1)

# A pair of quotes, and a cell wrapped in quotes with only doubled ones inside.
_PAIR = re.compile(r'"[^"]*+"')
_WRAPPED = re.compile(r'"(?:[^"]++|"")*+"')

# `0 a sentence`, and fastText's `__label__good a sentence`, whose labels may be several, and may stand at the end.
_SPACED = re.compile(r"\s*+([+-]?[0-9]{1,2})(?:[ ]++(\S.*+)|\s*+)", re.DOTALL)
_MARKED = re.compile(r"\s*+(__label__[^\s,]++(?:[\s,]++__label__[^\s,]++)*+)(?:[\s,]++(\S.*+)|\s*+)", re.DOTALL)
_MARKED_LAST = re.compile(r"(?:\s++__label__\S++)++\s*+\Z")
_LABEL_MARK = "__label__"

# The line below the header of a Markdown table, and of a database's listing.
_RULE = re.compile(r"\s*+[|+]?(?:\s*+:?-++:?\s*+[|+])*+\s*+(?::?-++:?\s*+)?")
_RULE_WITHIN = 20
# A cell of R's write.table, in quotes or a single word.
_QUOTED_OR_WORD = re.compile(r'"(?:[^"\\]++|""|\\.)*+"|[^\s"]++')


def read_grid(lines: Sequence[str], prefer: str = "") -> Grid:
    """Split lines, endings included, into cells. `prefer` is the delimiter that goes with the file's extension."""
    if lines and (marker := re.fullmatch(r"sep=([,;|:\t])\s*", lines[0])):
        # Written by Excel. Kept as a blank line so that the line numbers of the others stay right.
        return _best_reading(["\n", *lines[1:]], marker[1])
    if _is_ruled(lines):
        return _read_ruled(lines)
    sample = _sample(lines)
    if _is_quoted_and_spaced(sample):
        return _read_quoted(lines, Dialect(" ", "backslash" if any('\\"' in line for line in lines) else "csv"))
    delimiter = _delimiter(sample, prefer)
    return _read_spaced(lines) if delimiter == " " else _best_reading(lines, delimiter)


# Choosing a reading --------------------------------------------------------------------------------


def _sample(lines: Sequence[str]) -> Sequence[str]:
    sizes = itertools.accumulate(map(len, lines[:_SAMPLE_LINES]))
    return lines[: max(1, sum(size <= _SAMPLE_CHARACTERS for size in sizes))]


def _delimiter(sample: Sequence[str], prefer: str) -> str:
    """The delimiter that splits most lines like the first; " " for `0 a sentence`; "" for a single column."""
    best, best_score = "", 0.75
    for delimiter in _DELIMITERS:
        if not any(delimiter in line for line in sample):
            continue
        header, score = _score(_best_reading(sample, delimiter))
        # A comma that is always followed by a space is punctuation, unless a header or the file's name says otherwise.
        if not (header or delimiter in (prefer, "\t")) and _is_punctuation(sample, delimiter):
            continue
        score += header + 0.01 * (delimiter == prefer)
        if score > best_score:
            best, best_score = delimiter, score
    return best or (" " if _is_spaced(sample) else "")


def _score(grid: Grid) -> tuple[bool, float]:
    """Whether there certainly is a header, and the share of rows as wide as the first (0 for one column).

    Above a certain header may stand a title or prose."""
    rows = [row for row in grid.rows if row]
    width = grid.width()
    first = next((row for row in rows if len(row) == width), [])
    if width < 2 or not (first is rows[0] or looks_like_header(first)):
        first = rows[0] if rows else []
        width = len(first)
    if width < 2:
        return False, 0.0
    return looks_like_header(first), sum(len(row) == width for row in rows) / len(rows)


def _is_punctuation(sample: Sequence[str], delimiter: str) -> bool:
    return not any(re.search(re.escape(delimiter) + r"\S", line) for line in sample)


def _is_spaced(sample: Sequence[str]) -> bool:
    filled = [line for line in sample if line.strip()]
    if filled and all(map(_marked, filled)):
        return True
    matches = [_SPACED.fullmatch(line) for line in filled]
    labels = [match[1] for match in matches if match and match[2]]
    if not all(matches) or len(labels) < 0.9 * len(matches):
        return False
    # A numbered list has as many numbers as lines.
    return len(set(labels)) <= len(labels) // 2


def _is_ruled(lines: Sequence[str]) -> bool:
    """Whether there is a line of dashes between cells among the first, as below the header of a Markdown table."""
    rules = (line for line in lines[:_RULE_WITHIN] if "--" in line or line.startswith("|-"))
    return any(("|" in line or "+" in line) and _RULE.fullmatch(line) for line in rules)


def _is_quoted_and_spaced(sample: Sequence[str]) -> bool:
    """Whether cells have spaces between them, as R's `write.table` writes: texts and names in quotes, and perhaps no
    name for the names of the rows."""
    lines = [line.strip() for line in sample if line.strip()]
    if len(lines) < 2 or not lines[0].startswith('"'):
        return False
    cells = [_QUOTED_OR_WORD.findall(line) for line in lines]
    named = all(cell.startswith('"') for cell in cells[0])
    widths = {len(row) for row in cells[1:]}
    whole = all(" ".join(row) == line for row, line in zip(cells, lines, strict=True))
    return named and whole and len(widths) == 1 and max(widths) > 1 and len(cells[0]) in (max(widths), max(widths) - 1)


def _is_single_quoted(lines: Sequence[str], delimiter: str) -> bool:
    """Whether single quotation marks stand around cells, as databases write: as many open cells as close them, in
    nearly all lines or, as a cell may have several lines, around all cells of the first."""
    filled = [line.strip() for line in lines[:_SAMPLE_LINES] if line.strip()]
    if not delimiter or not filled or delimiter not in filled[0]:
        return False
    mark = re.escape(delimiter)
    opening, closing = re.compile(rf"(?:^|{mark})'"), re.compile(rf"'(?={mark}|$)")
    opened, closed = (sum(len(pattern.findall(line)) for line in filled) for pattern in (opening, closing))
    named = all(re.fullmatch("'[^']*'", cell) for cell in filled[0].split(delimiter))
    rows = filled[1:]
    often = 2 * opened > len(filled) if named else sum(map(bool, map(opening.search, rows))) >= 0.9 * len(rows) > 0
    return often and abs(opened - closed) <= 0.1 * opened


def _best_reading(lines: Sequence[str], delimiter: str) -> Grid:
    """Try readings, likeliest first; a later one has to leave fewer lines unexplained."""
    if _is_single_quoted(lines, delimiter):
        best = _read_quoted(lines, Dialect(delimiter, "single"))
        if any("\\'" in line for line in lines):
            escaped = _read_quoted(lines, Dialect(delimiter, "single backslash"))
            best = escaped if escaped.faults() < best.faults() else best
        return best
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
        # Read as characters, quotes that wrap whole cells cause no other fault, so they count here.
        unexplained = literal.faults() + best.spanned + _wrapped(literal)
        best = literal if unexplained < best.faults() else best
    return best


def _has_spaced_quotes(grid: Grid, lines: Sequence[str]) -> bool:
    """Whether a quote follows a delimiter and spaces, outside the quotes that `grid`, a csv reading, paired."""
    delimiter = grid.dialect.delimiter
    # In ordinary CSV such a quote would be doubled or close the cell.
    likely = re.compile(re.escape(delimiter) + ' ++"(?!")')
    if not delimiter or not any(likely.search(line) for line in lines):
        return False
    opening = re.compile(re.escape(delimiter) + ' ++"')
    ends = [*grid.lines[1:], len(lines) + 1]
    rows = ("".join(lines[start - 1 : end - 1]) for start, end in zip(grid.lines, ends, strict=True))
    return any(opening.search(_PAIR.sub('"', row)) for row in rows)


def _wrapped(grid: Grid) -> int:
    """How many rows have a cell wrapped in quotes, if the delimiter is one that goes with quoting."""
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
    """Whether a quote opens one of these cells and none closes it; the line was split without regard to quotes."""
    return any(cell.startswith('"') and cell.count('"') % 2 for cell in row)


def _read_quoted(lines: Sequence[str], dialect: Dialect) -> Grid:
    """Read quoted cells, which may contain line breaks.

    A quote that is never closed would swallow the rows after it. So when a row is malformed, or spans lines without
    being as wide as the first, it is dropped and its first line is read alone.
    """
    grid = Grid(dialect)
    width = 0
    position = 0
    # (place in the grid, lines) of rows over several lines, each of which has as many cells as a row.
    doubtful: list[tuple[int, Sequence[str]]] = []
    # Dropped lines are read again. Once the budget is spent, quotes are assumed not to span lines in this file.
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

    @functools.cache
    def column_values(column: int) -> tuple[set[str], bool]:
        values = {row[column] for row in grid.rows if len(row) == width}
        return values, 2 * sum(parse_number(value) is not None for value in values) > len(values)

    def fits(column: int, cell: str) -> bool:
        """Whether a cell, split without regard to quotes, is a value of the column, or a number among numbers."""
        cell = cell.lstrip(" ") if dialect.quotes == "spaced" else cell
        values, are_numbers = column_values(column)
        # In prose a number has a space before it.
        return cell in values or (are_numbers and cell == cell.strip() and parse_number(cell) is not None)

    for place, within in doubtful:
        if _look_like_rows(grid.rows[place], [_cut(line, dialect.delimiter) for line in within], fits):
            grid.swallowed += len(within)
        else:
            grid.spanned += len(within)
    return grid


def _look_like_rows(row: Sequence[str], lines: Sequence[Sequence[str]], fits: Callable[[int, str], bool]) -> bool:
    """Whether two stray quotes merged several rows into one: there are labels between them.

    `lines` are its lines, split without regard to quotes; `fits(column, cell)` says whether a cell is like a column's.
    A text may have as many delimiters per line as a row, but rarely another column's values between them.
    """
    long = [column for column, cell in enumerate(row) if "\n" in cell or "\r" in cell]
    for column in range(len(row)):
        # Before the opening quote and after the closing one, the cells are the row's own.
        inner = lines[column < long[0] : len(lines) - (column > long[-1])]
        filled = [cells[column] for cells in inner if cells[column].strip()]
        if column not in long and 2 * sum(fits(column, cell) for cell in filled) > len(filled):
            return True
    return False


def _read_alone(grid: Grid, line: str, number: int, width: int) -> None:
    """Read one line by itself; if its quotes give the wrong number of cells, only those around whole cells count."""
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
    # The module needs a delimiter. In a single column, a comma outside quotes counts as a fault of this reading.
    options: dict = {"delimiter": dialect.delimiter or ",", "skipinitialspace": dialect.quotes == "spaced"}
    options |= {"quotechar": "'"} if "single" in dialect.quotes else {}
    return options | ({"escapechar": "\\", "doublequote": False} if "backslash" in dialect.quotes else {})


def _marked(line: str) -> tuple[str, str] | None:
    """The labels and the text of a line of fastText; None for any other."""
    if match := _MARKED.fullmatch(line):
        return match[1], match[2] or ""
    match = _MARKED_LAST.search(line)
    return (match[0], line[: match.start()]) if match else None


def _read_spaced(lines: Sequence[str]) -> Grid:
    grid = _read_literal(lines, Dialect(" ", "none"))
    found: list[tuple[list[str], str]] = []
    for line in lines:
        match = _SPACED.fullmatch(line)
        labels, text = _marked(line) or ((match[1], match[2] or "") if match else ("", line))
        found.append((labels.replace(_LABEL_MARK, "").replace(",", " ").split(), text.rstrip("\r\n")))
    several = any(len(labels) > 1 for labels, _ in found)
    grid.rows = [
        [json.dumps(labels, ensure_ascii=False) if several else labels[0], text] if labels else _cut(line, "")
        for line, (labels, text) in zip(lines, found, strict=True)
    ]
    return grid


def _read_ruled(lines: Sequence[str]) -> Grid:
    """Read a table whose header has a line of dashes below it; lines without a bar are not part of it."""
    grid = _read_literal(lines, Dialect("|", "none"))
    grid.unclosed = []
    grid.form = "table, bars between cells"
    rules: set[int] = set()
    for i, line in enumerate(lines):
        cells = [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", line.strip())]
        if line.strip() and _RULE.fullmatch(line):
            rules.add(i)
            continue
        is_part = len(cells) > 1
        outer = 1 if line.strip().startswith("|") else 0
        grid.rows[i] = cells[outer : -1 if line.strip().endswith("|") else None] if is_part else []
        if line.strip() and not is_part:
            grid.outside.append(i + 1)
    grid.remove({*rules, *(line - 1 for line in grid.outside)})
    return grid
