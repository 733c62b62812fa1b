"""The Embeddings tab: a map, a grid of similarities, nearest neighbours, and the vectors to take away."""

from __future__ import annotations

import io
from collections.abc import Sequence

import gradio as gr
import numpy as np
from markupsafe import Markup

from mtl.clusters import MOST
from mtl.sheets import csv_bytes
from mtl.ui import templates
from mtl.ui.embeddings.view import cosine, looks, nearest, pair_answers
from mtl.ui.page import Session, html
from mtl.ui.visitors import Work
from mtl.ui.widgets import markup
from mtl.ui.widgets.colours import shorten
from mtl.ui.widgets.markup import MAX_ROWS
from mtl.ui.words import DOWNLOAD_CSV

_PARTS = templates.macros("parts.html")
TITLE = "Embeddings"
INTRO = (
    "Each sentence becomes a list of numbers, its embedding. Sentences that mean similar things get similar "
    "embeddings: they lie close together on the map, and their cell in the grid is bright."
)
COMPARE = "Compare two sentences"
COMPARE_NOTE = (
    "Choose any two: the cosine of their embeddings, and the answer of each head that reads two texts. Train on the "
    "sample “pairs” for such a head."
)
UNLIKE = "One of them is unlike the texts that this model knows, or both: do not trust these answers."
# What is asked about the map: the key, the label, the options.
CHOICES = (
    ("method", "Map", (("umap", "UMAP"), ("pca", "PCA"))),
    ("dims", "Dimensions", (("2", "2-D"), ("3", "3-D"))),
)
# So many tags that visitors give to sentences look different.
_OWN_LABELS = 49
ONE_SENTENCE = "With one sentence there is nothing to compare it with. Add a second one."


def build_plots() -> None:
    """The map and the grid, of which there is one each: outside the tabs, as `mtl.plots` moves them to the open one."""
    html(shared_plots(CHOICES), visible="hidden", js_on_load="mtl.plots.start(element)")


def shared_plots(choices: Sequence[tuple]) -> Markup:
    """What the browser draws the map and the grid into, with these `choices` (see `CHOICES`) above the map."""
    own = [*looks([f"{i}" for i in range(_OWN_LABELS)]).values()]
    counts = [(0, "best number"), *((count, f"{count}") for count in range(2, MOST + 1))]
    return templates.render("plots_shared.html", choices=choices, own=own, cluster_counts=counts)


def build(session: Session) -> None:
    html(markup.note(INTRO))
    html(templates.render("slots.html", wide=True), js_on_load="mtl.plots.place(element)")
    html(markup.heading(COMPARE) + markup.note(COMPARE_NOTE))
    session.view("pair", show_pair)
    session.view("neighbours", neighbours)
    with gr.Row(elem_classes="downloads"):
        session.download(DOWNLOAD_CSV, "embeddings.csv", embeddings_csv)
        session.download("Download NPY", "embeddings.npy", embeddings_npy)


# --- views ---


def show_pair(work: Work) -> str:
    """The cosine of two sentences, and what the model's heads for two texts say of them; at first of the first two."""
    texts = work.texts
    if len(texts) == 1:
        return markup.note(ONE_SENTENCE)
    asked = (work.asked.one, work.asked.other)
    places = [place if 1 <= place <= len(texts) else at for at, place in enumerate(asked, 1)]
    choices = [(number, f"{number} {shorten(text, 60)}") for number, text in enumerate(texts[:MAX_ROWS], 1)]
    titles = (("one", "Sentence"), ("other", "Compared with"))
    above = [_PARTS.choice(key, title, choices, place) for (key, title), place in zip(titles, places, strict=True)]
    one, other = (place - 1 for place in places)
    vectors = work.vectors(work.pooling)
    rows = [("cosine", f"{cosine(vectors, one, other):z.3f}"), *pair_answers(work, one, other)]
    unlike = markup.note(UNLIKE, "unfamiliar") if work.unfamiliar & {*places} else Markup()
    return Markup().join(above) + markup.table(COMPARE, ("of the two", "answer"), rows) + unlike


def neighbours(work: Work) -> str:
    """Each sentence with the one closest to it, the closest pairs first."""
    if len(work.analyses) == 1:
        return markup.note(ONE_SENTENCE)
    texts = work.texts
    others, cosines = nearest(work.vectors(work.pooling))
    order = np.argsort(-cosines, kind="stable")
    rows = [(int(i) + 1, texts[i], int(others[i]) + 1, texts[others[i]], float(cosines[i])) for i in order]
    title, headers = "Nearest neighbours", ("#", "sentence", "#", "nearest", "cosine")
    return markup.heading(title) + markup.table(title, headers, rows, "sentences", sentences=order.tolist())


# --- downloads ---


def embeddings_csv(work: Work) -> bytes:
    vectors = work.vectors(work.pooling)
    headers = ["text", *(f"e{i}" for i in range(vectors.shape[1]))]
    # Six digits keep a cosine exact to the fifth, in half the space.
    rows = ([t, *(float(f"{x:.6g}") for x in v)] for t, v in zip(work.texts, vectors.tolist(), strict=True))
    return csv_bytes(headers, rows)


def embeddings_npy(work: Work) -> bytes:
    file = io.BytesIO()
    np.save(file, work.vectors(work.pooling), allow_pickle=False)
    return file.getvalue()
