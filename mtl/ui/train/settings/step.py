"""Step 2 of the Train tab: what learns, how fast and for how long. `visit.train.config` is what the form says."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from mtl.config import TrainConfig, UserError, settings
from mtl.groups import Groups
from mtl.training.presets import BY_NAME, which
from mtl.ui import words as text
from mtl.ui.page import UNCHANGED, Session, html
from mtl.ui.train.settings import words
from mtl.ui.train.settings.form import form
from mtl.ui.train.settings.shape import Shape, fit, shape_of
from mtl.ui.train.settings.sharing import BACKBONE, OWN, command, from_file, from_link, to_file, to_link
from mtl.ui.train.state import TrainState
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup, stack

USED = "used"
# In the browser; see assets/controls.js.
_CONTROLS = "mtl.controls(element, trigger, watch)"
# Rates from here on are called high: of layers, of heads.
_HIGH = (1e-3, 3e-2)


def build(session: Session) -> None:
    with gr.Column(elem_classes="step", elem_id="step-learns"):
        html(markup.heading(words.HEADING) + markup.note(words.INTRO))
        picture = html(markup.note(words.LOADING), js_on_load=_CONTROLS, elem_id="what-learns")
        message = html(elem_id="learns-said")
        outcome = html(js_on_load=_CONTROLS, elem_id="learns-outcome")
        with gr.Accordion(words.TAKE_AWAY, open=False, elem_id="take-away"):
            parcel = html(js_on_load=_CONTROLS, elem_id="parcel")
            with gr.Row():
                file = html()
                load = gr.UploadButton(words.LOAD, file_types=[".json"], size="sm", elem_id="load-settings")
        collected = gr.Textbox(visible=False)

    outputs = {
        "form": picture,
        "message": message,
        "outcome": outcome,
        "parcel": parcel,
        "file": file,
        "revision": session.settings,
    }
    # In the order in which they were sent: an older touch must not overtake a newer one.
    order = {"concurrency_id": "settings", "concurrency_limit": 1, "trigger_mode": "always_last"}

    def wire(triggers: Sequence[Any], handler: Callable, inputs: Sequence[Any], **options: Any) -> Any:
        return session.wire(triggers, partial(after, handler, session), inputs, outputs, **{**order, **options})

    wire([picture.input], change, [collected], js="mtl.collect")
    wire([load.upload], load_file, [load])
    wire([session.data.change, session.model.change], refresh, [])
    arrived = wire([session.arrival.change], arrive, [collected], js="mtl.query")
    arrived.then(None, js=f"() => mtl.openLinked({json.dumps(text.TRAIN)})", api_visibility="private")


# --- handlers ---


@dataclass(frozen=True)
class Change:
    """What a handler made of the settings. `message` is for the visitor (None: the one before still stands), `bad` when
    something was refused; `rewrite` says that the form has to be written again, because not all of the change came from
    a touch (None: only for another model or other tasks; what somebody is just typing would be lost)."""

    message: str | None = ""
    bad: bool = False
    rewrite: bool | None = True


@dataclass(frozen=True)
class Shown:
    """What the page shows of the settings: the form, a message, what they come to, and the same to take away."""

    form: Any
    message: Any
    outcome: str
    parcel: str
    file: str
    revision: int


def after(handler: Callable[..., Change], session: Session, visit: Visit, *values: Any) -> Shown:
    """What the page shows after `handler(session, visit, *values)`."""
    made = handler(session, visit, *values)
    train = visit.train
    shape = shape_now(session, train)
    train.config, dropped = fit(train.config, shape)
    start, starts = start_of(session, train), starts_of(session, train)
    parts = (shape, start, starts)
    rewrite = bool(dropped) or (parts != train.parts if made.rewrite is None else made.rewrite)
    if rewrite:
        train.parts = parts
    return Shown(
        form=form(shape, train.config, start, starts) if rewrite else UNCHANGED,
        message=UNCHANGED if made.message is None and not dropped else _message(made.message, dropped, made.bad),
        outcome=outcome_html(shape, train.config, start),
        parcel=parcel_html(train, start, session.engine.name),
        file=file_html(train.config),
        revision=session.next_revision(),
    )


def _message(message: str | None, notes: Sequence[str], bad: bool) -> str:
    """What was, or was not, taken from a file, a link or the form."""
    return markup.status(message or words.CHANGED, notes, "bad" if bad else "ok") if message or notes else ""


def refresh(session: Session, visit: Visit) -> Change:
    """The data or the model in use is another one: the same settings for other parts."""
    train = visit.train
    if start_of(session, train) == USED:
        train.start_from = None if train.model is None else str(train.model)
    return Change(None, rewrite=None)


def arrive(session: Session, visit: Visit, query: str) -> Change:
    """The page has loaded, perhaps by a link that carries settings."""
    try:
        linked = from_link(query or "")
    except UserError as problem:
        return Change(str(problem), bad=True)
    if linked is None:
        return Change()
    visit.train.config, start = linked
    visit.train.start_from = _start_from(session, visit.train, start)
    return Change("" if query.endswith("&again=1") else words.LINK_SET)


def load_file(session: Session, visit: Visit, path: str) -> Change:
    """A run.json sets every control; the start stays as it is."""
    name = Path(path).name
    try:
        visit.train.config = from_file(Path(path), name)
    except UserError as problem:
        return Change(str(problem), bad=True, rewrite=False)
    return Change(words.LOADED.format(name=name))


def change(session: Session, visit: Visit, collected: str) -> Change:
    """A control was touched: `collected` is what the form says, as JSON."""
    train = visit.train
    try:
        state = json.loads(collected)
        if not isinstance(state, dict):
            raise UserError(words.BAD_STATE)
        if state.get("reset"):
            train.config, train.start_from = TrainConfig(), None
            return Change()
        start = state.get("start") or OWN
        moved = start != start_of(session, train)
        shape = shape_now(session, train)
        before = train.config
        config = settings_of(state, before, shape)
        if state.get("preset") in BY_NAME:
            config = BY_NAME[state["preset"]].make(shape.groups, config)
        if moved:
            train.start_from = _start_from(session, train, start)
        train.config = config
        # The page has shown a preset already; written again, the form would lose what was touched since.
        return Change(rewrite=moved or ("preset" not in state and config.unfreeze != before.unfreeze))
    except UserError as problem:
        return Change(str(problem), bad=True)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return Change(words.BAD_STATE, bad=True)


def settings_of(state: dict[str, Any], before: TrainConfig, shape: Shape) -> TrainConfig:
    """The settings that the form says; what it has no control for stays as `before`. Raises `UserError`."""
    data = before.to_json()
    single = {name for name, about in settings(type(before)).items() if about.plain and name != "freeze"}
    # A browser says 2 for 2.0: what nobody has touched stays as it was written.
    data |= {name: state[name] for name in single & state.keys() if state[name] != getattr(before, name)}
    groups = shape.under(before)
    if state.get("freeze", groups.frozen_layers()) != groups.frozen_layers():
        # "All" rather than how many, so that it means the same for another backbone.
        data["freeze"] = -1 if state["freeze"] == len(groups.layers) else state["freeze"]
    if "freeze_heads" in state:
        # A head without labels has no switch in the form: it stays as it is.
        idle = [head.label for head in groups.tops if head.idle and head.label in before.freeze_heads]
        wanted = {*state["freeze_heads"], *idle}
        if wanted != set(before.freeze_heads):
            data["freeze_heads"] = [name for name in groups.tasks if name in wanted]
    if "rates" in state:
        data["rates"] = state["rates"]
    if "task_weights" in state:
        own = before.task_weights
        data["task_weights"] = own | {
            name: weight
            for name, weight in state["task_weights"].items()
            if name in own or weight != shape.weights.get(name)
        }
    if "unfreeze" in state:
        pairs = re.findall(r"(\d+)\s*:\s*(\d+)", state["unfreeze"])
        data["unfreeze"] = [(int(epoch), int(lowest)) for epoch, lowest in pairs]
    return type(before).from_json(data)


# --- what training begins with ---


def _backbone(session: Session) -> str:
    """The bare backbone of the page's own model, as `mtl.load` names it."""
    return session.models.get(None).backbone.source.name


