"""Read a table in any of many formats: its rows, what each column is, and what is wrong, with line numbers.

file -> text (files) -> cells (delimited, header) or sentences (tokens) -> roles (columns) -> labels (kinds) -> findings
"""

from __future__ import annotations

import functools
import os
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtl import plugins
from mtl.config import KINDS, UserError
from mtl.data import findings as doctor
from mtl.data import frame, tokens
from mtl.data.columns import Guess, Role, check_overrides, guess_roles
from mtl.data.delimited import DELIMITER_NAMES, read_grid
from mtl.data.files import MAX_BYTES, PACKED_ENDINGS, read_bytes, split_lines, to_source
from mtl.data.grid import MOST_COLUMNS, Dialect, Grid
from mtl.data.header import distinct_names, find_header, unused_name
from mtl.data.records import read_records
from mtl.data.rows import NAMED_LINES, Column, Finding, Findings, Progress, Question, Reading, Row, Table, in_order
from mtl.data.sheets import read_sheet
from mtl.kinds.tagging import Tagging
from mtl.text.spans import parse_markup
from mtl.text.values import cut, is_blank, is_null, parse_number

__all__ = ["Column", "Finding", "Row", "Table", "read_table"]

# The kind of task of files with a word per line, and of marks in a text.
ENTITIES = Tagging.name
# The share of the work done when cells are split, roles guessed, rows read; progress is reported every so many cells.
_CUT, _GUESSED, _READ, _OFTEN = 0.3, 0.45, 0.7, 20_000
# Of a question, so many readings are offered, with cells of so many characters.
_MOST_READINGS, _SHOWN = 4, 120
# More different tags than any data set has.
_MOST_TAGS = 500
# The delimiter that goes with a file's extension.
_BY_EXTENSION = {".csv": ",", ".tsv": "\t", ".tab": "\t"}


def read_table(
    path: str | os.PathLike[str],
    *,
    text: str | None = None,
    roles: Mapping[str, str] | None = None,
    header: bool | None = None,
    max_bytes: int = MAX_BYTES,
    token_counts: doctor.TokenCounts | None = None,
    max_tokens: int | None = None,
    progress: Progress = lambda share: None,
    names: tokens.TagNames | None = None,
) -> Table:
    """Read a table of texts and labels from a file: CSV, TSV, JSON, JSON Lines, Excel, OpenDocument, Parquet, CoNLL,
    one word per row, or one text per line.

    The roles of columns are guessed; `text` (the text column) and `roles` (column -> "ignored" or a kind of task, see
    `mtl.config.KINDS`) override the guess, and `header` whether the first row names the columns. `names` gives the
    names of integer tags, by column. Where a guess is a close call, it is among the `questions`. Unusable rows are left
    out and reported in `findings`, as is everything odd; with `token_counts` and `max_tokens` (see `findings.examine`)
    also texts that are too long for a model.

    `progress` is called with the share of the work that is done; an exception in it ends the reading.

    Raises UserError when nothing can be read (no such file, too big, damaged, an image or another format), and when
    `text` or `roles` name a column that is not there.
    """
    path = Path(path)
    findings = Findings()
    grid, lines, encoding = _read_cells(path, findings, max_bytes)
    questions: list[Question] = []
    id_column = None
    chosen = {name for name, kind in (roles or {}).items() if kind == ENTITIES}
    tag_names = names or {}
    overrides = {**dict.fromkeys(tag_names, ENTITIES), **(roles or {})}
    if (words := tokens.read_lines(lines, findings, chosen, tag_names)) is not None:
        form = "CoNLL, one word per line"
        check_overrides(words.names, text, overrides)
        rows, columns = _from_sentences(words, roles, findings)
    else:
        extension = (path.with_suffix("") if path.suffix.lower() in PACKED_ENDINGS else path).suffix.lower()
        if grid is None:
            grid = read_records("".join(lines), findings) or read_grid(lines, prefer=_BY_EXTENSION.get(extension, ""))
        form = grid.form
        del lines
        if grid.names is None:
            frame.trim(grid, findings)
        progress(_CUT)
        titles, are_own = _take_names(grid, header, findings, questions)
        marks = unused_name("entities", set(titles))
        check_overrides(titles, text, overrides, also=[marks])
        delimiter = DELIMITER_NAMES.get(grid.dialect.delimiter)
        if words := tokens.read_grid(grid, titles, findings, chosen, tag_names, named=are_own):
            form = f"one word per row, {form or f'{delimiter} between cells'}"
            rows, columns = _from_sentences(words, roles, findings)
        else:
            form = form or (f"table, {delimiter} between cells" if delimiter else "one text per line")
            of_lists = tokens.join_lists(grid, titles, text, findings, chosen, tag_names)
            cells = _columns(grid, len(titles))
            guess = _guess(titles, cells, text, roles, of_lists, named=are_own)
            questions += _ask_for_text(guess, titles, cells, findings)
            progress(_GUESSED)
            if (roles or {}).get(marks) == "ignored" or guess.are_a_pair:
                marks = None
            rows, columns = _from_grid(grid, titles, cells, guess, marks, findings, progress)
            id_column = None if guess.id is None else titles[guess.id]
    progress(_READ)
    examined = doctor.examine(
        rows, columns, token_counts, max_tokens, lambda done: progress(_READ + (1 - _READ) * done)
    )
    found = in_order((*findings.grouped(), *examined))
    questions += [_ask_for_names(finding.column) for finding in found if finding.code == "names-needed"]
    return Table(rows, tuple(columns), found, form, encoding, tuple(questions), id_column)


