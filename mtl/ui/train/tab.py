"""The Train tab: five steps on one screen, each usable at once, and the bar with Start, which stays in view."""

from __future__ import annotations

import gradio as gr

from mtl.ui import words as text
from mtl.ui.page import Session
from mtl.ui.train.data import step as data
from mtl.ui.train.predict import step as predict
from mtl.ui.train.result import step as result
from mtl.ui.train.run import step as live
from mtl.ui.train.settings import step as controls

TITLE = text.TRAIN
WIDE = True


def build(session: Session) -> None:
    # What to learn from stands beside how, as far as the screen is wide enough.
    with gr.Row(elem_classes="steps"):
        data.build(session)
        controls.build(session)
    pictures = live.build(session)
    result.build(session)
    predict.build(session)
    live.build_bar(session, pictures)
