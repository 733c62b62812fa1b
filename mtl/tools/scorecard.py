"""The scores of the default model on the dev splits of its data sets and on the project's own sets, measured by one
command."""

from __future__ import annotations

import csv
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mtl import checkpoint
from mtl.config import UserError
from mtl.data.dataset import Recipe, SourceSpec, read_source
from mtl.data.rows import Row
from mtl.data.splits import split
from mtl.kinds.classification import calibration_error
from mtl.kinds.regression import spearman
from mtl.model import MultiTaskModel
from mtl.places import ASSETS
from mtl.tools import checks
from mtl.training.metrics import evaluate

_BINARY = {"0": "negative", "1": "positive"}
_TERNARY = {"0": "negative", "1": "neutral", "2": "positive"}
_FIVE = {"0": -1.0, "1": -0.5, "2": 0.0, "3": 0.5, "4": 1.0}
_SST2 = SourceSpec("sst2.dev.tsv.gz", text="content", column="label", tasks={"sentiment": _BINARY})
_TWEETS = SourceSpec("tweets.dev.tsv.gz", text="text", column="label", tasks={"sentiment": _TERNARY})
_SST5 = SourceSpec("sst5.dev.txt.gz", tasks={"intensity": _FIVE})
_CONLL = SourceSpec("conll2003.dev.txt.gz", tasks={"entities": {}})
_TABLES = (_SST2, _TWEETS, _SST5, _CONLL)
_STSB = "stsb.dev.tsv.gz"
# Said where they are missing.
WHERE = "--data-dir names the one with the data sets that assets/models/default/README.md lists."


def measure(model: MultiTaskModel, data_dir: str | os.PathLike | None) -> list[dict[str, Any]]:
    """Rows of {task, data, split, rows, metric, value}, where `split` is "dev" or "held out", then those of the check
    sets (see `mtl.tools.checks`). The data files for the rows on dev splits are listed in the README of the default
    model; without a `data_dir` these rows are left out.

    Raises `UserError`, before anything is measured, if a file is missing or wrong.
    """
    dev = [] if data_dir is None else _dev(model, Path(data_dir))
    return [*dev, *_held_out_rows(model), *checks.measure(model)]


def _dev(model: MultiTaskModel, folder: Path) -> list[dict[str, Any]]:
    _check(folder)
    sst2, tweets, sst5, conll = (read_source(source, folder, model.tasks) for source in _TABLES)
    pairs = pairs_of(folder / _STSB)
    return [
        _row("sentiment, negative or positive", "SST-2 dev", sst2, "accuracy", _binary_accuracy(model, sst2)),
        _from(model, "sentiment", "tweets dev", tweets, "macro_recall"),
        _row(
            "sentiment",
            "SST-2 and tweets dev",
            [*sst2, *tweets],
            "calibration error",
            _calibration(model, sst2, tweets),
        ),
        _from(model, "intensity", "SST-5 dev", sst5, "spearman"),
        _from(model, "entities", "CoNLL-2003 dev", conll, "f1"),
        _row("embedding", "STS-B dev", pairs, "spearman", _similarity(model, pairs)),
    ]


def _held_out_rows(model: MultiTaskModel) -> list[dict[str, Any]]:
    rows = held_out()
    scores = [
        _from(model, task, "workshop.csv, held-out rows", rows, metric)
        for task, metric in (
            ("topic", "accuracy"),
            ("sentiment", "accuracy"),
            ("intensity", "spearman"),
            ("entities", "f1"),
        )
    ]
    beside = checkpoint.DEFAULT_FOLDER / "recipes"
    for task, recipe, file in (
        ("sentiment", "recipe.json", "statements.csv"),
        ("topic", "recipes/topics.json", "topics.csv"),
    ):
        scores.append(_from(model, task, f"{file}, held-out rows", _held_out(recipe, beside / file), "accuracy"))
    return scores


