"""What a run needs before it starts: the data matched with a model's tasks, the model's shape, the settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mtl import checkpoint
from mtl.config import ModelConfig, TrainConfig, UserError
from mtl.data.dataset import Dataset, Part, Recipe, split
from mtl.data.matching import Mappings, match_tasks


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
    text: str | None = None,
    roles: Mapping[str, str] | None = None,
    mapping: Mappings | None = None,
) -> Job:
    """A job from a table (any that `read_table` reads), or from a recipe (`.json`, with its own settings).

    A table's columns are matched to the tasks of the model started from (default: the bundled one) by name; where the
    labels do not fit, the task gets a new head. `text` and `roles` overrule what its columns are taken for (see
    `read_table`), and `mapping` what its labels mean (see `match_tasks`). Raises `UserError` where nothing can be
    learnt from the data.
    """
    path = Path(data)
    if path.suffix == ".json":
        if text or roles or mapping:
            raise UserError("A recipe says by itself how its files are read: mend it there.")
        recipe = Recipe.read(path)
        dataset = recipe.dataset(data_dir if data_dir is not None else path.parent)
        return Job(dataset, recipe.model, config or recipe.train, start_from)
    from mtl.data.table import read_table

    if not path.is_file():  # asked before seconds go into loading a model
        raise UserError(f"{path} is not a file.")
    config = config or TrainConfig()
    base = checkpoint.load(start_from, dtype="float32")
    table = read_table(path, text=text, roles=roles, token_counts=base.token_counts, max_tokens=base.max_tokens)
    matched = match_tasks(table, base.tasks, mapping)
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