def start_of(session: Session, train: TrainState) -> str:
    """What training begins with: "own", "backbone" or "used"."""
    if train.start_from is None:
        return OWN
    return BACKBONE if train.start_from == _backbone(session) else USED


def starts_of(session: Session, train: TrainState) -> list[str]:
    """What there is to begin with. A page that serves a bare backbone has that one only once."""
    own = session.models.get(None)
    used = train.model is not None or start_of(session, train) == USED
    return [OWN, *([BACKBONE] if own.tasks else []), *([USED] if used else [])]


def _start_from(session: Session, train: TrainState, start: str) -> str | None:
    """The name for `mtl.load`. Raises `UserError` where there is no such model."""
    if start == OWN or (start == BACKBONE and BACKBONE not in starts_of(session, train)):
        return None
    if start == BACKBONE:
        return _backbone(session)
    if start == USED and train.model is not None:
        return str(train.model)
    raise UserError(words.NOT_THERE)


def shape_now(session: Session, train: TrainState) -> Shape:
    """The parts of the model that will be trained: those of the start, and the heads that the data asks for."""
    start = start_of(session, train)
    model = session.models.get(Path(train.start_from) if start == USED else None)
    tasks = {} if start == BACKBONE else model.tasks
    projection = 0 if start == BACKBONE else model.config.projection
    source = train.source
    # Data that was matched with another model is soon matched with this one.
    if source is not None and source.start_from == train.start_from:
        return shape_of(model.backbone, source.tasks, projection, source.learns)
    return shape_of(model.backbone, tasks, projection)


