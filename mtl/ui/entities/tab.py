"""The Entities tab: the names in the sentences, marked where they stand."""

from __future__ import annotations

import gradio as gr

from mtl.sheets import csv_bytes
from mtl.ui.page import Session, html
from mtl.ui.visitors import Work
from mtl.ui.widgets import heads, markup
from mtl.ui.words import DOWNLOAD_CSV

TITLE = "Entities"
TASK = "entities"  # the tab, and the head that it shows first
INTRO = "Names of people, organisations, places and other things, marked where they stand in your text."


def build(session: Session) -> None:
    html(markup.note(INTRO))
    session.view("entities-view", show_entities)
    with gr.Row(elem_classes="downloads"):
        session.download(DOWNLOAD_CSV, "entities.csv", entities_csv)


def show_entities(work: Work) -> str:
    """The marked texts with their legend and table: of the head that was asked for, else of the one called entities,
    else of the first there is."""
    task, above = heads.choose(work, TASK, work.asked.span_head, "span_head")
    if task is None:
        return above
    return above + markup.entities(work.texts, work.answers(task), work.model.tasks[task].labels, work.unfamiliar)


def entities_csv(work: Work) -> bytes:
    task = work.head(TASK, work.asked.span_head)
    answers = [] if task is None else work.answers(task)
    familiar, column = work.familiarity, ("familiarity",) if work.familiarity else ()
    rows = [
        (i + 1, work.texts[i], e.text, e.label, e.start, e.end, round(e.score, 4), *familiar[i : i + 1])
        for i, spans in enumerate(answers)
        for e in spans
    ]
    return csv_bytes(("sentence", "sentence text", "text", "label", "start", "end", "score", *column), rows)
