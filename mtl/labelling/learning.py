"""A head that learns while somebody labels: fitted anew after each label, in milliseconds, on vectors of all the texts.

It is linear and reads the vectors of a frozen backbone, as a head in training does that has no hidden layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtl.config import UserError
from mtl.kinds.classification import Classes, Classification
from mtl.kinds.multilabel import Multilabel, decide, truth_matrix
from mtl.kinds.regression import Regression
from mtl.labelling.scheme import Scheme
from mtl.text.values import plural

# A Gaussian prior on the weights (L2; Bishop 2006, 4.5), which counts less with every label. Its variance is large for
# vectors of length 1, whose differences are small: by the usual 1, and without weights for labels, 16 labels made 44 %
# of the teams of tickets.csv right and 68 % of the topics of workshop.csv, by 10 59 % and 88 %. With weights accuracy
# is about the same from 3 to 30; with 32 labels the loss is less by 10 than by 3 on those two (0.75 for 0.95, 0.31 for
# 0.46), and by 30 it is more on what can hardly be told (0.67 for 0.64, reviews.csv). A number learns with the same.
_VARIANCE = 10.0
# Texts to label are chosen, not drawn, so their labels are about as frequent as somebody made them: each label counts
# the same in all (King and Zeng 2001). With 16 labels of workshop.csv that made 88 % of topics right 94 %.
_WEIGHTS = "balanced"
_STEPS, _TOLERANCE = 100, 1e-3


@dataclass(frozen=True)
class Answers:
    """An answer for each text, in the form that heads of the kind give; and how certain each is (texts,), from 0 to 1:
    by how much the likeliest label is before the next, or the least certain of several labels is."""

    answers: list[Any]
    certainty: np.ndarray


# Answers for vectors (texts, dim).
Head = Callable[[np.ndarray], Answers]


def why_not(scheme: Scheme, values: Sequence[Any]) -> str:
    """Why nothing can be learned from these values, None for texts without one, in a sentence; "" if it can."""
    if scheme.kind not in _LEARNERS:
        return f"{scheme.name} is about single words: it is learned in training, and not while you label."
    given = [value for value in values if value is not None]
    if not given:
        return f"Label two texts, each with another {scheme.of.value_noun}."
    if all(value == given[0] for value in given):
        said = f"{scheme.of.value_text(given[0])} for {plural(len(given), 'text')}"
        return f"So far there is only {said}: label one text with another {scheme.of.value_noun}."
    return ""


def fit(scheme: Scheme, vectors: np.ndarray, values: Sequence[Any]) -> Head:
    """A head that has learned from the texts with a value; `vectors`: (texts, dim), each of length 1.

    Labels that no text has yet are not answered. Raises `UserError` where nothing can be learned (see `why_not`).
    """
    if problem := why_not(scheme, values):
        raise UserError(problem)
    given = [place for place, value in enumerate(values) if value is not None]
    known = np.asarray(vectors, dtype=np.float32)[given]
    return _LEARNERS[scheme.kind](scheme, known, [values[place] for place in given])


def margins(probabilities: np.ndarray) -> np.ndarray:
    """By how much the likeliest of (texts, labels) is before the next (Scheffer et al. 2001)."""
    if probabilities.shape[1] < 2:
        return np.ones(len(probabilities))
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return two[:, 1] - two[:, 0]


def classes(labels: Sequence[str], probabilities: np.ndarray) -> Answers:
    """The likeliest of the labels for each text, from (texts, labels)."""
    best = probabilities.argmax(1)
    rows = (dict(zip(labels, row, strict=True)) for row in probabilities.tolist())
    answers = [Classes(labels[place], row) for place, row in zip(best, rows, strict=True)]
    return Answers(answers, margins(probabilities))


def _learn_classes(scheme: Scheme, vectors: np.ndarray, values: Sequence[str]) -> Head:
    places = [scheme.labels.index(value) for value in values]
    model = _logistic().fit(vectors, places)

    def answer(asked: np.ndarray) -> Answers:
        probabilities = np.zeros((len(asked), len(scheme.labels)))
        probabilities[:, model.classes_] = model.predict_proba(asked)
        return classes(scheme.labels, probabilities)

    return answer


def _learn_labels(scheme: Scheme, vectors: np.ndarray, values: Sequence[Any]) -> Head:
    """A label by itself each."""
    truth, spec = truth_matrix(scheme.spec, values) == 1, scheme.spec
    models = [_logistic().fit(vectors, column) if len({*column}) > 1 else None for column in truth.T]
    # Of a label that all have so far, or none, nothing is known but that (Laplace's rule of succession).
    rule = (truth.sum(0) + 1) / (len(truth) + 2)

    def answer(asked: np.ndarray) -> Answers:
        columns = [
            np.full(len(asked), share) if model is None else model.predict_proba(asked)[:, 1]
            for model, share in zip(models, rule, strict=True)
        ]
        probabilities = np.column_stack(columns)
        halves = [0.5] * len(scheme.labels)
        answers = [decide(spec, row, halves) for row in probabilities.tolist()]
        return Answers(answers, np.abs(2 * probabilities - 1).min(1))

    return answer


def _learn_number(scheme: Scheme, vectors: np.ndarray, values: Sequence[float]) -> Head:
    """Ridge regression, as a Gaussian process with a linear kernel: how certain an answer is, is by how much the
    labels have narrowed down what the prior leaves open (Rasmussen and Williams 2006, 2.1)."""
    from scipy.linalg import cholesky, solve_triangular

    numbers = np.array(values, dtype=float)
    middle, mean = vectors.mean(0), numbers.mean()
    known = (vectors - middle).astype(float)
    root = cholesky(known.T @ known + np.eye(known.shape[1]) / _VARIANCE, lower=True)
    turned = solve_triangular(root, known.T @ (numbers - mean), lower=True)

    def answer(asked: np.ndarray) -> Answers:
        rest = (asked - middle).astype(float)
        inside = solve_triangular(root, rest.T, lower=True)
        found = np.clip(mean + turned @ inside, scheme.low, scheme.high)
        length = np.maximum((rest**2).sum(1), 1e-9)
        return Answers(found.tolist(), np.clip(1 - (inside**2).sum(0) / (_VARIANCE * length), 0, 1))

    return answer


def _logistic():
    from sklearn.linear_model import LogisticRegression  # takes a second to import

    return LogisticRegression(C=_VARIANCE, class_weight=_WEIGHTS, max_iter=_STEPS, tol=_TOLERANCE)


_LEARNERS: Mapping[str, Callable[[Scheme, np.ndarray, Sequence[Any]], Head]] = {
    Classification.name: _learn_classes,
    Multilabel.name: _learn_labels,
    Regression.name: _learn_number,
}
