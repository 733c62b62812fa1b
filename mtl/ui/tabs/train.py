"""The Train tab: four steps on one screen, each usable at once."""

from __future__ import annotations

import gradio as gr

from mtl.ui import text
from mtl.ui.session import Session
from mtl.ui.train import controls, data, live, result

TITLE = text.TRAIN
WIDE = True


def build(session: Session) -> None:
    # What to learn from stands beside how, as far as the screen is wide enough.
    with gr.Row(elem_classes="steps"):
        data.build(session)
        controls.build(session)
    live.build(session)
    result.build(session)