def _check(folder: Path) -> None:
    needed = (*(source.file for source in _TABLES), _STSB)
    missing = [file for file in needed if not (folder / file).is_file()]
    if missing:
        problem = f"{folder} has no {', '.join(missing)}." if folder.is_dir() else f"There is no folder {folder}."
        raise UserError(f"{problem} {WHERE}")


def _row(task: str, data: str, rows: list, metric: str, value: float) -> dict[str, Any]:
    split = "dev" if data.endswith(" dev") else "held out"
    figure = {"task": task, "data": data, "split": split, "rows": len(rows)}
    return figure | {"metric": metric, "value": round(float(value), 4)}


def _from(model: MultiTaskModel, task: str, data: str, rows: list[Row], metric: str) -> dict[str, Any]:
    return _row(task, data, rows, metric.replace("_", " "), evaluate(model, rows, [task])[task][metric])


def _binary_accuracy(model: MultiTaskModel, rows: list[Row]) -> float:
    answers = model.analyze([row.text for row in rows], tasks=["sentiment"])
    right = [
        (a.sentiment.probabilities["positive"] > a.sentiment.probabilities["negative"])
        == (row.labels["sentiment"] == "positive")
        for a, row in zip(answers, rows, strict=True)
    ]
    return float(np.mean(right))


def _calibration(model: MultiTaskModel, sst2: list[Row], tweets: list[Row]) -> float:
    """Over both sets; on SST-2, which has no neutral, from the normalised probabilities of negative and positive."""
    confidence, correct = [], []
    for rows, classes in ((sst2, ("negative", "positive")), (tweets, ("negative", "neutral", "positive"))):
        for answer, row in zip(model.analyze([r.text for r in rows], tasks=["sentiment"]), rows, strict=True):
            p = {label: answer.sentiment.probabilities[label] for label in classes}
            best = max(p, key=p.get)
            confidence.append(p[best] / sum(p.values()))
            correct.append(best == row.labels["sentiment"])
    return calibration_error(np.array(confidence), np.array(correct))


def pairs_of(path: Path) -> list[tuple[float, str, str]]:
    """(score, first sentence, second sentence) of each line."""
    columns = {4: float, 5: str, 6: str}
    try:
        pairs = pd.read_csv(
            path,
            sep="\t",
            header=None,
            quoting=csv.QUOTE_NONE,
            usecols=[*columns],
            dtype=columns,
            keep_default_na=False,
        )
        if pairs.isna().any(axis=None):
            raise ValueError("a line has fewer than seven columns.")
    except (OSError, EOFError, ValueError, zlib.error) as error:  # not gzip, cut off, other columns, another encoding
        raise UserError(f"{path} cannot be read as pairs of sentences with a score: {error}") from error
    return [*pairs.itertuples(index=False, name=None)]


def _similarity(model: MultiTaskModel, pairs: list[tuple[float, str, str]]) -> float:
    scores, left, right = zip(*pairs, strict=True)
    return spearman(np.sum(model.encode(left) * model.encode(right), axis=1), np.array(scores))


def held_out() -> list[Row]:
    """The rows of the sample file that the default model's recipe held out."""
    return _held_out("recipe.json", ASSETS / "samples" / "workshop.csv")


def _held_out(recipe: str, path: Path) -> list[Row]:
    sources = Recipe.read(checkpoint.DEFAULT_FOLDER / recipe).train_on
    source = next(source for source in sources if source.file == path.name)
    return split(read_source(source, path.parent, {}), source.validation)[1]


def table(rows: list[dict[str, Any]]) -> str:
    """The figures as two Markdown tables, the second one of the check sets."""
    own = [row for row in rows if row["split"] != "check"]
    lines = ["| task | data | rows | metric | value |", "|---|---|---|---|---|"]
    lines += [f"| {r['task']} | {r['data']} | {r['rows']:,} | {r['metric']} | {r['value']:.4f} |" for r in own]
    return "\n".join([*lines, "", checks.table(rows[len(own) :])])
