"""The default model's own table of figures, measured from the data sets' dev splits by one command."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np

from mtl import checkpoint
from mtl.config import UserError
from mtl.data.dataset import Recipe, SourceSpec, read_source
from mtl.data.rows import Row
from mtl.model import MultiTaskModel
from mtl.training.metrics import calibration_error, evaluate, spearman

_BINARY = {"0": "negative", "1": "positive"}
_TERNARY = {"0": "negative", "1": "neutral", "2": "positive"}
_FIVE = {"0": -1.0, "1": -0.5, "2": 0.0, "3": 0.5, "4": 1.0}
_SST2 = SourceSpec("sst2.dev.tsv.gz", text="content", column="label", tasks={"sentiment": _BINARY})
_TWEETS = SourceSpec("tweets.dev.tsv.gz", text="text", column="label", tasks={"sentiment": _TERNARY})
_SST5 = SourceSpec("sst5.dev.txt.gz", tasks={"intensity": _FIVE})
_STSB = "stsb.dev.tsv.gz"
_CONLL = SourceSpec("conll2003.dev.txt.gz", tasks={"entities": {}})


def measure(model: MultiTaskModel, data_dir: str | os.PathLike) -> list[dict[str, Any]]:
    """Rows of {task, data, rows, metric, value}; the data files are named in the README of the default model."""
    _check(Path(data_dir))
    sst2, tweets, sst5, conll = (read_source(source, data_dir) for source in (_SST2, _TWEETS, _SST5, _CONLL))
    scores = [
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
        _similarity(model, Path(data_dir) / _STSB),
    ]
    rows = held_out()
    if rows:
        scores += [
            _from(model, task, "workshop.csv, held-out rows", rows, metric)
            for task, metric in (
                ("topic", "accuracy"),
                ("sentiment", "accuracy"),
                ("intensity", "spearman"),
                ("entities", "f1"),
            )
        ]
    return scores


def _check(folder: Path) -> None:
    needed = [source.file for source in (_SST2, _TWEETS, _SST5, _CONLL)] + [_STSB]
    missing = [file for file in needed if not (folder / file).is_file()]
    if missing:
        there = f"{folder} has no {', '.join(missing)}." if folder.is_dir() else f"There is no folder {folder}."
        raise UserError(
            f"{there} --data-dir names the one with the data sets that assets/models/default/README.md lists."
        )


def _row(task: str, data: str, rows: list, metric: str, value: float) -> dict[str, Any]:
    return {"task": task, "data": data, "rows": len(rows), "metric": metric, "value": round(float(value), 4)}


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
    """Over both sets; on SST-2, which has no neutral, of negative and positive alone, scaled to sum to one."""
    confidence, correct = [], []
    for rows, classes in ((sst2, ("negative", "positive")), (tweets, ("negative", "neutral", "positive"))):
        for answer, row in zip(model.analyze([r.text for r in rows], tasks=["sentiment"]), rows, strict=True):
            p = {label: answer.sentiment.probabilities[label] for label in classes}
            best = max(p, key=p.get)
            confidence.append(p[best] / sum(p.values()))
            correct.append(best == row.labels["sentiment"])
    return calibration_error(np.array(confidence), np.array(correct))


def _similarity(model: MultiTaskModel, path: Path) -> dict[str, Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        pairs = [line.rstrip("\n").split("\t") for line in file]
    left, right = (model.encode([pair[column] for pair in pairs]) for column in (5, 6))
    value = spearman(np.sum(left * right, axis=1), np.array([float(pair[4]) for pair in pairs]))
    return _row("embedding", "STS-B dev", pairs, "spearman", value)


def held_out() -> list[Row]:
    """The rows of the sample file that the default model's recipe held out."""
    from mtl.data.dataset import split

    recipe = Recipe.read(checkpoint.DEFAULT_FOLDER / "recipe.json")
    for source in recipe.train_on:
        path = checkpoint.DEFAULT_FOLDER.parents[1] / "samples" / Path(source.file).name
        if source.validation and path.is_file():
            local = SourceSpec.from_json({**source.to_json(), "file": path.name})
            return split(read_source(local, path.parent), source.validation)[1]
    return []


def table(rows: list[dict[str, Any]]) -> str:
    """The figures as a Markdown table."""
    lines = ["| task | data | rows | metric | value |", "|---|---|---|---|---|"]
    lines += [f"| {r['task']} | {r['data']} | {r['rows']:,} | {r['metric']} | {r['value']:.4f} |" for r in rows]
    return "\n".join(lines)
