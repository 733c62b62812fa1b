"""The Entities tab: the names in the sentences, marked where they stand."""

from __future__ import annotations

import gradio as gr

from mtl.ui import markup, text
from mtl.ui.downloads import csv_bytes
from mtl.ui.session import Session
from mtl.ui.visits import Work

TITLE = text.ENTITIES
TASK = "entities"


def build(session: Session) -> None:
    gr.HTML(markup.note(text.ENTITIES_INTRO), apply_default_css=False)
    view = gr.HTML(apply_default_css=False, elem_id="entities-view")
    with gr.Row(elem_classes="downloads"):
        session.download(text.DOWNLOAD_CSV, "entities.csv", entities_csv)
    session.show(show_entities, [], [view])


# --- handlers ---


def show_entities(work: Work) -> str:
    """The marked texts with their legend and table, as HTML."""
    answers = work.answers(TASK, "tagging")
    if answers is None:
        return markup.note(text.not_in_model(TASK, list(work.model.tasks)))
    return markup.entities(work.texts, answers, work.model.tasks[TASK].labels)


def entities_csv(work: Work) -> bytes:
    rows = [
        (number, sentence, e.text, e.label, e.start, e.end, round(e.score, 4))
        for number, (sentence, found) in enumerate(
            zip(work.texts, work.answers(TASK, "tagging") or [], strict=False), 1
        )
        for e in found
    ]
    return csv_bytes(("sentence", "sentence text", "text", "label", "start", "end", "score"), rows)
