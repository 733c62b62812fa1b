"""Matches the labels of a table with those of a model: which mean the same, and which are new.

The result is a proposal: a mapping that can be shown, changed, and then applied to rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mtl.config import KINDS, TaskSpec, UserError
from mtl.data.rows import Column
from mtl.text.numbers import number_format
from mtl.text.values import cut

# A column with more labels than this most likely holds free text or numbers, and its confusion matrix would be huge.
MOST_LABELS = 500

# A rare value stands in so many rows at most. So many values may all be rare.
_RARE, _SOME = 2, 10
# So large a share of the rows has a rare value where these are no typing errors; and so large a share, of so many rows,
# has the same one where the others teach nothing.
_SCATTERED, _SAME, _ENOUGH_ROWS = 0.2, 0.95, 50

# Each line lists names for the same thing; any of them stands for the model's label that is in the line.
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

_NEG, _NEU, _POS = "negative", "neutral", "positive"
_FIVE_STARS = {1: _NEG, 2: _NEG, 3: _NEU, 4: _POS, 5: _POS}
# Scales in use for sentiment. The first one that contains all numbers of a column applies.
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
    """What the labels of a column mean to a head with the labels `known`.

    `mapping` maps every label of the column to one of the head's or to None, `reasons` those that were matched or
    decided on to the reason: None with a reason leaves the label out, None without one makes it new.
    """

    known: tuple[str, ...]
    mapping: Mapping[str, str | None]
    reasons: Mapping[str, str]

    @property
    def new(self) -> tuple[str, ...]:
        """The column's labels that the head does not have."""
        return tuple(label for label in self.mapping if label not in self.reasons)

    @property
    def fits(self) -> bool:
        """Whether the head can be reused: each label is one of its own or left out, and not all are left out."""
        return not self.new and any(self.mapping.values())

    @property
    def meaning(self) -> dict[str, str | None]:
        """What `Kind.translate` makes of each label: the mapping if it fits, else the label itself."""
        if self.fits:
            return dict(self.mapping)
        left_out = {label for label, own in self.mapping.items() if own is None and label in self.reasons}
        return {label: None if label in left_out else label for label in self.mapping}

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the head to train: its own if the match fits, else the column's (the head starts anew)."""
        return self.known if self.fits else tuple(label for label in self.meaning.values() if label is not None)

    def changed(self, mapping: Mapping[str, str | None]) -> LabelMatch:
        """The same with some labels mapped to one of the head's, to None (left out), or to itself (new).

        Raises `UserError` for a label that the table or the head does not have.
        """
        new = {label for label, own in mapping.items() if own == label and own not in self.known}
        for label, own in mapping.items():
            if label not in self.mapping:
                raise UserError(f"The table has no label {label!r}. It has: {_listed(self.mapping)}.")
            if own is not None and own not in self.known and label not in new:
                raise UserError(f"The model has no label {own!r}. It has: {_listed(self.known)}.")
        reasons = {**self.reasons, **dict.fromkeys(mapping, "as you said")}
        return replace(
            self,
            mapping={**self.mapping, **mapping, **dict.fromkeys(new)},
            reasons={label: reason for label, reason in reasons.items() if label not in new},
        )


def why_hardly_labels(counts: Mapping[str, int]) -> str:
    """Why values that occur so often are hardly labels that a text tells; "" if they may be."""
    rare = [count for count in counts.values() if count <= _RARE]
    if len(counts) > _SOME and 2 * len(rare) > len(counts) and sum(rare) >= _SCATTERED * sum(counts.values()):
        return f"{len(rare):,} of its {len(counts):,} values are seen only once or twice"
    return why_the_same(counts)


def why_the_same(counts: Mapping[Any, int]) -> str:
    """How it is that nearly all of the values that occur so often are the same; "" if they are not."""
    total, (most, *others) = sum(counts.values()), sorted(counts.values(), reverse=True)
    if total >= _ENOUGH_ROWS and most >= _SAME * total and others and others[0] <= _RARE:
        return f"{most:,} of its {total:,} values are the same, and no other is seen more than twice"
    return ""


def match_labels(labels: Sequence[str], known: Sequence[str]) -> LabelMatch:
    """Match the labels of a column with those that a model knows.

    By name, ignoring case, spaces and hyphens; then by other common names (pos, PERSON, GPE); then, if the model knows
    negative and positive, by grade: 0/1, -1/0/1, 0..2, 1..5 stars, 0..4.
    """
    by_name = {_plain(label): label for label in known}
    aliases = {name: by_name[own] for group in _ALIASES for own in sorted(group & by_name.keys()) for name in group}
    grades = _grades(labels, by_name)
    mapping: dict[str, str | None] = dict.fromkeys(labels)
    reasons: dict[str, str] = {}
    # The surest last, so that it wins.
    for names, reason in ((grades, "a grade"), (aliases, "another name for it"), (by_name, "the same name")):
        for label in labels:
            if (plain := _plain(label)) in names:
                mapping[label], reasons[label] = names[plain], reason
    return LabelMatch(tuple(known), mapping, reasons)


def match_task(column: Column, tasks: Mapping[str, TaskSpec]) -> str | None:
    """The task of a model that a column is about: one of its kind with the same name, else one that knows all of its
    labels; None if there is neither."""
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
    """A label in lower case, its words joined by spaces; the minus of a number stays."""
    return re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", label.strip().casefold())


def _grades(labels: Sequence[str], by_name: Mapping[str, str]) -> dict[str, str]:
    """The model's label for each grade of sentiment; empty when the labels are not grades."""
    if not {_NEG, _POS} <= by_name.keys():
        return {}
    plain = [_plain(label) for label in labels]
    form = number_format(plain)
    numbers = {label: form.parse(label) for label in plain}
    scales = (_FIVE_STARS,) if form.unit in ("stars", "/5") else _SCALES
    scale = next((scale for scale in scales if scale.keys() >= set(numbers.values())), {})
    names = {label: scale.get(number) for label, number in numbers.items()}
    return {label: by_name[name] for label, name in names.items() if name in by_name}
