"""What surrounds a table in its file: prose, code fences, comments, repeated headers; it is taken out and said."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mtl.data.grid import Grid
from mtl.data.header import find_header, looks_like_header
from mtl.data.rows import Findings

_FENCE = re.compile(r"\s{0,3}(?:```|~~~)")
# A fence may follow so many lines of prose, and prose or a title above a table has so many lines.
_FIRST_FENCE, _MOST_PROSE = 40, 20


def unwrap(lines: list[str], findings: Findings) -> list[str]:
    """The lines of the longest code fence, as chat programs write one around a table; the lines outside are blank, so
    that the others keep their numbers. Without a fence, the lines as they are."""
    lines = _without_comments(lines, findings)
    first = next((i for i, line in enumerate(lines[:_FIRST_FENCE]) if _FENCE.match(line)), None)
    # A fence inside a quoted cell is part of a text.
    if first is None or sum(line.count('"') for line in lines[:first]) % 2:
        return lines
    fences = [*(i for i in range(first, len(lines)) if _FENCE.match(lines[i])), len(lines)]
    start, end = max(zip(fences[::2], fences[1::2], strict=False), key=lambda block: block[1] - block[0])
    outside = sum(bool(line.strip()) for line in (*lines[:start], *lines[end + 1 :]))
    findings.add("fence", start + 1, count=outside)
    return ["\n" if i <= start or i >= end else line for i, line in enumerate(lines)]


def _without_comments(lines: list[str], findings: Findings) -> list[str]:
    """Blank the comments on top, if a header follows them."""
    end = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), 0)
    if not end or not any(mark in lines[end] and looks_like_header(lines[end].split(mark)) for mark in ",;|\t"):
        return lines
    for number, line in enumerate(lines[:end], start=1):
        if line.strip():
            findings.add("comment", number)
    return ["\n"] * end + lines[end:]


def trim(grid: Grid, findings: Findings) -> None:
    """Take comments, a title or prose above the table, and prose below it out of the cells."""
    for line in grid.outside:
        findings.add("prose", line)
    width = grid.width()
    if width < 2:
        return
    comments = [i for i, row in enumerate(grid.rows) if len(row) == 1 and row[0].lstrip().startswith("#")]
    _take_out(grid, dict.fromkeys(comments, "comment"), findings)
    _trim_top(grid, width, findings)
    _trim_bottom(grid, findings)


def drop_repeated_headers(grid: Grid, header: Sequence[str], findings: Findings) -> None:
    """Take out the rows that say the names of the columns again, as where files were joined."""
    names = [cell.strip() for cell in header]
    again = [
        i
        for i, row in enumerate(grid.rows if len(names) > 1 else ())
        if row and row[0].strip() == names[0] and [cell.strip() for cell in row[: len(names)]] == names
    ]
    _take_out(grid, dict.fromkeys(again, "header-again"), findings)


def _take_out(grid: Grid, rows: Mapping[int, str], findings: Findings) -> None:
    """Take rows out of a grid; `rows` is index -> what is said of it."""
    for i, code in rows.items():
        findings.add(code, grid.lines[i])
    grid.remove(rows)


def _trim_top(grid: Grid, width: int, findings: Findings) -> None:
    filled = [i for i, row in enumerate(grid.rows) if row]
    above = 0
    while above < min(len(filled), _MOST_PROSE + 1) and _is_title(grid.rows[filled[above]], width):
        above += 1
    codes = ["prose"] * above
    # Of two rows of names the upper is about several columns at a time, and so has gaps.
    if len(filled) > above + 1:
        upper, lower = (grid.rows[filled[above + k]] for k in (0, 1))
        if not all(cell.strip() for cell in upper) and all(lower) and looks_like_header(lower):
            codes.append("header-above")
    below = [grid.rows[i] for i in filled[len(codes) :]]
    if not codes or above > _MOST_PROSE or not below or not find_header(below).is_there:
        return
    _take_out(grid, dict(zip(filled, codes, strict=False)), findings)


def _is_title(row: Sequence[str], width: int) -> bool:
    return len(row) == 1 or (len(row) == width > 2 and sum(bool(cell.strip()) for cell in row) < 2)


def _trim_bottom(grid: Grid, findings: Findings) -> None:
    """Prose after a table follows a blank line, and none of its lines has a second cell."""
    filled = [i for i, row in enumerate(grid.rows) if row]
    last = len(filled)
    while last > 0 and len(filled) - last <= _MOST_PROSE and len(grid.rows[filled[last - 1]]) == 1:
        last -= 1
    below = filled[last:]
    if not below or len(below) > _MOST_PROSE or last == 0:
        return
    start = next((k for k, i in enumerate(below) if not grid.rows[i - 1]), None)
    _take_out(grid, dict.fromkeys(below[start:] if start is not None else (), "prose"), findings)
