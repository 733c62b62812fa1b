"""A head learns from few labels on cached vectors, quickly, and says how certain its answers are."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge

from mtl.config import UserError
from mtl.kinds.multilabel import LabelSet
from mtl.labelling.learning import fit, margins, why_not
from tests.labelling.labelled import MOOD, NAMES, TEAM, TOPICS

ROOT = Path(__file__).resolve().parents[2]
SCHEMES = (TEAM, TOPICS, MOOD)


def vectors(places, spread=0.3, seed=0, dim=24):
    """Unit vectors around one direction for each place."""
    rng = np.random.default_rng(seed)
    middles = np.random.default_rng(100).normal(size=(10, dim))
    found = middles[np.asarray(places)] + spread * rng.normal(size=(len(places), dim))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def value(scheme, place):
    """The value of texts around a place."""
    if scheme is MOOD:
        return (-1.0, 0.0, 1.0)[place]
    labels = scheme.labels[place : place + 2]
    return labels[0] if scheme is TEAM else LabelSet(labels)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_a_head_answers_the_rest_from_two_examples_of_each(scheme):
    places = np.arange(60) % 3
    values = [value(scheme, place) if i < 6 else None for i, place in enumerate(places)]
    found = fit(scheme, vectors(places), values)(vectors(places))
    answers = [scheme.of.value_of(answer) for answer in found.answers]
    errors = [scheme.of.error(value(scheme, place), answer) for place, answer in zip(places, answers, strict=True)]
    assert np.mean(errors) < (0.35 if scheme is MOOD else 0.05)
    assert found.certainty.shape == (60,) and ((found.certainty >= 0) & (found.certainty <= 1)).all()


@given(st.data(), st.sampled_from(SCHEMES))
def test_answers_are_possible_values_whatever_was_labelled(data, scheme):
    count = data.draw(st.integers(2, 8))
    places = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    given_values = [value(scheme, place) if data.draw(st.booleans()) else None for place in places]
    asked = vectors([0, 1, 2, 2], seed=3)
    if problem := why_not(scheme, given_values):
        with pytest.raises(UserError) as refused:
            fit(scheme, vectors(places), given_values)
        assert str(refused.value) == problem and problem.endswith(".")
        return
    found = fit(scheme, vectors(places), given_values)(asked)
    for answer in found.answers:
        assert scheme.value(scheme.of.value_of(answer), "a text") == scheme.of.value_of(answer)
        shares = scheme.of.probabilities(answer)
        assert all(0 <= share <= 1 for share in shares.values())
        if scheme is TEAM:
            assert tuple(shares) == TEAM.labels and sum(shares.values()) == pytest.approx(1)
            unseen = {*TEAM.labels} - {*given_values}
            assert all(shares[label] == 0 for label in unseen)
    assert ((found.certainty >= 0) & (found.certainty <= 1)).all()


def test_what_cannot_be_learned_is_said():
    assert why_not(TEAM, [None, None]) == "Label two texts, each with another label."
    said = "So far there is only billing for 2 texts: label one text with another label."
    assert why_not(TEAM, ["billing", None, "billing"]) == said
    assert why_not(MOOD, [0.5]) == "So far there is only 0.5 for 1 text: label one text with another number."
    assert why_not(TOPICS, [LabelSet(), LabelSet(("price",))]) == ""
    assert "is learned in training" in why_not(NAMES, [(), None])


def test_a_head_is_the_fit_that_is_written_down_for_it():
    """Logistic regression with a prior of variance 10 on balanced classes, and ridge regression with the same."""
    places = np.arange(12) % 3
    known, asked = vectors(places), vectors(places, seed=1)
    labels = [TEAM.labels[place] for place in places]
    found = fit(TEAM, known, labels)(asked)
    exact = LogisticRegression(C=10, class_weight="balanced", tol=1e-8, max_iter=1000).fit(known, labels)
    shares = [[*answer.probabilities.values()] for answer in found.answers]
    assert np.abs(np.array(shares) - exact.predict_proba(asked)).max() < 0.02
    numbers = [value(MOOD, place) for place in places]
    answers = fit(MOOD, known, numbers)(asked).answers
    assert answers == pytest.approx(np.clip(Ridge(alpha=0.1).fit(known, numbers).predict(asked), -1, 1), abs=1e-4)


def test_rare_labels_count_as_much_as_frequent_ones():
    places = np.array([0] * 20 + [1])
    values = [TEAM.labels[place] for place in places]
    asked = vectors(np.array([0, 1] * 20), seed=2)
    answers = fit(TEAM, vectors(places), values)(asked).answers
    assert sum(answer.label == TEAM.labels[i % 2] for i, answer in enumerate(answers)) >= 38


def test_numbers_are_less_certain_the_further_they_are_from_what_was_labelled():
    known = vectors(np.zeros(10, dtype=int), spread=0.1)
    far = -known[:1]
    found = fit(MOOD, known, np.linspace(-1, 1, 10).tolist())
    assert found(known).certainty.mean() > found(vectors([5])).certainty[0]
    assert found(far).certainty[0] < 0.9


def test_a_margin_is_that_of_the_two_likeliest():
    assert margins(np.array([[0.5, 0.2, 0.3], [0.0, 1.0, 0.0]])) == pytest.approx([0.2, 1.0])


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_it_is_quick_for_a_whole_project(scheme):
    """Two thousand texts of 384 numbers, all of them labelled. The least of three is what a busy machine delays least;
    the bound is far above what it takes, and far below what it would take to train."""
    places = np.arange(2000) % 3
    all_vectors = vectors(places, dim=384)
    values = [value(scheme, place) for place in places]
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        fit(scheme, all_vectors, values)(all_vectors)
        taken.append(time.perf_counter() - start)
    assert min(taken) < 1


def test_what_learns_is_only_imported_when_something_is_learned():
    code = (
        "import mtl.labelling.queue, mtl.labelling.naming, sys; sys.exit(bool({'sklearn', 'torch'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
