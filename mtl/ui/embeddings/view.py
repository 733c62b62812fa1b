"""What the map and the grid of similarities show, as plain values that the browser draws."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtl import maps
from mtl.clusters import EACH, MOST
from mtl.config import KINDS
from mtl.kinds.multilabel import NONE
from mtl.text.values import plural
from mtl.ui.kinds import shown
from mtl.ui.visitors import Work
from mtl.ui.widgets.colours import GREY, colours, shorten

if TYPE_CHECKING:
    from mtl.model import MultiTaskModel

PCA_NOTE = "PCA: the directions in which the sentences differ most. Distances are honest, crowded areas overlap."
UMAP_NOTE = "UMAP: keeps neighbours together. Groups mean something; the distance between far groups does not."
KEPT = "{} of {} sentences lie nearest to the one that is truly nearest to them."
UMAP_WARMING = "UMAP is getting ready (once per start of the server). Until then this is PCA; it changes by itself."

# The symbols that plotly draws in two and in three dimensions. A label has the same in every view.
SYMBOLS = ("circle", "diamond", "square", "cross", "x", "circle-open", "diamond-open", "square-open")
OTHERS, NO_LABEL = "other labels", "no label"
_GREY_LOOK = (GREY, SYMBOLS[-1])
# Of more labels than this the others are taken together.
MOST_LABELS = len(SYMBOLS) - 1
CLUSTERS = "clusters"
CLUSTERS_NOTE = "{} by Ward's method on the embeddings. Each is named by the sentence nearest to its centre."
BEST_NUMBER = f"No other number up to {MOST}, with {EACH} sentences a cluster or more, keeps them further apart."
SILHOUETTE = "Silhouette {:.2f}: 0 is overlapping, 1 well apart."
# So many of a sentence's nearest ones are listed at most, and of those nearest to words that are searched for.
NEAREST, ALIKE = 10, 5
# So many characters of a search count.
SEARCHED = 400
# Seconds until the browser asks again while UMAP gets ready.
WARMING = 1.5
# The grid shows at most so many sentences, evenly spaced.
MAX_CELLS = 150
# Rows of similarities that are compared at a time.
_BLOCK = 256


def map_of(work: Work) -> tuple[dict[str, Any], float | None]:
    """The map that was asked for, and in how many seconds to ask for a better one (None: this is it)."""
    count, pooling = len(work.analyses), work.pooling
    method, dims, patient = work.asked.method, work.asked.dims, work.asked.patient
    better, note = None, ""
    if method == "umap" and count > maps.FEW and not work.has_map(pooling, method, dims):
        if not maps.is_warm():
            method, better, note = "pca", WARMING, UMAP_WARMING
        elif not patient:
            method, better = "pca", 0.0
            note = f"UMAP is placing {plural(count, 'sentence')}. Until it is done this is PCA."
    laid_out = work.map(pooling, method, dims)
    note = note or laid_out.note or (UMAP_NOTE if laid_out.method == "umap" else PCA_NOTE)
    if count > 2:
        note += f" {KEPT.format(round(laid_out.neighbours_kept * count), count)}"
    return {"points": laid_out.points.round(4).tolist(), "method": laid_out.method, "note": note}, better


def colourings(work: Work) -> list[dict[str, Any]]:
    """Everything that points can be coloured by: the tasks, the columns of the visitor's file, the clusters.

    `values`: a label or a number for each sentence, or None. `looks`: the colour and the symbol of each label; None
    where the values are numbers. `besides`: how many more labels each sentence has. `note`: how to read it. Clusters
    have values once they are asked for.
    """
    first = work.analyses[0].results
    found = []
    for name, spec in work.model.tasks.items():
        if name not in first or (colour := shown(spec.kind).colour_of)(first[name]) is None:
            continue
        answers = work.answers(name)
        colouring = _colouring(name, [colour(answer) for answer in answers], spec.labels)
        besides = [shown(spec.kind).besides(answer) for answer in answers]
        found.append(colouring | ({"besides": besides} if any(besides) else {}))
    found += [
        _colouring(f"file: {name}", values, work.file_labels.get(name, ())) for name, values in work.labels.items()
    ]
    return found + ([_clusters(work)] if len(work.analyses) > 2 else [])


def _clusters(work: Work) -> dict[str, Any]:
    if work.asked.colour != CLUSTERS:
        return {"name": CLUSTERS, "values": [None] * len(work.analyses), "looks": {}}
    found = work.clusters(work.pooling, work.asked.clusters)
    names = [f"{number}: {shorten(work.texts[row], 60)}" for number, row in enumerate(found.central, 1)]
    notes = [CLUSTERS_NOTE.format(plural(len(names), "cluster"))]
    if found.silhouette is not None:
        notes += [] if work.asked.clusters else [BEST_NUMBER]
        notes.append(SILHOUETTE.format(found.silhouette))
    values = [names[number] for number in found.numbers]
    return {"name": CLUSTERS, "values": values, "looks": looks(names), "note": " ".join(notes)}


def looks(labels: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The colour and the symbol of each label, which follow from its place alone; two labels share one of them at
    most."""
    symbols = SYMBOLS[:-1]
    return {
        label: (colour, symbols[(i + i // len(symbols)) % len(symbols)])
        for i, (label, colour) in enumerate(colours(labels).items())
    }


def _colouring(name: str, values: Sequence[str | float | None], labels: Sequence[str] = ()) -> dict[str, Any]:
    if all(value is None or isinstance(value, (int, float)) for value in values):
        return {"name": name, "values": list(values), "looks": None}
    grey = (NO_LABEL, NONE)
    values = [NO_LABEL if value is None else str(value) for value in values]
    frequency = Counter(value for value in values if value not in grey)
    if len(frequency) > MOST_LABELS:
        kept = {*grey, *(label for label, _ in frequency.most_common(MOST_LABELS - 1))}
        values = [value if value in kept else OTHERS for value in values]
    of_labels = looks(labels or sorted(frequency))
    return {"name": name, "values": values, "looks": of_labels | dict.fromkeys((OTHERS, *grey), _GREY_LOOK)}


def nearest(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each sentence, which other one is nearest, and the cosine; of vectors of length 1, at least two."""
    others, cosines = np.empty(len(vectors), dtype=int), np.empty(len(vectors))
    for start in range(0, len(vectors), _BLOCK):
        similar = vectors[start : start + _BLOCK] @ vectors.T
        rows = np.arange(len(similar))
        similar[rows, start + rows] = -np.inf
        others[start : start + _BLOCK] = similar.argmax(axis=1)
        cosines[start : start + _BLOCK] = similar[rows, others[start : start + _BLOCK]]
    # As in the grid, so that a pair reads the same wherever it stands.
    return others, cosines.round(4)


def cosine(vectors: np.ndarray, one: int, other: int) -> float:
    """Of two sentences, rounded as all cosines are."""
    return round(float(vectors[one] @ vectors[other]), 4)


def answers_to_pairs(model: MultiTaskModel) -> bool:
    """Whether the model has heads for two texts."""
    return any(KINDS[spec.kind].texts == 2 for spec in model.tasks.values())


def pair_answers(work: Work, one: int, other: int) -> list[tuple[str, str]]:
    """What each head for two texts says of two sentences."""
    tasks = work.model.tasks
    if not answers_to_pairs(work.model):
        return []
    [found] = work.model.compare([(work.texts[one], work.texts[other])])
    said = []
    for task, answer in found.results.items():
        spec = tasks[task]
        scale = f" ({spec.low:g} to {spec.high:g})" if isinstance(answer, float) else ""
        said.append((task, f"{shown(spec.kind).cell(answer)}{scale}"))
    return said


def about(work: Work, chosen: Sequence[int]) -> dict[str, Any]:
    """Of one chosen sentence, those nearest to it with their cosines, the nearest first; of several, the mean cosine
    of their pairs, and of two what heads for two texts say."""
    vectors = work.vectors(work.pooling)
    rows = [row for row in dict.fromkeys(chosen) if 0 <= row < len(vectors)]
    if len(rows) == 1:
        found = _by_cosine(vectors, vectors[rows[0]], NEAREST + 1)
        return {"nearest": [(row, cosine) for row, cosine in found if row != rows[0]][:NEAREST]}
    if not rows:
        return {}
    # The squared length of the sum holds every pair twice, and each vector with itself.
    total = vectors[rows].sum(axis=0)
    pairs = len(rows) * (len(rows) - 1)
    found = {"mean": round((float(total @ total) - len(rows)) / pairs, 4)}
    return found | ({"answers": pair_answers(work, *rows)} if len(rows) == 2 else {})


def like(work: Work, words: str) -> list[tuple[int, float]]:
    """The sentences whose embeddings are nearest to that of `words`, with their cosines, the nearest first; without
    those that are unlike the texts that the model knows."""
    [wanted] = work.model.encode([words[:SEARCHED]], work.pooling)
    found = _by_cosine(work.vectors(work.pooling), wanted, ALIKE + len(work.unfamiliar))
    return [(row, cosine) for row, cosine in found if row + 1 not in work.unfamiliar][:ALIKE]


def _by_cosine(vectors: np.ndarray, wanted: np.ndarray, most: int) -> list[tuple[int, float]]:
    cosines = vectors @ wanted
    rows = np.argsort(-cosines, kind="stable")[:most].tolist()
    return [(row, round(float(cosines[row]), 4)) for row in rows]


def grid(vectors: np.ndarray) -> dict[str, Any]:
    """The cosine of each pair of at most `MAX_CELLS` sentences: whose `rows` they are, and the `cells` as base64 of
    16-bit whole numbers, in ten-thousandths."""
    count = len(vectors)
    rows = np.arange(count)
    if count > MAX_CELLS:
        rows = np.linspace(0, count - 1, MAX_CELLS).round().astype(int)
    sample = vectors[rows]
    cells = (sample @ sample.T * 10_000).round().astype(np.dtype(np.int16).newbyteorder("little"))
    return {"rows": rows.tolist(), "cells": base64.b64encode(cells.tobytes()).decode()}
