"""The HTML that the tabs show: tables, probability bars, marked texts.

Pure functions from plain values; everything that is given is escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from mtl.ui import words as text
from mtl.ui.widgets.figures import colours, ink

MAX_ROWS = 200
# Of a very long text so much is shown, or a little more than its last mark.
TEXT_SHOWN = 400
_AFTER_LAST_MARK = 120
_NOTES_SHOWN = 4


class Markup(str):
    """HTML that was made here, not by a visitor. `row_class` marks the table row that it stands in."""

    row_class = ""


# --- small parts ---


def note(message: str) -> str:
    return f'<p class="note">{escape(message)}</p>' if message else ""


def heading(message: str) -> str:
    return f'<h3 class="section">{escape(message)}</h3>'


def label(message: str) -> str:
    return f'<p class="label">{escape(message)}</p>'


def details(summary: str, body: str) -> str:
    return f'<details class="fold"><summary>{escape(summary)}</summary>{body}</details>'


def tag(name: str, colour: str) -> Markup:
    style = f"background:{colour};color:{ink(colour)}"
    return Markup(f'<b class="tag" style="{style}">{escape(name)}</b>')


def key(labels: Sequence[str]) -> str:
    """A legend: a swatch and a name for each label."""
    items = (f'<li><i style="background:{colour}"></i>{escape(name)}</li>' for name, colour in colours(labels).items())
    return f'<ul class="key">{"".join(items)}</ul>'


def status(message: str, notes: Sequence[str] = (), kind: str = "ok", share: float | None = None) -> str:
    """The line under the box. `kind` is "ok", "busy" or "bad"; `share` from 0 to 1 draws a progress bar."""
    bar = "" if share is None else f'<div class="progress"><span style="width:{share:.0%}"></span></div>'
    items = [f'<li dir="auto">{escape(n)}</li>' for n in notes]
    listing = f"<ul>{''.join(items[:_NOTES_SHOWN])}</ul>" if items else ""
    if len(items) > _NOTES_SHOWN:
        rest = f"<ul>{''.join(items[_NOTES_SHOWN:])}</ul>"
        listing += details(text.more_notes(len(items) - _NOTES_SHOWN), rest)
    body = f'<p dir="auto">{escape(message)}</p>{bar}{listing}'
    return f'<div class="status {kind}" role="status" aria-live="polite">{body}</div>'


def reading(name: str, share: float | None, seconds: float) -> str:
    """The line of a file of which a `share` has been read in so many seconds; None: it waits for its turn."""
    if share is None:
        return status(text.waiting(name), kind="busy", share=0.0)
    left = seconds / share - seconds if share > 0.05 else None
    return status(text.reading(name, share, left), kind="busy", share=share)


def scroll(name: str, body: str, kind: str = "") -> str:
    """A box that scrolls, by keyboard too."""
    return f'<div class="scroll {kind}" tabindex="0" role="region" aria-label="{escape(name)}">{body}</div>'


def _more(total: int, unit: str) -> str:
    return note(text.rows_shown(MAX_ROWS, total, unit)) if total > MAX_ROWS else ""


# --- tables ---


def table(caption: str, headers: Sequence[str], rows: Sequence[Sequence[str | int | float]], unit: str = "rows") -> str:
    """A table of at most `MAX_ROWS` rows, numbers to the right. A cell that is `Markup` goes in as it is."""
    first = rows[0] if rows else [""] * len(headers)
    kinds = ["" if isinstance(cell, str) else ' class="num"' for cell in first]
    head = "".join(f'<th scope="col"{kind}>{escape(h)}</th>' for h, kind in zip(headers, kinds, strict=True))
    body = "".join(f"<tr{_row_class(row)}>{''.join(map(_cell, row))}</tr>" for row in rows[:MAX_ROWS])
    sheet = (
        f'<table class="sheet"><caption class="sr">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    return scroll(caption, sheet) + _more(len(rows), unit)


def _row_class(row: Sequence[object]) -> str:
    names = " ".join(c.row_class for c in row if isinstance(c, Markup) and c.row_class)
    return f' class="{names}"' if names else ""


def _cell(value: str | int | float) -> str:
    if isinstance(value, Markup):
        return f"<td>{value}</td>"
    if isinstance(value, str):
        return f'<td><div class="clip" dir="auto">{escape(value[:TEXT_SHOWN])}</div></td>'
    return f'<td class="num">{value}</td>' if isinstance(value, int) else f'<td class="num">{value:.3f}</td>'


# --- sentiment ---


def bars(
    numbers: Sequence[int],
    texts: Sequence[str],
    probabilities: Sequence[Mapping[str, float]],
    intensities: Sequence[float] | None,
    scale: tuple[float, float, str] = (-1.0, 1.0, text.INTENSITY),
) -> str:
    """One row per sentence: its number and text, a bar that shares 100 % between the labels, and a marker of
    its intensity where there is one. `scale` is that one's lowest and highest value, and its name."""
    palette = colours(list(probabilities[0]))
    rows = []
    for row in range(min(len(texts), MAX_ROWS)):
        shown = escape(texts[row][:TEXT_SHOWN])
        marker = "" if intensities is None else gauge(intensities[row], *scale)
        rows.append(
            f'<li class="bar-row"><div class="bar-text" dir="auto" title="{shown}">'
            f"<b>{numbers[row]}</b> {shown}</div>{bar(probabilities[row], palette)}{marker}</li>"
        )
    head = key(list(palette))
    if intensities is not None:
        head += f"<span>{escape(text.gauge_scale(*scale))}</span>"
    kind = "bars" if intensities is not None else "bars no-gauge"
    listing = scroll(text.SENTIMENT, f'<ul class="{kind}">{"".join(rows)}</ul>', "tall")
    return f'<div class="bars-head">{head}</div>{listing}{_more(len(texts), "sentences")}'


