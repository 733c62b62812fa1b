"""The Learn tab: what learning, freezing, rates and forgetting are, with this visitor's own settings as the picture and
figures that were measured with this program."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from mtl.files import json_or_nothing
from mtl.training import presets
from mtl.ui.learn import view, words
from mtl.ui.page import UNCHANGED, Session, html, unfolding
from mtl.ui.train.settings.step import shape_now
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup, stack

TITLE = words.TITLE
WIDE = True


@dataclass(frozen=True)
class Shown:
    """The picture of the model, what introduces the lessons, the first one beside the picture, and all others.
    `opened`: these have been sent."""

    picture: str
    intro: Any = UNCHANGED
    first: Any = UNCHANGED
    others: Any = UNCHANGED
    opened: Any = UNCHANGED


def build(session: Session) -> None:
    _, title, _ = view.parts("backbone")
    with gr.Column(elem_classes="lesson") as column:
        intro = html()
        with (
            unfolding(markup.heading(title), "chapter-backbone", kind="chapter", open=True),
            gr.Row(elem_classes="lesson-row"),
        ):
            with gr.Column(min_width=320):
                first = html()
            with gr.Column(min_width=320):
                picture = html(markup.note(words.PICTURE_WAITS), elem_id="learn-stack")
        others = html(js_on_load="mtl.fold(element, watch)")
        shown = {"picture": picture, "intro": intro, "first": first, "others": others, "opened": gr.State(False)}
    session.wire([column.parent.select], partial(show, session), [shown["opened"]], shown)
    session.wire(
        [session.settings.change, session.data.change],
        partial(current, session),
        [],
        [picture],
        trigger_mode="always_last",
    )


# --- handlers ---


def show(session: Session, visit: Visit, opened: bool) -> Shown:
    """The whole tab when it is first opened; after that only the picture, as nothing else changes."""
    picture = current(session, visit)
    if opened:
        return Shown(picture)
    shape = shape_now(session, visit.train)
    gradual = shape.under(presets.BY_NAME["gradual"].make(shape.groups, visit.train.config))
    intro, _, first = view.lesson("backbone")
    return Shown(picture, intro + view.contents(), first, view.lessons(gradual, json_or_nothing(view.FIGURES)), True)


def current(session: Session, visit: Visit) -> str:
    """The model as this visitor has set it, as a picture and as a table."""
    groups = shape_now(session, visit.train).under(visit.train.config)
    table = markup.details(words.PICTURE_TABLE, stack.table(groups))
    return f"{stack.svg(groups)}{markup.note(words.PICTURE_CAPTION)}{table}"
