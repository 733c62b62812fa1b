"""Step 2 of the Train tab: what learns, how fast and for how long. `visit.train.config` is what the form says."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from mtl.config import ModelConfig, TrainConfig, UserError, settings
from mtl.groups import Groups
from mtl.training.presets import BY_NAME, which
from mtl.training.progress import Progress
from mtl.ui import templates
from mtl.ui import words as text
from mtl.ui.names import own_name
from mtl.ui.page import UNCHANGED, Session, html, unfolding
from mtl.ui.train.link import BACKBONE, LONGEST, OWN, from_link, shortened, to_link
from mtl.ui.train.settings import words
from mtl.ui.train.settings.form import form
from mtl.ui.train.settings.shape import Shape, fit, shape_of
from mtl.ui.train.settings.sharing import command, from_file, to_file
from mtl.ui.train.state import TrainState
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup, stack
from mtl.ui.widgets.colours import shorten

USED = "used"
# In the browser; see assets/controls.js.
_CONTROLS = "mtl.controls(element, trigger, watch)"
# From which rate on they are called high, and which are usual: of layers, of heads.
_HIGH = ((1e-3, "1e-6 to 2e-4 for layers"), (3e-2, "1e-4 to 3e-3 for heads"))
_TAKE_AWAY = templates.macros("take_away.html")


def build(session: Session) -> None:
    with gr.Column(elem_classes="step", elem_id="step-learns"):
        html(markup.heading("What learns") + markup.intros.learns())
        picture = html(markup.note(text.LOADING), js_on_load=_CONTROLS, elem_id="what-learns")
        message = html(elem_id="learns-said")
        outcome = html(js_on_load=_CONTROLS, elem_id="learns-outcome")
        with unfolding(words.TAKE_AWAY, elem_id="take-away"):
            parcel = html(js_on_load="mtl.takeAway(element, watch)", elem_id="parcel")
            with gr.Row():
                file = html()
                load = gr.UploadButton(
                    "Load a run.json", file_types=[".json"], size="sm", elem_id="load-settings", elem_classes="pill"
                )

    outputs = {
        "form": picture,
        "message": message,
        "outcome": outcome,
        "parcel": parcel,
        "file": file,
        "revision": session.settings,
        "arrived": session.link,
    }
    # In the order in which they were sent: an older touch must not overtake a newer one.
    order = {"concurrency_id": "settings", "concurrency_limit": 1, "trigger_mode": "always_last"}

    def wire(triggers: Sequence[Any], handler: Callable, inputs: Sequence[Any], **options: Any) -> Any:
        return session.wire(triggers, partial(after, handler, session), inputs, outputs, **{**order, **options})

    wire([picture.input], change, [session.form], js="mtl.take")
    wire([load.upload], load_file, [load])
    wire([session.data.change, session.model.change], refresh, [])
    # A page that has loaded, or whose address was changed to another link; see assets/answers.js.
    wire([session.arrival.change, picture.select], arrive, [session.form], js="mtl.answers.linked")


# --- handlers ---


@dataclass(frozen=True)
class Change:
    """What a handler made of the settings. `message` is for the visitor (None: the one before still stands), `bad` when
    something was refused; `rewrite` says that the form has to be written again, because not all of the change came from
    a touch (None: only for another model or other tasks; what somebody is just typing would be lost); `arrived`
    that what a link says of the data is known."""

    message: str | None = ""
    bad: bool = False
    rewrite: bool | None = True
    arrived: bool = False


@dataclass(frozen=True)
class Shown:
    """What the page shows of the settings: the form, a message, what they come to, and the same to take away."""

    form: Any
    message: Any
    outcome: str
    parcel: str
    file: str
    revision: int
    arrived: Any = UNCHANGED


def after(handler: Callable[..., Change], session: Session, visit: Visit, *values: Any) -> Shown:
    """What the page shows after `handler(session, visit, *values)`."""
    try:
        made = handler(session, visit, *values)
    except UserError as problem:
        made = Change(str(problem), bad=True)
    train = visit.train
    config, shape = train.config, shape_now(session, train)
    # Data that a link asks for may bring more parts.
    waits = train.source is None and train.linked is not None
    fitted, dropped = (config, []) if waits else fit(config, shape)
    if train.config is config:  # not while data of another link were taken, whose settings it set
        train.config = fitted
    start, starts = start_of(session, train), starts_of(session, train)
    parts = (shape, start, starts)
    rewrite = bool(dropped) or (parts != train.parts if made.rewrite is None else made.rewrite)
    if rewrite:
        # What was typed and refused is not in a form that is written anew.
        dropped += [words.written_anew(problem) for problem in train.wrong]
        train.parts, train.wrong = parts if train.config is fitted else None, ()
    return Shown(
        form=form(shape, train.config, start, starts, own_name(session.engine.name), train.touch)
        if rewrite
        else UNCHANGED,
        message=UNCHANGED if made.message is None and not dropped else _message(made.message, dropped, made.bad),
        outcome=outcome(shape, train.config, start, address(train, start), unused_in(train)),
        parcel=parcel(train, start, session.engine.name),
        file=_TAKE_AWAY.file(base64.b64encode(to_file(train.config)).decode()),
        revision=session.next_revision(),
        arrived=session.next_revision() if made.arrived else UNCHANGED,
    )


def _message(message: str | None, notes: Sequence[str], bad: bool) -> str:
    """What was, or was not, taken from a file, a link or the form."""
    if not message and not notes:
        return ""
    return markup.status(message or "The settings were adjusted to this model.", notes, "bad" if bad else "ok")


def refresh(session: Session, visit: Visit) -> Change:
    """The data or the model in use is another one: the same settings for other parts."""
    train = visit.train
    if start_of(session, train) == USED:
        train.start_from = None if train.model is None else str(train.model)
    return Change(None, rewrite=None)


def arrive(session: Session, visit: Visit, query: str) -> Change:
    """The page has loaded, perhaps by a link, or goes on from the settings of the visitor's newest run; or a link was
    opened in it."""
    train, query = visit.train, query or ""
    try:
        linked = from_link(query)
    except UserError as problem:
        gr.Warning(str(problem))  # the line about it may be out of sight, and everything looks ready
        return Change(str(problem), bad=True, arrived=True)
    if linked is None:
        if train.config == TrainConfig() and (newest := session.runs.newest(visit.owner)):
            train.config = session.runs.progress(newest.id, visit.owner).config or train.config
        return Change(arrived=True)
    train.linked, train.config = linked, linked.config
    train.start_from = _start_from(session, train, linked.start)
    if linked.name:
        train.source = None
    return Change("" if linked.again else words.LINK_SET, arrived=True)


def load_file(session: Session, visit: Visit, path: str) -> Change:
    """A run.json sets every control; the start stays as it is."""
    name = Path(path).name
    visit.train.config = from_file(Path(path), name)
    return Change(f"The settings of {name} have been applied.")


def change(session: Session, visit: Visit, said: str) -> Change:
    """A control was touched: `said` is what the form says, as JSON."""
    return Change(rewrite=take_over(session, visit.train, said))


def take_over(session: Session, train: TrainState, said: str) -> bool:
    """Make what the form says, as JSON, the visitor's settings; "" where the page has no form yet. Returns whether the
    form has to be written again. Raises `UserError` where something cannot be, and then changes nothing."""
    if not said:
        return False
    try:
        state = json.loads(said)
        train.touch = int(state.get("touch", train.touch))  # also of one that is refused: the form is written anew then
        if state.get("reset"):
            train.config, train.start_from, train.wrong = TrainConfig(), None, ()
            return True
        start = state.get("start") or OWN
        moved = start != start_of(session, train)
        shape = shape_now(session, train)
        before = train.config
        config = settings_of(state, before, shape)
        if preset := BY_NAME.get(state.get("preset")):
            if why := preset.misfit(shape.groups):
                raise UserError(words.unfit(preset.title, why))
            config = preset.make(shape.groups, config)
        if moved:
            train.start_from = _start_from(session, train, start)
        train.config, train.wrong = config, wrong_in(state.get("wrong", {}))
        # The page has shown a preset already; written again, the form would lose what was touched since.
        return moved or _reshaped(before, config) or ("preset" not in state and config.unfreeze != before.unfreeze)
    except UserError:
        raise
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise UserError(words.BAD_STATE) from None


def _reshaped(before: TrainConfig, config: TrainConfig) -> bool:
    """Whether a setting has changed that the weights of the model depend on."""
    known = settings(type(config))
    return any(about.shapes and getattr(before, name) != getattr(config, name) for name, about in known.items())


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


def wrong_in(said: dict[str, str]) -> tuple[str, ...]:
    """What to say of entries that the form has refused, by field, "weight TASK" or group of weights."""
    known, problems = settings(TrainConfig), []
    for name, entry in said.items():
        if name in known:
            title, allowed = known[name].title, words.PAIRS if name == "unfreeze" else known[name].allowed
        elif name.startswith("weight "):
            title, allowed = f"Task {name}", known["task_weights"].number
        else:
            title, allowed = f"Learning rate of {name}", known["rates"].number
        problems.append(words.wrong(shorten(title, 60), allowed, shorten(entry, 40)))
    return tuple(problems)


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
    raise UserError("That model is no longer here. Choose another one to start from.")


def shape_now(session: Session, train: TrainState) -> Shape:
    """The parts of the model that will be trained: those of the start, and the heads that the data asks for."""
    start = start_of(session, train)
    model = session.models.get(Path(train.start_from) if start == USED else None)
    config = ModelConfig() if start == BACKBONE else model.config
    known, learns, source = config.tasks, None, train.source
    # Data that was matched with another model is soon matched with this one.
    if source is not None and source.start_from == train.start_from:
        config, learns = replace(config, tasks=tuple(source.tasks.values())), source.learns
    return shape_of(model.backbone, config.shaped_by(train.config, learns), learns, known)


def names_of_settings(session: Session, train: TrainState, runs: Sequence[Progress]) -> dict[str, str]:
    """Run -> what its settings are called: a preset's title, or that they are the visitor's own."""
    # A run that waits does not say yet what parts its model has: most likely those of the data that is chosen.
    groups = None
    if session.engine.ready:
        with contextlib.suppress(UserError):  # the model to start from is gone
            groups = shape_now(session, train).groups

    def name(run: Progress) -> str:
        known = run.groups if run.sizes else groups
        preset = which(known, run.config) if known and known.tasks and run.config else None
        return BY_NAME[preset].title if preset else words.OWN_SETTINGS

    return {run.run.id: name(run) for run in runs}


# --- what they come to ---


def unused_in(train: TrainState) -> list[str]:
    """What is set and has no effect on this data."""
    is_given = train.source is not None and train.source.row_counts.given is not None
    return [words.SHARE_UNUSED] if is_given and train.config.validation != TrainConfig.validation else []


def outcome(shape: Shape, config: TrainConfig, start: str, address: str, unused: Sequence[str] = ()) -> Markup:
    """How much learns, what to look out for, and the stack as a table. `address`: what the page's own is to carry;
    `unused`: remarks on settings without effect."""
    groups = shape.under(config)
    learning, frozen = (sum(group.size for group in groups if group.frozen is still) for still in (False, True))
    layers, heads = ([group.name for group in part if not group.frozen] for part in (groups.layers, groups.tops))
    is_taught = groups.learns is None or bool(groups.learns)
    if not is_taught:
        message = words.NO_LABELS
    elif layers or heads:
        message = words.learns(learning, frozen, words.parts(layers, len(heads)))
    else:
        message = words.NOTHING_LEARNS if groups.tops else words.NOTHING_LEARNS_EMPTY
    return templates.render(
        "outcome.html",
        chosen=which(shape.groups, config) or "",
        query=address,
        message=message,
        warnings=[*_warnings(groups), *unused],
        kind="ok" if is_taught and (layers or heads) else "bad",
        table=stack.table(groups),
    )


def _warnings(groups: Groups) -> list[str]:
    config, notes = groups.config, []
    if groups.learns is not None:
        notes += [words.kept_frozen(name, name in groups.new) for name in config.freeze_heads if name in groups.taught]
    if zero := [group.label for group in groups if group.rate == 0 and not group.idle]:
        notes.append(f"A rate of 0 is the same as frozen: {', '.join(zero)}.")
    for part, (limit, usual) in zip((groups.layers, groups.tops), _HIGH, strict=True):
        if high := [group.label for group in part if not group.frozen and group.rate >= limit]:
            notes.append(
                f"Very high: {', '.join(high)}. Usual are {usual}. The scores will most likely get worse; if the loss "
                "diverges, the run ends and says so."
            )
    for epoch, _ in config.unfreeze:
        if epoch > config.epochs:
            notes.append(f"Unfreezing in epoch {epoch} never happens: there are {config.epochs} epochs.")
    known = settings(type(config))
    hidden = [f"{name} = {value}" for name, value in config.to_json().items() if not known[name].shown]
    if hidden:
        notes.append(f"Also set, by a file or a link: {', '.join(hidden)}.")
    return notes


def address(train: TrainState, start: str) -> str:
    """What the page's own address says of all this: nothing where the page chose it by itself."""
    link = train.as_link(start)
    is_own = link == train.opening or not (link.name or train.linked)
    return "" if is_own else to_link(shortened(link)[0])


def parcel(train: TrainState, start: str, own: str | None) -> Markup:
    """The command line and the link. `own` names the page's own model where it is not the bundled one."""
    whole = train.as_link(start)
    link, left_out = shortened(whole)
    model = {OWN: own, BACKBONE: train.start_from, USED: ""}[start]
    # A folder on the server says nothing to anybody else.
    is_folder = bool(model) and Path(model).expanduser().exists()
    line = command(whole.config, "" if is_folder else model, whole.reading, bool(whole.validation))
    known = {"path": words.path_of(whole), "model": Path(model).name if is_folder else words.ANY_MODEL}
    known["validation"] = whole.validation
    fields = [(name, words.FILLED[name], known[name]) for name in line[1::2]]
    return _TAKE_AWAY.lines(line, fields, to_link(link), words.left_out(left_out, LONGEST))
