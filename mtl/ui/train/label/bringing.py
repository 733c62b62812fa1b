"""A table's texts, and what it says of them, for a project. It runs in the sandbox, so nothing here needs gradio."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mtl.config import KINDS, UserError
from mtl.data.table import read_table
from mtl.labelling.files import from_table
from mtl.labelling.project import MOST_TEXTS, Added, Project, add, add_items, change_scheme
from mtl.labelling.scheme import can_be_labelled
from mtl.text.values import plural
from mtl.ui.sentences import MAX_FILE_BYTES


@dataclass(frozen=True)
class Brought:
    """A table called `name`: its `texts`, and the same as a project where one of its columns labels them. `notes` say
    what is not in it."""

    name: str
    texts: tuple[str, ...]
    labelled: Project | None = None
    notes: tuple[str, ...] = ()


def bring(
    path: Path, name: str, labels: bool, progress: Callable[[float], None] = lambda share: None, **reading: object
) -> Brought:
    """Read a table, with its first column of labels that can be made by hand if `labels`.

    Raises `UserError` where there are no texts in it, or two in a row."""
    table = read_table(path, **reading, max_bytes=MAX_FILE_BYTES, progress=progress)
    if not table.rows:
        raise UserError(f"{name} holds no texts.")
    if len(table.text_columns) > 1:
        raise UserError(f"A row of {name} has two texts, and here each text is labelled by itself.")
    texts = tuple(row.text for row in table.rows)
    columns = [column.name for column in table.tasks().values() if can_be_labelled(KINDS[column.kind])]
    if not (labels and columns):
        notes = _left_out(name, len(texts))
        return Brought(name, texts[:MOST_TEXTS], notes=notes)
    added = from_table(table, columns[0])
    notes = [f"{name}: {plural(len(added.project.items), 'text')}, with the labels of {columns[0]}."]
    notes += [f"Not used: {', '.join(columns[1:])}."] if columns[1:] else []
    project = replace(added.project, past=(), future=())
    return Brought(name, texts[:MOST_TEXTS], project, (*notes, *added.notes))


def _left_out(name: str, texts: int) -> tuple[str, ...]:
    more = texts - MOST_TEXTS
    return (f"{name}: {plural(more, 'text')} left out, as a project holds {MOST_TEXTS:,}.",) if more > 0 else ()


def brought_into(project: Project, brought: Brought) -> Added:
    """The project with what was brought. Without texts it takes over what the table is labelled with.

    Raises `UserError` where the two are labelled in different ways."""
    own = brought.labelled
    if own is None:
        added = add(project, brought.texts)
        return Added(added.project, (*brought.notes, *added.notes))
    old, new = project.scheme, own.scheme
    if not project.items and not (old.labels and old.kind == new.kind):
        return Added(own, brought.notes)
    if old.kind != new.kind:
        raise UserError(
            f"{brought.name} is labelled in another way than your texts: download those, start over, and bring "
            "it again."
        )
    both = replace(
        old,
        labels=tuple(dict.fromkeys((*old.labels, *new.labels))),
        low=min(old.low, new.low),
        high=max(old.high, new.high),
    )
    added = add_items(change_scheme(project, both), own.items)
    return Added(added.project, (*brought.notes, *added.notes))
