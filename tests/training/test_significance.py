"""Tests of a difference, and intervals, agree with statsmodels' and scipy's definitions on made data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm, wilcoxon

from mtl.training.significance import bootstrapped, compare, mean, share


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


@given(st.integers(1, 300), st.data())
def test_a_share_has_wilsons_interval(rows, data):
    right = data.draw(st.integers(0, rows))
    found = share(right, rows)
    # As statsmodels.stats.proportion.proportion_confint(method="wilson") computes it.
    z, p = norm.ppf(0.975), right / rows
    middle = (p + z * z / (2 * rows)) / (1 + z * z / rows)
    reach = z / (1 + z * z / rows) * (p * (1 - p) / rows + z * z / (4 * rows * rows)) ** 0.5
    assert found.value == p and found.low <= p <= found.high
    assert (found.low, found.high) == pytest.approx((middle - reach, middle + reach), abs=1e-9)
    assert found.is_vague == (rows < 10)


def test_a_mean_error_has_an_interval_near_that_of_the_normal_distribution_where_rows_are_many():
    errors = [abs(norm.ppf((i + 0.5) / 400)) for i in range(400)]
    found = mean(errors)
    middle = sum(errors) / 400
    reach = 1.96 * (sum((e - middle) ** 2 for e in errors) / 400) ** 0.5 / 20
    assert (found.value, found.low, found.high) == pytest.approx((middle, middle - reach, middle + reach), abs=0.006)
    assert mean(errors) == found


@pytest.mark.parametrize(("errors", "interval"), [([0.5], (None, None)), ([0.5] * 3, (0.5, 0.5))])
def test_one_error_has_no_interval_and_equal_ones_have_none_to_either_side(errors, interval):
    found = mean(errors)
    assert found.value == 0.5 and (found.low, found.high) == interval and found.is_vague


@given(st.lists(st.integers(1, 9), min_size=2, max_size=30))
def test_a_figure_of_several_columns_keeps_the_values_of_a_row_together(values):
    found = bootstrapped(lambda one, other: one.sum() / other.sum(), values, [2 * value for value in values])
    assert (found.rows, found.value, found.low, found.high) == (len(values), 0.5, 0.5, 0.5)
