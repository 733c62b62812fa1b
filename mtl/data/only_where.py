"""Columns that only some rows have a value in, which another column tells apart, as reasons of complaints are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from mtl.data.rows import Row
from mtl.text.values import cut, shown

# So many values of the other column are named; and so many rows have a value, and have none, where that is no chance.
_MOST, _ENOUGH = 3, 5
# Of the rows with these values so large a share has one in the column too, and of those that have one so large a share
# has these values: people label by hand.
_NEARLY_ALL = 0.9
_LONGEST = 100


def find(rows: Sequence[Row], tasks: Collection[str], besides: Collection[str] = ()) -> dict[str, str]:
    """Which rows alone have a value, as in 'mood is "bad"', for each of the `tasks` where a column of labels, or one
    that parts the rows into a few groups, tells that; not one of those `besides`."""
    has = {task: [task in row.labels for row in rows] for task in tasks}
    partial = {task: filled for task, filled in has.items() if any(filled) and not all(filled)}
    if not partial:
        return {}
    names = dict.fromkeys(name for row in rows for name in (*row.labels, *row.facets) if name not in besides)
    others = {name: [row.labels.get(name, row.facets.get(name)) for row in rows] for name in names}
    # Of labels those that a row has one of.
    others = {name: cells for name, cells in others.items() if all(isinstance(c, str | None) for c in cells)}
    found = {}
    for task, filled in partial.items():
        said = (_said(name, Counter(zip(cells, filled, strict=True))) for name, cells in others.items() if name != task)
        if first := next(filter(None, said), ""):
            found[task] = first
    return found


def _said(name: str, counts: Counter[tuple[str | None, bool]]) -> str:
    """The values of the column `name` with which alone a row has one in another column; "" if they are none or many, or
    if it may be chance. `counts`: how many rows have which value, and one in the other column."""
    totals = Counter()
    for (value, _), count in counts.items():
        totals[value] += count
    inside = {
        value: counts[value, True]
        for value, total in totals.items()
        if value is not None and counts[value, True] >= _NEARLY_ALL * total
    }
    if len(inside) > _MOST:
        return ""
    total = sum(inside.values())
    outside = sum(count for value, count in totals.items() if value is not None and value not in inside)
    filled = sum(count for (_, filled), count in counts.items() if filled)
    if min(total, outside) < _ENOUGH or total < _NEARLY_ALL * filled:
        return ""
    return f"{cut(name, _LONGEST)} is {' or '.join(map(shown, sorted(inside, key=lambda v: (-inside[v], v))))}"
