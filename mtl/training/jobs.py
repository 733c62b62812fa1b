"""Prepares a run: matches the data with a model's tasks and settles the model's shape and the settings."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError, listed
from mtl.data.dataset import Dataset, Part, Recipe
from mtl.data.matching import Mappings, match_tasks
from mtl.data.splits import share_sentences, split
from mtl.stopping import ask
from mtl.text.values import plural


@dataclass(frozen=True)
class Job:
    """Everything a run needs: the data, the model's shape, the settings, the name of the model to start from."""

    dataset: Dataset
    model: ModelConfig
    config: TrainConfig
    start_from: str | None


def prepare(
    data: str | os.PathLike,
    config: TrainConfig | None = None,
    start_from: str | None = None,
    data_dir: str | os.PathLike | None = None,
    mapping: Mappings | None = None,
    validation: str | os.PathLike | None = None,
    **reading: Any,
) -> Job:
    """A job from a table (in any format that `read_table` reads), or from a recipe, with its own settings.

    A table's columns are matched with the tasks of the start model (default: the bundled one); where the labels do not
    fit, the task gets a new head. `reading` are options of `read_table` (`text`, `roles`, `names`, `header`), `mapping`
    overrides the meaning of labels (see `match_tasks`). `validation`: a file of rows to test on, none of which is held
    out of the data then (see `mtl.data.validation`). Raises `UserError` if nothing can be learned from the data.
    """
    path = Path(data)
    if Recipe.is_in(path):
        if mapping or reading or validation:
            raise UserError("A recipe itself says how its files are read, and what is validated on: change it there.")
        recipe = Recipe.read(path)
        dataset = recipe.dataset(data_dir if data_dir is not None else path.parent)
        config = config or recipe.train
        model = recipe.model.shaped_by(config)
        notes = _notes_on_shape(model, config, recipe.model.tasks, model.tasks)
        return Job(replace(dataset, notes=(*dataset.notes, *notes)), model, config, start_from)
    from mtl.data.table import read_table
    from mtl.data.validation import Validation, read_validation

    if not path.is_file():  # before a model is loaded, which takes seconds
        raise UserError(f"{path} is not a file.")
    config = config or TrainConfig()
    base = checkpoint.load(start_from, dtype="float32")
    limits = {"token_counts": base.token_counts, "max_tokens": base.most_tokens(config.max_tokens)}
    table = read_table(path, **reading, **limits, progress=lambda _: ask())
    matched = match_tasks(table, base.tasks, mapping)
    if not matched.specs:
        problems = " ".join(f"{f.problem} {f.hint}" for f in table.findings[:3] if f.level != "note")
        raise UserError(f"{path.name} has nothing to learn from. {problems or 'No column of labels was found.'}")
    own = Validation("validation", [])
    if validation is not None:
        own = read_validation(validation, table, matched, reading, **limits)
    train, held_out = split([*matched.rows, *own.rows], config.validation)
    plain = replace(base.config, tasks=tuple({**base.tasks, **matched.specs}.values()))
    model = plain.shaped_by(config, matched.specs)
    kept = [task for task in plain.tasks if base.tasks.get(task.name) == task]
    shape = _notes_on_shape(model, config, kept, matched.specs.values())
    # Remarks, but on what is scored, and on what is not learnt.
    findings = (f for f in table.findings if f.level != "note" or f.code in ("split", "set-aside"))
    notes = [f"{f.where}{f.problem} {f.action}" for f in findings]
    if shared := share_sentences(train, held_out):
        is_given = any(row.held_out for row in held_out)
        why = (
            "they were told apart in the data" if is_given else "too many are connected by their sentences to avoid it"
        )
        notes.append(
            f"{plural(shared, 'pair')} of the {len(held_out):,} that are held out share a sentence with pairs that are "
            f"learned from: {why}. Scores may flatter."
        )
    sets = {own.name: held_out} if held_out else {}
    dataset = Dataset((Part(path.name, train),), sets, (*matched.notes, *shape, *notes, *own.notes))
    return Job(dataset, model, config, start_from)


def _notes_on_shape(
    model: ModelConfig, config: TrainConfig, before: Iterable[TaskSpec], taught: Iterable[TaskSpec]
) -> list[str]:
    """What the settings mean for the heads of a model: for tasks that it had `before`, and that are `taught` now."""
    notes, now = [], {task.name: task for task in model.tasks}
    if anew := [task.name for task in before if now[task.name] != task]:
        notes.append(f"Heads that start anew, as the settings give them another shape: {listed(anew)}.")
    apart = [task.name for task in taught if not task.can_share]
    if apart and config.projection and config.share_projection:
        notes.append(f"The projection has one vector for each sentence, which does not suit {listed(apart)}.")
    return notes
