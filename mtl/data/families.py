"""Families of columns: one of 0 and 1 for each label, which are read as one column of lists of labels."""

from __future__ import annotations

import functools
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mtl.data.columns import IGNORED, Role
from mtl.data.header import LABEL_NAMES, is_useless, unused_name
from mtl.data.labels import MOST_LABELS, why_the_same
from mtl.data.rows import Findings
from mtl.kinds.classification import Classification
from mtl.kinds.multilabel import Multilabel, family_cell
from mtl.text.values import cut, is_blank

_YES = {"1": True, "0": False, "1.0": True, "0.0": False}
_TRUE = {"true": True, "false": False}
# Two columns may as well be two tasks, unless their names begin alike.
_ENOUGH = 3
# What names of labels may begin with that is no name of a task.
_EMPTY_WORDS = ("is", "has", "label")


@dataclass(frozen=True)
class Family:
    """Columns of 0 and 1, the `members` of a table's columns; `labels` are their names without what all of them begin
    with. `exclusive`: each row has exactly one. `doubt`: why they hardly are labels that a text tells."""

    name: str
    members: tuple[int, ...]
    labels: tuple[str, ...]
    exclusive: bool
    doubt: str = ""

    def role(self) -> Role:
        """What the family is used for."""
        kind, one = (Classification.name, ", of which each row has one") if self.exclusive else (Multilabel.name, "")
        names = cut(", ".join(self.labels), 120)
        reason = f"{len(self.members)} columns of 0 and 1 are its labels{one}: {names}"
        if self.doubt:
            return Role(IGNORED, None, f"{reason}; {self.doubt}", offered=kind)
        return Role("task", kind, reason)


@dataclass(frozen=True)
class Layout:
    """A table's columns with every family as one: `sources`, the places of its columns before, by new name."""

    families: tuple[Family, ...]
    sources: dict[str, tuple[int, ...]]

    @property
    def names(self) -> list[str]:
        return list(self.sources)

    def roles(self) -> dict[str, Role]:
        return {family.name: family.role() for family in self.families}

    def columns(self, cells: Sequence[Sequence[str]]) -> list[Sequence[str]]:
        """The cells of the new columns, given those of the columns before."""
        if not self.families:
            return list(cells)
        rows = [self.row(list(row)) for row in zip(*cells, strict=True)]
        return [[row[i] for row in rows] for i in range(len(self.sources))]

    def row(self, row: list[str]) -> list[str]:
        """The cells of a row by the new columns; a row may lack cells at its end."""
        if not self.families:
            return row
        cells = []
        for places, labels in self._plan:
            if places[0] >= len(row):
                break
            members = tuple(row[i] if i < len(row) else "" for i in places)
            cells.append(_joined(members, labels) if labels else members[0])
        return cells

    @cached_property
    def _plan(self) -> list[tuple[tuple[int, ...], tuple[str, ...]]]:
        """The sources of each new column, with its labels if it is a family."""
        labels = {family.name: family.labels for family in self.families}
        return [(places, labels.get(name, ())) for name, places in self.sources.items()]

    def report(self, cells: Sequence[Sequence[str]], findings: Findings) -> None:
        """Say what is odd about the families; `cells` are those of the columns before."""
        for family in self.families:
            if family.doubt:
                continue
            if family.exclusive:
                findings.add("one-hot", None, family.name, labels=cut(", ".join(family.labels), 120))
            for place, label in zip(family.members, family.labels, strict=True):
                if not any(map(_holds, cells[place])):
                    findings.add("label-never", None, family.name, label=f'"{label}"')


def find_families(
    names: Sequence[str], cells: Sequence[Sequence[str]], text: str | None, roles: Mapping[str, str]
) -> Layout:
    """The families among a table's columns. Columns that were given another role than several labels are in none."""
    wanted = [i for i, name in enumerate(names) if roles.get(name) == Multilabel.name and _values(cells[i])]
    groups: list[list[int]] = [wanted] if wanted else []
    for values in (_YES, _TRUE):
        free = [
            i
            for i, name in enumerate(names)
            if name != text and name not in roles and not (is_useless(name) or name.lower() in LABEL_NAMES)
            if _values(cells[i]) is values
        ]
        if _ENOUGH <= len(free) <= MOST_LABELS or (
            len(free) == 2 and (_stem([names[i] for i in free]) or _exclusive(free, cells))
        ):
            groups.append(free)
    taken = {i for group in groups for i in group}
    free_names = {name for i, name in enumerate(names) if i not in taken}
    families: list[Family] = []
    for group in groups:
        own = [names[i] for i in group]
        stem = _stem(own)
        labels = tuple(name[len(stem) :] for name in own)
        plain = own[0] if len(own) == 1 else stem.strip(" ._-:/")
        name = unused_name(plain if plain.lower() not in (*_EMPTY_WORDS, "") else "labels", free_names)
        free_names.add(name)
        has = Counter(zip(*(map(_holds, cells[i]) for i in group), strict=True))
        doubt = "" if wanted or name in roles else why_the_same(has)
        families.append(Family(name, tuple(group), labels, not wanted and _exclusive(group, cells), doubt))
    first = {family.members[0]: family for family in families}
    sources: dict[str, tuple[int, ...]] = {}
    for i, name in enumerate(names):
        if i in first:
            sources[first[i].name] = first[i].members
        elif i not in taken:
            sources[name] = (i,)
    return Layout(tuple(families), sources)


def _values(cells: Sequence[str]) -> Mapping[str, bool] | None:
    """The meaning of a column's cells if they are all 0 and 1, or true and false, or blank; else None."""
    distinct = {cell.strip().lower() for cell in set(cells) if not is_blank(cell)}
    return next((values for values in (_YES, _TRUE) if distinct and distinct <= values.keys()), None)


def _holds(cell: str) -> bool:
    cell = cell.strip().lower()
    return _YES.get(cell, False) or _TRUE.get(cell, False)


def _exclusive(group: Sequence[int], cells: Sequence[Sequence[str]]) -> bool:
    """Whether each row has exactly one of the labels, and no cell is blank."""
    rows = zip(*(cells[i] for i in group), strict=True)
    return len(group) > 1 and all(sum(map(_holds, row)) == 1 and not any(map(is_blank, row)) for row in rows)


def _stem(names: Sequence[str]) -> str:
    """What all names begin with, up to a mark such as _ or a dot; "" if nothing."""
    match = re.match(r".*[ ._:/-]", os.path.commonprefix(list(names)))
    return match[0] if match and len(names) > 1 and all(len(name) > match.end() for name in names) else ""


@functools.lru_cache(maxsize=1000)
def _joined(cells: tuple[str, ...], labels: tuple[str, ...]) -> str:
    """The cell of a family, given those of its members; blank if all of them are."""
    blank = [label for cell, label in zip(cells, labels, strict=True) if is_blank(cell)]
    if len(blank) == len(labels):
        return ""
    return family_cell([label for cell, label in zip(cells, labels, strict=True) if _holds(cell)], blank)
