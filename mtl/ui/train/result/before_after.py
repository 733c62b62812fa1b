"""The same sentences answered by two models, side by side: where they lie on the map, and what each head says.

`compare` asks the models; everything after it is pure functions to HTML, in which user text is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from mtl import maps
from mtl.config import KINDS
from mtl.ui.kinds import shown
from mtl.ui.kinds.view import labels_of
from mtl.ui.train.result import words
from mtl.ui.widgets import markup
from mtl.ui.widgets.figures import colours, ink

if TYPE_CHECKING:
    from mtl.config import TaskSpec
    from mtl.model import Analysis, MultiTaskModel

# More sentences than this cannot be told apart on the map, nor read side by side.
MOST = 40
# Embeddings closer to their former selves than this have not moved: it is what rounding to bfloat16 does.
_STILL = 0.9998
_WIDTH, _HEIGHT, _EDGE, _RADIUS = 460, 280, 24, 11
# The first three are those of the map in the Embeddings tab, so that a label keeps its shape.
_SHAPES = ("circle", "diamond", "square", "triangle", "hexagon")


@dataclass(frozen=True)
class Comparison:
    """`before` and `after`: an analysis per text. `old` and `new`: the models' tasks. `taught`: tasks that the run
    between them trained. `points`: the two maps (n, 2), drawn alike. `cosine` (n,): each embedding with its former
    self, None where the models' embeddings are of different sizes."""

    texts: Sequence[str]
    before: Sequence[Analysis]
    after: Sequence[Analysis]
    old: Mapping[str, TaskSpec]
    new: Mapping[str, TaskSpec]
    taught: Sequence[str]
    points: tuple[np.ndarray, np.ndarray]
    cosine: np.ndarray | None

    @property
    def tasks(self) -> list[str]:
        """Every task that reads one text."""
        return [name for name, spec in {**self.new, **self.old}.items() if KINDS[spec.kind].texts == 1]

    def kind(self, task: str) -> str:
        """What a head answers with; where it was another kind before, the new one."""
        return (self.new if task in self.new else self.old)[task].kind

    def specs(self, task: str) -> list[TaskSpec]:
        """The task before and after, without the side that has no such head of its kind."""
        sides = (side[task] for side in (self.old, self.new) if task in side)
        return [spec for spec in sides if spec.kind == self.kind(task)]

    def answers(self, task: str) -> tuple[list[Any] | None, list[Any] | None]:
        """A head's answers before and after, None where the model had no such head of its kind."""
        before, after = (
            [a.results[task] for a in analyses] if task in tasks and tasks[task].kind == self.kind(task) else None
            for tasks, analyses in ((self.old, self.before), (self.new, self.after))
        )
        return before, after


def compare(before: MultiTaskModel, after: MultiTaskModel, texts: Sequence[str], taught: Sequence[str]) -> Comparison:
    """Ask both models about `texts` (at least one, none of them blank). Raises `UserError`."""
    one, other = before.analyze(texts), after.analyze(texts)
    old, new = (np.stack([a.embedding for a in analyses]) for analyses in (one, other))
    if old.shape == new.shape:
        # Both on the same axes: what has not moved stays exactly where it was.
        both = maps.project(np.concatenate([old, new]), "pca", 2).points
        points, cosine = (both[: len(texts)], both[len(texts) :]), np.sum(old * new, axis=1)
    else:
        first = maps.project(old, "pca", 2).points
        points, cosine = (first, maps.project(new, "pca", 2, previous=first).points), None
    return Comparison(tuple(texts), one, other, before.tasks, after.tasks, tuple(taught), points, cosine)


def page(found: Comparison) -> str:
    """All of it: the maps, then every head, those that were trained first, then everything as a table."""
    tasks = found.tasks
    tasks.sort(key=lambda task: task not in found.taught)
    heads = "".join(_head(found, task) for task in tasks)
    return f"{_maps(found)}{heads}{markup.details(words.AS_TABLE, table(found))}"


