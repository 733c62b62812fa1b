"""Plots: every sentence in its place, whatever it says, told apart by more than colour."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.ui.widgets import figures
from mtl.ui.widgets.figures import colours, escape, heatmap_figure, hover, ink, map_figure, sample_rows, shorten

TEXTS = ["Ada & Bob", "<b>bold</b> claims", "it costs $5 {x} %{y}"]
POINTS = np.array([[0, 0], [1, 1], [2, 0]], dtype=np.float32)
SIMILARITY = np.array([[1, 0.5, -0.02], [0.5, 1, 0.1], [-0.02, 0.1, 1]], dtype=np.float32)


def contrast(one: str, other: str) -> float:
    def light(colour):
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


# --- small parts ---


@given(st.text())
def test_escaped_text_holds_no_tag_and_loses_nothing(text):
    escaped = escape(text)
    assert "<" not in escaped and ">" not in escaped
    assert escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


@given(st.text(), st.integers(2, 40))
def test_shortened_text_fits_and_says_that_it_was_cut(text, width):
    short = shorten(text, width)
    assert len(short) <= width
    assert short == text if len(text) <= width else short.endswith("…")


@given(st.text(alphabet="ab <>&", max_size=200))
def test_hover_shows_every_word(text):
    shown = hover(text).replace("<br>", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", text)


def test_hover_of_a_very_long_text_is_bounded():
    assert len(hover("word " * 10_000)) < 1_000


@pytest.mark.parametrize("colour", [*figures.NAMED.values(), *figures.OKABE_ITO])
def test_ink_can_be_read_on_every_colour(colour):
    assert contrast(colour, ink(colour)) >= 4.5


def test_known_labels_keep_their_colours_and_others_get_their_own():
    assert colours(["negative", "neutral", "positive"]) == {
        "negative": "#D55E00",
        "neutral": "#7F7F7F",
        "positive": "#009E73",
    }
    mixed = colours(["PER", "drug", "gene", "LOC"])
    assert mixed["PER"] == "#0072B2" and mixed["LOC"] == "#009E73"
    assert len(set(mixed.values())) == 4
    assert len(colours([f"label {i}" for i in range(30)])) == 30


# --- the map ---


def test_map_places_every_sentence_and_shows_its_text():
    figure = map_figure(POINTS, TEXTS)
    (trace,) = figure.data
    np.testing.assert_array_equal(np.stack([trace.x, trace.y], axis=1), POINTS)
    assert list(trace.customdata) == [
        "Ada &amp; Bob",
        "&lt;b&gt;bold&lt;/b&gt; claims",
        "it costs $5 {x} %{y}",
    ]
    assert trace.hovertemplate == "%{customdata}<extra></extra>"
    assert list(trace.text) == ["1", "2", "3"]
    assert not trace.showlegend


def test_labels_differ_in_colour_and_in_symbol_and_are_counted():
    figure = map_figure(POINTS, TEXTS, ["positive", "negative", "positive"], "sentiment")
    by_name = {trace.name: trace for trace in figure.data}
    assert list(by_name) == ["negative (1)", "positive (2)"]
    assert by_name["positive (2)"].marker.color == "#009E73"
    assert list(by_name["positive (2)"].x) == [0, 2]
    assert len({trace.marker.symbol for trace in figure.data}) == 2


def test_labels_of_a_file_are_escaped_and_missing_ones_are_named():
    figure = map_figure(POINTS, TEXTS, ["<i>x</i>", None, "b"], "file: <c>")
    assert {trace.name for trace in figure.data} == {"&lt;i&gt;x&lt;/i&gt; (1)", "no label (1)", "b (1)"}


@given(st.lists(st.one_of(st.none(), st.integers(0, 30).map(str)), min_size=1, max_size=60))
def test_every_sentence_is_drawn_once_however_many_labels_there_are(values):
    count = len(values)
    points = np.stack([np.arange(count), np.zeros(count)], axis=1)
    figure = map_figure(points, ["t"] * count, values)
    assert sorted(x for trace in figure.data for x in trace.x) == list(range(count))
    assert len(figure.data) <= len(figures.SYMBOLS)
    assert len({trace.marker.symbol for trace in figure.data}) == len(figure.data)


def test_numbers_are_coloured_on_a_scale_with_zero_in_the_middle():
    (trace,) = map_figure(POINTS, TEXTS, [-0.5, None, 0.25], "intensity").data
    assert (trace.marker.cmin, trace.marker.cmax) == (-0.5, 0.5)
    assert trace.marker.colorbar.title.text == "intensity"
    assert trace.customdata[0].endswith("intensity -0.50") and "intensity" not in trace.customdata[1]


def test_three_dimensions():
    figure = map_figure(np.eye(3), TEXTS, ["a", "b", "c"])
    assert {trace.type for trace in figure.data} == {"scatter3d"}


def test_many_points_carry_no_numbers():
    figure = map_figure(np.zeros((100, 2)), ["t"] * 100)
    assert figure.data[0].mode == "markers"


# --- the grid ---


def heat(figure):
    return next(trace for trace in figure.data if trace.type == "heatmap")


def cells(figure):
    return [trace for trace in figure.data if trace.type == "scatter"]


def test_grid_holds_the_similarities_with_the_first_sentence_on_top():
    figure = heatmap_figure(SIMILARITY, TEXTS)
    np.testing.assert_allclose(heat(figure).z, SIMILARITY, atol=1e-4)
    assert figure.layout.yaxis.autorange == "reversed"
    assert list(heat(figure).y) == list(heat(figure).x)


def test_few_sentences_have_their_values_in_the_cells():
    (values,) = cells(heatmap_figure(SIMILARITY, TEXTS))
    assert list(values.text) == ["1", ".50", "-.02", ".50", "1", ".10", "-.02", ".10", "1"]
    assert len(values.textfont.color) == 9
    many = figures.MAX_CELL_VALUES + 1
    assert not cells(heatmap_figure(np.eye(many), ["t"] * many))


@pytest.mark.parametrize(
    ("value", "shown"), [(1.0, "1"), (0.999, "1"), (0.0, ".00"), (-0.001, ".00"), (-1.0, "-1"), (0.05, ".05")]
)
def test_a_cell_is_short_and_right(value, shown):
    figure = heatmap_figure(np.array([[value]]), ["t"])
    assert list(cells(figure)[0].text) == [shown]


def test_ticks_are_cut_short_and_hover_is_whole_and_escaped():
    long = "A sentence that is <em>far</em> too long for the side of a plot."
    figure = heatmap_figure(np.eye(2), [long, "short"])
    first, second = figure.layout.yaxis.ticktext
    assert "…" in first and len(first) < 35 and "<em>" not in first and first.endswith("1")
    assert second == "short\u200e  2"
    assert heat(figure).y[0].replace("<br>", " ") == f"<b>1</b> {escape(long)}"
    assert "%{y}" in heat(figure).hovertemplate and "%{x}" in heat(figure).hovertemplate


def test_equal_sentences_keep_a_row_each():
    assert len(set(heat(heatmap_figure(np.ones((3, 3)), ["same"] * 3)).y)) == 3


def test_a_phone_has_numbers_for_ticks():
    figure = heatmap_figure(np.eye(8), [f"text {i}" for i in range(8)], narrow=True)
    assert list(figure.layout.yaxis.ticktext) == [str(i + 1) for i in range(8)]
    assert not cells(figure)


@pytest.mark.parametrize("count", [31, 60, 61, 150])
def test_many_ticks_are_round_and_few(count):
    figure = heatmap_figure(np.eye(count), [f"text {i}" for i in range(count)])
    ticks = [int(t) for t in figure.layout.xaxis.ticktext]
    assert 2 <= len(ticks) <= 13 and all(t % 5 == 0 for t in ticks)


def test_ticks_of_a_sample_stand_at_the_sentence_nearest_to_their_number():
    rows = sample_rows(2000)
    figure = heatmap_figure(np.eye(len(rows)), ["t"] * len(rows), rows + 1)
    axis = figure.layout.xaxis
    assert axis.ticktext[0] == "250" and int(axis.ticktext[-1]) == 2000
    for place, number in zip(axis.tickvals, axis.ticktext, strict=True):
        assert abs(rows[int(place)] + 1 - int(number)) <= 2000 / len(rows)


@given(st.integers(1, 5000))
def test_a_sample_is_bounded_ordered_and_keeps_both_ends(count):
    rows = sample_rows(count)
    assert len(rows) == min(count, figures.MAX_CELLS)
    assert rows[0] == 0 and rows[-1] == count - 1
    assert (np.diff(rows) > 0).all()


def test_figures_are_json_that_a_browser_reads():
    for figure in (map_figure(POINTS, TEXTS, ["a", "b", None]), heatmap_figure(SIMILARITY, TEXTS)):
        assert json.loads(figure.to_json())["data"]