def _read_cells(path: Path, findings: Findings, max_bytes: int) -> tuple[Grid | None, list[str], str]:
    """The cells of a file that is not text, or else the lines of its text; and its encoding."""
    encoding = "its own encoding"
    if (grid := _read_by_plugin(path, max_bytes)) is not None:
        return grid, [], encoding
    data = read_bytes(path, findings, max_bytes)
    if (grid := read_sheet(data, path.name, findings, max_bytes)) is not None:
        return grid, [], encoding
    source = to_source(data, path.name, findings, max_bytes)
    del data  # it may be large
    lines = frame.unwrap(split_lines(source.text), findings)
    return None, lines, source.encoding


def _read_by_plugin(path: Path, max_bytes: int) -> Grid | None:
    """The cells of a file that a plug-in's reader knows; None if none does."""
    if not path.is_file() or path.stat().st_size > max_bytes:
        return None
    readers = (pair for module in plugins.MODULES for pair in getattr(module, "TABLE_READERS", {}).items())
    for name, read in readers:
        if (rows := read(path)) is not None:
            names, *cells = [[str(cell) for cell in row] for row in rows] or [[]]
            lines = list(range(2, len(cells) + 2))
            return Grid(Dialect(",", "none"), cells, lines, names=names, form=name)
    return None


def _take_names(
    grid: Grid, header: bool | None, findings: Findings, questions: list[Question]
) -> tuple[list[str], bool]:
    """The columns' names, and whether they are the file's own; a header is removed from the grid."""
    if grid.names is not None:
        return distinct_names(grid.names, 1, findings), True
    filled = [i for i, row in enumerate(grid.rows) if row]
    if not filled:
        return [], True
    first = filled[0]
    if (count := len(grid.rows[first])) > MOST_COLUMNS:
        raise UserError(f"The first line has {count:,} cells; a table may have {MOST_COLUMNS:,} columns.")
    found = find_header([grid.rows[i] for i in filled])
    if header is None and not found.sure:
        questions.append(_ask_for_header(grid.rows[first], found.is_there))
        findings.add(f"header-{'taken' if found.is_there else 'left'}", grid.lines[first])
    if found.is_there if header is None else header:
        own, line = grid.rows[first], grid.lines[first]
        del grid.rows[: first + 1], grid.lines[: first + 1]
        frame.drop_repeated_headers(grid, own, findings)
        return distinct_names(_fitted(own, grid, line, findings), line, findings), True
    width = grid.width()
    names = [f"column {i + 1}" for i in range(width)]
    guess = guess_roles(names, _columns(grid, width), named=False).roles
    tasks = [i for i, role in enumerate(guess) if role.role == "task"]
    for i, role in enumerate(guess):
        if role.role == "text":
            names[i] = "text"
        elif tasks == [i]:
            names[i] = "entities" if role.kind == ENTITIES else "label"
    if width > 1:
        findings.add("no-header", grid.lines[first], names=", ".join(names))
    return names, False


