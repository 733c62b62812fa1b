"""JSON text to values that know their lines: one value, or one per line."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from mtl.config import UserError
from mtl.data.files import line_ends
from mtl.data.rows import Findings, as_items
from mtl.text.literals import python_to_json

# `TRAIN_DATA = [`, as in a Python or JavaScript file, after imports and comments.
_ASSIGNED = re.compile(
    r"(?:[ \t]*+(?:(?:import\b|from\b|#|//)[^\n]*+)?+\n)*+\s*+(?:(?:var|let|const)\s++)?+"
    r"[A-Za-z_][\w.]*+\s*+=\s*+(?=[\[{(])"
)
# How JSON begins, and text rarely does: [Ada](PER), or a footnote such as [1].
_STRING = r"""(?:"[^"\n]*+"|'[^'\n]*+')\s*+"""
_LIKELY = re.compile(rf"""\s*+(?:\{{\s*+{_STRING}:|[\[(]\s*+(?:[\[{{(]\s*+["'\[{{(\])}}]|{_STRING},))""")
_LIKELY_PYTHON = re.compile(r"\s*+(?:(?:[\[{]\s*+)++'|\[?+\s*+\()")
_SPACE = re.compile(r"\s*+")
_LINE_END = re.compile(r"[\r\n]|\Z")
# Lists in objects know the lines of their items down to this depth.
_DEPTH = 3
# Python refuses integers of more than 4,300 digits.
_LONGEST_INTEGER = 400

_FAULTS = {
    "Expecting value": "a value is missing",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting property name enclosed in double quotes": "a key in double quotes is missing",
    "Unterminated string starting at": "the string that begins here does not end",
}


class Listed(list):
    """A list, with the line where each of its items begins."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []


class Keyed(dict):
    """An object, with the line where each of its values begins."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}


class _Fault(Exception):
    """What is wrong at a place in the text."""

    def __init__(self, what: str, place: int) -> None:
        super().__init__(what)
        self.what, self.place = what, place


def parse(text: str, findings: Findings) -> tuple[Any, str] | None:
    """The value of a text and the name of its format: a `Listed` for JSON Lines; None if it is no JSON.

    Python's notation is read as well. Lines of JSON Lines that are faulty are left out and added to `findings`; any
    other fault raises UserError with its place, and brackets nested too deep RecursionError.
    """
    text = text.removeprefix("\ufeff")
    if assigned := _ASSIGNED.match(text):
        # Blanked, so that lines and columns stay as they are.
        text = re.sub(r"[^\r\n]", " ", assigned[0]) + text[assigned.end() :].rstrip().removesuffix(";")
    if text.lstrip()[:1] not in ("[", "{", "("):
        return None
    try:
        return _Reader(text, findings).read()
    except _Fault as fault:
        if not (assigned or _LIKELY.match(text)):
            return None
        return _parse_python(text, findings, fault)


def _parse_python(text: str, findings: Findings, in_json: _Fault) -> tuple[Any, str] | None:
    """The value of a Python literal; raises UserError if it is none."""
    try:
        return _Reader(python_to_json(text), findings).read()
    except _Fault as fault:
        where = _position(text, in_json.place)
        if _LIKELY_PYTHON.match(text):
            # Its column is another one in the file.
            where, in_json = f"Line {line_ends(text, 0, fault.place) + 1}", fault
        raise UserError(
            f"{where}: {in_json.what}. Write the file again with a JSON library, or mend it there."
        ) from None


def _position(text: str, place: int) -> str:
    before = max(text.rfind("\n", 0, place), text.rfind("\r", 0, place))
    return f"Line {line_ends(text, 0, place) + 1}, column {place - before}"


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else digits


