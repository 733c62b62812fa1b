"""The same sentences answered by two models, side by side: where they lie on the map, and what each head says.

The sentences have no labels, so this shows what a run changed, never whether that is right: heads that it neither
trained nor changed are only named. `compare` asks the models; everything after it is pure functions to HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from mtl import maps
from mtl.config import KINDS
from mtl.ui import templates
from mtl.ui.kinds import shown
from mtl.ui.kinds.view import MACROS, Contrast, labels_of
from mtl.ui.train.result import words
from mtl.ui.widgets import markup
from mtl.ui.widgets.colours import colours

if TYPE_CHECKING:
    from mtl.config import TaskSpec
    from mtl.model import Analysis, MultiTaskModel

# More sentences than this cannot be told apart on the map, nor read side by side.
MOST = 40
# A grid of more sentences than this cannot be read.
_MOST_IN_GRID = 12
# Embeddings closer to their former selves than this have not moved: it is what rounding to bfloat16 does.
_STILL = 0.9998
_WIDTH, _HEIGHT, _EDGE, _RADIUS = 460, 280, 24, 11
# The first three are those of the map in the Embeddings tab, so that a label keeps its shape.
_SHAPES = ("circle", "diamond", "square", "triangle", "hexagon")
_PLAIN = ("circle", "#5f6b7a")


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


def page(found: Comparison) -> Markup:
    """All of it: the maps, then the heads that were trained, then those that answer differently, then a table."""
    tasks = sorted(found.tasks, key=lambda task: task not in found.taught)
    heads = [_head(found, task) for task in tasks]
    told = [head for head in heads if head.is_told]
    return templates.render(
        "before_after.html",
        found=found,
        heads=told,
        same=[head.task for head in heads if not head.is_told],
        unlike=[number for number, analysis in enumerate(found.after, 1) if analysis.unfamiliar],
        grids=_heatmaps(found),
        table=table(found, [head.task for head in told]),
        **(_maps(found) if len(found.texts) > 1 else {}),
    )


def _heatmaps(found: Comparison) -> Markup:
    """The cosine of every two sentences before and after, if a task that moves the embedding on purpose was trained."""
    moved = any(KINDS[found.new[task].kind].moves_embedding for task in found.taught if task in found.new)
    if not moved or not 1 < len(found.texts) <= _MOST_IN_GRID:
        return Markup()
    sides = ((words.BEFORE, found.before), (words.AFTER, found.after))
    vectors = [(when, np.stack([a.embedding for a in analyses])) for when, analyses in sides]
    return MACROS.heatmaps([(when, (side @ side.T).tolist()) for when, side in vectors])


# --- the maps ---


def _maps(found: Comparison) -> dict[str, Any]:
    task = _colouring(found)
    labels = labels_of(found.specs(task)) if task else []
    palette = colours(labels)
    looks = {label: (_SHAPES[i % len(_SHAPES)], palette[label]) for i, label in enumerate(labels)}
    nothing = [None] * len(found.texts)
    sides = found.answers(task) if task else (None, None)
    before, after = ([shown(found.kind(task)).colour_of(a) for a in side] if side else nothing for side in sides)
    one, other = _fitted(found.points)
    # Where each point was, where it is, and whether that is far enough to be seen.
    moves = [(*was, *now, np.hypot(*(now - was)) > _RADIUS) for was, now in zip(one, other, strict=True)]
    still = found.cosine is not None and bool((found.cosine > _STILL).all())
    return {
        "size": (_WIDTH, _HEIGHT),
        "panels": [
            (words.BEFORE, (), _dots(found.texts, one, before, looks)),
            (words.AFTER, () if still else moves, _dots(found.texts, other, after, looks)),
        ],
        "coloured_by": task,
        "looks": looks,
        "still": still,
    }


def _colouring(found: Comparison) -> str | None:
    """The head by whose answers points are coloured: one with labels that was trained, if there is one."""
    answers = found.after[0].results
    heads = [
        name
        for name, spec in found.new.items()
        if name in answers and isinstance(shown(spec.kind).colour_of(answers[name]), str)
    ]
    return next((name for name in heads if name in found.taught), next(iter(heads), None))


def _fitted(points: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Both maps in pixels of one drawing, to a tenth, at one scale."""
    both = np.concatenate(points)
    low, high = both.min(axis=0), both.max(axis=0)
    room = np.array([_WIDTH - 2 * _EDGE, _HEIGHT - 2 * _EDGE])
    scale = float((room / np.maximum(high - low, 1e-6)).min())
    middle = np.array([_WIDTH, _HEIGHT]) / 2
    return tuple(((side - (low + high) / 2) * scale + middle).round(1) for side in points)


def _dots(
    texts: Sequence[str], points: np.ndarray, labels: Sequence[str | None], looks: Mapping[str, tuple[str, str]]
) -> list[tuple[float, float, str, str, str]]:
    """Of each text: its place, what it says, and the shape and colour of its label."""
    return [
        (*point, f"{value[:200]}{f' ({label})' if label else ''}", *looks.get(label, _PLAIN))
        for point, value, label in zip(points, texts, labels, strict=True)
    ]


# --- the heads ---


@dataclass(frozen=True)
class _Head:
    """A head: what became of it, its answers, and the names of their columns, as a model without this head has none.
    `is_told`: the run trained it, or its answers changed."""

    task: str
    said: str
    contrast: Contrast
    titles: Sequence[str]
    is_told: bool


def _head(found: Comparison, task: str) -> _Head:
    before, after = found.answers(task)
    contrast = shown(found.kind(task)).before_after(found.texts, found.specs(task), before, after)
    said = contrast.said
    if before is None:
        said = words.NEW_HEAD
    elif after is None:
        said = "This head was there before and is not in the new model."
    titles = [title for side, title in ((before, words.SAID_BEFORE), (after, words.SAYS_NOW)) if side is not None]
    changed = len(titles) == 1 or any(differs for *_, differs in contrast.cells)
    return _Head(task, said, contrast, titles, task in found.taught or changed)


# --- the table ---


def table(found: Comparison, tasks: Sequence[str]) -> Markup:
    """The answers of these heads in words: a row per sentence, two columns per head."""
    columns: dict[str, Sequence[str | int | float]] = {"#": range(1, len(found.texts) + 1), "sentence": found.texts}
    if found.cosine is not None:
        columns["cosine to before"] = found.cosine.tolist()
    for task in tasks:
        for when, specs, side in ((words.BEFORE, found.old, found.before), (words.AFTER, found.new, found.after)):
            if task in specs:
                cell = shown(specs[task].kind).cell
                columns[f"{task}, {when}"] = [cell(analysis.results[task]) for analysis in side]
    return markup.table(words.COMPARE_TITLE, list(columns), list(zip(*columns.values(), strict=True)), "sentences")
