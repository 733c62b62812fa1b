"""The tests of a difference agree with statsmodels' and scipy's definitions on made data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, wilcoxon

from mtl.training.significance import compare


@given(st.integers(0, 25), st.integers(0, 25), st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_the_exact_test_of_the_rows_on_which_two_models_differ(worse, better, both_right, both_wrong):
    errors = [1.0] * worse + [0.0] * better + [0.0] * both_right + [1.0] * both_wrong
    others = [0.0] * worse + [1.0] * better + [0.0] * both_right + [1.0] * both_wrong
    found = compare(errors, others, right_or_wrong=True)
    # As statsmodels.stats.contingency_tables.mcnemar(exact=True) computes it.
    expected = min(1.0, 2 * binom.cdf(min(worse, better), worse + better, 0.5)) if worse + better else 1.0
    assert found.test == "McNemar" and found.p == pytest.approx(expected)
    assert compare(others, errors, right_or_wrong=True).p == pytest.approx(found.p)


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), min_size=1, max_size=40))
def test_wilcoxon_is_scipys_on_rows_that_differ(pairs):
    errors, others = zip(*pairs, strict=True)
    found = compare(errors, others, right_or_wrong=False)
    differing = [(one, other) for one, other in pairs if one != other]
    expected = wilcoxon(*zip(*differing, strict=True)).pvalue if differing else 1.0
    assert found.test == "Wilcoxon" and found.p == pytest.approx(expected)


def test_a_difference_is_clear_from_enough_rows_on():
    def of(count):
        return compare([0.0] * count, [1.0] * count, right_or_wrong=True)

    assert not of(5).is_clear and of(6).is_clear
