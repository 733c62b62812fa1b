"""The time left is what the steps and scores of this run have shown, from the first moment that they show anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.training.pace import SLOW_STEPS, Pace

SECONDS = st.floats(0.001, 1000)


def paced(*seconds, slow=100.0):
    pace = Pace()
    for each in (*[slow] * SLOW_STEPS, *seconds):
        pace.step(each)
    return pace


@given(SECONDS, st.integers(0, 10_000))
def test_however_slow_the_first_steps_are_the_time_left_is_that_of_the_others(slow, steps):
    pace = Pace()
    for _ in range(SLOW_STEPS):
        pace.step(slow)
        assert pace.left(steps, 3, 0, 0, 0) is None
    pace.step(0.5)
    assert pace.left(steps, 3, 0, 0, 0) == pytest.approx(steps * 0.5, abs=0.1)


def test_what_is_done_once_for_each_row_does_not_count_for_every_step():
    # 90 steps of 0.1 s, and 30 s until all outputs of frozen layers are there.
    assert paced(0.1, 0.1).left(90, 3, 0, 30.0, 5.0) == 39.0


def test_scores_that_are_still_to_come_count_and_so_does_the_comparison_at_the_end():
    pace = paced(1.0)
    assert pace.left(10, 2, 6, 0, 0) == 10 + 2 * 2 + 2 * 2  # six batches, a third of a step each
    pace.scoring = 5.0
    assert pace.left(10, 2, 6, 0, 0) == 10 + 2 * 5 + 2 * 5
    assert pace.left(0, 0, 6, 0, 3.0) == 2 * (5 + 3)
