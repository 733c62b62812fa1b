"""Scores of a model on labelled rows, as the field reports them."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mtl.config import TaskSpec, UserError
from mtl.data.rows import Row
from mtl.model import Encoded, MultiTaskModel
from mtl.text.batches import Batch, Tokens
from mtl.text.spans import Span, spans_to_tags
from mtl.training.progress import HEADLINE


def evaluate(
    model: MultiTaskModel,
    rows: Sequence[Row],
    tasks: Sequence[str] | None = None,
    kept: tuple[list[Tokens], Callable] | None = None,
) -> dict[str, dict[str, Any]]:
    """Scores per task on the rows that have a label for it; a task that no row has is left out.

    classification: loss, accuracy, macro precision, recall and F1, `per_class`, `confusion` (rows true, columns
    predicted, in the order of the labels), and the expected calibration error. regression: loss, Spearman, MAE.
    tagging: loss, and seqeval's strict precision, recall and F1 over the tokenizer's words, which are finer than
    the words of a CoNLL file: a span counts when type, first and last character are right.

    `kept` stands for the backbone where its outputs are cached: the rows' tokens, and what hands them on in batches.
    """
    chosen = [model.head(name).spec for name in (model.tasks if tasks is None else tasks)]
    chosen = [spec for spec in chosen if any(spec.name in row.labels for row in rows)]
    if not chosen:
        return {}
    if kept is not None:
        tokens, each_batch = kept
    else:
        rows = [row for row in rows if row.text.strip() and any(spec.name in row.labels for spec in chosen)]
        tokens = model.tokenise([row.text for row in rows], words=any(s.kind == "tagging" for s in chosen))
        each_batch = functools.partial(model.each_batch, tokens)
    collected: dict[str, list[tuple]] = {spec.name: [] for spec in chosen}  # (truth, answer, loss, weight)

    def collect(indices: list[int], batch: Batch, encoded: Encoded) -> None:
        for spec in chosen:
            head, logits = model.head(spec.name), model.logits(encoded, batch, spec.name)
            if spec.kind == "tagging":
                parts = logits.split(batch.word_counts)
                answers = head.decode(logits, [rows[i].text for i in indices], [tokens[i].words for i in indices])
            else:
                parts, answers = logits.split(1), head.decode(logits)
            for i, part, answer in zip(indices, parts, answers, strict=True):
                if spec.name not in rows[i].labels:
                    continue
                truth = rows[i].labels[spec.name]
                if spec.kind == "tagging":
                    offsets = [(s, e) for s, e, _ in tokens[i].words]
                    truth = spans_to_tags([s for s in truth if not offsets or s.start < offsets[-1][1]], offsets)
                    answer = spans_to_tags([Span(e.start, e.end, e.label) for e in answer], offsets)
                loss = float(head.loss(part, [head.target(truth)])) if len(part) else 0.0
                collected[spec.name].append((truth, answer, loss, len(part)))

    each_batch(collect)
    return {spec.name: _SCORES[spec.kind](spec, collected[spec.name]) for spec in chosen}


def _classification(spec: TaskSpec, results: list[tuple]) -> dict[str, Any]:
    from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

    labels = list(spec.labels)
    truth, predicted = [r[0] for r in results], [r[1].label for r in results]
    # A label that no row has says nothing about the model, so it does not enter the macro means.
    present = [label for label in labels if label in set(truth)]
    precision, recall, f1, support = precision_recall_fscore_support(truth, predicted, labels=present, zero_division=0)
    return {
        "rows": len(results),
        "loss": _mean_loss(results),
        "accuracy": float(accuracy_score(truth, predicted)),
        "macro_precision": float(np.mean(precision)),
        "macro_recall": float(np.mean(recall)),
        "macro_f1": float(np.mean(f1)),
        "per_class": {
            label: {"precision": float(p), "recall": float(r), "f1": float(f), "rows": int(n)}
            for label, p, r, f, n in zip(present, precision, recall, f1, support, strict=True)
        },
        "labels": labels,
        "confusion": confusion_matrix(truth, predicted, labels=labels).tolist(),
        "calibration_error": calibration_error(
            np.array([max(r[1].probabilities.values()) for r in results]),
            np.array([t == p for t, p in zip(truth, predicted, strict=True)]),
        ),
    }


def calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: mean gap of confidence and accuracy over equal bins (Guo et al. 2017)."""
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[bin_of == b].mean() - correct[bin_of == b].mean()) * (bin_of == b).sum()
        for b in range(bins)
        if (bin_of == b).any()
    ]
    return float(sum(gaps) / len(confidence))


def _regression(spec: TaskSpec, results: list[tuple]) -> dict[str, Any]:
    truth, predicted = np.array([r[0] for r in results], float), np.array([r[1] for r in results], float)
    return {
        "rows": len(results),
        "loss": _mean_loss(results),
        "spearman": spearman(truth, predicted),
        "mae": float(np.abs(truth - predicted).mean()),
    }


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation; 0 where one side is constant, which ranks nothing."""
    from scipy.stats import spearmanr

    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(spearmanr(a, b).statistic)


def _tagging(spec: TaskSpec, results: list[tuple]) -> dict[str, Any]:
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    truth, predicted = [r[0] for r in results], [r[1] for r in results]
    report: dict[str, Any] = {}
    if any(tag != "O" for tags in (*truth, *predicted) for tag in tags):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a type that is never predicted is reported as zero, which says it
            report = classification_report(
                truth, predicted, output_dict=True, mode="strict", scheme=IOB2, zero_division=0
            )
    overall = report.get("micro avg", {})
    return {
        "rows": len(results),
        "loss": _mean_loss(results),
        "precision": float(overall.get("precision", 0.0)),
        "recall": float(overall.get("recall", 0.0)),
        "f1": float(overall.get("f1-score", 0.0)),
        "per_class": {
            label: {
                "precision": float(report[label]["precision"]),
                "recall": float(report[label]["recall"]),
                "f1": float(report[label]["f1-score"]),
                "rows": int(report[label]["support"]),
            }
            for label in spec.labels
            if label in report
        },
    }


def _mean_loss(results: list[tuple]) -> float:
    weight = sum(r[3] for r in results)
    return sum(r[2] * r[3] for r in results) / weight if weight else 0.0


_SCORES = {"classification": _classification, "regression": _regression, "tagging": _tagging}


def headline(scores: dict[str, dict[str, Any]], tasks: dict[str, TaskSpec]) -> float:
    """The mean over tasks of each one's headline score (macro F1, Spearman, entity F1), from 0 to 1."""
    if not scores:
        raise UserError("No row has a label for any task of this model: there is nothing to score.")
    return float(np.mean([scores[name][HEADLINE[tasks[name].kind]] for name in scores]))
