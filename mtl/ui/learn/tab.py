"""The Learn tab: what learning, freezing, rates and forgetting are, with this visitor's own settings as the picture and
figures that were measured with this program."""

from __future__ import annotations

from html import escape

import gradio as gr

from mtl.training import presets
from mtl.ui.learn import view as lessons
from mtl.ui.learn import words
from mtl.ui.page import Session
from mtl.ui.train.settings.step import shape_now
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup, stack

TITLE = words.TITLE
WIDE = True


def build(session: Session) -> None:
    with gr.Column(elem_classes="lesson"):
        opening = gr.HTML(_text(words.INTRO), apply_default_css=False)
        with gr.Row(elem_classes="lesson-row"):
            with gr.Column(min_width=320):
                gr.HTML(_part(words.BACKBONE, words.BACKBONE_PARAGRAPHS), apply_default_css=False)
            with gr.Column(min_width=320):
                picture = gr.HTML(markup.note(words.PICTURE_WAITS), apply_default_css=False, elem_id="learn-stack")
        gr.HTML(_beside(words.POOLING, words.POOLING_PARAGRAPHS, lessons.pooling_picture()), apply_default_css=False)
        gr.HTML(_beside(words.LEARNING, words.LEARNING_PARAGRAPHS, lessons.descent_picture()), apply_default_css=False)
        layers = gr.HTML(apply_default_css=False, elem_id="learn-layers")
        gr.HTML(_part(words.FORGETTING, words.FORGETTING_PARAGRAPHS), apply_default_css=False)
        anchor = gr.HTML(apply_default_css=False, elem_id="learn-anchor")
        gr.HTML(_part(words.SCENARIOS, (words.SCENARIOS_INTRO,)), apply_default_css=False)
        scenarios = gr.HTML(apply_default_css=False, elem_id="learn-scenarios")
    shown = gr.State(0)

    def draw(visit: Visit) -> str:
        return current(visit, session)

    def on_open(visit: Visit, shown: int) -> tuple:
        # What was measured stays the same: it is sent once, and not before somebody looks.
        if shown:
            return draw(visit), gr.skip(), gr.skip(), gr.skip(), 1
        return draw(visit), thaw(visit, session), *lessons.measured(lessons.read()), 1

    session.wire([opening.parent.parent.select], on_open, [shown], [picture, layers, anchor, scenarios, shown])
    session.wire([session.settings.change, session.data.change], draw, [], [picture], trigger_mode="always_last")


# --- handlers ---


def current(visit: Visit, session: Session) -> str:
    """The model as this visitor has set it, as a picture and as a table."""
    groups = shape_now(visit.train, session).under(visit.train.config)
    table = markup.details(words.PICTURE_TABLE, stack.table(groups))
    return f"{stack.svg(groups)}{markup.note(words.PICTURE_CAPTION)}{table}"


def thaw(visit: Visit, session: Session) -> str:
    """The part on rates per layer, with gradual unfreezing of this very model."""
    shape = shape_now(visit.train, session)
    gradual = shape.under(presets.BY_NAME["gradual"].make(shape.groups, visit.train.config))
    return _beside(words.PER_LAYER, words.PER_LAYER_PARAGRAPHS, lessons.thaw_picture(gradual))


# --- parts ---


def _text(*texts: str) -> str:
    return f'<div class="prose">{lessons.paragraphs(texts)}</div>'


def _part(title: str, texts: tuple[str, ...]) -> str:
    return f'<div class="prose"><h3>{escape(title)}</h3>{lessons.paragraphs(texts)}</div>'


def _beside(title: str, texts: tuple[str, ...], picture: str) -> str:
    return f'<div class="beside">{_part(title, texts)}<div class="aside">{picture}</div></div>'
