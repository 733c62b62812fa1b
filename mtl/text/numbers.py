"""How the numbers of a column are written: which mark is the decimal, which separates thousands, and their unit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from mtl.text.values import LONGEST_NUMBER, is_blank, parse_number, shown

_NAMES = {",": "a comma", ".": "a point", " ": "a space", "'": "an apostrophe"}
_SPACES = " \u00a0\u2009\u202f"
_ONE_SPELLING = str.maketrans({**dict.fromkeys(_SPACES, " "), "\u2019": "'"})

_CURRENCY = (
    r"(?:(?:US|CA|AU|NZ|HK|SG|[ACRS])?+\$|[€£¥₹₽₩₺₴₪₫₱₦฿]|Rs\.?+|kr\.?+|zł|Kč|(?i:USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD"
    r"|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RUB|TRY|BRL|MXN|ZAR|KRW|SGD|HKD))"
)
# A cell may hold megabytes, so the patterns do not backtrack.
_CELL = re.compile(
    rf"""
    (?P<sign>[(+\u2212-]?+)
    (?:(?P<before>{_CURRENCY})[{_SPACES}]?+)?+
    (?P<inner_sign>[(+\u2212-]?+)
    (?P<number>[0-9.,][0-9.,'\u2019{_SPACES}]*+(?:[eE][+-]?+[0-9]++)?+)
    (?:
        (?P<percent>%|(?i:per[ ]?+cent|pct))
        | (?P<after>{_CURRENCY})
        | (?:(?:/|(?i:(?:out[ ])?+of[ ]))[{_SPACES}]*+(?P<most>[1-9][0-9]{{0,2}}+)[{_SPACES}]*+)?+
          (?P<stars>-?+(?i:stars?+)|\u2605|\u2b50\ufe0f?+)?+
    )
    (?P<end>\)?+)
    """,
    re.VERBOSE,
)


def _grouped(mark: str) -> re.Pattern[str]:
    """Digits with the mark before each three, or before each two and the last three (12,34,567); then any decimals."""
    groups = rf"(?:{re.escape(mark)}[0-9]{{3}})++"
    pairs = rf"(?:{re.escape(mark)}[0-9]{{2}}(?={re.escape(mark)}))++{re.escape(mark)}[0-9]{{3}}"
    decimals = rf"[{',.'.replace(mark, '')}][0-9]*+"
    return re.compile(rf"([1-9][0-9]{{0,2}}+{groups}|[1-9][0-9]?+{pairs})((?:{decimals})?+)")


_GROUPED = {mark: _grouped(mark) for mark in _NAMES}
# Numbers of the same shape have the same marks, and zeros, at the same places.
_NINES = str.maketrans("12345678", "99999999")
# Of so many cells one may be a mistake; the second, where nothing else supports what they mean.
_FEW, _HARDLY_ANY = 4, 20


class _Parts(NamedTuple):
    """A cell that may be a number: its sign, its unit, and digits with marks, each mark in one spelling."""

    sign: str
    unit: str
    number: str


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a column are written.

    `thousands` is the mark between groups of digits, a space or apostrophe standing for all kinds of it; points and
    commas other than that mark decimals, most of them `decimal`. `unit` is what numbers may have beside them: a
    currency, "%", "stars" or, of "4/5" and "4 out of 5", "/5". `said` tells what is special, with examples: 'a comma
    separates thousands: "5,762" is 5762'.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    said: str = field(default="", compare=False)

    def parse(self, cell: str) -> float | None:
        """The number in a cell; None for anything else and for numbers too large."""
        parts = _split(cell)
        value = _value(parts.number, self.thousands) if parts and parts.unit in ("", self.unit) else None
        return -value if value is not None and parts.sign in ("-", "(") else value


def number_format(cells: Iterable[str]) -> NumberFormat:
    """The format in which most cells of a column are numbers."""
    counts = {cell: count for cell, count in Counter(cells).items() if not is_blank(cell)}
    numbers = {cell: parts for cell in counts if (parts := _split(cell))}
    unit = _unit(numbers, counts)
    numbers = {cell: parts for cell, parts in numbers.items() if parts.unit in ("", unit)}
    shapes: Counter[str] = Counter()
    for cell, parts in numbers.items():
        shapes[parts.number.translate(_NINES)] += counts[cell]
    form, is_doubtful = _marks(shapes)
    form = replace(form, unit=unit)
    return replace(form, said=_said(form, numbers, is_doubtful))


def _split(cell: str) -> _Parts | None:
    """The parts of a cell; None if it is no number whatever the column says."""
    cell = cell.strip()
    # Most numbers are plain: a table of them is read in three quarters of the time.
    if cell.replace(".", "", 1).isdecimal() and cell.isascii() and len(cell) <= LONGEST_NUMBER:
        return _Parts("", "", cell)
    match = _CELL.fullmatch(cell) if len(cell) <= LONGEST_NUMBER else None
    if match is None:
        return None
    unit = "%" if match["percent"] else "stars" if match["stars"] else match["after"] or ""
    if match["most"]:
        unit = f"/{match['most']}"
    sign = (match["sign"] + match["inner_sign"]).replace("\u2212", "-")
    if len(sign) > 1 or (sign == "(") != bool(match["end"]) or (unit and match["before"]):
        return None
    return _Parts(sign, unit or match["before"] or "", match["number"].translate(_ONE_SPELLING).rstrip())


def _value(number: str, thousands: str) -> float | None:
    if not thousands or thousands not in number:
        return parse_number(number)
    grouped = _GROUPED[thousands].fullmatch(number)
    return parse_number(grouped[1].replace(thousands, "") + grouped[2]) if grouped else None


def _unit(numbers: Mapping[str, _Parts], counts: Mapping[str, int]) -> str:
    """The unit of most cells, or "". Those of 1/2 and 3/4 differ, so these are no grades."""
    units: Counter[str] = Counter()
    for cell, parts in numbers.items():
        units[parts.unit] += counts[cell]
    [(unit, count)] = units.most_common(1) or [("", 0)]
    is_fraction = unit.startswith("/") and sum(other.startswith("/") for other in units) > 1
    return unit if 2 * count > sum(counts.values()) and not is_fraction else ""


def _marks(shapes: Mapping[str, int]) -> tuple[NumberFormat, bool]:
    """What the marks mean, and whether a point might separate thousands after all; from how often each shape occurs."""
    # How many cells can be read only if the mark separates thousands, only if it marks decimals, and both ways.
    grouping, decimals, unclear = Counter(), Counter(), Counter()
    written: Counter[str] = Counter()
    whole = 0
    for shape, count in shapes.items():
        possible = {mark for mark in ("", *_NAMES) if _value(shape, mark) is not None}
        written.update(dict.fromkeys(set(shape), count))
        if "" not in possible:
            grouping.update(dict.fromkeys(possible, count))
            continue
        whole += count if shape.isdigit() and len(shape) >= 3 else 0
        for mark in {",", "."} & set(shape):
            (unclear if mark in possible else decimals)[mark] += count
    point, comma = decimals["."] + grouping[","], decimals[","] + grouping["."]
    # Beside 509 or 0.5, or by itself, 5,762 means thousands, unless more cells such as 3,10 say otherwise than could be
    # mistakes.
    support = point + whole
    mistakes = (support + unclear[","]) // (_FEW if support else _HARDLY_ANY)
    thousands = ""
    spaced = max(" '", key=lambda mark: grouping[mark])
    if grouping[spaced] > grouping[","] + grouping["."]:
        thousands = spaced
    elif grouping[","] + unclear[","] and comma <= max(grouping[","], mistakes):
        thousands = ","
    elif comma > point and grouping["."] + unclear["."] >= decimals["."]:
        thousands = "."
    elif unclear["."] > 1 and not point and not comma and whole and max(map(len, filter(str.isdigit, shapes))) == 3:
        # 12.500 beside 870: numbers that end in a point and three digits from 1,000 on, and none below.
        thousands = "."
    is_decimal_comma = thousands == "." or (thousands != "," and written[","] > written["."])
    is_doubtful = not thousands and unclear["."] > 0 and not decimals["."] and whole > 0
    return NumberFormat("," if is_decimal_comma else ".", thousands), is_doubtful


def _said(form: NumberFormat, numbers: Mapping[str, _Parts], is_doubtful: bool) -> str:
    special: list[tuple[str, Callable[[_Parts], bool]]] = [
        (f"{form.unit} is the unit", lambda parts: parts.unit != ""),
        ("parentheses mean minus", lambda parts: parts.sign == "("),
    ]
    if form.thousands != ",":
        special.insert(0, ("a comma marks decimals", lambda parts: "," in parts.number))
    if form.thousands:
        phrase = f"{_NAMES[form.thousands]} separates thousands"
        special.insert(0, (phrase, lambda parts: form.thousands in parts.number))
    if is_doubtful:
        special.append(("a point marks decimals", lambda parts: "." in parts.number))
    phrases: list[str] = []
    readings: dict[str, float] = {}
    for phrase, shows in special:
        for cell in (*readings, *numbers):
            if shows(numbers[cell]) and (value := form.parse(cell)) is not None:
                phrases.append(phrase)
                readings[cell] = value
                break
    examples = ", ".join(f"{shown(cell)} is {value:.15g}" for cell, value in readings.items())
    return f"{' and '.join(phrases)}: {examples}" if phrases else ""
