"""The Overview tab: what one pass answers, a row for each sentence, beside the map and the grid, and how
a program asks for the same."""

from __future__ import annotations

import gradio as gr

from mtl.ui import templates
from mtl.ui.page import Session, html
from mtl.ui.programs import snippets

TITLE = "Overview"


def build(session: Session) -> None:
    html(templates.render("jump.html"), elem_id="jump")
    with gr.Row(elem_classes="overview"):
        with gr.Column(min_width=320, scale=3):
            html(templates.render("overview_rows.html"), elem_id="overview", js_on_load="mtl.overview(element)")
        with gr.Column(min_width=320, scale=2):
            html(templates.render("slots.html", wide=False), js_on_load="mtl.plots.place(element)")
    snippets.build(session)