def bar(probabilities: Mapping[str, float], palette: Mapping[str, str]) -> str:
    parts = []
    for name, colour in palette.items():
        percent = 100 * probabilities[name]
        # A number stands in its part only where it fits.
        number = f"{percent:.0f}" if percent >= 9 else ""
        style = f"width:{percent:.2f}%;background:{colour};color:{ink(colour)}"
        parts.append(f'<span style="{style}">{number}</span>')
    spoken = escape(", ".join(f"{name} {100 * probabilities[name]:.1f} %" for name in palette))
    return f'<div class="bar" role="img" aria-label="{spoken}" title="{spoken}">{"".join(parts)}</div>'


def gauge(value: float, low: float = -1.0, high: float = 1.0, name: str = text.INTENSITY) -> str:
    """A marker on a track from `low` to `high`, with the number."""
    place = 100 * (max(low, min(high, value)) - low) / (high - low)
    number = f"{value:+.2f}" if low < 0 else f"{value:.2f}"
    # The stroke in the middle of the track is the zero.
    kind = "" if low == -high else " no-zero"
    return (
        f'<div class="gauge{kind}" role="img" aria-label="{escape(name)} {number}"><span class="track">'
        f'<i style="left:{place:.1f}%"></i></span><span class="gauge-value">{number}</span></div>'
    )


# --- entities ---


def marked(value: str, spans: Sequence, palette: Mapping[str, str], look: Callable[[Any], tuple[str, str]]) -> str:
    """`value` with its `spans` marked: things with `start`, `end` and `label`, sorted, without overlaps.

    `look` gives the class and the tag of a span. A text that goes on long after its last mark is cut there.
    """
    parts, done = [], 0
    for span in spans:
        colour, (kind, said) = palette[span.label], look(span)
        name = f"<bdi>{escape(value[span.start : span.end])}</bdi>{tag(said, colour)}"
        parts.append(escape(value[done : span.start]))
        parts.append(f'<mark class="{kind}" style="--c:{colour}">{name}</mark>')
        done = span.end
    end = max(TEXT_SHOWN, done + _AFTER_LAST_MARK)
    parts.append(escape(value[done:end]) + ("…" if end < len(value) else ""))
    return "".join(parts)


def entities(texts: Sequence[str], spans: Sequence[Sequence], labels: Sequence[str]) -> str:
    """The texts with their marked names, a legend whose boxes filter both the marks and the table, and the
    table.

    The filter is the style sheet's work alone (`:has`), so it is instant and asks nothing of the server.
    """
    counts = Counter(span.label for found in spans for span in found)
    palette, places = colours(labels), {name: i for i, name in enumerate(labels)}
    boxes = "".join(
        f'<label><input type="checkbox" class="show{i}" checked>{tag(name, palette[name])} '
        f"{escape(text.ENTITY_NAMES.get(name, ''))} <b>{counts[name]}</b></label>"
        for name, i in places.items()
    )

    def look(span: Any) -> tuple[str, str]:
        return f"k{places[span.label]}", span.label

    lines = "".join(
        f'<li><span class="line-number">{i}</span><p dir="auto">{marked(value, found, palette, look)}</p></li>'
        for i, (value, found) in enumerate(zip(texts[:MAX_ROWS], spans, strict=False), 1)
    )
    rows = []
    for i, found in enumerate(spans, 1):
        for span in found:
            kind = tag(span.label, palette[span.label])
            kind.row_class = f"k{places[span.label]}"
            rows.append((i, span.text, kind, span.start, span.end, float(span.score)))
    headers = ("sentence", "name", "type", "start", "end", "score")
    listing = table(text.ENTITIES_TABLE, headers, rows, "names") if rows else note(text.NO_ENTITIES)
    legend = f'<fieldset class="filter"><legend>{escape(text.SHOW_TYPES)}</legend>{boxes}</fieldset>'
    body = scroll(text.ENTITIES, f'<ol class="lines">{lines}</ol>', "tall")
    return f'<div class="entities">{legend}{body}{_more(len(texts), "sentences")}{listing}</div>'