def _fitted(header: list[str], grid: Grid, line: int, findings: Findings) -> list[str]:
    """The header for rows that have one cell more than it names: names of the rows, as R writes, or nothing at all
    behind a last delimiter."""
    rows = [row for row in grid.rows if row]
    width = len(header)
    if sum(len(row) == width + 1 for row in rows) <= 0.9 * len(rows):
        return header
    if all(not cell.strip() for row in rows for cell in row[width:]):
        for row in rows:
            del row[width:]
        return header
    first = [row[0] for row in rows]
    if len(set(first)) < len(first):  # of a text with a delimiter in it
        return header
    findings.add("row-names", line)
    return ["", *header]


def _ask_for_header(first: Sequence[str], taken: bool) -> Question:
    cells = tuple(cut(" ".join(cell.split()), _SHOWN) for cell in first)
    yes = Reading("It names the columns.", {"header": True}, "--header", (cells,))
    no = Reading("It is a row like the others.", {"header": False}, "--no-header", (cells,))
    readings = (yes, no) if taken else (no, yes)
    return Question("Does the first line name the columns, or is it a row?", readings)


def _ask_for_text(
    guess: Guess, names: Sequence[str], cells: Sequence[Sequence[str]], findings: Findings
) -> list[Question]:
    """The question which column is the text, if more than one may be it."""
    if not guess.texts:
        return []
    readings = []
    for name in guess.texts[:_MOST_READINGS]:
        sample = tuple((cut(" ".join(cell[:1000].split()), _SHOWN),) for cell in cells[names.index(name)][:3])
        readings.append(Reading(name, {"text": name}, f"--text {shlex.quote(name)}", sample))
    first, second = guess.texts[:2]
    findings.add(
        "two-texts" if guess.are_a_pair else "which-text", None, first, other=second, option=readings[1].option
    )
    return [Question("Which column is the text?", tuple(readings))]


def _ask_for_names(column: str) -> Question:
    numbers = ["O", *map(str, range(1, _MOST_TAGS))]
    option = f"--names {shlex.quote(f'{column}=O,1,2,...')}"
    reading = Reading("Use the numbers as names; 0 is no entity.", {"names": {column: numbers}}, option, ())
    return Question(f"What are the names of the tags in {column}?", (reading,), names_of=column)


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
) -> Guess:
    """The role of each column; `known` are those of columns that held lists of words and tags."""
    text = next((name for name, role in known.items() if role.role == "text"), text)
    settled = {name: role.kind or role.role for name, role in known.items() if role.role != "text"}
    guess = guess_roles(names, cells, text, settled | {**(roles or {})}, named)
    settled_roles = [
        role if name in (roles or {}) else known.get(name, role) for name, role in zip(names, guess.roles, strict=True)
    ]
    return replace(guess, roles=settled_roles)


# One text per row ----------------------------------------------------------------------------------


def _from_grid(
    grid: Grid,
    names: list[str],
    cells: Sequence[Sequence[str]],
    guess: Guess,
    marks: str | None,
    findings: Findings,
    progress: Progress,
) -> tuple[list[Row], list[Column]]:
    """The rows and columns of a table; `marks` is the task for entities marked in its text, or None."""
    roles = guess.roles
    place = next((i for i, role in enumerate(roles) if role.role == "text"), None)
    if place is None:
        findings.add("no-text-column", names=", ".join(names) or "none")
        return [], _described(names, roles, [])
    readers = {
        i: KINDS[role.kind].reader(cells[i], functools.partial(findings.add, column=names[i]))
        for i, role in enumerate(roles)
        if role.role == "task"
    }
    keep_null = {i for i in readers if KINDS[roles[i].kind].keeps_null(cells[i])}
    for name, role in zip(names, roles, strict=True):
        if role.rivals:
            findings.add("close-call", None, name, kind=role.kind, other=role.rivals[0], name=name)
        if role.several:
            findings.add("several-labels", None, name, labels=cut(", ".join(role.several), 80))
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
        width = len(row)
        short[width] += width < len(names)
        for i, read in readers.items():
            if i < width and (not is_blank(row[i]) or (i in keep_null and is_null(row[i]))):
                if (label := read(row[i], text, line)) is not None:
                    labels[names[i]] = label
            elif i < width or short[width] <= NAMED_LINES:
                findings.add("label-blank", line, names[i])
            else:
                break
        own = row[guess.id].strip() if guess.id is not None and guess.id < width else ""
        rows.append(Row(text, labels, line, own))
    for i in readers:
        missing = sum(max(0, count - NAMED_LINES) for width, count in short.items() if width <= i)
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
    return Column(
        name, role.role, role.kind, labels, {label: counts[label] for label in labels}, role.reason, role.confidence
    )
