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


def csv_bytes(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV in UTF-8, with a byte order mark so that spreadsheets read it as UTF-8."""
    out = io.StringIO()
    csv.writer(out).writerows([safe_cell(cell) for cell in row] for row in (headers, *rows))
    return out.getvalue().encode("utf-8-sig")
