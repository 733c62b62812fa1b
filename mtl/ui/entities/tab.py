"""The Entities tab: the names in the sentences, marked where they stand."""

from __future__ import annotations

import gradio as gr

from mtl.sheets import csv_bytes
from mtl.ui.page import Session
from mtl.ui.visitors import Work
from mtl.ui.widgets import heads, markup
from mtl.ui.words import DOWNLOAD_CSV

TITLE = "Entities"
TASK = "entities"  # the tab, and the head that it shows first
INTRO = "Names of people, organisations, places and other things, marked where they stand in your text."


def build(session: Session) -> None:
    with gr.Row(elem_classes=["controls", "sorting"]):
        gr.HTML(markup.note(INTRO), apply_default_css=False, min_width=280, scale=3)
        head = heads.chooser()
    view = gr.HTML(apply_default_css=False, elem_id="entities-view")
    with gr.Row(elem_classes="downloads"):
        session.download(DOWNLOAD_CSV, "entities.csv", entities_csv, [head])
    session.show(show_entities, [head], [view, head])


# --- handlers ---


def show_entities(work: Work, head: str | None) -> tuple:
    """The marked texts with their legend and table as HTML, and the heads there are.

    `head` is the one wanted; without it the head called entities is shown, or else the first there is."""
    task, note, chooser = heads.choose(work, TASK, head)
    if task is None:
        return note, chooser
    return note + markup.entities(work.texts, work.answers(task), work.model.tasks[task].labels), chooser


def entities_csv(work: Work, head: str | None = None) -> bytes:
    task = work.head(TASK, head)
    answers = [] if task is None else work.answers(task)
    rows = [
        (number, sentence, e.text, e.label, e.start, e.end, round(e.score, 4))
        for number, (sentence, spans) in enumerate(zip(work.texts, answers, strict=False), 1)
        for e in spans
    ]
    return csv_bytes(("sentence", "sentence text", "text", "label", "start", "end", "score"), rows)
