"""CSV for spreadsheets, in which no text is run as a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

# The beginnings of formulas; spreadsheets also accept the full-width forms of East Asian keyboards.
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]\d[\d.,]*%?")


def safe_cell(value: object) -> object:
    """`value`, with an apostrophe in front of a text that a spreadsheet would run as a formula. A number is none."""
    runs = isinstance(value, str) and value.startswith(_STARTS) and not _NUMBER.fullmatch(value)
    return "'" + value if runs else value


class Csv(bytes):
    """A CSV. `changed`: how many of its texts have an apostrophe that they did not have (see `safe_cell`)."""

    changed = 0


def csv_bytes(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> Csv:
    """A CSV in UTF-8, with a byte order mark so that spreadsheets read it as UTF-8."""
    out, changed = io.StringIO(), 0
    writer = csv.writer(out)
    for row in (headers, *rows):
        safe = [safe_cell(cell) for cell in row]
        changed += sum(one is not other for one, other in zip(safe, row, strict=True))
        writer.writerow(safe)
    found = Csv(out.getvalue().encode("utf-8-sig"))
    found.changed = changed
    return found


def apostrophes(texts: int) -> str:
    """That so many texts of a CSV have an apostrophe before them; "" for none."""
    if not texts:
        return ""
    which = "text begins" if texts == 1 else "texts begin"
    return f"{texts:,} {which} as a formula does, and got an apostrophe before it."
