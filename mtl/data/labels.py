"""The labels of a table against those of a model: which mean the same, and which are new.

The result is a proposal: a mapping that can be shown, changed, and then applied to rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mtl.config import KINDS, TaskSpec, UserError
from mtl.data.rows import Column
from mtl.text.values import cut, parse_number

# A head tells at most so many labels apart: beyond that a column holds free text or numbers, and every score a table
# of as many rows and columns.
MOST_LABELS = 500

# Names for the same thing. A label of the model that is in a line is meant by every other name in it.
_ALIASES = tuple(
    frozenset(line.split(", "))
    for line in (
        "negative, neg, bad, very negative, somewhat negative, strongly negative",
        "neutral, neu, neut",
        "positive, pos, good, very positive, somewhat positive, strongly positive",
        "per, person, persons, people, pers",
        "org, organisation, organization, organisations, organizations, company, corporation, corp",
        "loc, location, locations, place, places, gpe, geo, fac, facility",
        "misc, miscellaneous",
        "technology, tech",
        "science, sci",
        "other, others",
    )
)

_STARS = re.compile(r"([1-5])(?:\.0)? ?stars?")

_NEG, _NEU, _POS = "negative", "neutral", "positive"
_FIVE_STARS = {1: _NEG, 2: _NEG, 3: _NEU, 4: _POS, 5: _POS}
# Grades in use for sentiment. The first that has all numbers found is meant.
_SCALES: tuple[dict[int, str], ...] = (
    {0: _NEG, 1: _POS},
    {-1: _NEG, 0: _NEU, 1: _POS},
    {1: _NEG, 2: _POS},
    {0: _NEG, 1: _NEU, 2: _POS},
    {1: _NEG, 2: _NEU, 3: _POS},
    {0: _NEG, 1: _NEG, 2: _NEU, 3: _POS, 4: _POS},
    _FIVE_STARS,
)


@dataclass(frozen=True)
class LabelMatch:
    """What the labels of a column mean to a head, which knows the labels `known`.

    `mapping` has every label found: to one of the head's own, or to None. `reasons` says why, for those that
    were matched or decided on; None with a reason leaves the label out, None without one makes it new.
    """

    known: tuple[str, ...]
    mapping: Mapping[str, str | None]
    reasons: Mapping[str, str]

    @property
    def new(self) -> tuple[str, ...]:
        """The labels found that the head does not have."""
        return tuple(found for found in self.mapping if found not in self.reasons)

    @property
    def fits(self) -> bool:
        """Whether the head can be kept: every label found is one of its own or left out, not all out."""
        return not self.new and any(self.mapping.values())

    @property
    def meaning(self) -> dict[str, str | None]:
        """What becomes of each label, for `Kind.translate`: the mapping if it fits, else the label itself."""
        if self.fits:
            return dict(self.mapping)
        left_out = {f for f, known in self.mapping.items() if known is None and f in self.reasons}
        return {found: None if found in left_out else found for found in self.mapping}

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the head to train: its own when they fit, else those found (the head starts anew)."""
        return self.known if self.fits else tuple(label for label in self.meaning.values() if label is not None)

    def changed(self, mapping: Mapping[str, str | None]) -> LabelMatch:
        """The same with some labels mapped otherwise: to one of the head's, to None (left out), or to itself (new).

        Raises `UserError` for a label that the table or the head does not have.
        """
        new = {found for found, label in mapping.items() if label == found and label not in self.known}
        for found, label in mapping.items():
            if found not in self.mapping:
                raise UserError(f"The table has no label {found!r}. It has: {_listed(self.mapping)}.")
            if label is not None and label not in self.known and found not in new:
                raise UserError(f"The model has no label {label!r}. It has: {_listed(self.known)}.")
        reasons = {**self.reasons, **dict.fromkeys(mapping, "as you said")}
        return replace(
            self,
            mapping={**self.mapping, **mapping, **dict.fromkeys(new)},
            reasons={found: reason for found, reason in reasons.items() if found not in new},
        )


def match_labels(found: Sequence[str], known: Sequence[str]) -> LabelMatch:
    """Match the labels found in a table with those that a model knows.

    By name without regard to case, spaces and hyphens; then by other common names (pos, PERSON, GPE); then,
    where the model knows negative and positive, grades: 0/1, -1/0/1, 0..2, 1..5 stars, 0..4.
    """
    by_name = {_plain(label): label for label in known}
    aliases = {name: by_name[own] for group in _ALIASES for own in sorted(group & by_name.keys()) for name in group}
    grades = _grades(found, by_name)
    mapping: dict[str, str | None] = {}
    reasons: dict[str, str] = {}
    for label in found:
        plain = _plain(label)
        for names, reason in (
            (by_name, "the same name"),
            (aliases, "another name for it"),
            (grades, "a grade"),
        ):
            if plain in names:
                mapping[label], reasons[label] = names[plain], reason
                break
        else:
            mapping[label] = None
    return LabelMatch(tuple(known), mapping, reasons)


def match_task(column: Column, tasks: Mapping[str, TaskSpec]) -> str | None:
    """The task of a model that a column of a table is about; None when it is a task of its own.

    One of the same name and kind; else one of its kind that knows all of its labels.
    """
    same_kind = {name: spec for name, spec in tasks.items() if spec.kind == column.kind}
    for name in same_kind:
        if _plain(name) == _plain(column.name):
            return name
    if not KINDS[column.kind].fewest_labels:
        return None
    return next((n for n, spec in same_kind.items() if match_labels(column.labels, spec.labels).fits), None)


def _listed(labels: Iterable[str]) -> str:
    return cut(", ".join(labels), 300) or "none"


def _plain(label: str) -> str:
    """A label without regard to case and to how its words are joined; the minus of a number stays."""
    return re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", label.strip().casefold())


def _grades(found: Sequence[str], by_name: Mapping[str, str]) -> dict[str, str]:
    """The model's label for each grade of sentiment found; empty when they are none."""
    if not {_NEG, _POS} <= by_name.keys():
        return {}
    numbers: dict[str, float | None] = {}
    scales = _SCALES
    for label in found:
        if stars := _STARS.fullmatch(_plain(label)):
            scales = (_FIVE_STARS,)
        numbers[_plain(label)] = parse_number(stars[1] if stars else label)
    scale = next((scale for scale in scales if scale.keys() >= set(numbers.values())), {})
    meant = {label: scale.get(number) for label, number in numbers.items()}
    return {label: by_name[name] for label, name in meant.items() if name in by_name}