# --- what they come to ---


def outcome_html(shape: Shape, config: TrainConfig, start: str) -> str:
    """How much learns, what to look out for, and the stack as a table."""
    groups = shape.under(config)
    sizes = [sum(group.size for group in groups if group.frozen is frozen) for frozen in (False, True)]
    layers, heads = ([group.name for group in part if not group.frozen] for part in (groups.layers, groups.tops))
    warnings = _warnings(groups)
    if layers or heads:
        result = markup.status(words.learns(*sizes, words.parts(layers, len(heads))), warnings)
    else:
        result = markup.status(words.NOTHING_LEARNS if groups.tops else words.NOTHING_LEARNS_EMPTY, warnings, "bad")
    chosen = which(shape.groups, config) or ""
    return (
        f'<div class="outcome" data-chosen="{chosen}" data-query="{escape(to_link(config, start))}">{result}'
        f'<details class="fold" data-fold="stack"><summary>{escape(words.AS_TABLE)}</summary>'
        f"{stack.table(groups)}</details></div>"
    )


def _warnings(groups: Groups) -> list[str]:
    config, notes = groups.config, []
    if zero := [group.label for group in groups if group.rate == 0 and not group.idle]:
        notes.append(words.zero_rate(zero))
    for part, limit, usual in zip((groups.layers, groups.tops), _HIGH, words.USUAL, strict=True):
        if high := [group.label for group in part if not group.frozen and group.rate >= limit]:
            notes.append(words.high_rate(high, usual))
    notes += [words.never_thaws(epoch, config.epochs) for epoch, _ in config.unfreeze if epoch > config.epochs]
    known = settings(type(config))
    hidden = [f"{name} = {value}" for name, value in config.to_json().items() if not known[name].shown]
    if hidden:
        notes.append(words.without_control(", ".join(hidden)))
    return notes


def parcel_html(train: TrainState, start: str, own: str | None) -> str:
    """The command line and the link. `own` names the page's own model where it is not the bundled one."""
    source = train.source
    # The folder of a model on the server says nothing to anybody else.
    start_from = {OWN: own and Path(own).name, BACKBONE: train.start_from, USED: words.CHECKPOINT}[start]
    line = command(
        source.name if source else words.NO_FILE, train.config, start_from, source.reading if source else None
    )
    link = escape(to_link(train.config, start))
    return (
        f'<div class="parcel">{_copied("command", words.COMMAND, words.COMMAND_INFO, line)}'
        f"{_copied('link', words.LINK, words.LINK_INFO, '', link)}</div>"
    )


def file_html(config: TrainConfig) -> str:
    """run.json as a link to itself: nothing of it is kept on the server."""
    content = base64.b64encode(to_file(config)).decode()
    address = f"data:application/json;base64,{content}"
    return f'<a id="download-settings" download="run.json" href="{address}">{escape(words.DOWNLOAD)}</a>'


def _copied(key: str, label: str, info: str, value: str, link: str = "") -> str:
    """A line to copy. Of a link the browser knows the first part."""
    link = f' data-link="{link}"' if link else ""
    names = {"label": words.COPY, "done": words.COPIED, "failed": words.COPY_FAILED, "copies": f"copy-{key}"}
    data = "".join(f' data-{name}="{escape(value)}"' for name, value in names.items())
    return (
        f'<div class="copied"><label for="copy-{key}">{escape(label)}</label>'
        f'<span><input type="text" readonly id="copy-{key}" value="{escape(value)}"{link}>'
        f'<button type="button"{data}>{escape(words.COPY)}</button></span><p class="note">{escape(info)}</p></div>'
    )
