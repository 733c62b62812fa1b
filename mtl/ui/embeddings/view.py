"""What the map and the grid of similarities show, as plain values that the browser draws."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from mtl import maps
from mtl.text.values import plural
from mtl.ui.kinds import shown
from mtl.ui.visitors import Work
from mtl.ui.widgets.colours import GREY, colours

PCA_NOTE = "PCA: the directions in which the sentences differ most. Distances are honest, crowded areas overlap."
UMAP_NOTE = "UMAP: keeps neighbours together. Groups mean something; the distance between far groups does not."
KEPT = "{} of {} sentences lie nearest to the one that is truly nearest to them, to which dotted lines lead."
UMAP_WARMING = "UMAP is getting ready (once per start of the server). Until then this is PCA; it changes by itself."

# The symbols that plotly draws in two and in three dimensions. A label has the same in every view.
SYMBOLS = ("circle", "diamond", "square", "cross", "x", "circle-open", "diamond-open", "square-open")
OTHERS, NO_LABEL = "other labels", "no label"
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
    """Everything that points can be coloured by: the tasks, then the columns of the visitor's file.

    `values`: a label or a number for each sentence, or None. `looks`: the colour and the symbol of each label; None
    where the values are numbers.
    """
    first = work.analyses[0].results
    found = []
    for name, spec in work.model.tasks.items():
        if name not in first or (colour := shown(spec.kind).colour_of)(first[name]) is None:
            continue
        found.append(_colouring(name, [colour(answer) for answer in work.answers(name)], spec.labels))
    return found + [_colouring(f"file: {name}", values) for name, values in work.labels.items()]


def _colouring(name: str, values: Sequence[str | float | None], labels: Sequence[str] = ()) -> dict[str, Any]:
    if all(value is None or isinstance(value, (int, float)) for value in values):
        return {"name": name, "values": list(values), "looks": None}
    values = [NO_LABEL if value is None else str(value) for value in values]
    frequency = Counter(value for value in values if value != NO_LABEL)
    most = len(SYMBOLS) - 1
    kept = list(labels or sorted(frequency, key=lambda label: (-frequency[label], label)))
    if len(kept) > most:  # the most frequent ones here
        kept = [label for label, _ in frequency.most_common(most - 1)]
    values = [value if value in kept or value == NO_LABEL else OTHERS for value in values]
    looks = {label: (colour, SYMBOLS[i]) for i, (label, colour) in enumerate(colours(kept).items())}
    return {
        "name": name,
        "values": values,
        "looks": looks | {OTHERS: (GREY, SYMBOLS[-1]), NO_LABEL: (GREY, SYMBOLS[-1])},
    }


def nearest(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each sentence, which other one is nearest, and the cosine; of vectors of length 1, at least two."""
    others, cosines = np.empty(len(vectors), dtype=int), np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), _BLOCK):
        similar = vectors[start : start + _BLOCK] @ vectors.T
        rows = np.arange(len(similar))
        similar[rows, start + rows] = -np.inf
        others[start : start + _BLOCK] = similar.argmax(axis=1)
        cosines[start : start + _BLOCK] = similar[rows, others[start : start + _BLOCK]]
    return others, cosines


def grid(vectors: np.ndarray) -> dict[str, Any]:
    """The cosine of each pair of at most `MAX_CELLS` sentences: whose `rows` they are, and the `cells` as base64 of
    16-bit whole numbers, in ten-thousandths."""
    count = len(vectors)
    rows = np.arange(count)
    if count > MAX_CELLS:
        rows = np.linspace(0, count - 1, MAX_CELLS).round().astype(int)
    sample = vectors[rows]
    cells = (sample @ sample.T * 10_000).round().astype("<i2")
    return {"rows": rows.tolist(), "cells": base64.b64encode(cells.tobytes()).decode()}
