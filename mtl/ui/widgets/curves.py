"""Curves as HTML: lines over a number axis, with ticks, and values to read under the pointer.

Pure functions from plain values. The lines are one stretched SVG, everything else stands over it as HTML: so words and
dots keep their size on every width, and a page that patches what changed (as `gr.HTML` does) only moves lines.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from mtl.ui import templates

Point = tuple[float, float]
# More points than this cannot be told apart on a screen: neighbours are drawn as their mean.
MAX_POINTS = 240
# Dots that would run into one another are left out.
_MAX_DOTS = 25
# Places along the axis that show their values under the pointer.
_PROBES = 24
_FINE = 1000


@dataclass(frozen=True)
class Line:
    """One line: `points` (x, y) by rising x. `dots` marks each point; `faint` is for what only lies behind another.

    `colour` is any of CSS; lines must also differ in `dashed`, `dots` or their place, for those who see no colours."""

    name: str
    points: Sequence[Point]
    colour: str
    dashed: bool = False
    dots: bool = False
    faint: bool = False


def chart(
    title: str,
    lines: Sequence[Line],
    until: float,
    x_name: str = "",
    show: Callable[[float], str] = "{:.3g}".format,
    low: float | None = None,
    high: float | None = None,
    logarithmic: bool = False,
    room: float = 0.0,
) -> Markup:
    """A figure: a legend with each line's last value, and the lines from x = 0 to `until`.

    `show` writes a value; `low` and `high` bound the axis where they are given. The axis spans `room` at least, and
    goes below zero only where values do. On a logarithmic axis what is not above zero is left out.
    """
    drawn = [_thinned(line, logarithmic) for line in lines]
    named = [line for line in drawn if not line.faint]
    shown = {"title": title, "ends": [(line, show(line.points[-1][1]) if line.points else "") for line in named]}
    values = [y for line in drawn for _, y in line.points]
    if values:
        scale = _log_scale(values) if logarithmic else _scale(values, low, high, room)
        shown |= {
            "spoken": _spoken(title, named, show),
            "ticks": [(100 * scale.place(tick), show(tick)) for tick in scale.ticks],
            "x_ticks": [(100 * tick / until, tick) for tick in _x_ticks(until)],
            "x_name": x_name,
            "fine": _FINE,
            "paths": [(line, *_path(line, until, scale)) for line in drawn],
            "probes": _probes([line for line in named if line.points], until, show),
        }
    return templates.render("curves.html", **shown)


def smoothed(points: Iterable[Point], weight: float = 0.85) -> list[Point]:
    """The running mean that weighs older values less, without a pull towards its start."""
    total = share = 0.0
    means = []
    for x, y in points:
        total, share = weight * total + (1 - weight) * y, weight * share + (1 - weight)
        means.append((x, total / share))
    return means


# --- scales ---


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    ticks: Sequence[float]
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Where a value lies, from 0 (bottom) to 1."""
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return min(1.0, max(0.0, (value - low) / (high - low)))


def _scale(values: Sequence[float], low: float | None, high: float | None, room: float = 0.0) -> _Scale:
    """An axis that holds the values, between round numbers."""
    bottom = min(values) if low is None else low
    top = max(values) if high is None else min(max(values), high)
    bottom = min(bottom, max(top - room, 0.0))
    top = max(top, bottom + room)
    span = max(top - bottom, 0.05 * abs(top), 1e-9)
    step = _round_step(span / 4)
    bottom = math.floor(bottom / step + 1e-9) * step
    count = max(1, math.ceil((top - bottom) / step - 1e-9))
    return _Scale(bottom, bottom + count * step, [bottom + i * step for i in range(count + 1)])


def _round_step(least: float) -> float:
    """The next of 1, 2, 5, 10 ... (times a power of ten) that is at least `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= least * (1 - 1e-9))


def _log_scale(values: Sequence[float]) -> _Scale:
    low, high = min(values), max(values)
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    marks = [m * 10.0**p for p in range(first, last + 1) for m in (1, 2, 5)]
    low, high = max(m for m in marks if m <= low * 1.001), min(m for m in marks if m >= high * 0.999)
    if low == high:
        high = min(m for m in (*marks, 10.0 ** (last + 1)) if m > low)
    ticks = [m for m in marks if low <= m <= high * 1.001]
    if len(ticks) > 5:
        ticks = [m for m in ticks if abs(math.log10(m) - round(math.log10(m))) < 1e-9]
    return _Scale(low, high, ticks, True)


def _x_ticks(until: float) -> list[int]:
    step = max(1, round(_round_step(max(until, 1) / 8)))
    return list(range(step, math.floor(until + 1e-9) + 1, step))


# --- parts ---


def _path(line: Line, until: float, scale: _Scale) -> tuple[str, str]:
    """The line and its dots, as paths."""
    places = [(round(_FINE * x / until), round(_FINE * (1 - scale.place(y)))) for x, y in line.points]
    path = " ".join(f"{'L' if i else 'M'}{x} {y}" for i, (x, y) in enumerate(places))
    # A line of no length with round ends is a dot that is round however the picture is stretched.
    alone = len(places) == 1 and not line.faint
    dotted = alone or (line.dots and len(places) <= _MAX_DOTS)
    return path, "".join(f"M{x} {y}h0" for x, y in places) if dotted else ""


def _probes(lines: Sequence[Line], until: float, show: Callable[[float], str]) -> list[tuple]:
    """Strips over the picture, each with the values that are nearest to it: where it begins, its width and where its
    point is in it, in per cent; which side its values are on; the point; each line that has a value there, and the
    value."""
    xs = sorted({x for line in lines for x, _ in line.points})
    if len(xs) > _PROBES:
        xs = [xs[round(i * (len(xs) - 1) / (_PROBES - 1))] for i in range(_PROBES)]
    strips = []
    for i, x in enumerate(xs):
        left = 0.0 if i == 0 else (xs[i - 1] + x) / 2
        right = (x + xs[i + 1]) / 2 if i + 1 < len(xs) else min(until, x + until / _PROBES)
        place = (x - left) / (right - left) if right > left else 0.5
        near = [(line, show(y)) for line in lines if (y := _near(line.points, x, until / _PROBES)) is not None]
        side = "to-left" if x > 0.55 * until else "to-right"
        strips.append((100 * left / until, 100 * (right - left) / until, 100 * place, side, x, near))
    return strips


def _near(points: Sequence[Point], x: float, reach: float) -> float | None:
    """The value at the point that is nearest to `x`, if one is within reach."""
    after = bisect.bisect_left(points, (x,))
    nearest = min(points[max(0, after - 1) : after + 1], key=lambda p: abs(p[0] - x))
    return nearest[1] if abs(nearest[0] - x) <= reach else None


def _spoken(title: str, lines: Sequence[Line], show: Callable[[float], str]) -> str:
    ends = [(line.name, *(show(line.points[i][1]) for i in (0, -1))) for line in lines if line.points]
    return f"{title}: {', '.join(f'{name} from {first} to {last}' for name, first, last in ends)}"


def _thinned(line: Line, positive: bool) -> Line:
    """The line with at most `MAX_POINTS` points, neighbours as their mean, and only those that can be drawn."""
    points = [(x, y) for x, y in line.points if math.isfinite(y) and (y > 0 or not positive)]
    if len(points) > MAX_POINTS:
        size = math.ceil(len(points) / MAX_POINTS)
        groups = [points[i : i + size] for i in range(0, len(points), size)]
        # Each group stands at its last point, so that the line ends where the run is.
        points = [(g[-1][0], sum(y for _, y in g) / len(g)) for g in groups]
    return replace(line, points=points)
