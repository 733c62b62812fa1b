"""Statistics of one column's cells, computed once, from which the kinds of task guess what it holds."""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import cached_property

from mtl.data.header import is_unnamed, is_useless, name_parts, promises_labels, tells_circumstances
from mtl.data.several import Several, find_lists, find_several, label_list
from mtl.text.numbers import number_format
from mtl.text.spans import FORMS, is_bio, is_json, is_marked
from mtl.text.values import is_blank

# How many cells of a column are examined closely.
_SAMPLE = 2000
# What a longer cell is, no pattern has to find out.
_LONGEST_MATCHED = 300
# The share of cells that has to be of one kind.
_NEARLY_ALL = 0.9
# With fewer distinct numbers, the other cells are more likely labels than faulty numbers.
_HANDFUL = 5
_DOUBT = re.compile(r"(.+)[_.: -](?:confidence|conf)")
# A column that fewer rows than this, and less than this share of them, have something in teaches nothing.
_FEW, _RARELY = 25, 0.05
# Of so many numbers, counts have the lowest one in so large a share, and the highest in so few cells.
_ENOUGH, _MOSTLY, _HARDLY = 20, 0.75, 2
# Or the highest is so many times as high as nearly all.
_FAR = 10

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*+\.?"
_DAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*+,? +)?"
_TIME = r"(?:[T ]*+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)? *(?:[ap]m)?)"
_ZONE = r"(?: *(?:Z|UTC|GMT|[A-Z]{3,4}|[+-][0-9]{2}:?[0-9]{2}))*"
_DATE = (
    rf"(?:[0-9]{{4}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}|[0-9]{{1,2}}[-/.][0-9]{{1,2}}[-/.](?:[0-9]{{4}}|[0-9]{{2}})"
    rf"|{_DAY}{_MONTH} +[0-9]{{1,2}}(?:st|nd|rd|th)?(?:,? +[0-9]{{4}})?"
    rf"|{_DAY}[0-9]{{1,2}}[ -]{_MONTH}(?:[ -][0-9]{{2,4}})?)"
)
# What is about the row and not about what its text says, and how it is written.
_ASIDE = {
    "dates and times": rf"(?:{_DATE},?(?: at)?{_TIME}?{_ZONE}(?: [0-9]{{4}})?|{_TIME}{_ZONE})",
    "web addresses": r"(?:https?://|www\.)\S+",
    "e-mail addresses": r"[^\s@]+@[^\s@]+\.[a-z]{2,}",
    "internet addresses": r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]{1,5})?",
    "file names": r"[^\t]*[^\t.]\.(?:pdf|txt|docx?|odt|html?|xml|json|csv|tsv|xlsx?|png|jpe?g|gif|svg|wav|mp[34]|zip)",
    "user names": r"@\w+",
    "keys": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[^0-9]*[0-9])(?=[^a-f]*[a-f])[0-9a-f]{16,}",
    "lists of numbers": r"[\[(]\s*[-+0-9.e]+(?:[\s,]+[-+0-9.e]+)*\s*[\])]",
    "structured data": r"\{.*\}|\[\s*[\[{].*[\]}]\s*\]",
}
_ASIDE = {what: re.compile(pattern, re.IGNORECASE | re.DOTALL) for what, pattern in _ASIDE.items()}
# Names of rows such as AB-0012: one word of plain letters, with a digit in it.
_NUMBERED = re.compile(r"(?=[^0-9]*[0-9])[!-~]{1,60}")

# Numbers that are no amounts.
_PHONE = re.compile(
    r"(?=(?:[^0-9]*[0-9]){7})(?!(?:1[89]|20)[0-9]{2} ?- ?(?:1[89]|20)[0-9]{2}$)"
    r"(?:\+?\(?[0-9]{1,4}\)?(?:[ /-]{1,2}\(?[0-9]{2,5}\)?){1,5}|\+?[0-9]{7,15}|\(?[0-9]{3}\)?\.[0-9]{3}\.[0-9]{4})"
    r"(?: ?(?:x|ext\.?) ?[0-9]{1,5})?"
)
_POSTAL = re.compile(r"(?=[^0-9]*[0-9])[A-Z0-9][A-Z0-9 -]{1,9}", re.IGNORECASE)
_PHONES = ("phone", "telephone", "tel", "fax", "mobile")
_POST = ("zip", "zipcode", "postal", "postcode", "postalcode", "plz", "pincode")
_YEARS = ("year", "yr", "jahr", "annee", "born")
_LATITUDE, _LONGITUDE = ("lat", "latitude"), ("lon", "long", "lng", "longitude")
# Years that texts are from; seconds since 1970 in this century; the greatest latitude and longitude.
_ERA, _EPOCH, _DEGREES = (1800, 2100), (946_684_800, 2_208_988_800), (90.0, 180.0)
# So many decimals, of numbers mostly greater than this, are those of places. So many years are no amounts by chance.
_PRECISE, _NEAR, _MANY = 4, 10.0, 20

