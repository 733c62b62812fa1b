"""The cells of a table, before anything is known of what they mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

MOST_COLUMNS = 5000


@dataclass(frozen=True)
class Dialect:
    """How to split a line: the delimiter ("" for a single column), and what quotation marks mean.

    `quotes` is "csv" (they wrap cells and are doubled inside), "backslash" (they are escaped inside), "spaced" (csv
    with spaces after delimiters), "single", "single backslash" (the same with single ones) or "none" (ordinary
    characters).
    """

    delimiter: str
    quotes: str


@dataclass
class Grid:
    """Cells by row (a blank line is an empty row), and the line that each row begins on.

    `mended`: lines whose quotes did not pair up. `unclosed`: those in which a quote opens a cell and none closes it.
    Of the lines inside quoted cells with as many cells as a row, `swallowed` counts those that look like rows of this
    table, `spanned` the others. `outside`: lines that are no part of the table. `names` are the columns' names where
    the format itself has them, as JSON does; in other formats the first row may hold them. `form` names the format, ""
    for delimited text.
    """

    dialect: Dialect
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    mended: list[int] = field(default_factory=list)
    unclosed: list[int] = field(default_factory=list)
    swallowed: int = 0
    spanned: int = 0
    outside: list[int] = field(default_factory=list)
    names: list[str] | None = None
    form: str = ""

    def remove(self, places: Collection[int]) -> None:
        """Take out the rows at these indices."""
        left = [i for i in range(len(self.rows)) if i not in places]
        if len(left) < len(self.rows):
            self.rows, self.lines = [self.rows[i] for i in left], [self.lines[i] for i in left]

    def even(self, row: list[str], width: int, place: int) -> list[str]:
        """The row with at most `width` cells. Extra ones are part of the column `place`, a text, but behind tabs, and
        blank ones at the end, which spreadsheet programs write, are none."""
        end = len(row)
        while end > width and not row[end - 1].strip():
            end -= 1
        delimiter = self.dialect.delimiter
        if end <= width or delimiter == "\t":
            return row[: min(end, width)]
        # Prose is full of commas: an extra one most likely belongs to the text.
        after = place + end - width + 1
        return [*row[:place], delimiter.join(row[place:after]), *row[after:end]]

    def width(self) -> int:
        """The most common number of cells; 0 when there are none."""
        widths = Counter(len(row) for row in self.rows if row)
        return widths.most_common(1)[0][0] if widths else 0

    def faults(self) -> int:
        """How many lines this reading leaves unexplained."""
        width = self.width()
        return sum(len(row) != width for row in self.rows if row) + len(self.mended) + self.swallowed
