"""The plots: a map of sentences and a grid of their similarities. Pure functions from plain values to plotly
figures.

Both work on a light and a dark page: backgrounds are transparent, and the style sheet colours axis text.
Whatever a visitor wrote is escaped, because plotly reads some HTML in its labels.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from itertools import cycle

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B8A800")
GREY = "#7F7F7F"
NAMED = {
    "negative": "#D55E00",
    "neutral": GREY,
    "positive": "#009E73",
    "PER": "#0072B2",
    "ORG": "#E69F00",
    "LOC": "#009E73",
    "MISC": "#CC79A7",
    "Technology": "#56B4E9",
    "Science": "#CC79A7",
    "Other": GREY,
}
# The symbols that plotly draws in two and in three dimensions.
SYMBOLS = ("circle", "diamond", "square", "cross", "x", "circle-open", "diamond-open", "square-open")
OTHERS = "other labels"
NO_LABEL = "no label"

MAX_NUMBERED = 40
MAX_CELL_VALUES = 12
MAX_TICK_TEXTS = 60
MAX_CELLS = 150
_FADED = "rgba(127,127,127,0.18)"
_TEXT = "#8a8f98"
_COLOUR_BAR = {"thickness": 10, "outlinewidth": 0, "len": 1}
_LAYOUT = {
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"family": "IBM Plex Sans, system-ui, sans-serif", "size": 12, "color": _TEXT},
    "hoverlabel": {"align": "left", "font": {"family": "IBM Plex Sans, system-ui, sans-serif", "size": 13}},
    "modebar": {
        "remove": ["select2d", "lasso2d", "autoScale2d", "tableRotation", "resetCameraLastSave3d"],
        "bgcolor": "rgba(0,0,0,0)",
        "color": _TEXT,
        "activecolor": "#0072B2",
    },
}


def warm_up() -> None:
    """Make plotly import what it imports with the first figure. One thread has to, before a visitor's first map and
    UMAP's own start import the same library from different ends, and lock each other."""
    go.Figure(go.Scatter(x=[0], y=[0]))


def escape(value: str) -> str:
    """`value` so that plotly shows it as it is written."""
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shorten(value: str, width: int) -> str:
    """`value` in at most `width` characters, with an ellipsis where it was cut."""
    return value if len(value) <= width else value[: width - 1].rstrip() + "…"


def hover(value: str, width: int = 56, most: int = 600) -> str:
    """`value` escaped and broken into lines for a hover label. Past `most` characters only its start is
    shown."""
    lines = textwrap.wrap(shorten(value, most), width, break_long_words=True) or [""]
    return "<br>".join(escape(line) for line in lines)


def colours(labels: Sequence[str]) -> dict[str, str]:
    """A colour for each label: its own where it has one by name, else the next of the palette that is still
    free."""
    taken = {NAMED[label] for label in labels if label in NAMED}
    free = cycle([c for c in OKABE_ITO if c not in taken] or OKABE_ITO)
    return {label: NAMED.get(label) or next(free) for label in labels}