# Numbers that begin with a year and go on with a number within it, as museums count what they acquire.
_YEAR_SERIAL = re.compile(r"(?:1[5-9]|20)[0-9]{2}\.[1-9][0-9]{0,4}")


class Facts:
    """What the kinds of task look at in a column; `name` is None when it is made up."""

    def __init__(self, name: str | None, cells: Sequence[str]) -> None:
        self.name = name
        self._cells = cells
        # Of a table with two texts in a row: the share of words that the two have in common, row by row.
        self.wording: Sequence[float] = ()
        self.filled = [cell.strip() for cell in cells if not is_blank(cell)]
        self.fill_share = len(self.filled) / len(cells) if cells else 1.0
        self.sample = self.filled[:_SAMPLE]
        self.promises_labels = name is not None and promises_labels(name)
        self.is_useless = name is not None and is_useless(name)
        self.is_unnamed = name is not None and is_unnamed(name)
        self.tells_circumstances = name is not None and tells_circumstances(name)

    @property
    def is_sparse(self) -> bool:
        return len(self.filled) < _FEW and self.fill_share < _RARELY

    @property
    def may_hold_labels(self) -> bool:
        return bool(self.filled) and not (self.is_useless or self.is_prose or self.aside)

    @cached_property
    def aside(self) -> str:
        """What the cells hold that says nothing about the text of their row, as in "dates and times"; "" if they may
        say something."""
        cells = [cell for cell in self.sample if len(cell) <= _LONGEST_MATCHED]
        if not cells or len(cells) < _NEARLY_ALL * len(self.sample) or self.entity_form or self._lists:
            return ""
        for what, pattern in _ASIDE.items():
            if _share(cells, pattern.fullmatch) >= _NEARLY_ALL:
                return what
        if numeric := self._numeric_aside(cells):
            return numeric
        # Of a few rows, even labels may all be different.
        names_rows = len(cells) > _HANDFUL and len(set(cells)) >= 0.95 * len(cells) and not self.number_share
        return "names of the rows" if names_rows and _share(cells, _NUMBERED.fullmatch) >= _NEARLY_ALL else ""

    def _numeric_aside(self, cells: Sequence[str]) -> str:
        """What numbers stand for that are no amounts; the name decides where the cells leave it open."""
        varied = len(set(cells)) > _HANDFUL
        may_be_phones = self._names(_PHONES) or (varied and (not self.number_share or all(c[0] == "+" for c in cells)))
        if may_be_phones and _share(cells, _PHONE.fullmatch) >= _NEARLY_ALL:
            return "phone numbers"
        if self.promises_labels:
            return ""
        are_whole = _share(cells, str.isdecimal) >= _NEARLY_ALL
        if self._names(_POST) and _share(cells, _POSTAL.fullmatch) >= _NEARLY_ALL:
            return "postal codes"
        widths = {len(cell) for cell in cells}
        if varied and are_whole and len(widths) == 1 and min(widths) > 3 and any(cell[0] == "0" for cell in cells):
            return "numbers of a fixed width, such as postal codes"
        numbers = self.numbers if are_whole else ()
        if len(numbers) >= (_HANDFUL if self._names(_YEARS) else _MANY) and _are_within(numbers, *_ERA):
            return "years"
        # In seconds or milliseconds since 1970.
        if varied and any(
            _are_within(numbers, low * unit, high * unit) for low, high in [_EPOCH] for unit in (1, 1000)
        ):
            return "times"
        return ""

    @property
    def names_coordinate(self) -> bool:
        return self._names(_LATITUDE + _LONGITUDE)

    def _names(self, parts: Collection[str]) -> bool:
        return not set(parts).isdisjoint(name_parts(self.name or ""))

    def may_be_coordinate(self, most: float) -> bool:
        """Whether the cells may be degrees up to `most`: decimals, many of them, that are so precise that they are no
        amounts, unless the name says what they are."""
        parts = _LATITUDE if most == _DEGREES[0] else _LONGITUDE
        if self.number_share < _NEARLY_ALL or self.are_whole or max(map(abs, self.numbers)) > most:
            return False
        precise = _share(self.sample, lambda cell: len(cell.partition(".")[2]) >= _PRECISE) >= _NEARLY_ALL
        far = statistics.median(map(abs, self.numbers)) > _NEAR and len(set(self.numbers)) > _HANDFUL
        return self._names(parts) or (precise and far)

    @cached_property
    def mean_words(self) -> float:
        """Words per cell; of a script without spaces, two characters count as one."""
        return statistics.fmean(map(_words, self.sample)) if self.sample else 0.0

    @cached_property
    def distinct_share(self) -> float:
        return len(set(self.sample)) / len(self.sample) if self.sample else 0.0

    @cached_property
    def holds_lists(self) -> bool:
        """Whether the cells are lists of words or labels, written as code."""
        return bool(self.sample) and _share(self.sample, lambda cell: label_list(cell) is not None) > _NEARLY_ALL

    def all_differ(self, rows: int) -> bool:
        """Whether each of so many rows has a cell of its own."""
        return len(self.filled) == rows == len(set(self.filled))

    @cached_property
    def _lists(self) -> Several | None:
        return find_lists(self.sample)

    @cached_property
    def several(self) -> Several | None:
        """How cells that hold several labels each are written; None if they hold one each."""
        if self._lists or self.holds_lists or self.aside or self.entity_form:
            return self._lists
        return find_several(self.sample, are_numbers=self.number_share >= _NEARLY_ALL)

    @property
    def surely_several(self) -> bool:
        return self.several is not None and self.several.sure

    @cached_property
    def _parse_number(self) -> Callable[[str], float | None]:
        form = number_format(self.sample)
        is_plain_text = not any(form.parse(cell) is not None for cell in self.sample)
        return form.parse if is_plain_text else number_format(self.filled).parse

    @cached_property
    def numbers(self) -> list[float]:
        return [number for number in map(self._parse_number, self.sample) if number is not None]

    @property
    def number_share(self) -> float:
        return len(self.numbers) / len(self.sample) if self.sample else 0.0

    def holds_numbers(self, likely: bool) -> bool:
        """Whether the cells are numbers. `likely`: the column probably holds labels of some kind."""
        return self.number_share >= 0.8 or (likely and self._has_faulty_amounts)

    @cached_property
    def all_numbers(self) -> list[float]:
        return [number for number in map(self._parse_number, self.filled) if number is not None]

    @cached_property
    def are_whole(self) -> bool:
        return all(number.is_integer() for number in self.all_numbers)

    @cached_property
    def trails_off(self) -> bool:
        """Whether most numbers are the lowest one and hardly any is the highest, as where something is counted; or
        just more than any other, and the highest is far from nearly all. Of two numbers, one may be a rare label."""
        counts, numbers = Counter(self.all_numbers), sorted(self.all_numbers)
        if len(numbers) < _ENOUGH or len(counts) < 3 or counts[numbers[-1]] > _HARDLY:
            return False
        lowest, usual = numbers[0], numbers[int(_NEARLY_ALL * len(numbers))]
        if counts[lowest] >= _MOSTLY * len(numbers):
            return True
        is_far = numbers[-1] > _FAR * max(usual, 1) and lowest >= 0
        return is_far and self.are_whole and counts[lowest] == max(counts.values())

    @cached_property
    def decimal_mark(self) -> str:
        """The mark before the decimals of its numbers; "" for anything else and where the cells leave it open."""
        if self.number_share < 0.8 or self.aside:
            return ""
        form = number_format(self.sample)
        return "" if self.are_whole and form.thousands not in (",", ".") else form.decimal

    @property
    def are_year_serials(self) -> bool:
        """Whether the cells are like 1951.69 beside 1937.148: a year and a number within it, of any length."""
        widths = {len(cell) for cell in self.sample}
        return len(widths) > 1 and _share(self.sample, _YEAR_SERIAL.fullmatch) >= _NEARLY_ALL

    @cached_property
    def follows_wording(self) -> float:
        """The correlation of the numbers with `wording`, from -1 to 1; 0 without one."""
        numbers = zip(map(self._parse_number, self._cells), self.wording, strict=False)
        known = [(number, share) for number, share in numbers if number is not None]
        try:
            return statistics.correlation(*zip(*known, strict=True))
        except (TypeError, statistics.StatisticsError):  # too few, or all the same
            return 0.0

    @property
    def _has_faulty_amounts(self) -> bool:
        """Whether at least half of the cells are numbers that cannot be labels.

        Labels are small whole numbers, or larger ones that repeat, such as HTTP status codes.
        """
        numbers = set(self.numbers)
        if self.number_share < 0.5 or len(numbers) < _HANDFUL:
            return False
        if not all(number.is_integer() for number in numbers):
            return True
        return max(map(abs, numbers)) > 10 and len(set(self.sample)) > 0.75 * len(self.sample)

    @cached_property
    def is_prose(self) -> bool:
        """Whether most cells are sentences: several words, or a script without spaces."""
        return not (self.entity_form or self.surely_several) and _share(self.sample, _is_sentence) > 0.5

    @cached_property
    def recurs(self) -> bool:
        """Whether the cells are a few different ones that come again and again, as labels do."""
        different = len(set(self.sample))
        return 1 < different <= _FEW and len(self.sample) >= _HANDFUL * different

    @cached_property
    def is_varied(self) -> bool:
        return 2 * len(set(self.sample)) > len(self.sample)

    @cached_property
    def entity_form(self) -> str:
        """How entities are written in most of the cells that have any; "" when the column holds none."""
        json = bio = 0.0
        # A list without spans, or the word O, is no evidence yet.
        if any(cell.startswith(("[", "{")) and len(cell) > 2 for cell in self.sample):
            json = _share(self.sample, is_json)
        if any("-" in cell or " " in cell for cell in self.sample):
            bio = _share(self.sample, is_bio)
        if json + bio > 0.5:
            return "json" if json >= bio else "bio"
        return "markup" if self.has_marks else ""

    @property
    def likeliest_form(self) -> str:
        """How entities are written in most of the cells, given that the column holds them."""
        return max(FORMS, key=lambda form: _share(self.sample, FORMS[form].is_meant))

    @cached_property
    def has_marks(self) -> bool:
        return _share(self.sample, is_marked) >= 0.1


