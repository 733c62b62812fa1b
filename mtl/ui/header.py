"""The top of the page: its name, the model in use, and the ways back to the page's own model and to the one of before
the server was started again."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from mtl.config import UserError
from mtl.text.values import plural
from mtl.ui import names, templates
from mtl.ui.checkpoint_upload import MAX_ZIP_BYTES
from mtl.ui.page import Session, html, labelled, use_model
from mtl.ui.sentences import MAX_FILE_BYTES
from mtl.ui.server import static
from mtl.ui.train.result import words
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup

# Bytes that each place for a file takes. The browser clicks the hidden button beside it when a file is larger.
_LIMITS = {
    **dict.fromkeys(("#file", "#data-file", "#validation-file", "#label-file", "#rows-file"), MAX_FILE_BYTES),
    "#checkpoint": MAX_ZIP_BYTES,
}
CHIP_TITLE = "The model in use: its name, its parameters, its parts, the number format it computes in."
CHOSEN_CHIP_TITLE = "The model in use, chosen by you in this window alone: its name, what was trained in it, its parts."


@dataclass(frozen=True)
class InUse:
    """The header that names the model in use; the button back to the page's own; and, where the server has forgotten
    which one was in use, a line that says so and a button to use it again."""

    header: str
    reset: gr.Button
    forgotten: Any
    before: str
    use: gr.Button


def build(session: Session) -> dict[str, gr.blocks.Block]:
    """The widgets, by the names of `InUse`."""
    with gr.Row(elem_id="top"):
        top = html(header("loading the model …"), js_on_load="mtl.remember(element, watch)", elem_id="header")
        reset = gr.Button(
            words.back(names.own_name(session.engine.name)), size="sm", visible=False, scale=0, elem_id="reset-model"
        )
    with gr.Row(visible=False, elem_id="used-before") as forgotten:
        before = html()
        use = gr.Button(words.USE, size="sm", scale=0, elem_id="use-again")
    return {"header": top, "reset": reset, "forgotten": forgotten, "before": before, "use": use}


def follow(session: Session, demo: gr.Blocks, widgets: dict[str, gr.blocks.Block]) -> None:
    """Let them show which model is in use, once the rest of the page is built."""
    # After a long pause the server has forgotten a choice: the next analysis then shows what it was made with.
    session.wire([demo.load, session.model.change, session.news.input], partial(show, session), [], widgets)
    session.wire([widgets["use"].click], partial(use_again, session), [], [session.model])
    session.wire([widgets["reset"].click], partial(use_model, session), [], [session.model])


# --- handlers ---


def show(session: Session, visit: Visit) -> InUse:
    """Waits for the model."""
    path, before = visit.train.model, visit.train.used_before
    name = names.name_of_run(session.runs, visit.owner, before) if before else ""
    return InUse(
        header=_of_model(session, visit),
        reset=labelled(words.back(names.own_name(session.engine.name)), visible=path is not None),
        forgotten=gr.update(visible=before is not None),
        before=markup.note(words.forgotten(name, names.own_name(session.engine.name))),
        use=labelled(words.use_again(name)),
    )


def use_again(session: Session, visit: Visit) -> int:
    """Let the visitor's tabs use the model that they used before the server was started again."""
    run = with_model(session, visit.train.used_before, visit.owner)
    if run is None:
        raise UserError(names.MODEL_GONE)
    path = session.runs.root / run / "checkpoint"
    session.models.get(path)
    return use_model(session, visit, path)


def with_model(session: Session, run: Any, owner: str) -> str | None:
    """The id of a run, as a browser gives it, if it is `owner`'s and has left a model."""
    with contextlib.suppress(UserError):
        if isinstance(run, str) and run and session.runs.progress(run, owner).checkpoint:
            return run
    return None


# --- the header ---


def header(chip: str, about: str = CHIP_TITLE, run: str | None = None) -> str:
    """`run`: the id of the run whose model is in use, or was before the server was started again, "" for none; None
    while the server does not know whose page it is, and so the browser shall not forget what it knows."""
    return templates.render("header.html", chip=chip, about=about, run=run, limits=_LIMITS, plotly=static.PLOTLY)


def _of_model(session: Session, visit: Visit) -> str:
    path = visit.train.model
    try:
        model = session.models.get(path)
    except UserError:
        return header("no model")
    heads = plural(len(model.tasks), "head") if model.tasks else "no heads"
    if path is None:
        about, size = CHIP_TITLE, f"{model.backbone.parameter_count / 1e6:.1f} M"
        parts = (names.own_name(session.engine.name), f"one backbone of {size}, {heads}", model.dtype)
    else:
        about = CHOSEN_CHIP_TITLE
        name = names.name_of_model(session.runs, visit.owner, path)
        parts = (name, names.trained_in(path), heads, model.dtype)
    run = path.parent.name if path and path.parent.parent == session.runs.root else visit.train.used_before or ""
    run = run if visit.owner else None
    return header(" · ".join(part for part in parts if part), f"{about} {model.slow_format}".strip(), run)
