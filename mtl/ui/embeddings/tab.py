"""The Embeddings tab: a map, a grid of similarities, nearest neighbours, and the vectors to take away."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from mtl import maps
from mtl.config import KINDS
from mtl.sheets import csv_bytes
from mtl.text.values import plural
from mtl.ui.kinds import shown
from mtl.ui.page import Session
from mtl.ui.visitors import Work
from mtl.ui.widgets import figures, markup
from mtl.ui.widgets.figures import shorten
from mtl.ui.words import DOWNLOAD_CSV

TITLE = "Embeddings"
INTRO = (
    "Each sentence becomes a list of numbers, its embedding. Sentences that mean similar things get similar "
    "embeddings: they lie close together on the map, and their cell in the grid is bright."
)
PCA_NOTE = "PCA: the directions in which the sentences differ most. Distances are honest, crowded areas overlap."
UMAP_NOTE = "UMAP: keeps neighbours together. Groups mean something; the distance between far groups does not."
UMAP_WARMING = "UMAP is getting ready (once per start of the server). Until then this is PCA; it changes by itself."
HEATMAP_NOTE = "Cosine similarity of each pair: 1 means the same direction, 0 nothing in common."
COMPARE = "Compare two sentences"
COMPARE_NOTE = (
    "Choose any two: the cosine of their embeddings, and the answer of each head that reads two texts. Train on the "
    "sample “pairs” for such a head."
)
ONE_SENTENCE = "With one sentence there is nothing to compare it with. Add a second one."

# What the points can be coloured by: a task's answers or a column of the visitor's file. The prefix keeps a
# column called "sentiment" apart from the model's own.
NOTHING, TASK, COLUMN = "nothing", "task:", "file:"
# UMAP of more sentences than this takes long enough to show PCA in the meantime.
QUICK = 300


@dataclass(frozen=True)
class Map:
    """The map, a line about it, the two choices brought up to date with this analysis, and the timer that replaces a
    PCA by UMAP once that is ready."""

    plot: Any
    note: str
    colour: Any
    pooling: Any
    timer: Any


@dataclass(frozen=True)
class Similarity:
    """The grid, a line about it, and the table of nearest neighbours."""

    grid: Any
    note: str
    neighbours: str


@dataclass(frozen=True)
class Pair:
    """The choices of two sentences, and what the model says of the two."""

    one: Any
    other: Any
    view: str


def build(session: Session) -> None:
    gr.HTML(markup.note(INTRO), apply_default_css=False)
    with gr.Row(elem_classes="controls"):
        method = gr.Radio([("UMAP", "umap"), ("PCA", "pca")], value="umap", label="Map", min_width=120)
        dims = gr.Radio([("2-D", 2), ("3-D", 3)], value=2, label="Dimensions", min_width=110)
        colour = gr.Dropdown([], value=None, label="Colour by", filterable=False, min_width=140)
        pooling = gr.Dropdown(["mean"], value="mean", label="Pooling", filterable=False, min_width=110)
    with gr.Row(elem_classes="plots"):
        with gr.Column(min_width=320):
            plot = gr.Plot(show_label=False, container=False, elem_id="map")
            map_note = gr.HTML(apply_default_css=False)
        with gr.Column(min_width=320):
            grid = gr.Plot(show_label=False, container=False, elem_id="heatmap")
            grid_note = gr.HTML(apply_default_css=False)
    with gr.Column(elem_id="compare-two"):
        gr.HTML(markup.heading(COMPARE) + markup.note(COMPARE_NOTE), apply_default_css=False)
        with gr.Row(elem_classes="controls"):
            one = gr.Dropdown([], value=None, label="Sentence", filterable=False, min_width=240)
            other = gr.Dropdown([], value=None, label="Compared with", filterable=False, min_width=240)
        pair = gr.HTML(apply_default_css=False, elem_id="pair")
    near = gr.HTML(apply_default_css=False, elem_id="neighbours")
    with gr.Row(elem_classes="downloads"):
        session.download(DOWNLOAD_CSV, "embeddings.csv", embeddings_csv, [pooling])
        session.download("Download NPY", "embeddings.npy", embeddings_npy, [pooling])

    settings = [method, dims, colour, pooling]
    # Runs only while a PCA stands in for UMAP.
    timer = gr.Timer(1.5, active=False)
    shown = {"plot": plot, "note": map_note, "colour": colour, "pooling": pooling, "timer": timer}
    session.show(show_map, settings, shown)
    session.on([timer.tick], replace_by_umap, settings, shown, needs_work=False)
    similarity = {"grid": grid, "note": grid_note, "neighbours": near}
    session.show(show_similarity, [pooling, session.narrow], similarity)
    session.show(show_pair, [one, other, pooling], {"one": one, "other": other, "view": pair})


# --- handlers ---


def colour_choices(work: Work) -> list[tuple[str, str]]:
    """(name, value) of everything the points of this analysis can be coloured by."""
    first = work.analyses[0].results
    tasks = [
        (name, TASK + name)
        for name, spec in work.model.tasks.items()
        if name in first and shown(spec.kind).colour_of(first[name]) is not None
    ]
    columns = [(f"file: {name}", COLUMN + name) for name in work.labels]
    return [*tasks, *columns, (NOTHING, NOTHING)]


def colour_values(work: Work, choice: str) -> list[str | float | None] | None:
    """One label or number per sentence, for a choice of `colour_choices`."""
    if choice.startswith(COLUMN):
        return list(work.labels[choice.removeprefix(COLUMN)])
    if choice.startswith(TASK):
        task = choice.removeprefix(TASK)
        view = shown(work.model.tasks[task].kind)
        return [view.colour_of(a.results[task]) for a in work.analyses]
    return None


def show_map(work: Work, method: str, dims: int, colour: str | None, pooling: str) -> Iterator[Map]:
    """A map by `method`; a PCA comes first where UMAP is not ready yet, or takes long."""
    choices = colour_choices(work)
    names = {value: name for name, value in choices}
    # Before the first analysis nothing is chosen, and a choice may be gone: then it is the first task.
    colour = colour if colour in names else choices[0][1]
    pooling = pooling if pooling in work.model.poolings else work.pooling
    values = colour_values(work, colour)

    def drawn(chosen: str, note: str = "") -> Map:
        laid_out = work.map(pooling, chosen, dims)
        note = note or laid_out.note or (UMAP_NOTE if laid_out.method == "umap" else PCA_NOTE)
        return Map(
            figures.map_figure(laid_out.points, work.texts, values, names[colour]),
            markup.note(note),
            gr.update(choices=choices, value=colour),
            gr.update(choices=list(work.model.poolings), value=pooling),
            gr.update(active=note == UMAP_WARMING),
        )

    enough = maps.count_different(work.vectors(pooling)) >= maps.MIN_UMAP
    if method == "umap" and enough and not work.has_map(pooling, method, dims):
        if not maps.is_warm():
            yield drawn("pca", UMAP_WARMING)
            return
        if len(work.analyses) > QUICK:
            yield drawn(
                "pca", f"UMAP is placing {plural(len(work.analyses), 'sentence')}. Until it is done this is PCA."
            )
    yield drawn(method)


def replace_by_umap(work: Work, method: str, dims: int, colour: str | None, pooling: str) -> Iterator[Map]:
    """The same once UMAP is ready, and nothing before that."""
    if maps.is_warm():
        yield from show_map(work, method, dims, colour, pooling)


def show_similarity(work: Work, pooling: str, narrow: bool) -> Similarity:
    vectors = work.vectors(pooling)
    count = len(vectors)
    if count == 1:
        return Similarity(None, markup.note(ONE_SENTENCE), "")
    rows = figures.sample_rows(count)
    sample = vectors[rows]
    grid = figures.heatmap_figure(sample @ sample.T, [work.texts[i] for i in rows], rows + 1, narrow)
    note = HEATMAP_NOTE
    if len(rows) < count:
        shown = f"{len(rows)} of {plural(count, 'sentence')}"
        note = f"The grid shows {shown}, evenly spaced; the map and the downloads have all."
    return Similarity(grid, markup.note(note), neighbours_table(work.texts, vectors))


def show_pair(work: Work, one: int | None, other: int | None, pooling: str) -> Pair:
    """The cosine of two sentences, and what the model's heads for two texts say of them; at first of the first two."""
    texts = work.texts
    choices = [(f"{number} {shorten(text, 60)}", number) for number, text in enumerate(texts, 1)]
    first, second = (
        place if place is not None and 1 <= place <= len(texts) else min(at, len(texts))
        for at, place in ((1, one), (2, other))
    )
    if len(texts) == 1:
        return Pair(gr.update(choices=choices, value=1), gr.update(choices=choices, value=1), markup.note(ONE_SENTENCE))
    vectors = work.vectors(pooling)
    rows = [("cosine", f"{vectors[first - 1] @ vectors[second - 1]:.3f}")]
    tasks = work.model.tasks
    if any(KINDS[spec.kind].texts == 2 for spec in tasks.values()):
        [found] = work.model.compare([(texts[first - 1], texts[second - 1])])
        rows += [(task, shown(tasks[task].kind).cell(answer)) for task, answer in found.results.items()]
    view = markup.table(COMPARE, ("of the two", "answer"), rows)
    return Pair(gr.update(choices=choices, value=first), gr.update(choices=choices, value=second), view)


def neighbours_table(texts: list[str], vectors: np.ndarray) -> str:
    """Each sentence with the one closest to it, the closest pairs first."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    nearest = similarity.argmax(axis=1)
    cosine = similarity[np.arange(len(texts)), nearest]
    order = np.argsort(-cosine, kind="stable")
    rows = [(int(i) + 1, texts[i], int(nearest[i]) + 1, texts[nearest[i]], float(cosine[i])) for i in order]
    title, headers = "Nearest neighbours", ("#", "sentence", "#", "nearest", "cosine")
    return markup.heading(title) + markup.table(title, headers, rows, "sentences")


def embeddings_csv(work: Work, pooling: str) -> bytes:
    vectors = work.vectors(pooling)
    headers = ["text", *(f"e{i}" for i in range(vectors.shape[1]))]
    # Six digits keep a cosine exact to the fifth, in half the space.
    rows = ([t, *(float(f"{x:.6g}") for x in v)] for t, v in zip(work.texts, vectors.tolist(), strict=True))
    return csv_bytes(headers, rows)


def embeddings_npy(work: Work, pooling: str) -> bytes:
    file = io.BytesIO()
    np.save(file, work.vectors(pooling), allow_pickle=False)
    return file.getvalue()