def _float(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


class _Reader:
    def __init__(self, text: str, findings: Findings) -> None:
        self._text = text
        self._findings = findings
        self._counted, self._line = 0, 1
        self._same_key = False
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=lambda name: None,  # NaN is how pandas writes that a value is missing
            strict=False,
        )

    def read(self) -> tuple[Any, str] | None:
        start = self._skip(0)
        try:
            value, end = self._walk(start, 0)
            if self._skip(end) == len(self._text):
                return value, "JSON"
        except _Fault:
            if not self._is_by_line(start):
                raise
        else:
            rest = self._text[end : self._line_end(end)].strip().lstrip(",")
            # A list or an object may be the first cell of a line.
            if rest and not (rest[0] == self._text[start] == "{"):
                return None
        return self._sequence(start), "JSON Lines"

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        self._same_key |= len(value) < len(pairs)
        return value

    def _skip(self, place: int) -> int:
        return _SPACE.match(self._text, place).end()

    def _line_end(self, place: int) -> int:
        return _LINE_END.search(self._text, place).start()

    def _line_of(self, place: int) -> int:
        if place < self._counted:
            self._counted, self._line = 0, 1
        self._line += line_ends(self._text, self._counted, place)
        self._counted = place
        return self._line

    def _is_by_line(self, start: int) -> bool:
        """Whether the second line is an object by itself, as in JSON Lines with a fault in the first."""
        if self._text[start : start + 1] != "{":
            return False
        second = self._skip(self._line_end(start))
        if self._text[second : second + 1] != "{":
            return False
        try:
            _, end = self._one(second)
        except _Fault:
            return False
        return not self._text[end : self._line_end(end)].strip(" \t,")

    def _one(self, place: int) -> tuple[Any, int]:
        """The value at a place, and where it ends."""
        self._same_key = False
        try:
            value, end = self._decoder.raw_decode(self._text, place)
        except json.JSONDecodeError as error:
            raise self._fault(_FAULTS.get(error.msg, error.msg), error.pos) from None
        if self._same_key:
            self._findings.add("json-same-key", self._line_of(place))
        return value, end

    def _fault(self, what: str, place: int) -> _Fault:
        if place >= len(self._text.rstrip()):
            what = "the file ends in the middle of a value; it seems to be cut off"
        return _Fault(what, place)

    def _walk(self, place: int, depth: int) -> tuple[Any, int]:
        first = self._text[place : place + 1]
        if first == "[":
            return self._array(place)
        if first == "{" and depth < _DEPTH:
            return self._keyed(place, depth)
        return self._one(place)

    def _array(self, place: int) -> tuple[Listed, int]:
        items = Listed()
        place = self._skip(place + 1)
        while self._text[place : place + 1] != "]":
            items.lines.append(self._line_of(place))
            item, end = self._one(place)
            items.append(item)
            place = self._next(end, "]")
        items.lines = as_items(items.lines)
        return items, place + 1

    def _keyed(self, place: int, depth: int) -> tuple[Keyed, int]:
        value = Keyed()
        place = self._skip(place + 1)
        while self._text[place : place + 1] != "}":
            if self._text[place : place + 1] != '"':
                raise self._fault(_FAULTS["Expecting property name enclosed in double quotes"], place)
            line = self._line_of(place)
            key, end = self._one(place)
            end = self._skip(end)
            if self._text[end : end + 1] != ":":
                raise self._fault(_FAULTS["Expecting ':' delimiter"], end)
            if key in value:
                self._findings.add("json-same-key", line)
            value.lines[key] = line
            value[key], end = self._walk(self._skip(end + 1), depth + 1)
            place = self._next(end, "}")
        return value, place + 1

    def _next(self, place: int, close: str) -> int:
        """Where the next item begins, or the closing bracket is; a comma before that is forgiven."""
        place = self._skip(place)
        if self._text[place : place + 1] == ",":
            return self._skip(place + 1)
        if self._text[place : place + 1] != close:
            raise self._fault(_FAULTS["Expecting ',' delimiter"], place)
        return place

    def _sequence(self, place: int) -> Listed:
        """The values of JSON Lines. A line with a fault is left out."""
        items = Listed()
        while (place := self._skip(place)) < len(self._text):
            if self._text[place] == ",":
                place += 1
                continue
            line = self._line_of(place)
            try:
                if self._text[place] not in "{[":
                    raise _Fault("it does not begin with { or [", place)
                item, place = self._one(place)
                items.lines.append(line)
                items.append(item)
            except _Fault as fault:
                self._findings.add("json-line", line, fault=fault.what)
                place = self._line_end(place)
        items.lines = as_items(items.lines)
        return items
