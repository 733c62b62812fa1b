"""Tables as CSV that a spreadsheet may open: no text in them is run as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

# What begins a formula; spreadsheets take the wide forms of East Asian keyboards for the same signs.
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(value: object) -> object:
    """`value` so that a spreadsheet does not run it: a text that would start a formula gets an apostrophe in
    front. Numbers stay numbers."""
    return "'" + value if isinstance(value, str) and value.startswith(_STARTS) else value


def csv_bytes(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV in UTF-8, with the mark at its start that makes spreadsheets read it as UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([safe_cell(h) for h in headers])
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")