# --- the maps ---


def _maps(found: Comparison) -> str:
    if len(found.texts) == 1:
        return markup.note(words.ONE_SENTENCE)
    task = _colouring(found)
    labels = labels_of(found.specs(task)) if task else []
    palette = colours(labels)
    shapes = {label: _SHAPES[i % len(_SHAPES)] for i, label in enumerate(labels)}
    nothing = [None] * len(found.texts)
    sides = found.answers(task) if task else (None, None)
    before, after = ([shown(found.kind(task)).colour_of(a) for a in side] if side else nothing for side in sides)
    one, other = _fitted(found.points)
    still = found.cosine is not None and bool((found.cosine > _STILL).all())
    left = _panel(words.BEFORE, found.texts, one, None, before, palette, shapes)
    right = _panel(words.AFTER, found.texts, other, None if still else one, after, palette, shapes)
    legend = ""
    if task:
        items = "".join(
            f'<li><svg viewBox="-14 -14 28 28" aria-hidden="true">{_shape(shapes[label], palette[label])}</svg>'
            f"{escape(label)}</li>"
            for label in labels
        )
        legend = f'<div class="ba-legend"><span>{escape(words.COLOURED_BY)} {escape(task)}</span><ul>{items}</ul></div>'
    note = words.MAP_STILL if still else words.MAP_TURNED if found.cosine is None else words.MAP_NOTE
    moved = ""
    if found.cosine is not None and not still:
        least = int(found.cosine.argmin())
        line = words.mean_cosine(float(found.cosine.mean()), least + 1, float(found.cosine[least]))
        moved = f'<p class="moved-line">{escape(line)}</p>'
    return f'<div class="ba-maps">{left}{right}</div>{legend}{markup.note(note)}{moved}'


def _colouring(found: Comparison) -> str | None:
    """The head by whose answers points are coloured: one with labels that was trained, if there is one."""
    heads = [name for name, spec in found.new.items() if isinstance(_label(found.after[0], spec), str)]
    return next((name for name in heads if name in found.taught), next(iter(heads), None))


def _label(analysis: Analysis, spec: TaskSpec) -> str | float | None:
    return shown(spec.kind).colour_of(analysis.results[spec.name])


