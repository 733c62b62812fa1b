"""Read a table in any of many formats: its rows, what each column is, and what is wrong, with line numbers.

file -> text (files) -> cells (delimited, header) or sentences (tokens) -> roles (columns) -> labels (kinds) -> findings
"""

from __future__ import annotations

import functools
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mtl import plugins
from mtl.config import KINDS, UserError
from mtl.data import findings as doctor
from mtl.data import tokens
from mtl.data.columns import Role, check_overrides, guess_roles
from mtl.data.delimited import DELIMITER_NAMES, read_grid
from mtl.data.files import MAX_BYTES, read_source, split_lines
from mtl.data.grid import Dialect, Grid
from mtl.data.header import distinct_names, has_header, unused_name
from mtl.data.rows import NAMED_LINES, Column, Finding, Findings, Progress, Row, Table, in_order
from mtl.kinds.tagging import Tagging
from mtl.text.spans import parse_markup
from mtl.text.values import is_blank, parse_number

__all__ = ["Column", "Finding", "Row", "Table", "read_table"]

_MOST_COLUMNS = 5000
# The kind of task of files with a word per line, and of marks in a text.
ENTITIES = Tagging.name
# The share of the work done when cells are split, roles guessed, rows read; progress is reported every so many cells.
_CUT, _GUESSED, _READ, _OFTEN = 0.3, 0.45, 0.7, 20_000
# The delimiter that goes with a file's extension.
_BY_EXTENSION = {".csv": ",", ".tsv": "\t", ".tab": "\t"}


