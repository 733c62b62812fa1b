"""The Learn tab: what learning, freezing, rates and forgetting are, with this visitor's own settings as the picture and
figures that were measured with this program."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from mtl.training import presets
from mtl.ui.learn import view, words
from mtl.ui.page import UNCHANGED, Session
from mtl.ui.train.settings.step import shape_now
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup, stack

TITLE = words.TITLE
WIDE = True


@dataclass(frozen=True)
class Shown:
    """What changes in the tab: a value for each of its components. `opened`: all of it has been sent."""

    picture: Any = UNCHANGED
    backbone: Any = UNCHANGED
    pooling: Any = UNCHANGED
    learning: Any = UNCHANGED
    rates: Any = UNCHANGED
    forgetting: Any = UNCHANGED
    anchor: Any = UNCHANGED
    presets: Any = UNCHANGED
    scenarios: Any = UNCHANGED
    opened: Any = UNCHANGED


def build(session: Session) -> None:
    with gr.Column(elem_classes="lesson"):
        intro = gr.HTML(view.prose(words.INTRO), apply_default_css=False)
        with gr.Row(elem_classes="lesson-row"):
            with gr.Column(min_width=320):
                backbone = gr.HTML(apply_default_css=False)
            with gr.Column(min_width=320):
                picture = gr.HTML(markup.note(words.PICTURE_WAITS), apply_default_css=False, elem_id="learn-stack")
        shown = {
            "backbone": backbone,
            "picture": picture,
            "pooling": gr.HTML(apply_default_css=False),
            "learning": gr.HTML(apply_default_css=False),
            "rates": gr.HTML(apply_default_css=False, elem_id="learn-layers"),
            "forgetting": gr.HTML(apply_default_css=False),
            "anchor": gr.HTML(apply_default_css=False, elem_id="learn-anchor"),
            "presets": gr.HTML(apply_default_css=False),
            "scenarios": gr.HTML(apply_default_css=False, elem_id="learn-scenarios"),
            "opened": gr.State(False),
        }
    session.wire([intro.parent.parent.select], partial(show, session), [shown["opened"]], shown)
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
    picture = Shown(picture=current(session, visit))
    if opened:
        return picture
    anchor, scenarios = view.measured(view.read())
    return replace(
        picture,
        backbone=view.lesson("backbone"),
        pooling=view.beside(view.lesson("pooling"), view.pooling_picture()),
        learning=view.beside(view.lesson("learning"), view.descent_picture()),
        rates=thaw(session, visit),
        forgetting=view.lesson("forgetting"),
        anchor=anchor,
        presets=view.lesson("presets"),
        scenarios=scenarios,
        opened=True,
    )


def current(session: Session, visit: Visit) -> str:
    """The model as this visitor has set it, as a picture and as a table."""
    groups = shape_now(session, visit.train).under(visit.train.config)
    table = markup.details(words.PICTURE_TABLE, stack.table(groups))
    return f"{stack.svg(groups)}{markup.note(words.PICTURE_CAPTION)}{table}"


def thaw(session: Session, visit: Visit) -> str:
    """The lesson on rates per layer, with gradual unfreezing of this visitor's model."""
    shape = shape_now(session, visit.train)
    gradual = shape.under(presets.BY_NAME["gradual"].make(shape.groups, visit.train.config))
    return view.beside(view.lesson("rates"), view.thaw_picture(gradual))
