"""Statistics of one column's cells, computed once, from which the kinds of task guess what it holds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from functools import cached_property

from mtl.data.header import is_unnamed, is_useless, promises_labels
from mtl.text.spans import is_bio, is_json, is_marked
from mtl.text.values import is_blank, parse_number

# How many cells of a column are examined closely.
_SAMPLE = 2000
# With fewer distinct numbers, the other cells are more likely labels than faulty numbers.
_HANDFUL = 5


class Facts:
    """What the kinds of task look at in a column; `name` is None when it is made up."""

    def __init__(self, name: str | None, cells: Sequence[str]) -> None:
        self.name = name
        self.filled = [cell.strip() for cell in cells if not is_blank(cell)]
        self.sample = self.filled[:_SAMPLE]
        self.promises_labels = name is not None and promises_labels(name)
        self.is_useless = name is not None and is_useless(name)
        self.is_unnamed = name is not None and is_unnamed(name)

    @property
    def may_hold_labels(self) -> bool:
        return bool(self.filled) and not self.is_useless and not self.is_prose

    @cached_property
    def mean_length(self) -> float:
        return statistics.fmean(map(len, self.sample)) if self.sample else 0.0

    @cached_property
    def numbers(self) -> list[float]:
        return [number for number in map(parse_number, self.sample) if number is not None]

    @property
    def number_share(self) -> float:
        return len(self.numbers) / len(self.sample) if self.sample else 0.0

    def holds_numbers(self, likely: bool) -> bool:
        """Whether the cells are numbers. `likely`: the column probably holds labels of some kind."""
        return self.number_share >= 0.8 or (likely and self._has_faulty_amounts)

    @cached_property
    def all_numbers(self) -> list[float]:
        return [number for number in map(parse_number, self.filled) if number is not None]

    @cached_property
    def are_whole(self) -> bool:
        return all(number.is_integer() for number in self.all_numbers)

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
        shares = {"bio": _share(self.sample, is_bio), "json": _share(self.sample, is_json)}
        shares["markup"] = _share(self.sample, is_marked)
        return max(shares, key=shares.get)

    @cached_property
    def has_marks(self) -> bool:
        return _share(self.sample, is_marked) >= 0.1


def _share(cells: Sequence[str], test: Callable[[str], bool]) -> float:
    return sum(map(test, cells)) / len(cells) if cells else 0.0


def _is_sentence(cell: str) -> bool:
    return len(cell.split(None, 3)) >= 4 or (" " not in cell and not cell.isascii() and len(cell) >= 8)
