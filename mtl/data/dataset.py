"""The rows that a run trains on, in parts (files with a weight), and those it validates on; no row is both.

A *recipe* is a JSON file that names several data files, how to read each, and which tasks its labels are for:

    {"model": {...ModelConfig...}, "train": {...TrainConfig...},
     "train_on": [{"file": "reviews.csv", "tasks": {"sentiment": {"pos": "positive", "neg": "negative"}}}, ...],
     "validate_on": [...the same kind of entries...]}
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mtl.config import KINDS, JsonData, ModelConfig, TaskSpec, TrainConfig, UserError, setting
from mtl.data.matching import translated
from mtl.data.rows import Row, place
from mtl.data.splits import scorable, split, without
from mtl.data.table import read_table
from mtl.files import read_json


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of one file. `weight`: how often each is used per epoch (0.5: half of them, all in two epochs).

    `unlabelled`: entity types that the file does not mark. `lower`, `upper`: the shares of its batches that are put in
    that case. `mask`: the share of words that is hidden. `teacher`: a model (see `mtl.load`) whose answers are targets
    too. `variations`: how many texts generated from the rows replace them.
    """

    name: str
    rows: list[Row]
    weight: float = 1.0
    unlabelled: tuple[str, ...] = ()
    lower: float = 0.0
    upper: float = 0.0
    mask: float = 0.0
    teacher: str = ""
    variations: int = 0


