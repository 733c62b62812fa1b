"""Statistics of one column's cells, computed once, from which the kinds of task guess what it holds."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property

from mtl.config import UserError
from mtl.data.header import is_unnamed, is_useless, promises_labels
from mtl.text.numbers import number_format
from mtl.text.spans import FORMS, is_bio, is_json, is_marked, literal
from mtl.text.values import is_blank

# How many cells of a column are examined closely.
_SAMPLE = 2000
# What a longer cell is, no pattern has to find out.
_LONGEST_MATCHED = 300
# The share of cells that has to be of one kind.
_NEARLY_ALL = 0.9
# With fewer distinct numbers, the other cells are more likely labels than faulty numbers.
_HANDFUL = 5

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
    "file names": r"[^\t]*[^\t.]\.(?:pdf|txt|docx?|odt|html?|xml|json|csv|tsv|xlsx?|png|jpe?g|gif|svg|wav|mp[34]|zip)",
    "user names": r"@\w+",
    "keys": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[^0-9]*[0-9])(?=[^a-f]*[a-f])[0-9a-f]{16,}",
    "lists of numbers": r"[\[(]\s*[-+0-9.e]+(?:[\s,]+[-+0-9.e]+)*\s*[\])]",
    "structured data": r"\{.*\}|\[\s*[\[{].*[\]}]\s*\]",
}
_ASIDE = {what: re.compile(pattern, re.IGNORECASE | re.DOTALL) for what, pattern in _ASIDE.items()}
# Names of rows such as AB-0012: one word of plain letters, with a digit in it.
_NUMBERED = re.compile(r"(?=[^0-9]*[0-9])[!-~]{1,60}")
# Labels that each have a mark of their own.
_MARKED_LABELS = tuple(
    map(re.compile, (r"(?:#\w[\w-]*+\s*+)++", r"(?:<[^<>\s]++>\s*+)++", r"(?:\[\w[\w -]*+\]\s*+)++"))
)
_MARKED_LABEL = re.compile(r"#(\w[\w-]*+)|<([^<>\s]++)>|\[(\w[\w -]*+)\]")

# Marks between the labels of a cell, likeliest first.
_BETWEEN_LABELS = ("|", ";", "#", ",", "/", "+", "&")
_LONGEST_LABEL = 40


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

    @property
    def may_hold_labels(self) -> bool:
        return bool(self.filled) and not (self.is_useless or self.is_prose or self.aside)

    @cached_property
    def aside(self) -> str:
        """What the cells hold that says nothing about the text of their row, as in "dates and times"; "" if they may
        say something."""
        cells = [cell for cell in self.sample if len(cell) <= _LONGEST_MATCHED]
        if not cells or len(cells) < _NEARLY_ALL * len(self.sample) or self.entity_form:
            return ""
        for what, pattern in _ASIDE.items():
            if _share(cells, pattern.fullmatch) >= _NEARLY_ALL:
                return what
        # Of a few rows, even labels may all be different.
        names_rows = len(cells) > _HANDFUL and len(set(cells)) >= 0.95 * len(cells) and not self.number_share
        return "names of the rows" if names_rows and _share(cells, _NUMBERED.fullmatch) >= _NEARLY_ALL else ""

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
    def several(self) -> tuple[str, ...]:
        """The labels of cells that hold several each, as `a;b` or a list; empty if the cells hold one each."""
        if self.holds_lists:
            lists = [label_list(cell) for cell in self.sample]
            several = any(len(found) != 1 for found in lists if found is not None)
            return tuple(dict.fromkeys(label for found in lists for label in found or ())) if several else ()
        for written in _MARKED_LABELS:
            if self.sample and all(written.fullmatch(cell[:_LONGEST_MATCHED]) for cell in self.sample):
                found = [["".join(label) for label in _MARKED_LABEL.findall(cell)] for cell in self.sample]
                several = any(len(labels) > 1 for labels in found)
                return tuple(dict.fromkeys(label for labels in found for label in labels)) if several else ()
        may_be = not (self.is_prose or self.aside or self.number_share >= _NEARLY_ALL)
        for mark in _BETWEEN_LABELS if may_be else ():
            if parts := _recurring_parts(self.sample, mark):
                return parts
        return ()

    @cached_property
    def mean_length(self) -> float:
        return statistics.fmean(map(len, self.sample)) if self.sample else 0.0

    @cached_property
    def _parse_number(self) -> Callable[[str], float | None]:
        return number_format(self.filled).parse

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
        return not self.entity_form and _share(self.sample, _is_sentence) > 0.5

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


def label_list(cell: str) -> list[str] | None:
    """The labels of a cell that is a list of them in JSON or Python notation; None if it is anything else."""
    if not (cell.startswith("[") and cell.endswith("]") and len(cell) <= _LONGEST_MATCHED):
        return None
    try:
        value = literal(cell)
    except UserError:
        return None
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else None


def _recurring_parts(cells: Sequence[str], mark: str) -> tuple[str, ...]:
    """The parts of cells with `mark` between them, if the same parts recur in other company; else none.

    A label that has the mark in its name, such as `sci/tech`, always has the same parts together."""
    divided = {cell: [part.strip() for part in cell.split(mark)] for cell in set(cells)}
    if sum(len(divided[cell]) > 1 for cell in cells) < 0.05 * len(cells):
        return ()
    company = Counter(part for parts in divided.values() for part in set(parts))
    if not all(part and len(part) <= _LONGEST_LABEL and len(part.split()) <= 4 for part in company):
        return ()
    # Of the cells that are divided, most share a part with another cell.
    multiple = [parts for parts in divided.values() if len(parts) > 1]
    shared = sum(any(company[part] > 1 for part in parts) for parts in multiple)
    few = 2 * len(company) <= len(cells)
    # Hardly any label has a bar in its name.
    least = 0.3 if mark == "|" else 0.8
    # "City, State" has two parts in every cell; of labels there are now more and now fewer.
    vary = len({len(parts) for parts in divided.values()}) > 1
    return tuple(company) if few and vary and shared >= least * len(multiple) else ()


def _words(cell: str) -> float:
    return len(cell.split()) if " " in cell or cell.isascii() else max(1, len(cell) / 2)


def _share(cells: Sequence[str], test: Callable[[str], object]) -> float:
    return sum(bool(test(cell)) for cell in cells) / len(cells) if cells else 0.0


def _is_sentence(cell: str) -> bool:
    return len(cell.split(None, 3)) >= 4 or (" " not in cell and not cell.isascii() and len(cell) >= 8)
