"""Values of single cells: blank or a number, and how to show them in a message."""

from __future__ import annotations

import math
import re

_BLANK = frozenset(("", "nan", "n/a", "#n/a", "<na>"))
# What databases and R write for nothing; it may also be the name of a label.
_NULLS = frozenset(("null", "Null", "NULL", "NA", "\\N"))
# [0-9] and not \d, which float() does not always understand. A cell may hold megabytes of digits, so the pattern does
# not backtrack (++), and longer cells are not numbers.
_NUMBER = re.compile(r"[+-]?+(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][+-]?+[0-9]{1,3}+)?+")
LONGEST_NUMBER = 400  # characters
_SHOWN = 40
# Spaces of no width, marks of byte order and of direction, soft hyphens; and the joiners of letters and of emoji, which
# mean nothing at either end.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_JOINERS = "\u200c\u200d"

# The longest name of a column or label, in characters.
LONGEST_NAME = 1_000


def is_blank(cell: str) -> bool:
    """Whether a label cell is empty, or has one of the marks that programs write for that."""
    cell = cell.strip()
    return not cell or (len(cell) <= 4 and (cell in _NULLS or cell.lower() in _BLANK))


def is_null(cell: str) -> bool:
    """Whether a cell says NULL or the like, which may mean nothing or be the name of a label."""
    return cell.strip() in _NULLS if len(cell) < 10 else False


def parse_number(cell: str) -> float | None:
    """The number in a cell, with a decimal point or comma; None for anything else and for numbers too large."""
    cell = cell.strip()
    if len(cell) > LONGEST_NUMBER:
        return None
    if "," in cell and "." not in cell:
        cell = cell.replace(",", ".", 1)
    number = float(cell) if _NUMBER.fullmatch(cell) else math.inf
    return number if math.isfinite(number) else None


def visible(cell: str) -> str:
    """The cell without characters that cannot be seen, and without spaces around it."""
    return cell if cell.isascii() else _INVISIBLE.sub("", cell).strip(_JOINERS + " \u00a0")


def shown(cell: str) -> str:
    """A cell for a message: on one line, in quotes, shortened."""
    # Cut first, with room for spaces, as a cell may hold megabytes.
    return f'"{cut(" ".join(cell[: 10 * _SHOWN].split()), _SHOWN)}"'


def cut(text: str, length: int) -> str:
    """The text, shortened to so many characters with an ellipsis."""
    return text if len(text) <= length else text[: length - 1] + "…"


def plural(count: int, noun: str, nouns: str = "") -> str:
    """ "1 label", "2 labels"."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
