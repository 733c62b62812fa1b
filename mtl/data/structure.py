"""The structure of a table: from a file to cells with the names of their columns."""

from __future__ import annotations

from pathlib import Path

from mtl import plugins
from mtl.config import UserError
from mtl.data import frame
from mtl.data.columns import guess_roles
from mtl.data.files import read_bytes, split_lines, to_source
from mtl.data.grid import MOST_COLUMNS, Dialect, Grid
from mtl.data.header import distinct_names, find_header, headers_below
from mtl.data.questions import ask_for_header
from mtl.data.rows import Findings, Question
from mtl.data.sheets import read_sheet
from mtl.kinds.tagging import Tagging

# So many rows tell which column is the longest.
_SAMPLE = 2000
# A small file may have thousands of columns and very many rows of one cell.
_MOST_BLANK = 2_000_000
# The kind of task of a column of entities.
_ENTITIES = Tagging.name


def read_cells(path: Path, findings: Findings, max_bytes: int) -> tuple[Grid | None, list[str], str]:
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


def take_names(
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
    rows = [grid.rows[i] for i in filled]
    below = headers_below(rows) if header is not False else 0
    found = find_header([rows[0], *rows[below + 1 :]])
    if header is None and not found.sure:
        questions.append(ask_for_header([grid.rows[i] for i in filled[:3]], found.is_there))
        findings.add(f"header-{'taken' if found.is_there else 'left'}", grid.lines[first])
    if found.is_there if header is None else header:
        own, line = grid.rows[first], grid.lines[first]
        for i in filled[1 : below + 1]:
            findings.add("header-below", grid.lines[i])
        del grid.rows[: filled[below] + 1], grid.lines[: filled[below] + 1]
        frame.drop_repeated_headers(grid, own, findings)
        return distinct_names(_fitted(own, grid, line, findings), line, findings), True
    width = grid.width()
    names = [f"column {i + 1}" for i in range(width)]
    guess = guess_roles(names, columns_of(grid, width), named=False).roles
    tasks = [i for i, role in enumerate(guess) if role.role == "task"]
    for i, role in enumerate(guess):
        if role.role != "task" and role.role != "ignored":
            names[i] = role.role
        elif tasks == [i]:
            names[i] = "entities" if role.kind == _ENTITIES else "label"
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


def columns_of(grid: Grid, width: int) -> list[list[str]]:
    """The cells by column. A row that lacks cells has blank ones; those that it has too many count as part of the
    longest column, as texts have delimiters in them."""
    whole = [row for row in grid.rows if len(row) == width]
    longest = max(range(width), key=lambda i: sum(len(row[i]) for row in whole[:_SAMPLE]), default=0)
    rows = [row if len(row) == width else grid.even(row, width, longest) for row in grid.rows if row]
    if (len(rows) - len(whole)) * width > _MOST_BLANK:
        rows = whole
    return [[row[i] if i < len(row) else "" for row in rows] for i in range(width)]
