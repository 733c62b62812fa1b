"""Curves show what they are given: every line in its place, on round axes, and nothing of a stranger's as HTML."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.ui.widgets import curves
from mtl.ui.widgets.curves import Line, chart, smoothed

FINE = 1000


def paths(html: str, kind: str = "line") -> list[list[tuple[int, int]]]:
    """The corners of every path of a class that has any, in thousandths of the picture from its upper left."""
    found = re.findall(rf'<path class="{kind}[^"]*"[^>]* d="([^"]*)"', html)
    return [[(int(x), int(y)) for x, y in re.findall(r"[ML](\d+) (\d+)", d)] for d in found if d]


def ticks(html: str, axis: str) -> list[str]:
    body = re.search(rf'<div class="{axis}" aria-hidden="true">(.*?)</div>', html)[1]
    return re.findall(r'class="tick"[^>]*>([^<]*)<', body)


def test_a_line_ends_where_the_run_is():
    html = chart("Loss", [Line("training", [(0.0, 0.0), (1.0, 2.0), (2.0, 4.0)], "blue")], until=4.0, low=0.0)
    assert paths(html) == [[(0, FINE), (250, FINE // 2), (500, 0)]]
    assert ticks(html, "y") == ["0", "1", "2", "3", "4"]
    assert ticks(html, "x") == ["1", "2", "3", "4"]


def test_the_legend_says_the_last_value_and_the_picture_says_both_ends():
    html = chart("Loss", [Line("training", [(0.0, 0.5), (1.0, 0.25)], "blue")], until=1.0)
    assert "training <b>0.25</b>" in html
    assert 'aria-label="Loss: training from 0.5 to 0.25"' in html


def test_without_a_value_there_is_a_legend_and_an_empty_place():
    html = chart("Loss", [Line("training", [], "blue")], until=3.0)
    assert '<div class="plot"></div>' in html and "training" in html and "<path" not in html


@given(
    st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=30),
    st.sampled_from([None, 0.0]),
    st.booleans(),
)
def test_every_value_lies_within_the_picture(values, low, logarithmic):
    values = [abs(v) for v in values] if low == 0.0 or logarithmic else values
    html = chart("x", [Line("a", list(enumerate(values)), "c")], until=len(values), low=low, logarithmic=logarithmic)
    for x, y in (point for path in paths(html) for point in path):
        assert 0 <= x <= FINE and 0 <= y <= FINE


@given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9))
def test_ticks_are_round_and_hold_the_values(a, b):
    scale = curves._scale([a, b], None, None)
    assert scale.low <= min(a, b) * (1 + 1e-6) and scale.high >= max(a, b) * (1 - 1e-6)
    assert 2 <= len(scale.ticks) <= 7
    step = scale.ticks[1] - scale.ticks[0]
    assert float(f"{step:.1e}"[0]) in (1, 2, 5) and scale.ticks[0] / step == pytest.approx(round(scale.ticks[0] / step))


def test_a_score_that_is_right_at_its_bound_stays_on_the_axis():
    html = chart("F1", [Line("held out", [(1.0, 0.98), (2.0, 1.0)], "c")], until=2.0, show="{:.2f}".format, high=1.0)
    assert ticks(html, "y")[-1] == "1.00"


def test_a_logarithmic_axis_has_equal_distances_for_equal_factors_and_leaves_out_zero():
    line = Line("a", [(0.0, 10.0), (1.0, 1.0), (2.0, 0.1), (3.0, 0.0)], "c")
    [path] = paths(chart("Loss", [line], until=3.0, logarithmic=True))
    heights = [y for _, y in path]
    assert len(path) == 3 and heights[2] - heights[1] == heights[1] - heights[0] == FINE // 2


def test_what_is_not_a_number_is_left_out():
    line = Line("a", [(0.0, 1.0), (1.0, float("nan")), (2.0, float("inf")), (3.0, 2.0)], "c")
    assert len(paths(chart("Loss", [line], until=3.0))[0]) == 2


def test_a_long_line_is_thinned_to_means_and_keeps_its_end():
    points = [(i, float(i % 2)) for i in range(1, 100_001)]
    html = chart("Loss", [Line("a", points, "c")], until=100_000, low=0.0)
    [path] = paths(html)
    assert len(path) <= curves.MAX_POINTS and path[-1][0] == FINE
    assert max(y for _, y in path) - min(y for _, y in path) < 10  # the mean of 0 and 1, everywhere
    assert len(html) < 20_000


def test_a_single_point_is_a_dot_and_dots_are_round_however_it_is_stretched():
    assert '<path class="dots" style="stroke:c" d="M500 ' in chart("a", [Line("a", [(1.0, 1.0)], "c")], until=2.0)
    html = chart("a", [Line("a", [(0.0, 1.0), (1.0, 1.0)], "c", dots=True)], until=1.0)
    assert html.count("h0") == 2
    assert "h0" not in chart("a", [Line("a", [(0.0, 1.0), (1.0, 1.0)], "c")], until=1.0)
    many = [(float(i), 1.0) for i in range(60)]
    assert "h0" not in chart("a", [Line("a", many, "c", dots=True)], until=60.0)


def test_values_under_the_pointer_are_those_of_every_line_that_has_one_there():
    lines = [
        Line("raw", [(i / 10, 9.0) for i in range(41)], "grey", faint=True),
        Line("training", [(i / 10, 1.0) for i in range(41)], "blue"),
        Line("held out", [(1.0, 0.7), (2.0, 0.6)], "red", dots=True),
    ]
    tips = re.findall(r'<div class="tip">(.*?)</div>', chart("Loss", lines, until=4.0, x_name="epoch"))
    assert len(tips) <= 25
    at_one = next(tip for tip in tips if "epoch 1</b>" in tip)
    assert "training 1" in at_one and "held out 0.7" in at_one and "raw" not in at_one
    assert not any("held out" in tip for tip in tips if "epoch 3" in tip)


def test_nothing_that_is_given_becomes_html():
    line = Line('<b onclick="x">', [(0.0, 1.0), (1.0, 2.0)], '"><script>')
    html = chart("<i>t", [line], until=1.0, x_name="<u>", show=lambda v: f"<{v}>")
    for bad in ("<b onclick", "<script", "<i>t", "<u>", "<1"):
        assert bad not in html


def test_smoothing_begins_at_the_first_value_and_follows_slowly():
    flat = smoothed([(i, 3.0) for i in range(5)])
    assert [y for _, y in flat] == pytest.approx([3.0] * 5)
    jump = [y for _, y in smoothed([(0, 0.0), (1, 1.0), (2, 1.0), (3, 1.0)])]
    assert jump == sorted(jump) and 0 < jump[1] < jump[-1] < 1
    assert smoothed([]) == []
