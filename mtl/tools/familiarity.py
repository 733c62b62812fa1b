"""Makes the default model's statistics of its training texts, and measures how well they tell texts apart."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd

from mtl import checkpoint
from mtl.config import UserError
from mtl.data.dataset import Dataset, Recipe, SourceSpec, read_source
from mtl.familiarity import Familiarity
from mtl.model import MultiTaskModel
from mtl.tools.scorecard import pairs_of
from mtl.training.familiarity import gather

# Their files hold the texts of all runs but the opinion phrases.
_RECIPES = ("recipe.json", "recipes/statements.json", "recipes/topics.json")
# Of the texts that were trained on, those that a model should not call familiar.
_NO_ENGLISH = "unfamiliar.jsonl"
_ENGLISH = (
    SourceSpec("sst2.dev.tsv.gz", text="content", unlabelled_text=True),
    SourceSpec("tweets.dev.tsv.gz", text="text", unlabelled_text=True),
    SourceSpec("conll2003.dev.txt.gz", unlabelled_text=True),
)
_STSB = "stsb.dev.tsv.gz"


def make(data_dir: str | os.PathLike) -> Familiarity:
    """The statistics of the default model, from the files of its recipes. Raises `UserError` if one is missing."""
    model = checkpoint.load(dtype="float32")
    model = checkpoint.derive(model, model.config).eval()
    model.familiarity = None
    return gather(model, Dataset(_parts(data_dir), {}))


def _parts(data_dir: str | os.PathLike) -> tuple:
    recipes = [Recipe.read(checkpoint.DEFAULT_FOLDER / name) for name in _RECIPES]
    parts = (part for recipe in recipes for part in recipe.dataset(data_dir).parts)
    return tuple(part for part in parts if part.name != _NO_ENGLISH)


def measure(model: MultiTaskModel, table: str, data_dir: str | None) -> list[dict[str, Any]]:
    """Rows of {group, familiar, texts, flagged, wrong}: how many texts of each group are called unfamiliar.

    `table` has the columns group, familiar (yes or no) and text. With `data_dir` the dev sets of the default model's
    data are measured too, without the sentences that it was trained on. Raises `UserError` for wrong files.
    """
    if model.familiarity is None:
        raise UserError("This model has no statistics of its training texts (familiarity.safetensors).")
    groups = [*_held_out(Path(data_dir)), *_written(Path(table))] if data_dir else _written(Path(table))
    rows = []
    for group, familiar, texts in groups:
        answers = model.analyze(texts, tasks=[])
        rows.append(
            {
                "group": group,
                "familiar": familiar,
                "texts": len(texts),
                "flagged": sum(answer.unfamiliar for answer in answers),
                "wrong": [answer.text for answer in answers if answer.unfamiliar == familiar],
            }
        )
    return rows


def _written(path: Path) -> list[tuple[str, bool, list[str]]]:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
        groups = table.groupby(["group", "familiar"], sort=False)["text"]
        return [(group, familiar == "yes", [*texts]) for (group, familiar), texts in groups]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} cannot be read as a table with group, familiar and text: {error}") from error


def _held_out(data_dir: Path) -> list[tuple[str, bool, list[str]]]:
    trained = {row.text for part in _parts(data_dir) for row in part.rows}
    sets = {source.file: [row.text for row in read_source(source, data_dir, {})] for source in _ENGLISH}
    sets[_STSB] = [text for _, *pair in pairs_of(data_dir / _STSB) for text in pair]
    return [
        (file, True, [text for text in dict.fromkeys(texts) if text not in trained]) for file, texts in sets.items()
    ]


def table(rows: list[dict[str, Any]]) -> str:
    """The figures as a Markdown table, with a line for all texts of either kind."""
    lines = ["| texts | number | flagged |", "|---|---|---|"]
    for familiar, name in ((True, "all that should not be"), (False, "all that should be")):
        some = [row for row in rows if row["familiar"] == familiar]
        total = {key: sum(row[key] for row in some) for key in ("texts", "flagged")}
        for row in [*some, {"group": f"**{name}**", **total}] if some else []:
            lines.append(f"| {row['group']} | {row['texts']:,} | {row['flagged'] / row['texts']:.1%} |")
    return "\n".join(lines)