@dataclass(frozen=True)
class Dataset:
    """Parts to train on, named sets of rows to validate on, and notes for the user."""

    parts: tuple[Part, ...]
    validation: Mapping[str, list[Row]]
    notes: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all texts and labels, which identifies what a run was trained on."""
        digest = hashlib.sha256()
        for part in self.parts:
            digest.update(part.teacher.encode("utf-8", "surrogatepass"))
        for rows in (*(p.rows for p in self.parts), *self.validation.values()):
            for row in rows:
                content = "\0".join((*row.texts, repr(row.labels)))
                digest.update(f"{content}\n".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def held_out(self, task: str) -> str:
        """SHA-256 of the rows held out for a task, in whatever order: scores on others cannot be compared."""
        labelled = [row for rows in self.validation.values() for row in rows if task in row.labels]
        contents = sorted("\0".join((*row.texts, repr(row.labels[task]))) for row in labelled)
        return hashlib.sha256("\n".join(contents).encode("utf-8", "surrogatepass")).hexdigest()


# --- recipes ---

# In bytes; a table may be much longer.
_LONGEST = 1_000_000


@dataclass(frozen=True)
class SourceSpec(JsonData):
    """One data file of a recipe, in any format that `read_table` reads.

    `text`, `text_b` and `column` name the columns of text, second text and label. `tasks` maps each task to {label:
    what it means there} (null: no label; labels that are not listed stay as they are); without it every column is a
    task of the same name.
    `validation` is the share of rows held out, under the file's name; of a file in `validate_on` the share that is
    validated on, all rows without it. With `unlabelled_text` labels are ignored, and
    the texts are used for the anchor and the teacher only. `teacher` is a folder beside the data or any other model,
    whose answers are targets beside the labels (see `mtl.training.distillation`). With `variations` the teacher
    answers that many texts generated from the file's (see `mtl.training.variations`).
    """

    file: str
    text: str | None = None
    text_b: str | None = None
    column: str | None = None
    tasks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    weight: float = setting(1.0, high=100)
    unlabelled: tuple[str, ...] = setting((), unit="entity types")
    lower: float = setting(0.0)
    upper: float = setting(0.0)
    mask: float = setting(0.0)
    validation: float = setting(0.0)
    unlabelled_text: bool = setting(False)
    teacher: str = setting("")
    variations: int = setting(0, high=1_000_000)

    def __post_init__(self) -> None:
        for name in ("file", "text", "text_b", "column"):
            value = getattr(self, name)
            if not isinstance(value, str) and (value is not None or name == "file"):
                raise UserError(f"A file of a recipe: {name} must be a text in quotes, not {value!r}.")
        if not isinstance(self.tasks, Mapping) or not all(isinstance(m, Mapping) for m in self.tasks.values()):
            raise UserError(
                f'{self.file}: tasks must be like {{"sentiment": {{"0": "negative"}}}}, not {self.tasks!r}.'
            )
        self.check_settings(f"{self.file}: ")
        if self.variations and not self.teacher:
            raise UserError(f"{self.file}: variations have no labels. Name the teacher that says what they mean.")


@dataclass(frozen=True)
class Recipe(JsonData):
    """A model, its training settings and its data files."""

    model: ModelConfig
    train_on: tuple[SourceSpec, ...]
    validate_on: tuple[SourceSpec, ...] = ()
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", ModelConfig.of(self.model))
        object.__setattr__(self, "train", TrainConfig.of(self.train))
        for name in ("train_on", "validate_on"):
            sources = getattr(self, name)
            if not isinstance(sources, (list, tuple)):
                raise UserError(f"{name} must be a list of data files, not {sources!r}.")
            object.__setattr__(self, name, tuple(map(SourceSpec.of, sources)))

    @staticmethod
    def is_in(path: str | os.PathLike) -> bool:
        """Whether a file is a recipe: called .json, an object with `train_on`. Other JSON is a table."""
        path = Path(path)
        if path.suffix != ".json" or not path.is_file():
            return False
        with path.open("rb") as file:
            start = file.read(_LONGEST).lstrip()
        return start.startswith(b"{") and b'"train_on"' in start

    @classmethod
    def read(cls, path: str | os.PathLike) -> Recipe:
        data = read_json(path)
        try:
            return cls.from_json(data)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error

    def dataset(self, data_dir: str | os.PathLike) -> Dataset:
        """Read all files, whose paths are relative to `data_dir`."""
        specs = {spec.name: spec for spec in self.model.tasks}
        validation: dict[str, list[Row]] = {}
        for source in self.validate_on:
            rows = scorable(read_source(source, data_dir, specs))
            chosen = split(rows, source.validation)[1] if source.validation else rows
            validation.setdefault(source.file, []).extend(chosen)
        training: list[tuple[SourceSpec, list[Row]]] = []
        for source in self.train_on:
            rows, held_out = split(read_source(source, data_dir, specs), source.validation)
            training.append((source, rows))
            if held_out:
                validation[source.file] = held_out
        all_held_out = [row for rows in validation.values() for row in rows]
        parts, notes = [], []
        for source, rows in training:
            kept = without(rows, all_held_out)
            if len(kept) < len(rows):
                notes.append(f"{source.file}: {len(rows) - len(kept)} rows left out that are also validated on.")
            beside = Path(data_dir) / source.teacher
            teacher = str(beside) if source.teacher and beside.is_dir() else source.teacher
            noise = (source.lower, source.upper, source.mask)
            parts.append(Part(source.file, kept, source.weight, source.unlabelled, *noise, teacher, source.variations))
        return Dataset(tuple(parts), validation, tuple(notes))


def read_source(source: SourceSpec, data_dir: str | os.PathLike, specs: Mapping[str, TaskSpec]) -> list[Row]:
    """The rows of one file of a recipe, with labels by task.

    Raises `UserError`, with the line, at a label that its task in `specs` cannot have.
    """
    path = Path(data_dir) / source.file
    if not path.is_file():
        raise UserError(f"{path} is not there. Paths in a recipe are relative to --data-dir.")
    try:
        table = read_table(path, text=source.text, text_b=source.text_b)
    except UserError as error:
        if path.name in str(error):
            raise
        raise UserError(f"{path}: {error}") from error
    rows = table.rows
    if not rows:
        raise UserError(f"{path}: no rows could be read. " + " ".join(f.problem for f in table.errors[:3]))
    if source.unlabelled_text:
        return [replace(row, labels={}) for row in rows]
    if source.tasks:
        columns = table.tasks()
        column = columns.get(source.column or next(iter(columns), None))
        meanings = [(column, task, meaning) for task, meaning in source.tasks.items()] if column else []
        rows = [new for row in rows if (new := translated(row, meanings)).labels]
    for row in rows:
        for task, value in row.labels.items():
            if task in specs and (problem := KINDS[specs[task].kind].misfit(value, specs[task])):
                raise UserError(f"{path}, {place(row.line)}: {problem}")
            if task in specs and KINDS[specs[task].kind].texts > len(row.texts):
                raise UserError(f"{path}, {place(row.line)}: task {task!r} is about two texts, and the row has one.")
    return rows