def set_aside_coordinates(columns: Sequence[Facts]) -> None:
    """Recognise latitudes and longitudes, which are a pair of columns side by side unless their names say what they
    are."""
    for before, after in itertools.pairwise(columns):
        for first, second in ((before, after), (after, before)):
            if first.may_be_coordinate(_DEGREES[0]) and second.may_be_coordinate(_DEGREES[1]):
                first.aside = second.aside = "places on a map"
    for column in columns:
        if column.names_coordinate and any(map(column.may_be_coordinate, _DEGREES)):
            column.aside = "places on a map"


def set_aside_numbering(columns: Sequence[Facts]) -> None:
    """Recognise numbers that are no amounts: by their parts, or as most other columns write decimals otherwise."""
    unclear = [column for column in columns if not column.promises_labels]
    for column in unclear:
        if not column.aside and column.are_year_serials:
            column.aside = "inventory numbers, a year and a number within it"
    marks = Counter(column.decimal_mark for column in columns)
    usual = max(",.", key=lambda mark: marks[mark])
    other = ",.".replace(usual, "")
    if marks[usual] <= marks[other]:
        return
    names = {",": "a comma", ".": "a point"}
    for column in unclear:
        if column.decimal_mark == other:
            column.aside = f"numbers with {names[other]} where other columns have {names[usual]} before decimals"


def set_aside_doubts(columns: Sequence[Facts]) -> None:
    """Recognise columns that say how sure somebody was of another column, as crowdsourced tables have them."""
    names = {column.name.lower() for column in columns if column.name}
    for column in columns:
        match = _DOUBT.fullmatch((column.name or "").lower())
        if match and match[1] in names:
            column.aside = f"how sure somebody was of {match[1]}"


def _are_within(numbers: Sequence[float], low: float, high: float) -> bool:
    return bool(numbers) and low <= min(numbers) and max(numbers) <= high and len(set(numbers)) > 1


def _words(cell: str) -> float:
    return len(cell.split()) if " " in cell or cell.isascii() else max(1, len(cell) / 2)


def _share(cells: Sequence[str], test: Callable[[str], object]) -> float:
    return sum(bool(test(cell)) for cell in cells) / len(cells) if cells else 0.0


def _is_sentence(cell: str) -> bool:
    return len(cell.split(None, 3)) >= 4 or (" " not in cell and not cell.isascii() and len(cell) >= 8)
