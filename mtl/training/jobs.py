"""What a run needs before it starts: the data matched with a model's tasks, the model's shape, the settings."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError
from mtl.data.dataset import Dataset, Part, Recipe, split
from mtl.data.labels import apply_mapping, match_labels, match_task
from mtl.data.rows import Column, Row, Table
from mtl.training.optim import new_head


@dataclass(frozen=True)
class Job:
    """Everything a run needs: the data, the model's shape, the settings and the name of the model to start from."""

    dataset: Dataset
    model: ModelConfig
    config: TrainConfig
    start_from: str | None


def prepare(
    data: str | os.PathLike,
    config: TrainConfig | None = None,
    start_from: str | None = None,
    data_dir: str | os.PathLike | None = None,
) -> Job:
    """A job from a table (any that `read_table` reads), or from a recipe (`.json`, with its own settings).

    A table's columns are matched to the tasks of the model started from (default: the bundled one) by name; where the
    labels do not fit, the task gets a new head. Raises `UserError` where nothing can be learnt from the data.
    """
    path = Path(data)
    if path.suffix == ".json":
        recipe = Recipe.read(path)
        dataset = recipe.dataset(data_dir if data_dir is not None else path.parent)
        return Job(dataset, recipe.model, config or recipe.train, start_from)
    from mtl.data.table import read_table

    if not path.is_file():  # asked before seconds go into loading a model
        raise UserError(f"{path} is not a file.")
    config = config or TrainConfig()
    base = checkpoint.load(start_from, dtype="float32")
    table = read_table(path, token_counts=base.token_counts, max_tokens=base.max_tokens)
    matched = match_tasks(table, base.tasks)
    if not matched.specs:
        problems = " ".join(f"{f.problem} {f.hint}" for f in table.errors[:3])
        raise UserError(f"{path.name} has nothing to learn from. {problems or 'No column of labels was found.'}")
    learn, held_out = split(matched.rows, config.validation)
    model = replace(base.config, tasks=tuple({**base.tasks, **matched.specs}.values()))
    found = [
        f"{'Line ' + str(f.line) + ': ' if f.line else ''}{f.problem} {f.action}"
        for f in (*table.errors, *table.warnings)
    ]
    return Job(
        Dataset((Part(path.name, learn),), {"validation": held_out} if held_out else {}, (*matched.notes, *found)),
        model,
        config,
        start_from,
    )


@dataclass(frozen=True)
class Matched:
    """A table set against a model: the spec of each task to train, rows with its labels, and what to tell the user."""

    specs: dict[str, TaskSpec]
    rows: list[Row]
    notes: list[str]


def match_tasks(table: Table, known: dict[str, TaskSpec]) -> Matched:
    """Match a table's columns with a model's tasks; a column that fits none, or has new labels, gets a new head."""
    specs: dict[str, TaskSpec] = {}
    notes: list[str] = []
    rows = table.rows
    for column in table.tasks().values():
        task = _task_of(column, {name: spec for name, spec in known.items() if name not in specs}) or column.name
        if column.kind == "regression":
            rows = apply_mapping(rows, column.name, {}, task)
            specs[task] = _number_spec(task, [row.labels[task] for row in rows if task in row.labels], known.get(task))
            continue
        match = match_labels(column.labels, known[task].labels if task in known else ())
        rows = apply_mapping(rows, column.name, match.meaning, task)
        if match.fits:
            specs[task] = known[task]
            named = [f"{found} as {own}" for found, own in match.mapping.items() if own not in (None, found)]
            if task != column.name or named:
                notes.append(
                    f"Column {column.name!r} teaches the task {task!r}" + (f": {', '.join(named)}." if named else ".")
                )
        elif len(match.labels) >= (2 if column.kind == "classification" else 1):
            specs[task] = new_head(task, column.kind, match.labels)
            shown = ", ".join(match.labels[:8]) + (" ..." if len(match.labels) > 8 else "")
            notes.append(f"Column {column.name!r} gets a new head for {len(match.labels)} labels: {shown}.")
        else:
            rows = [replace(row, labels={k: v for k, v in row.labels.items() if k != task}) for row in rows]
            what = f"only the label {match.labels[0]!r}" if match.labels else "no labels"
            notes.append(f"Column {column.name!r} has {what}: there is nothing to learn, so it is left out.")
    return Matched(specs, rows, notes)


def _task_of(column: Column, known: dict[str, TaskSpec]) -> str | None:
    """The model's task that a column is about. Grades (0/1) say so only under the task's own name: they may be spam."""
    task = match_task(column, known)
    if task is None or task.casefold() == column.name.casefold() or column.kind == "regression":
        return task
    return None if "a grade" in match_labels(column.labels, known[task].labels).reasons.values() else task


def _number_spec(task: str, values: list[float], old: TaskSpec | None) -> TaskSpec:
    low, high = min(values), max(values)
    if old and old.kind == "regression" and old.low <= low and high <= old.high:
        return old
    return new_head(task, "regression", low=low, high=high if high > low else low + 1.0)