def ink(colour: str | tuple[float, float, float]) -> str:
    """Black or white, whichever is easier to read on `colour`: "#RRGGBB", or red, green and blue from 0 to
    1."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] if isinstance(colour, str) else colour
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (light + 0.05) / 0.05 > 1.05 / (light + 0.05) else "#FFFFFF"


def map_figure(
    points: np.ndarray,
    texts: Sequence[str],
    values: Sequence[str | float | None] | None = None,
    title: str = "",
) -> go.Figure:
    """A scatter of `points` (n, 2 or 3), one per text, hover showing the text.

    `values`, one per text or None, colours them: texts by label (colour and symbol), numbers on a scale.
    `title` says what the values are.
    """
    figure = go.Figure(layout={**_LAYOUT, "height": 460, "margin": {"l": 8, "r": 8, "t": 8, "b": 8}})
    numbers = [f"{i + 1}" for i in range(len(texts))]
    hovers = np.array([hover(t) for t in texts], dtype=object)
    points = np.asarray(points)
    given = [v for v in values or () if v is not None]
    if given and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in given):
        extra = ["" if v is None else f"<br>{escape(title)} {v:+.2f}" for v in values]
        hovers = hovers + np.array(extra, dtype=object)
        _add_points(figure, points, numbers, hovers, "", _scale(values, title), len(texts))
    else:
        groups = _groups(values, len(texts))
        palette = colours([g for g in groups if g not in (OTHERS, NO_LABEL, "")])
        for position, (label, rows) in enumerate(groups.items()):
            marker = {
                "color": palette.get(label, GREY if label else OKABE_ITO[0]),
                "symbol": SYMBOLS[position % len(SYMBOLS)],
            }
            name = f"{escape(shorten(label, 30))} ({len(rows)})" if label else ""
            suffix = f"<br><i>{escape(shorten(label, 80))}</i>" if label else ""
            shown = [numbers[i] for i in rows]
            _add_points(figure, points[rows], shown, hovers[rows] + suffix, name, marker, len(texts))
    figure.update_layout(legend={"orientation": "h", "y": -0.02, "yanchor": "top", "x": 0, "itemsizing": "constant"})
    axis = {"showticklabels": False, "zeroline": False, "gridcolor": _FADED, "title": {"text": ""}}
    if points.shape[1] == 3:
        scene_axis = {**axis, "showbackground": False, "showspikes": False, "gridcolor": "#9aa0a6"}
        figure.update_layout(scene={"xaxis": scene_axis, "yaxis": scene_axis, "zaxis": scene_axis})
    else:
        figure.update_layout(xaxis=axis, yaxis=axis, dragmode="pan")
    return figure


def _scale(values: Sequence[float | None], title: str) -> dict:
    """Markers coloured by number: from red over grey to blue where some are negative, else from dark to
    bright."""
    numbers = np.array([np.nan if v is None else float(v) for v in values])
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    limit = max(abs(low), abs(high))
    return {
        "color": numbers,
        "colorscale": [[0, "#D55E00"], [0.5, "#BFBFBF"], [1, "#0072B2"]] if low < 0 else "Cividis",
        "cmin": -limit if low < 0 else low,
        "cmax": limit if low < 0 else high,
        "colorbar": {"title": {"text": escape(shorten(title, 30)), "side": "right"}, **_COLOUR_BAR},
    }


def _groups(values: Sequence[str | float | None] | None, count: int) -> dict[str, list[int]]:
    """Rows by label, known labels in the order of their names' table, then the most frequent; the rest
    together."""
    if values is None:
        return {"": list(range(count))}
    words = [NO_LABEL if v is None else str(v) for v in values]
    frequency = Counter(w for w in words if w != NO_LABEL)
    order = sorted(frequency, key=lambda w: (list(NAMED).index(w) if w in NAMED else len(NAMED), -frequency[w], w))
    most = len(SYMBOLS) - 1
    kept = order if len(order) <= most else order[: most - 1]
    groups: dict[str, list[int]] = {label: [] for label in kept}
    for row, word in enumerate(words):
        groups.setdefault(word if word in kept or word == NO_LABEL else OTHERS, []).append(row)
    return groups


def _add_points(
    figure: go.Figure,
    points: np.ndarray,
    numbers: Sequence[str],
    hovers: np.ndarray,
    name: str,
    marker: dict,
    total: int,
) -> None:
    """Add one trace of points, as large and as numbered as `total` points on the whole map allow."""
    solid = points.shape[1] == 3
    numbered = total <= MAX_NUMBERED
    size = 7 if total > 300 or solid else 12
    outline = {"width": 0 if total > 300 else 1, "color": "white"}
    shared = {
        "mode": "markers+text" if numbered else "markers",
        "text": numbers if numbered else None,
        "textposition": "top center",
        "textfont": {"size": 11, "color": _TEXT},
        "customdata": list(hovers),
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": name,
        "showlegend": bool(name),
        "marker": {**marker, "size": size, "opacity": 0.9, "line": outline},
    }
    if solid:
        figure.add_scatter3d(x=points[:, 0], y=points[:, 1], z=points[:, 2], **shared)
    else:
        figure.add_scatter(x=points[:, 0], y=points[:, 1], **shared)


def _round_step(most: int) -> int:
    """A round distance (5, 10, 25, 50, ...) between ticks of 1 .. most, so that there are at most a dozen."""
    return next(step for step in (5, 10, 25, 50, 100, 250, 500, 1000, most) if most // step <= 12)


def _two_digits(value: float) -> str:
    """A cosine in as few characters as a small cell has room for: .55, -.02, 1."""
    return f"{value:.2f}".replace("1.00", "1").replace("0.", ".").replace("-.00", ".00")


def sample_rows(count: int, most: int = MAX_CELLS) -> np.ndarray:
    """The rows a grid of at most `most` shows: all, or so many evenly spaced."""
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).round().astype(int)


def heatmap_figure(
    similarity: np.ndarray, texts: Sequence[str], numbers: Sequence[int] | None = None, narrow: bool = False
) -> go.Figure:
    """Cosine similarities (n, n) as a grid, the first sentence on top. Ticks are cut short; hover shows whole
    texts.

    `numbers` are the sentences' numbers (default 1, 2, ...). `narrow` leaves the texts out of the ticks, for
    a phone.
    """
    count = len(texts)
    numbers = [i + 1 for i in range(count)] if numbers is None else [int(n) for n in numbers]
    # The hover text of a cell is its row's and its column's: they are given once per axis, as categories
    # (numbered, because equal texts are still two rows), not once per cell.
    names = [f"<b>{n}</b> {hover(t)}" for n, t in zip(numbers, texts, strict=True)]
    figure = go.Figure(layout={**_LAYOUT, "height": 460, "margin": {"l": 8, "r": 8, "t": 8, "b": 8}})
    shown = count <= (MAX_CELL_VALUES // 2 if narrow else MAX_CELL_VALUES)
    figure.add_heatmap(
        z=np.round(np.asarray(similarity, dtype=np.float32), 4),
        x=names,
        y=names,
        zmin=0,
        zmax=1,
        colorscale="Cividis",
        xgap=1 if count <= 40 else 0,
        ygap=1 if count <= 40 else 0,
        # The values say what the colours mean; the scale would only take their room.
        showscale=not shown,
        hovertemplate="%{y}<br>%{x}<br><b>cosine %{z:.3f}</b><extra></extra>",
        colorbar={"tickvals": [0, 0.25, 0.5, 0.75, 1], **_COLOUR_BAR},
    )
    if shown:
        # Plotly's own cell values choose their ink badly on middle greys.
        cells = np.clip(np.asarray(similarity, dtype=float).ravel(), 0, 1)
        figure.add_scatter(
            x=names * count,
            y=[name for name in names for _ in range(count)],
            text=[_two_digits(v) for v in np.asarray(similarity).ravel()],
            mode="text",
            textfont={
                "size": 11,
                "color": [ink(c) for c in sample_colorscale("Cividis", cells, colortype="tuple")],
            },
            hoverinfo="skip",
            showlegend=False,
        )
    size = 12 if count <= 20 else 10 if count <= 40 else 8
    step = 1 if count <= 30 else _round_step(numbers[-1])
    bottom = {i: str(n) for i, n in enumerate(numbers) if n % step == 0}
    if count > MAX_TICK_TEXTS:
        # A sample's numbers need not be round: the one nearest to each round number stands for it.
        bottom = {int(np.searchsorted(numbers, n)): str(n) for n in range(step, numbers[-1] + 1, step)}
        side = bottom
    elif narrow:
        side = bottom
    else:
        # The mark keeps the number on the right of a text that runs from right to left.
        side = {i: f"{escape(shorten(texts[i], 24))}\u200e  {n}" for i, n in enumerate(numbers)}
    # A hair off the middle of each cell: at the exact place plotly would put the short tick into the hover,
    # too.
    beside = max(count, 2) * 2e-4

    def ticks(labels: dict[int, str]) -> dict:
        return {
            "tickmode": "array",
            "tickvals": [place + beside for place in labels],
            "ticktext": list(labels.values()),
            "tickfont": {"size": size},
            "tickangle": 0,
            "ticks": "",
            "showgrid": False,
            "automargin": True,
        }

    figure.update_layout(xaxis=ticks(bottom), yaxis={**ticks(side), "autorange": "reversed"}, dragmode="pan")
    return figure
