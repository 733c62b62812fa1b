"""Values written in text as JSON, as Python or as numpy does."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterable

# In characters. A list takes many times the memory of its cell, so it is read from shorter ones: ten thousand spans.
LONGEST_CELL = 500_000

# Where Python's notation differs from JSON: strings, tuples, trailing commas, comments, three names. Escapes outside of
# strings are passed over, as each quote in them would otherwise be searched for its end.
_PYTHON = re.compile(
    r"""u?+'(?P<single>(?:[^'\\\n]++|\\.)*+)'|u?+"(?P<double>(?:[^"\\\n]++|\\.)*+)\""""
    r"""|(?P<stray>\\.)|[()]|,(?=(?:\s|\#[^\n]*+)*+[\])}])|\#[^\n]*+|\b(?:None|True|False|nan)\b"""
)
_AS_JSON = {"(": "[", ")": "]", ",": "", "None": "null", "True": "true", "False": "false", "nan": "null"}
# JSON has the same escapes, but for these.
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|U([0-9a-fA-F]{8})|(u[0-9a-fA-F]{4}|[\\\"/bfnrt])|(.))")
# An item of a list, and the spaces after it that in numpy's notation separate it from the next; and what that lacks.
_ITEM = re.compile(r'("(?:[^"\\\n]++|\\.)*+"|\\.|[-+.\w]++)(\s++(?=["\-\w]))?+')
_NO_ARRAY = re.compile(r"[,{:]")


def literal(cell: str) -> object:
    """The value in a cell, written as JSON, as Python or, a list, as numpy does. Raises ValueError for any other."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(cell)
    as_json = python_to_json(cell)
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(as_json, strict=False)
    if not _NO_ARRAY.search(_ITEM.sub("", as_json)):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(_ITEM.sub(lambda item: item[1] + "," * bool(item[2]), as_json), strict=False)
    raise ValueError("neither JSON nor a Python literal nor an array")


def are_lists(cells: Iterable[str]) -> bool:
    """Whether nearly all cells of a column that are filled hold lists of words or whole numbers."""
    filled = [cell for cell in cells if cell.strip()]
    bracketed = [cell for cell in filled if cell.strip()[0] == "[" and cell.strip()[-1] == "]"]
    if not filled or len(bracketed) < 0.9 * len(filled):
        return False
    return sum(bool(list_items(cell)) for cell in bracketed[:50]) >= 0.5 * len(bracketed[:50])


def list_items(cell: str) -> list[str]:
    """The words or whole numbers of a list; empty for any other cell."""
    cell = cell.strip()
    # As Python writes most lists; this saves half of the time.
    if cell[:2] == "['" and cell[-2:] == "']" and '"' not in cell and "\\" not in cell and len(cell) <= LONGEST_CELL:
        items = cell[2:-2].split("', '")
        if cell.count("'") == 2 * len(items):
            return items
    try:
        value = literal(cell) if len(cell) <= LONGEST_CELL else None
    except ValueError:
        value = None
    # Not isinstance(), as True and False are instances of int.
    is_plain = isinstance(value, list) and all(type(item) in (str, int) for item in value)
    return [str(item) for item in value] if is_plain else []


def python_to_json(literal: str) -> str:
    """The JSON for a Python literal, on the same lines. What is no literal is left as it is, and is no JSON either.

    `ast.literal_eval` takes 400 times the memory of its argument.
    """
    return _PYTHON.sub(_as_json, literal)


def _as_json(match: re.Match[str]) -> str:
    inner = match["single"] if match["double"] is None else match["double"]
    if inner is None:
        return match["stray"] or _AS_JSON.get(match[0], "")
    if "\\" in inner:
        inner = _ESCAPE.sub(_unescape, inner)
    return json.dumps(inner, ensure_ascii=False)


def _unescape(match: re.Match[str]) -> str:
    short, long, known, other = match.groups()
    if short or long:
        code = int(short or long, 16)
        return chr(code) if code <= sys.maxunicode else match[0]
    if known:
        return json.loads(f'"\\{known}"')
    return other if other == "'" else match[0]