def read_table(
    path: str | os.PathLike[str],
    *,
    text: str | None = None,
    roles: Mapping[str, str] | None = None,
    max_bytes: int = MAX_BYTES,
    token_counts: doctor.TokenCounts | None = None,
    max_tokens: int | None = None,
    progress: Progress = lambda share: None,
    names: tokens.TagNames | None = None,
) -> Table:
    """Read a table of texts and labels from a file: CSV, TSV, CoNLL, one word per row, or one text per line.

    The roles of columns are guessed; `text` (the text column) and `roles` (column -> "ignored" or a kind of task, see
    `mtl.config.KINDS`) override the guess. `names` gives the names of integer tags, by column. Unusable rows are left
    out and reported in `findings`, as is everything odd; with `token_counts` and `max_tokens` (see `findings.examine`)
    also texts that are too long for a model.

    `progress` is called with the share of the work that is done; an exception in it ends the reading.

    Raises UserError when nothing can be read (no such file, too big, damaged, an image or another format), and when
    `text` or `roles` name a column that is not there.
    """
    path = Path(path)
    findings = Findings()
    own_format = _read_own_format(path, max_bytes)
    lines, encoding = [], "its own encoding"
    if own_format is None:
        source = read_source(path, findings, max_bytes)
        lines, encoding = split_lines(source.text), source.encoding
        del source  # it may be large
    chosen = {name for name, kind in (roles or {}).items() if kind == ENTITIES}
    tag_names = names or {}
    overrides = {**dict.fromkeys(tag_names, ENTITIES), **(roles or {})}
    if (words := tokens.read_lines(lines, findings, chosen, tag_names)) is not None:
        form = "CoNLL, one word per line"
        check_overrides(words.names, text, overrides)
        rows, columns = _from_sentences(words, roles, findings)
    else:
        extension = (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()
        form, grid = own_format or ("", read_grid(lines, prefer=_BY_EXTENSION.get(extension, "")))
        del lines, own_format
        progress(_CUT)
        header, are_own = _take_names(grid, findings, has_names=bool(form))
        marks = unused_name("entities", set(header))
        check_overrides(header, text, overrides, also=[marks])
        delimiter = DELIMITER_NAMES.get(grid.dialect.delimiter)
        if not form and (words := tokens.read_grid(grid, header, findings, chosen, tag_names, named=are_own)):
            form = f"one word per row, {delimiter} between cells"
            rows, columns = _from_sentences(words, roles, findings)
        else:
            form = form or (f"table, {delimiter} between cells" if delimiter else "one text per line")
            of_lists = tokens.join_lists(grid, header, text, findings, chosen, tag_names)
            cells = _columns(grid, len(header))
            guess = _guess(header, cells, text, roles, of_lists, named=are_own)
            progress(_GUESSED)
            use_marks = (roles or {}).get(marks) != "ignored"
            rows, columns = _from_grid(grid, header, cells, guess, marks if use_marks else None, findings, progress)
    progress(_READ)
    examined = doctor.examine(
        rows, columns, token_counts, max_tokens, lambda done: progress(_READ + (1 - _READ) * done)
    )
    return Table(rows, tuple(columns), in_order((*findings.grouped(), *examined)), form, encoding)


def _read_own_format(path: Path, max_bytes: int) -> tuple[str, Grid] | None:
    """The format and the cells of a file that a plug-in's reader knows; None if none does."""
    if not path.is_file() or path.stat().st_size > max_bytes:
        return None
    readers = (pair for module in plugins.MODULES for pair in getattr(module, "TABLE_READERS", {}).items())
    for name, read in readers:
        if (rows := read(path)) is not None:
            cells = [[str(cell) for cell in row] for row in rows]
            return name, Grid(Dialect(",", "none"), cells, list(range(1, len(cells) + 1)))
    return None


def _take_names(grid: Grid, findings: Findings, has_names: bool) -> tuple[list[str], bool]:
    """The columns' names, and whether they are the file's own; a header is removed from the grid.

    `has_names`: the first row is known to be the header."""
    filled = [i for i, row in enumerate(grid.rows) if row]
    if not filled:
        return [], True
    first = filled[0]
    if (count := len(grid.rows[first])) > _MOST_COLUMNS:
        raise UserError(f"The first line has {count:,} cells; a table may have {_MOST_COLUMNS:,} columns.")
    if has_names or has_header([grid.rows[i] for i in filled]):
        names = distinct_names(grid.rows[first], grid.lines[first], findings)
        del grid.rows[: first + 1], grid.lines[: first + 1]
        return names, True
    width = grid.width()
    names = [f"column {i + 1}" for i in range(width)]
    guess = guess_roles(names, _columns(grid, width), named=False)
    tasks = [i for i, role in enumerate(guess) if role.role == "task"]
    for i, role in enumerate(guess):
        if role.role == "text":
            names[i] = "text"
        elif tasks == [i]:
            names[i] = "entities" if role.kind == ENTITIES else "label"
    if width > 1:
        findings.add("no-header", grid.lines[first], names=", ".join(names))
    return names, False


def _columns(grid: Grid, width: int) -> list[list[str]]:
    """The cells by column, of rows that have them all."""
    rows = [row for row in grid.rows if len(row) == width]
    return [[row[i] for row in rows] for i in range(width)]


def _guess(
    names: Sequence[str],
    cells: Sequence[Sequence[str]],
    text: str | None,
    roles: Mapping[str, str] | None,
    known: Mapping[str, Role],
    named: bool,
) -> list[Role]:
    """The role of each column; `known` are those of columns that held lists of words and tags."""
    text = next((name for name, role in known.items() if role.role == "text"), text)
    settled = {name: role.kind or role.role for name, role in known.items() if role.role != "text"}
    guess = guess_roles(names, cells, text, settled | {**(roles or {})}, named)
    return [role if name in (roles or {}) else known.get(name, role) for name, role in zip(names, guess, strict=True)]


# One text per row ----------------------------------------------------------------------------------


def _from_grid(
    grid: Grid,
    names: list[str],
    cells: Sequence[Sequence[str]],
    roles: Sequence[Role],
    marks: str | None,
    findings: Findings,
    progress: Progress,
) -> tuple[list[Row], list[Column]]:
    """The rows and columns of a table; `marks` is the task for entities marked in its text, or None."""
    place = next((i for i, role in enumerate(roles) if role.role == "text"), None)
    if place is None:
        findings.add("no-text-column", names=", ".join(names) or "none")
        return [], _described(names, roles, [])
    readers = {
        i: KINDS[role.kind].reader(cells[i], functools.partial(findings.add, column=names[i]))
        for i, role in enumerate(roles)
        if role.role == "task"
    }
    for name, role in zip(names, roles, strict=True):
        if role.rivals:
            findings.add("close-call", None, name, kind=role.kind, other=role.rivals[0], name=name)
    # Marks in the text count as entities unless there is a column of entities.
    marked = roles[place].marked and not any(role.kind == ENTITIES for role in roles)
    for line in grid.unclosed:
        findings.add("quote-open", line)
    for line in sorted(set(grid.mended) - set(grid.unclosed)):
        findings.add("quotes", line)
    rows: list[Row] = []
    # The number of rows by their number of cells. Missing labels are reported for the first of these and only counted
    # for the others, since a row of one cell may lack thousands.
    short: Counter[int] = Counter()
    often = max(1, _OFTEN // len(names))
    for number, (row, line) in enumerate(_even_rows(grid, len(names), place, findings)):
        if number % often == 0:
            progress(_GUESSED + (_READ - _GUESSED) * number / len(grid.rows))
        text = row[place] if place < len(row) else ""
        labels: dict[str, Any] = {}
        if marked:
            text, spans = parse_markup(text)
            if marks:
                labels[marks] = tuple(spans)
        if not text.strip():
            findings.add("text-empty", line, names[place])
            continue
        cells = len(row)
        short[cells] += cells < len(names)
        for i, read in readers.items():
            if i < cells and not is_blank(row[i]):
                if (label := read(row[i], text, line)) is not None:
                    labels[names[i]] = label
            elif i < cells or short[cells] <= NAMED_LINES:
                findings.add("label-blank", line, names[i])
            else:
                break
        rows.append(Row(text, labels, line))
    for i in readers:
        missing = sum(max(0, count - NAMED_LINES) for cells, count in short.items() if cells <= i)
        findings.add_uncounted("label-blank", names[i], missing)
    if marked and marks:
        names = [*names, marks]
        roles = [*roles, Role("task", ENTITIES, f"its entities are marked in {names[place]}")]
    for name, role in zip(names, roles, strict=True):
        if role.kind:
            KINDS[role.kind].settle(rows, name, findings)
    columns = _described(names, roles, rows)
    if not rows:
        findings.add("no-rows")
    elif all(column.role != "task" for column in columns):
        findings.add("no-task")
    return rows, columns


def _even_rows(grid: Grid, width: int, place: int, findings: Findings) -> Iterator[tuple[list[str], int]]:
    """The rows, each with up to `width` cells, and their lines. `place` is the index of the text column."""
    delimiter = grid.dialect.delimiter
    name = DELIMITER_NAMES.get(delimiter, delimiter)
    last = max((i for i, row in enumerate(grid.rows) if row), default=-1)
    for row, line in zip(grid.rows[: last + 1], grid.lines, strict=False):
        if not row:
            findings.add("blank-line", line)
            continue
        facts = {"found": len(row), "expected": width, "delimiter": name}
        # Spreadsheet programs write empty cells after the last column.
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) < width:
            findings.add("ragged-short", line, **facts)
        elif len(row) > width and delimiter == "\t":
            findings.add("ragged-cut", line, **facts)
            row = row[:width]
        elif len(row) > width:
            # Prose is full of commas: an extra one most likely belongs to the text.
            findings.add("ragged-joined", line, **facts)
            after = place + len(row) - width + 1
            row = [*row[:place], delimiter.join(row[place:after]), *row[after:]]
        yield row, line


# One word per row ------------------------------------------------------------------------------------


def _from_sentences(
    words: tokens.WordTable, overrides: Mapping[str, str] | None, findings: Findings
) -> tuple[list[Row], list[Column]]:
    names, places = words.names, words.places
    task = None if places.tag is None else names[places.tag]
    used = task is not None and (overrides or {}).get(task) != "ignored"
    rows = [
        Row(text, {task: tuple(spans)} if used else {}, line)
        for text, spans, line in tokens.to_spans(words.sentences, places.form, task or "", findings)
    ]
    if used:
        KINDS[ENTITIES].settle(rows, task, findings)
    roles = tokens.word_roles(names, places, not used, findings)
    if not rows:
        findings.add("no-rows")
    elif task is None:
        findings.add("no-task")
    return rows, _described(names, roles, rows)


def _described(names: Sequence[str], roles: Sequence[Role], rows: Iterable[Row]) -> list[Column]:
    """The columns with their labels, counted over the rows that were read."""
    values: dict[str, list] = defaultdict(list)
    for row in rows:
        for name, value in row.labels.items():
            values[name].append(value)
    return [
        _column(name, role, KINDS[role.kind].counts(values[name]) if role.kind else {})
        for name, role in zip(names, roles, strict=True)
    ]


def _column(name: str, role: Role, counts: Mapping[str, int]) -> Column:
    numbers = {label: parse_number(label) for label in counts}
    by_number = all(number is not None for number in numbers.values())
    labels = tuple(sorted(counts, key=numbers.get if by_number else lambda label: (label.casefold(), label)))
    return Column(name, role.role, role.kind, labels, {label: counts[label] for label in labels}, role.reason)
