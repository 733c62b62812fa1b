"""Matches a table with a model: the task that each column of labels is for, and what its labels mean there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mtl.config import KINDS, RESERVED_NAMES, TaskSpec, UserError
from mtl.data.header import unused_name
from mtl.data.labels import MOST_LABELS, LabelMatch, match_labels, match_task
from mtl.data.rows import Column, Row, Table
from mtl.text.values import cut

# column -> {its label: the model's label, or itself (a new one), or None (left out)}
Mappings = Mapping[str, Mapping[str, str | None]]


@dataclass(frozen=True)
class ColumnMatch:
    """The task `spec` that a column is for, None if there is nothing to learn from it.

    `match` matches the column's labels with those of the model's task, if it is about one; None for a kind without
    labels. `reuses_head`: the model's own head goes on learning; otherwise there is a new one, which `replaces` the
    model's head of the same name if there is one. `note` is for the user, "" if there is nothing to say. `what`
    describes the values, as in "4 labels".
    """

    spec: TaskSpec | None
    match: LabelMatch | None = None
    reuses_head: bool = False
    replaces: bool = False
    note: str = ""
    what: str = ""

    @property
    def has_head(self) -> bool:
        """Whether its task has a head, and does not train the embedding alone."""
        return self.spec is not None and KINDS[self.spec.kind].reads != "embedding"


@dataclass(frozen=True)
class Matched:
    """A table matched with a model: the spec of each task to train, rows labelled by task, notes for the user, and
    the match of each column of labels."""

    specs: dict[str, TaskSpec]
    rows: list[Row]
    notes: list[str]
    columns: dict[str, ColumnMatch]


def match_tasks(
    table: Table, known: Mapping[str, TaskSpec], mapping: Mappings | None = None, least: int = 2
) -> Matched:
    """Match a table's columns with a model's tasks; a column that fits none, or has new labels, gets a new head.

    `mapping` overrides what labels mean. A column needs `least` different values to be learned from, or the number
    that its kind needs if that is smaller. Raises `UserError` if `mapping` names a column or label that is not there.
    """
    columns, mapping = table.tasks(), mapping or {}
    for name in mapping:
        if name not in columns:
            names = cut(", ".join(columns), 300) or "none"
            raise UserError(f"There is no column of labels {name!r}. The columns of labels are: {names}.")
    task_names = {name.casefold() for name in known}
    matches: dict[str, ColumnMatch] = dict.fromkeys(columns)
    taken: set[str] = set()
    # Columns named like a task come first, so that no other column takes their task.
    for column in sorted(columns.values(), key=lambda column: column.name.casefold() not in task_names):
        values = [row.labels[column.name] for row in table.rows if column.name in row.labels]
        free = {name: spec for name, spec in known.items() if name not in taken}
        match = _match_column(column, values, free, taken, mapping.get(column.name, {}), least)
        replaces = False
        if match.spec:
            # A head that goes on learning knows what it learnt from before, too.
            limited = not match.reuses_head or match.spec.only_where == column.only_where
            spec = replace(match.spec, only_where=column.only_where if limited else "")
            match = replace(match, spec=spec)
            taken.add(match.spec.name)
            replaces = match.spec.name in known and not match.reuses_head
        matches[column.name] = replace(match, replaces=replaces, what=KINDS[column.kind].describe(values))
    meanings = [
        (columns[name], match.spec.name, match.match.meaning if match.match else {})
        for name, match in matches.items()
        if match.spec
    ]
    return Matched(
        {match.spec.name: match.spec for match in matches.values() if match.spec},
        [translated(row, meanings) for row in table.rows],
        [match.note for match in matches.values() if match.note],
        matches,
    )


def translated(row: Row, meanings: Iterable[tuple[Column, str, Mapping[str, Any]]]) -> Row:
    """The row with its labels by task instead of by column. `meanings`: (column, task, {label: what it means})."""
    labels = {
        task: KINDS[column.kind].translate(row.labels[column.name], meaning)
        for column, task, meaning in meanings
        if column.name in row.labels
    }
    return replace(row, labels={task: label for task, label in labels.items() if label is not None})


def _match_column(
    column: Column,
    values: Sequence,
    free: Mapping[str, TaskSpec],
    taken: set[str],
    mapping: Mapping[str, str | None],
    least: int,
) -> ColumnMatch:
    """The match of a column that has these values with the tasks of the model that are still `free`."""

    def nothing(contents: str, match: LabelMatch | None = None) -> ColumnMatch:
        note = f"Column {column.name!r} has {contents}: there is nothing to learn, so it is left out."
        return ColumnMatch(None, match, note=note)

    kind = KINDS[column.kind]
    if not kind.fewest_labels:
        if mapping:
            raise UserError(f"Column {column.name!r} has no labels that could be read as others.")
        if len(set(values)) < least and (kind.labelled or not values):
            return nothing(kind.describe(values))
        task = match_task(column, free)
        if task and kind.covers(free[task], values):
            return ColumnMatch(free[task], reuses_head=True)
        what = "trains the embedding itself by" if kind.reads == "embedding" else "gets a new head for"
        note = f"Column {column.name!r} {what} {kind.describe(values)}."
        return ColumnMatch(kind.new_spec(_name_for(column, task, taken), (), values), note=note)
    if len(column.labels) > MOST_LABELS:
        return nothing(f"{len(column.labels):,} labels, more than {MOST_LABELS}")
    task = _task_of(column, free, mapping)
    match = match_labels(column.labels, free[task].labels if task else ()).changed(mapping)
    labels = dict.fromkeys(label for label in match.meaning.values() if label is not None)
    if len(labels) < min(least, kind.fewest_labels):
        return nothing(f"only the label {next(iter(labels))!r}" if labels else "no labels", match)
    if least > 1 and not kind.varies(values):
        return nothing(f"labels that every row has, {', '.join(labels)}", match)
    if match.fits:
        renamed = [f"{label} as {own}" for label, own in match.mapping.items() if own not in (None, label)]
        note = f"Column {column.name!r} teaches the task {task!r}" + (f": {', '.join(renamed)}." if renamed else ".")
        return ColumnMatch(free[task], match, reuses_head=True, note=note if renamed or task != column.name else "")
    shown = ", ".join(match.labels[:8]) + (" ..." if len(match.labels) > 8 else "")
    note = f"Column {column.name!r} gets a new head for {len(match.labels)} labels: {shown}."
    return ColumnMatch(kind.new_spec(_name_for(column, task, taken), match.labels, values), match, note=note)


def _task_of(column: Column, free: Mapping[str, TaskSpec], mapping: Mapping[str, str | None]) -> str | None:
    """The model's task that a column is about: by the user's mapping of its labels, else by its name and labels.

    Grades (0/1) count only if the column has the task's name: they may be about anything, such as spam.
    """
    task = match_task(column, free)
    reasons = match_labels(column.labels, free[task].labels).reasons.values() if task else ()
    if task and not _same_name(task, column) and "a grade" in reasons:
        task = None
    targets = {own for label, own in mapping.items() if own not in (None, label)}
    if targets and not (task and targets <= {*free[task].labels}):
        return next((n for n, spec in free.items() if spec.kind == column.kind and targets <= {*spec.labels}), None)
    return task


def _same_name(task: str, column: Column) -> bool:
    return task.casefold() == column.name.casefold()


def _name_for(column: Column, task: str | None, taken: set[str]) -> str:
    """The name of a new head: its column's, made distinct from other tasks of this run."""
    if task and _same_name(task, column):
        return task  # the model's head of that name starts anew
    name = cut(column.name, 90).strip() or "labels"
    return unused_name(f"{name} label" if name in RESERVED_NAMES else name, taken)
