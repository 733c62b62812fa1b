"""Reliability of confidences: the bins and the expected calibration error are as they are defined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from mtl.training.held_out import Judged
from mtl.training.reliability import BINS, bin_of, reliability, reliability_of_labels
from mtl.training.thresholds import Threshold


def answers(pairs):
    return [Judged("x", float(not right), (), confidence) for confidence, right in pairs]


@given(st.lists(st.tuples(st.floats(0.001, 1).map(lambda x: round(x, 3)), st.booleans()), min_size=1, max_size=200))
def test_bins_are_scikit_learns_and_the_error_is_their_weighted_gap(pairs):
    # On the edge of a bin rounding decides, and scikit-learn puts it below.
    pairs = [(c + 0.0005 if c < 1 else 0.9995, right) for c, right in pairs]
    found = reliability(answers(pairs))
    confidence, right = map(np.array, zip(*pairs, strict=True))
    shares, means = calibration_curve(right, confidence, n_bins=BINS)
    assert [each.right.value for each in found.bins] == pytest.approx(shares)
    assert [each.confidence for each in found.bins] == pytest.approx(means)
    assert found.rows == len(pairs)
    gaps = [abs(each.confidence - each.right.value) * each.right.rows for each in found.bins]
    assert found.error == pytest.approx(sum(gaps) / len(pairs), abs=1e-6)


def test_a_confidence_that_is_deserved_has_no_error():
    assert reliability(answers([(0.75, True)] * 3 + [(0.75, False)])).error == pytest.approx(0)
    assert reliability(answers([(1.0, False)])).error == 1


def test_answers_without_a_probability_have_no_reliability():
    assert reliability([Judged([], 1.0)]) is None and reliability([]) is None


def test_a_probability_of_one_of_several_labels_is_right_where_the_row_has_it():
    labels = [Threshold(0.5, (0.75, 0.75), (0.75, 0.005)), Threshold(0.5, (0.75,), (0.25,))]
    found = reliability_of_labels(labels)
    assert [(each.confidence, each.right.value, each.right.rows) for each in found.bins] == [
        (0.25, 0, 1),
        (0.75, 0.75, 4),
    ]
    assert found.error == pytest.approx(0.25 / 5)
    assert reliability_of_labels([]) is None and reliability_of_labels([Threshold(0.5, (), (0.001,))]) is None


@pytest.mark.parametrize(("confidence", "place"), [(0.0, 0), (0.05, 0), (0.95, 9), (1.0, 9)])
def test_every_confidence_is_in_a_bin(confidence, place):
    assert bin_of(confidence) == place
