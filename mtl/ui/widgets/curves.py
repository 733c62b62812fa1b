"""Curves as HTML: lines over a number axis, with ticks, and values to read under the pointer.

Pure functions from plain values. The lines are one stretched SVG, everything else stands over it as HTML: so words and
dots keep their size on every width, and a page that patches what changed (as `gr.HTML` does) only moves lines.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

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
) -> str:
    """A figure: a legend with each line's last value, and the lines from x = 0 to `until`.

    `show` writes a value; `low` and `high` bound the axis where they are given. On a logarithmic axis what is not above
    zero is left out.
    """
    drawn = [_thinned(line, logarithmic) for line in lines]
    ends = " ".join(_end(line, show) for line in drawn if not line.faint)
    values = [y for line in drawn for _, y in line.points]
    if not values:
        body = '<div class="plot"></div>'
    else:
        scale = _log_scale(values) if logarithmic else _scale(values, low, high)
        axes = _grid(scale, show) + _x_axis(until, x_name)
        over = _probes(drawn, until, x_name, show)
        spoken = escape(_spoken(title, drawn, show))
        body = f'<div class="plot" role="img" aria-label="{spoken}">{axes}{_svg(drawn, until, scale)}{over}</div>'
    return f'<figure class="curve"><figcaption><b>{escape(title)}</b> {ends}</figcaption>{body}</figure>'


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


def _scale(values: Sequence[float], low: float | None, high: float | None) -> _Scale:
    """An axis that holds the values, between round numbers."""
    bottom = min(values) if low is None else low
    top = max(values) if high is None else min(max(values), high)
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


def _grid(scale: _Scale, show: Callable[[float], str]) -> str:
    places = [(f"bottom:{100 * scale.place(tick):.1f}%", escape(show(tick))) for tick in scale.ticks]
    lines = "".join(f'<i class="grid" style="{at}"></i><span class="tick" style="{at}">{t}</span>' for at, t in places)
    return f'<div class="y" aria-hidden="true">{lines}</div>'


def _x_axis(until: float, name: str) -> str:
    ticks = "".join(f'<span class="tick" style="left:{100 * t / until:.2f}%">{t}</span>' for t in _x_ticks(until))
    return f'<div class="x" aria-hidden="true">{ticks}<span class="name">{escape(name)}</span></div>'


def _svg(lines: Sequence[Line], until: float, scale: _Scale) -> str:
    parts = []
    for line in lines:
        places = [(round(_FINE * x / until), round(_FINE * (1 - scale.place(y)))) for x, y in line.points]
        path = " ".join(f"{'L' if i else 'M'}{x} {y}" for i, (x, y) in enumerate(places))
        kind = "line" + " dashed" * line.dashed + " faint" * line.faint
        style = f'style="stroke:{escape(line.colour)}"'
        parts.append(f'<path class="{kind}" {style} d="{path}"/>')
        # A line of no length with round ends is a dot that is round however the picture is stretched.
        alone = len(places) == 1 and not line.faint
        dotted = alone or (line.dots and len(places) <= _MAX_DOTS)
        dots = "".join(f"M{x} {y}h0" for x, y in places) if dotted else ""
        parts.append(f'<path class="dots" {style} d="{dots}"/>')
    return f'<svg viewBox="0 0 {_FINE} {_FINE}" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'


def _probes(lines: Sequence[Line], until: float, x_name: str, show: Callable[[float], str]) -> str:
    """Strips over the picture, each with the values that are nearest to it."""
    named = [line for line in lines if not line.faint and line.points]
    xs = sorted({x for line in named for x, _ in line.points})
    if len(xs) > _PROBES:
        xs = [xs[round(i * (len(xs) - 1) / (_PROBES - 1))] for i in range(_PROBES)]
    result = []
    for i, x in enumerate(xs):
        left = 0.0 if i == 0 else (xs[i - 1] + x) / 2
        right = (x + xs[i + 1]) / 2 if i + 1 < len(xs) else min(until, x + until / _PROBES)
        place = (x - left) / (right - left) if right > left else 0.5
        rows = "".join(
            f'<span><i style="background:{escape(line.colour)}"></i>{escape(line.name)} {escape(show(y))}</span>'
            for line in named
            if (y := _near(line.points, x, until / _PROBES)) is not None
        )
        side = "to-left" if x > 0.55 * until else "to-right"
        style = f"left:{100 * left / until:.2f}%;width:{100 * (right - left) / until:.2f}%;--at:{100 * place:.0f}%"
        tip = f'<div class="tip"><b>{escape(x_name)} {x:.3g}</b>{rows}</div>'
        result.append(f'<div class="probe {side}" style="{style}">{tip}</div>')
    return f'<div class="probes" aria-hidden="true">{"".join(result)}</div>'


def _near(points: Sequence[Point], x: float, reach: float) -> float | None:
    """The value at the point that is nearest to `x`, if one is within reach."""
    after = bisect.bisect_left(points, (x,))
    nearest = min(points[max(0, after - 1) : after + 1], key=lambda p: abs(p[0] - x))
    return nearest[1] if abs(nearest[0] - x) <= reach else None


def _end(line: Line, show: Callable[[float], str]) -> str:
    value = f" <b>{escape(show(line.points[-1][1]))}</b>" if line.points else ""
    kind = "swatch" + " dashed" * line.dashed + " dotted" * line.dots
    return (
        f'<span class="end"><i class="{kind}" style="--c:{escape(line.colour)}"></i>{escape(line.name)}{value}</span>'
    )


def _spoken(title: str, lines: Sequence[Line], show: Callable[[float], str]) -> str:
    parts = [
        f"{line.name} from {show(line.points[0][1])} to {show(line.points[-1][1])}"
        for line in lines
        if line.points and not line.faint
    ]
    return f"{title}: {', '.join(parts)}"


def _thinned(line: Line, positive: bool) -> Line:
    """The line with at most `MAX_POINTS` points, neighbours as their mean, and only those that can be drawn."""
    points = [(x, y) for x, y in line.points if math.isfinite(y) and (y > 0 or not positive)]
    if len(points) > MAX_POINTS:
        size = math.ceil(len(points) / MAX_POINTS)
        groups = [points[i : i + size] for i in range(0, len(points), size)]
        # Each group stands at its last point, so that the line ends where the run is.
        points = [(g[-1][0], sum(y for _, y in g) / len(g)) for g in groups]
    return Line(line.name, points, line.colour, line.dashed, line.dots, line.faint)
