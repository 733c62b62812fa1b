"""The HTML that the tabs share, from plain values: notes, tables, probability bars, marked texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from mtl.ui import templates
from mtl.ui.widgets.colours import colours, ink

MAX_ROWS = 200
# Of a very long text so much is shown, or a little more than its last mark.
TEXT_SHOWN = 400
AFTER_LAST_MARK = 120
_PARTS, _ANSWERS = templates.macros("parts.html"), templates.macros("answers.html")
intros = templates.macros("intros.html")

note, heading, label, details, scroll = _PARTS.note, _PARTS.heading, _PARTS.label, _PARTS.details, _PARTS.scroll
key, items, status, gauge = _PARTS.key, _PARTS.items, _PARTS.status, _ANSWERS.gauge


def reading(name: str, share: float | None, seconds: float) -> Markup:
    """The line of a file of which a `share` has been read in so many seconds; None: it waits for its turn."""
    if share is None:
        return status(f"{name} waits until another file has been read.", kind="busy", share=0.0)
    left = f" · about {max(seconds / share - seconds, 1):.0f} s left" if share > 0.05 else ""
    return status(f"Reading {name}: {100 * share:.0f} %{left}", kind="busy", share=share)


def _more(total: int, unit: str) -> Markup:
    return note(
        f"The first {MAX_ROWS} of {total:,} {unit} are shown; the download has all." if total > MAX_ROWS else ""
    )


def table(
    caption: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[str | int | float]],
    unit: str = "rows",
    classes: Sequence[str] = (),
    sentences: Sequence[int] = (),
) -> Markup:
    """A table of at most `MAX_ROWS` rows, numbers to the right. A cell that is `Markup` goes in as it is. `classes`: of
    each row; `sentences`: the place of the sentence that each row is about, with which it lights up."""
    first = rows[0] if rows else [""] * len(headers)
    heads = [(name, not isinstance(cell, str)) for name, cell in zip(headers, first, strict=True)]
    return _PARTS.table(caption, heads, rows[:MAX_ROWS], classes, sentences) + _more(len(rows), unit)


def bars(
    numbers: Sequence[int],
    texts: Sequence[str],
    probabilities: Sequence[Mapping[str, float]],
    intensities: Sequence[float] | None,
    scale: tuple[float, float, str] = (-1.0, 1.0, "intensity"),
    unfamiliar: Collection[int] = (),
) -> Markup:
    """One row per sentence: its number and text, a bar that shares 100 % between the labels, and a marker of
    its intensity where there is one. `scale` is that one's lowest and highest value, and its name; `unfamiliar` has the
    numbers of the sentences that are unlike those that the model knows."""
    palette = colours(list(probabilities[0]))
    shown = [value[:TEXT_SHOWN] for value in texts[:MAX_ROWS]]
    drawn = [bar(shares, palette) for shares in probabilities[:MAX_ROWS]]
    unlike = [number in unfamiliar for number in numbers]
    rows = zip(numbers, shown, unlike, drawn, intensities or [0.0] * len(shown), strict=False)
    return _ANSWERS.bars(rows, list(palette), intensities and scale) + _more(len(texts), "sentences")


def bar(probabilities: Mapping[str, float], palette: Mapping[str, str]) -> Markup:
    """One bar of the labels of `palette`, with a number in each part, which the style sheet shows where it has room."""
    shares = [(name, 100 * probabilities[name], colour) for name, colour in palette.items()]
    spoken = ", ".join(f"{name} {share:.1f} %" for name, share, _ in shares)
    look = "width:{:.2f}%;--c:{};--ink:{}".format
    parts = [(look(share, colour, ink(colour)), f"{share:.0f}") for _, share, colour in shares]
    return _ANSWERS.bar(spoken, parts)


def marked(value: str, spans: Sequence, palette: Mapping[str, str], look: Callable[[Any], tuple[str, str]]) -> Markup:
    """`value` with its `spans` marked: things with `start`, `end` and `label`, sorted, without overlaps.

    `look` gives the class and the tag of a span. A text that goes on long after its last mark is cut there.
    """
    marks, done = [], 0
    for span in spans:
        kind, name = look(span)
        marks.append((value[done : span.start], kind, palette[span.label], value[span.start : span.end], name))
        done = span.end
    end = max(TEXT_SHOWN, done + AFTER_LAST_MARK)
    return _ANSWERS.marked(marks, value[done:end] + "…" * (end < len(value)))


def entities(
    texts: Sequence[str], spans: Sequence[Sequence], labels: Sequence[str], unfamiliar: Collection[int] = ()
) -> Markup:
    """The texts with their marked names, a legend whose boxes filter both the marks and the table, and the
    table. `unfamiliar`: as for `bars`.

    The filter is the style sheet's work alone (`:has`), so it is instant and asks nothing of the server.
    """
    palette, classes = colours(labels), {name: f"k{i}" for i, name in enumerate(labels)}

    def look(span: Any) -> tuple[str, str]:
        return classes[span.label], span.label

    lines = [
        (marked(value, found, palette, look), number in unfamiliar)
        for number, (value, found) in enumerate(zip(texts[:MAX_ROWS], spans, strict=False), 1)
    ]
    listed = [(i, span) for i, found in enumerate(spans, 1) for span in found]
    rows = [
        (i, span.text, _PARTS.tag(span.label, palette[span.label]), span.start, span.end, float(span.score))
        for i, span in listed
    ]
    nothing = "No names were found in these sentences."
    headers = ("sentence", "name", "type", "start", "end", "score")
    kinds = [f"{classes[span.label]}{' pale' if i in unfamiliar else ''}" for i, span in listed]
    below = table("Names found", headers, rows, "names", kinds, [i - 1 for i, _ in listed]) if rows else note(nothing)
    counts = Counter(span.label for _, span in listed)
    return _ANSWERS.entities(lines, palette, counts, _more(len(texts), "sentences") + below)
