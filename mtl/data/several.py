"""Cells that hold several labels each: lists, labels with a mark between them, labels with a mark of their own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mtl.text.literals import LONGEST_CELL, literal
from mtl.text.values import LONGEST_NUMBER

# How labels are written, where that is not by a mark between them.
LISTS, OWN_MARKS = "list", "#name"
# However labels are written, a cell with none of them.
_EMPTY = "[]"
# Marks between labels, likeliest first. Hardly any label has one of the first two in its name.
_BETWEEN = ("|", ";", "#", ",", "/", "+", "&")
_PLAIN_MARKS = "|;"
# Labels that each have a mark of their own.
_OWN = tuple(map(re.compile, (r"(?:#\w[\w-]*+\s*+)++", r"(?:<[^<>\s]++>\s*+)++", r"(?:\[\w[\w -]*+\]\s*+)++")))
_EACH_OWN = re.compile(r"#(\w[\w-]*+)|<([^<>\s]++)>|\[(\w[\w -]*+)\]")
# Brackets behind a word, whose content belongs to it.
_BRACKETED = re.compile(r"(?<=.)\([^()]*+\)|(?<=.)\[[^\[\]]*+\]")
# Numbers of labels, as in `3,17`; but not `1,234,567`, which is one number.
_NUMBERS = re.compile(r"[0-9]{1,4}(?:\s*[,|;]\s*[0-9]{1,4})*")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+")
_BETWEEN_NUMBERS = re.compile(r"\s*[,|;]\s*")

# The share of cells that has to be written alike, and that has to hold several labels.
_NEARLY_ALL, _OFTEN = 0.9, 0.05
# Labels are short.
_LONGEST_LABEL, _MOST_WORDS = 40, 4
# What a longer cell is, need not be found out; and in longer cells on average there are no labels.
_LONGEST_MATCHED, _LONGEST_MEAN = 300, 200


@dataclass(frozen=True)
class Several:
    """How a column writes several labels in a cell. `mark`: what stands between them, or `LISTS` or `OWN_MARKS`.

    `labels`: those of the cells that were looked at. `sure`: they stand in ever other company, so the parts of a cell
    are labels and not words in the name of one. `likely`: more likely labels than not.
    """

    mark: str
    labels: tuple[str, ...] = ()
    sure: bool = True
    likely: bool = True

    @property
    def how(self) -> str:
        ways = {LISTS: "as a list", OWN_MARKS: "each with a mark of its own"}
        return ways.get(self.mark, f'with "{self.mark}" between them')

    def read(self, cell: str) -> list[str]:
        """The labels of a cell, as often as they stand there; `[]` has none in every notation."""
        cell = cell.strip()
        if cell == _EMPTY:
            return []
        if self.mark == LISTS:
            listed = label_list(cell, LONGEST_CELL)
            return [cell] if listed is None else [label.strip() for label in listed]
        if self.mark == OWN_MARKS:
            return ["".join(label) for label in _EACH_OWN.findall(cell)] or [cell]
        return _divided(cell, self.mark)


def find_lists(cells: Sequence[str]) -> Several | None:
    """The labels of cells that are lists of them, if some have none or more than one."""
    lists = [label_list(cell) for cell in cells]
    lists = [found for found in lists if found is not None]
    if len(lists) <= _NEARLY_ALL * len(cells) or all(len(found) == 1 for found in lists):
        return None
    labels = dict.fromkeys(label for found in lists for label in found)
    numbers = bool(labels) and all(label.isdecimal() for label in labels)
    # A sentence's words, or the numbers of a vector, are other ones in every row, or the same one again and again.
    if len(labels) > len(cells) or (numbers and any(len(set(found)) < len(found) for found in lists)):
        return None
    # Where no list has two, an empty one may be that of a row that nobody labelled.
    sure = any(len(found) > 1 for found in lists)
    return Several(LISTS, tuple(labels), sure, likely=sure or len(labels) < 2)


def find_several(cells: Sequence[str], are_numbers: bool) -> Several | None:
    """How several labels are written in cells that are no lists; None where each holds one."""
    cells = [cell for cell in cells if cell != _EMPTY]
    if not cells or sum(map(len, cells)) > _LONGEST_MEAN * len(cells):
        return None
    for written in _OWN:
        if all(written.fullmatch(cell[:_LONGEST_MATCHED]) for cell in cells):
            several = Several(OWN_MARKS)
            found = [several.read(cell) for cell in cells]
            return Several(OWN_MARKS, _distinct(found)) if any(len(labels) > 1 for labels in found) else None
    if (numbers := _number_lists(cells)) or are_numbers:
        return numbers
    return next(filter(None, (_recurring(cells, mark) for mark in _BETWEEN)), None)


def most_likely(cells: Sequence[str]) -> Several:
    """How several labels are most likely written, given that the cells hold them."""
    if any(label_list(cell) for cell in cells):
        return Several(LISTS)
    if any(_EACH_OWN.match(cell) for cell in cells):
        return Several(OWN_MARKS)
    counts = Counter(mark for cell in cells for mark in _BETWEEN if mark in cell)
    return Several(max(_BETWEEN, key=lambda mark: counts[mark]))


def label_list(cell: str, longest: int = _LONGEST_MATCHED) -> list[str] | None:
    """The labels of a cell that is a list of them in JSON or Python notation; None if it is anything else."""
    if not (cell.startswith("[") and cell.endswith("]") and len(cell) <= longest):
        return None
    try:
        value = literal(cell)
    except ValueError:
        return None
    return list(map(str, value)) if isinstance(value, list) and all(map(_is_label, value)) else None


def _is_label(item: object) -> bool:
    """Whether an item of a list is a label, or the number of one; True and False are instances of int."""
    return isinstance(item, str) or (type(item) is int and item >= 0)


def _distinct(found: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(label for labels in found for label in labels))


def _number_lists(cells: Sequence[str]) -> Several | None:
    """Numbers of labels with a mark between them. A comma between two may mark decimals, so there have to be cells with
    three."""
    if not all(_NUMBERS.fullmatch(cell) for cell in cells if len(cell) <= LONGEST_NUMBER):
        return None
    found = {cell: _BETWEEN_NUMBERS.split(cell) for cell in set(cells)}
    mark = next((mark for mark in "|;," if any(mark in cell for cell in found)), "")
    most = max(map(len, found.values()))
    if most < (3 if mark == "," else 2) or all(_THOUSANDS.fullmatch(cell) for cell in found if mark in cell):
        return None
    labels = _distinct(found.values())
    apart = all(len(set(parts)) == len(parts) for parts in found.values())
    return Several(mark, labels) if apart and 2 * len(labels) <= len(cells) else None


def _recurring(cells: Sequence[str], mark: str) -> Several | None:
    """The parts of cells with `mark` between them, if the same parts recur in other company; else None.

    A label that has the mark in its name, such as `sci/tech`, always has the same parts together.
    """
    several = Several(mark)
    divided = {cell: several.read(cell) for cell in set(cells)}
    multiple = [parts for parts in divided.values() if len(parts) > 1]
    company = Counter(part for parts in divided.values() for part in set(parts))
    if not multiple or any(
        not part or len(part) > _LONGEST_LABEL or len(part.split()) > _MOST_WORDS for part in company
    ):
        return None
    # Of the cells that are divided, most share a part with another cell.
    shared = sum(any(company[part] > 1 for part in parts) for parts in multiple)
    few = 2 * len(company) <= len(cells)
    plain = mark in _PLAIN_MARKS
    least = 0.3 if plain else 0.8
    # "City, State" has two parts in every cell; of labels there are now more and now fewer.
    vary = len(set(map(len, divided.values()))) > 1
    if not (few and vary and shared >= least * len(multiple)):
        return None
    often = sum(len(divided[cell]) > 1 for cell in cells) >= _OFTEN * len(cells)
    # Nearly every label stands alone, or in more than one company.
    apart = 2 * sum(count > 1 for count in company.values()) >= len(company)
    if not (plain or often or apart):
        return None
    return Several(mark, tuple(company), sure=plain or (often and apart), likely=plain or apart)


def _divided(cell: str, mark: str) -> list[str]:
    """The parts of a cell with the mark between them; a mark in brackets divides nothing."""
    kept = _BRACKETED.sub(lambda match: match[0].replace(mark, "\0"), cell)
    return [part.replace("\0", mark).strip() for part in kept.split(mark)]
