"""A table set against a model: which task each column of labels teaches, and what its labels mean there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mtl.config import KINDS, RESERVED_NAMES, TaskSpec, UserError
from mtl.data.labels import MOST_LABELS, LabelMatch, match_labels, match_task
from mtl.data.rows import Column, Row, Table
from mtl.text.values import cut

# column -> {label found: the model's label, or itself (a new one), or None (left out)}
Mappings = Mapping[str, Mapping[str, str | None]]


@dataclass(frozen=True)
class Taught:
    """What one column teaches: the task `spec`, None where there is nothing to learn from it.

    `match` sets the labels found against those of the model's task that the column is about (against none where it is
    about none); it is None for a kind without labels. `kept` says that the model's own head goes on learning; else a
    new one begins, which `replaces` the model's where that has the same name.
    `note` tells a person so, and is "" where there is nothing to tell. `what` is what the column has, as in "4 labels".
    """

    spec: TaskSpec | None
    match: LabelMatch | None = None
    kept: bool = False
    replaces: bool = False
    note: str = ""
    what: str = ""


@dataclass(frozen=True)
class Matched:
    """A table set against a model: the spec of each task to train, rows with its labels, what to tell the user, and
    what each of the table's columns of labels teaches."""

    specs: dict[str, TaskSpec]
    rows: list[Row]
    notes: list[str]
    columns: dict[str, Taught]


def match_tasks(
    table: Table, known: Mapping[str, TaskSpec], mapping: Mappings | None = None, least: int = 2
) -> Matched:
    """Match a table's columns with a model's tasks; a column that fits none, or has new labels, gets a new head.

    `mapping` overrules what labels mean. A column needs `least` different values to teach anything, or as many as its
    kind needs where those are fewer.
    Raises `UserError` where `mapping` names what is not there.
    """
    columns, wanted = table.tasks(), mapping or {}
    for name in wanted:
        if name not in columns:
            there = cut(", ".join(columns), 300) or "none"
            raise UserError(f"There is no column of labels {name!r}. The columns of labels are: {there}.")
    names = {name.casefold() for name in known}
    found: dict[str, Taught] = {}
    taken: set[str] = set()
    # A column under a task's own name comes first, so that no other takes the task away from it.
    for column in sorted(columns.values(), key=lambda column: column.name.casefold() not in names):
        values = [row.labels[column.name] for row in table.rows if column.name in row.labels]
        free = {name: spec for name, spec in known.items() if name not in taken}
        taught = _taught(column, values, free, taken, wanted.get(column.name, {}), least)
        replaces = False
        if taught.spec:
            taken.add(taught.spec.name)
            replaces = taught.spec.name in known and not taught.kept
        found[column.name] = replace(taught, replaces=replaces, what=KINDS[column.kind].describe(values))
    found = {name: found[name] for name in columns}
    meanings = [
        (columns[name], taught.spec.name, taught.match.meaning if taught.match else {})
        for name, taught in found.items()
        if taught.spec
    ]
    return Matched(
        {taught.spec.name: taught.spec for taught in found.values() if taught.spec},
        [translated(row, meanings) for row in table.rows],
        [taught.note for taught in found.values() if taught.note],
        found,
    )


def translated(row: Row, meanings: Iterable[tuple[Column, str, Mapping[str, Any]]]) -> Row:
    """The row with labels for tasks in place of those of its columns; `meanings`: (column, task, what a label of the
    column means to the task)."""
    labels = {
        task: KINDS[column.kind].translate(row.labels[column.name], meaning)
        for column, task, meaning in meanings
        if column.name in row.labels
    }
    return replace(row, labels={task: label for task, label in labels.items() if label is not None})


def _taught(
    column: Column,
    values: Sequence,
    free: Mapping[str, TaskSpec],
    taken: set[str],
    mapping: Mapping[str, str | None],
    least: int,
) -> Taught:
    """What a column teaches that has these labels, given the tasks of the model that are still `free`."""

    def nothing(found: str, match: LabelMatch | None = None) -> Taught:
        note = f"Column {column.name!r} has {found}: there is nothing to learn, so it is left out."
        return Taught(None, match, note=note)

    kind = KINDS[column.kind]
    if not kind.fewest_labels:
        if mapping:
            raise UserError(f"Column {column.name!r} has no labels that could be read as others.")
        if len(set(values)) < least:
            return nothing(kind.describe(values))
        task = match_task(column, free)
        if task and kind.covers(free[task], values):
            return Taught(free[task], kept=True)
        note = f"Column {column.name!r} gets a new head for {kind.describe(values)}."
        return Taught(kind.new_spec(_name_for(column, task, taken), (), values), note=note)
    if len(column.labels) > MOST_LABELS:
        return nothing(f"{len(column.labels):,} labels, more than {MOST_LABELS}")
    task = _task_of(column, free, mapping)
    match = match_labels(column.labels, free[task].labels if task else ()).changed(mapping)
    meant = dict.fromkeys(label for label in match.meaning.values() if label is not None)
    if len(meant) < min(least, kind.fewest_labels):
        return nothing(f"only the label {next(iter(meant))!r}" if meant else "no labels", match)
    if match.fits:
        named = [f"{found} as {own}" for found, own in match.mapping.items() if own not in (None, found)]
        note = f"Column {column.name!r} teaches the task {task!r}" + (f": {', '.join(named)}." if named else ".")
        return Taught(free[task], match, kept=True, note=note if named or task != column.name else "")
    shown = ", ".join(match.labels[:8]) + (" ..." if len(match.labels) > 8 else "")
    note = f"Column {column.name!r} gets a new head for {len(match.labels)} labels: {shown}."
    return Taught(kind.new_spec(_name_for(column, task, taken), match.labels, values), match, note=note)


def _task_of(column: Column, free: Mapping[str, TaskSpec], mapping: Mapping[str, str | None]) -> str | None:
    """The model's task that a column is about: by what the user said of its labels, else by its name and labels.

    Grades (0/1) say so only under the task's own name: they may be spam.
    """
    task = match_task(column, free)
    if task and not _same_name(task, column) and "a grade" in _reasons(column, free[task]):
        task = None
    said = {label for found, label in mapping.items() if label not in (None, found)}
    if said and not (task and said <= {*free[task].labels}):
        return next((n for n, spec in free.items() if spec.kind == column.kind and said <= {*spec.labels}), None)
    return task


def _reasons(column: Column, spec: TaskSpec) -> set[str]:
    return {*match_labels(column.labels, spec.labels).reasons.values()}


def _same_name(task: str, column: Column) -> bool:
    return task.casefold() == column.name.casefold()


def _name_for(column: Column, task: str | None, taken: set[str]) -> str:
    """What to call a new head: as its column, unless another task of this run is called so."""
    if task and _same_name(task, column):
        return task  # the model's head of that name starts anew
    base = cut(column.name, 90).strip() or "labels"
    if base in RESERVED_NAMES:
        base = f"{base} label"
    name, number = base, 2
    while name in taken:
        name, number = f"{base} ({number})", number + 1
    return name