def _fitted(points: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Both maps in pixels of one drawing, at one scale."""
    both = np.concatenate(points)
    low, high = both.min(axis=0), both.max(axis=0)
    room = np.array([_WIDTH - 2 * _EDGE, _HEIGHT - 2 * _EDGE])
    scale = float((room / np.maximum(high - low, 1e-6)).min())
    middle = np.array([_WIDTH, _HEIGHT]) / 2
    return tuple((side - (low + high) / 2) * scale + middle for side in points)


def _panel(
    title: str,
    texts: Sequence[str],
    points: np.ndarray,
    former: np.ndarray | None,
    labels: Sequence[str | None],
    palette: Mapping[str, str],
    shapes: Mapping[str, str],
) -> str:
    lines = ""
    if former is not None:
        for (x, y), (u, v) in zip(former, points, strict=True):
            lines += f'<circle class="was" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
            if np.hypot(u - x, v - y) > _RADIUS:
                lines += f'<line class="moved" x1="{x:.1f}" y1="{y:.1f}" x2="{u:.1f}" y2="{v:.1f}"/>'
    dots = ""
    for number, (value, (x, y), label) in enumerate(zip(texts, points, labels, strict=True), 1):
        colour = palette.get(label, "#5f6b7a")
        told = escape(f"{number} {value[:200]}{f' ({label})' if label else ''}")
        dots += (
            f'<g transform="translate({x:.1f} {y:.1f})"><title>{told}</title>'
            f'{_shape(shapes.get(label, "circle"), colour)}<text fill="{ink(colour)}">{number}</text></g>'
        )
    return (
        f'<figure class="ba-map"><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'role="img" aria-label="{escape(words.MAP)}, {escape(title)}">{lines}{dots}</svg></figure>'
    )


def _shape(name: str, colour: str) -> str:
    """A mark of about `_RADIUS` around the origin."""
    r = _RADIUS
    drawn = {
        "circle": f'<circle r="{r}"',
        "square": f'<rect x="{-r + 0.5}" y="{-r + 0.5}" width="{2 * r - 1}" height="{2 * r - 1}" rx="2"',
        "diamond": f'<path d="M0 {-r - 2} L{r + 2} 0 L0 {r + 2} L{-r - 2} 0 Z"',
        "triangle": f'<path d="M0 {-r - 2} L{r + 2} {r - 1} L{-r - 2} {r - 1} Z"',
        "hexagon": f'<path d="M{-r - 1} 0 L{-r / 2} {-r} L{r / 2} {-r} L{r + 1} 0 L{r / 2} {r} L{-r / 2} {r} Z"',
    }[name]
    return f'{drawn} fill="{colour}" class="dot"/>'


# --- the heads ---


def _head(found: Comparison, task: str) -> str:
    before, after = found.answers(task)
    contrast = shown(found.kind(task)).before_after(found.texts, found.specs(task), before, after)
    rows = [_row(found, contrast.with_text, *cells) for cells in contrast.cells]
    body = contrast.above + (_list(rows, task, before, after) if rows else "") + contrast.below
    said = words.NEW_HEAD if before is None else words.HEAD_GONE if after is None else contrast.said
    return (
        f'<details class="ba-head"{" open" if task in found.taught else ""}><summary dir="auto"><b>{escape(task)}</b> '
        f"<span>{escape(said)}</span></summary>{body}</details>"
    )


def _row(found: Comparison, with_text: bool, row: int, left: str | None, right: str | None, differs: bool) -> str:
    mark, cells = " changed" if differs else "", _cells((left, right))
    if not with_text:
        return f'<li class="ba-row names{mark}"><b class="line-number">{row + 1}</b>{cells}</li>'
    value = escape(found.texts[row][: markup.TEXT_SHOWN])
    return (
        f'<li class="ba-row{mark}"><div class="bar-text" dir="auto" title="{value}">'
        f"<b>{row + 1}</b> {value}</div>{cells}</li>"
    )


def _cells(cells: Sequence[str | None]) -> str:
    return "".join(f"<div>{cell}</div>" for cell in cells if cell is not None)


def _list(rows: Sequence[str], name: str, before: list | None, after: list | None) -> str:
    """`rows` under the names of their columns; a model without this head has no column."""
    titles = [None if side is None else title for side, title in ((before, words.BEFORE), (after, words.AFTER))]
    head = f'<li class="ba-row ba-names" aria-hidden="true"><span></span>{_cells(titles)}</li>'
    kind = "ba-rows" if None not in titles else "ba-rows one"
    return markup.scroll(name, f'<ul class="{kind}">{head}{"".join(rows)}</ul>', "tall")


# --- the table ---


def table(found: Comparison) -> str:
    """Everything in words: a row per sentence, two columns per head."""
    tasks = found.tasks
    headers = ["#", words.SENTENCE, *([words.COSINE] if found.cosine is not None else [])]
    for task in tasks:
        headers += [
            f"{task}, {when}" for when, side in ((words.BEFORE, found.old), (words.AFTER, found.new)) if task in side
        ]
    rows = []
    for i, value in enumerate(found.texts):
        row: list[str | int | float] = [i + 1, value, *([float(found.cosine[i])] if found.cosine is not None else [])]
        for task in tasks:
            for tasks_then, side in ((found.old, found.before), (found.new, found.after)):
                if task in tasks_then:
                    row.append(shown(tasks_then[task].kind).cell(side[i].results[task]))
        rows.append(row)
    return markup.table(words.COMPARE_TITLE, headers, rows, "sentences")
