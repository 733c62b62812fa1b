"""Step 3 of the Train tab: start a run, follow it while it waits and trains, stop it, resume it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

import gradio as gr

from mtl.config import TrainConfig, UserError
from mtl.training.estimate import Estimate, estimate
from mtl.training.progress import Progress
from mtl.training.runs import zerogpu
from mtl.training.runs.folder import Run
from mtl.ui import words as page
from mtl.ui.page import UNCHANGED, Session, html, labelled, unfolding
from mtl.ui.train.run import view
from mtl.ui.train.run import words as text
from mtl.ui.train.settings.step import names_of_settings, take_over
from mtl.ui.train.state import Source, TrainState
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup, stack

# Seconds between two looks at a run: one that may go on at any moment, one that trains, one that waits behind others.
SOON, STEADY, SELDOM = 0.4, 0.5, 2.0
# Seconds after which runs that would come first are counted anew.
COUNTED = 10.0
# Start waits up to so many seconds for data that is being read.
_PATIENCE = 60.0


class Snapshot(NamedTuple):
    """What the page shows: which run, in which state, after how many steps and milestones (see `Progress`); and the
    seconds until it looks again (0: not at all)."""

    run: str = ""
    state: str = ""
    step: int = 0
    milestones: int = 0
    every: float = 0.0


@dataclass(frozen=True)
class Shown:
    """What changes on the page: a value for each of its components, `chooser` and `revision` where the event asks."""

    progress: Any = UNCHANGED
    plots: Any = UNCHANGED
    table: Any = UNCHANGED
    stack: Any = UNCHANGED
    stack_table: Any = UNCHANGED
    pictures: Any = UNCHANGED
    start: Any = UNCHANGED
    stop: Any = UNCHANGED
    stop_now: Any = UNCHANGED
    resume: Any = UNCHANGED
    timer: Any = UNCHANGED
    snapshot: Any = UNCHANGED
    chooser: Any = UNCHANGED
    revision: Any = UNCHANGED


@dataclass(frozen=True)
class Pictures:
    """The components of step 3, which the bar's events fill."""

    outlook: gr.HTML
    chooser: gr.Dropdown
    pictures: gr.Row
    stack: gr.HTML
    stack_table: gr.HTML
    plots: gr.HTML
    logarithmic: gr.Checkbox
    table: gr.HTML


def build(session: Session) -> Pictures:
    with gr.Column(elem_classes="step", elem_id="step-train"):
        lost = markup.note(text.LOST_RUNS.get(session.loses, ""))
        turns = markup.note(text.TURNS) if zerogpu.HERE else ""
        html(markup.heading("Train") + markup.intros.train() + turns + lost)
        outlook = html(markup.note(page.LOADING), elem_id="estimate")
        chooser = gr.Dropdown(
            [],
            label="Run shown",
            info="Every run of yours on this server, the newest first.",
            visible=False,
            filterable=False,
            elem_id="run-chooser",
        )
        with gr.Row(visible=False, elem_id="run-pictures") as pictures:
            with gr.Column(min_width=300, scale=1):
                html(markup.label("How far each part has moved"))
                drawing = html(elem_id="run-stack")
                with unfolding("The picture as a table"):
                    stack_table = html(elem_id="run-stack-table")
            with gr.Column(min_width=300, scale=3):
                plots = html(elem_id="run-curves")
                logarithmic = gr.Checkbox(
                    label="Logarithmic loss",
                    info="Shows small losses as clearly as large ones: equal distances are equal factors.",
                    container=False,
                    elem_id="log-loss",
                )
                with unfolding(text.AS_TABLE):
                    table = html(elem_id="run-table")
    return Pictures(outlook, chooser, pictures, drawing, stack_table, plots, logarithmic, table)


def build_bar(session: Session, step: Pictures) -> None:
    """The bar that stays in view below all steps: what will train, Start, and how the run goes."""
    with gr.Row(elem_id="run-bar"):
        with gr.Column(min_width=200, scale=1):
            plan = html(elem_id="run-plan")
            progress = html(markup.note(text.NO_RUN), js_on_load="mtl.onTab(element, watch)", elem_id="run-progress")
        with gr.Row(elem_classes="run-buttons"):
            start_button = gr.Button(text.START, variant="primary", interactive=False, elem_id="start", min_width=120)
            stop_button = gr.Button(text.STOP, variant="stop", visible=False, elem_id="stop-run", min_width=90)
            stop_now = gr.Button(text.STOP_NOW, variant="stop", visible=False, elem_id="stop-now", min_width=90)
            resume_button = gr.Button(text.RESUME, visible=False, elem_id="resume", min_width=90)
    snapshot, timer = gr.State(Snapshot()), gr.Timer(STEADY, active=False)
    # While others' runs come first, they are counted anew.
    others = gr.Timer(COUNTED, active=False)

    shown = {
        "progress": progress,
        "plots": step.plots,
        "table": step.table,
        "stack": step.stack,
        "stack_table": step.stack_table,
        "pictures": step.pictures,
        "start": start_button,
        "stop": stop_button,
        "stop_now": stop_now,
        "resume": resume_button,
        "timer": timer,
        "snapshot": snapshot,
    }
    with_revision = {**shown, "revision": session.run}
    looks = [step.logarithmic, snapshot]
    session.wire([session.arrival.change], partial(arrive, session), [], [session.run])
    session.wire([start_button.click], partial(on_start, session), [session.form], [session.run], js="mtl.start")
    session.wire([resume_button.click], partial(on_resume, session), [], [session.run])
    session.wire([step.chooser.input], partial(on_choice, session), [step.chooser], [session.run])
    session.wire([stop_button.click], partial(on_stop, session), looks, with_revision)
    session.wire([stop_now.click], partial(on_stop, session, at_once=True), looks, with_revision)
    session.wire([step.logarithmic.input], partial(redraw, session), looks, with_revision)
    session.wire([timer.tick], partial(follow, session), looks, with_revision)
    session.wire(
        [session.run.change],
        partial(show, session),
        [step.logarithmic],
        {**shown, "chooser": step.chooser},
        trigger_mode="always_last",
    )
    session.wire(
        [session.arrival.change, session.data.change, session.settings.change, session.run.change, others.tick],
        partial(prepare, session),
        [],
        {"outlook": step.outlook, "plan": plan, "start": start_button, "others": others},
        trigger_mode="always_last",
    )


# --- handlers ---


def arrive(session: Session, visit: Visit) -> int:
    """Show the visitor's newest run."""
    if visit.train.run is None and (newest := session.runs.newest(visit.owner)):
        visit.train.run = newest.id
    return session.next_revision()


def on_start(session: Session, visit: Visit, said: str) -> int:
    """Train with what the form says (see `take_over`): its last change may not have arrived by itself yet."""
    take_over(session, visit.train, said)
    start(session, visit)
    return session.next_revision()


def on_resume(session: Session, visit: Visit) -> int:
    check_owner(visit)
    if visit.train.run is not None:
        session.runs.resume(visit.train.run, visit.owner)
    return session.next_revision()


def on_choice(session: Session, visit: Visit, run_id: str) -> int:
    visit.train.run = run_id
    return session.next_revision()


def on_stop(session: Session, visit: Visit, logarithmic: bool, snapshot: Snapshot, at_once: bool = False) -> Shown:
    check_owner(visit)
    if visit.train.run is not None:
        session.runs.stop(visit.train.run, visit.owner, at_once)
    return redraw(session, visit, logarithmic, snapshot)


def follow(session: Session, visit: Visit, logarithmic: bool, snapshot: Snapshot) -> Shown:
    """What has changed since `snapshot`."""
    return _announced(session, snapshot, look(session, visit, logarithmic, snapshot))


def redraw(session: Session, visit: Visit, logarithmic: bool, snapshot: Snapshot) -> Shown:
    return _announced(session, snapshot, look(session, visit, logarithmic))


def _announced(session: Session, before: Snapshot, shown: Shown) -> Shown:
    """`shown`, with a new revision if the run has ended meanwhile: other steps show its result."""
    return replace(shown, revision=session.next_revision()) if ended(before, shown.snapshot) else shown


def ended(before: Any, now: Any) -> bool:
    """Whether there was something to follow in the snapshot `before`, and no longer in `now`."""
    return bool(before.every) and now is not UNCHANGED and not now.every


def show(session: Session, visit: Visit, logarithmic: bool) -> Shown:
    """The run, and the list of all runs, the newest first; hidden while there is but one."""
    runs = session.runs.progress_of_all(visit.owner) if visit.owner else []
    called = names_of_settings(session, visit.train, runs)
    choices = [
        (text.run_choice(now.number, now.file, called[now.run.id], now.run.queued, now.run.state), now.run.id)
        for now in runs[::-1]
    ]
    chooser = gr.update(choices=choices, value=visit.train.run, visible=len(choices) > 1)
    return replace(look(session, visit, logarithmic), chooser=chooser)


@dataclass(frozen=True)
class Prepared:
    """What a run would take, in figures and on a line, or why there can be none; whether Start can be pressed, and
    whether others' runs are counted anew."""

    outlook: str
    plan: str
    start: gr.Button
    others: gr.Timer


def prepare(session: Session, visit: Visit) -> Iterator[Prepared]:
    """What a run would take; a second version follows when this machine's speed has been measured."""
    train = visit.train

    def ready(expected: Estimate) -> Prepared:
        session.runs.check_room(expected.seconds)
        own = session.runs.newest(visit.owner)
        # The line below says where the visitor's own run stands.
        before, wait = 0, None
        if not (own and own.unfinished):
            before, wait = session.runs.before(visit.owner, expected.seconds, visit.address)
        plan, others = view.plan(train.source, expected, before, wait), gr.Timer(COUNTED, active=before > 0)
        return Prepared(view.outlook(expected), plan, gr.Button(interactive=True), others)

    try:
        expected = expectation(session, train, train.config, wait=0.5)
        yield ready(expected)
        if expected.seconds is None:  # the speed is being measured, once per start of the server
            yield ready(expectation(session, train, train.config, wait=30.0))
    except UserError as why:
        refusal = markup.note(str(why), "refusal" if train.source else "")
        yield Prepared(refusal, refusal, gr.Button(interactive=False), gr.Timer(COUNTED, active=False))


# --- starting ---


def start(session: Session, visit: Visit, config: TrainConfig | None = None) -> Run:
    """Put a run on the visitor's data and settings (or those of `config`) into the line, and show it.

    Raises `UserError` where no run can be started.
    """
    train, runs = visit.train, session.runs
    check_owner(visit)
    if train.reading is not None:  # what stood there before is not what it should learn from
        gr.Info(text.READING)
        if not train.wait(_PATIENCE):
            raise UserError(text.STILL_READING)
    config = config or train.config
    expected = expectation(session, train, config, wait=0.0)
    tested_on = train.source.validation
    if not (train.source.path.is_file() and (tested_on is None or tested_on.path.is_file())):
        raise UserError(
            "The server has deleted your file after a long pause. Choose it again in step 1, then press Start."
        )
    if expected.seconds is None and runs.longest < math.inf:  # whether it is allowed depends on how long it takes
        expected = expectation(session, train, config, wait=30.0)
    run = runs.start(
        visit.owner,
        train.source.path,
        config,
        train.start_from or session.engine.name,
        expected.seconds,
        visit.address,
        tested_on.path if tested_on else None,
        **train.source.reading,
    )
    train.run = run.id
    return run


def expectation(session: Session, train: TrainState, config: TrainConfig, wait: float) -> Estimate:
    """What a run on the chosen data will take. Waits up to `wait` seconds for this machine's speed to be measured.

    Raises `UserError` where there is nothing to learn from, or nothing would learn."""
    source = ready_source(train)
    if train.wrong:
        raise UserError(text.waits_for(train.wrong))
    # Whatever it begins with has this backbone: only the heads may be others, and the source knows those.
    model = session.engine.model()
    rows, held_out = source.row_counts.total, source.row_counts.held_out(config.validation)
    expected = estimate(model, source.tasks, source.learns, rows, held_out, source.tokens, config, wait)
    if not expected.trainable:
        raise UserError(text.NOTHING_LEARNS)
    return expected


def ready_source(train: TrainState) -> Source:
    """The chosen data. Raises `UserError` where there is none, or none that can be trained on."""
    if train.source is None:
        is_coming = train.reading is not None or not train.arrived
        raise UserError(page.LOADING_DATA if is_coming else text.NO_DATA)
    if not train.source.ready:
        raise UserError(text.ASKED if train.source.table.questions else text.DATA_ERRORS)
    return train.source


def check_owner(visit: Visit) -> None:
    if not visit.owner:
        raise UserError(text.UNKNOWN)


# --- what is shown ---


def look(session: Session, visit: Visit, logarithmic: bool, before: Snapshot | None = None) -> Shown:
    """What has changed of the run that is shown since the snapshot `before`; all of it where that is None."""
    if not visit.owner or visit.train.run is None:
        # A page that follows a run has a session, unless the server has forgotten it.
        return _nothing(text.UNKNOWN if before and before.run else text.NO_RUN)
    try:
        now = session.runs.progress(visit.train.run, visit.owner)
    except UserError as problem:  # deleted meanwhile, or another's
        visit.train.run = None
        return _nothing(str(problem))
    return _changes(now, logarithmic, before or Snapshot())


def pace(now: Progress) -> float:
    """After how many seconds to look again."""
    if not now.run.unfinished:
        return 0.0
    if now.run.state == "queued" and (now.place or 1) > 1:
        return SELDOM
    return STEADY if now.begun and now.step else SOON


def timer(every: float) -> gr.Timer:
    """A timer that ticks every so many seconds; 0: it stands still."""
    return gr.Timer(every or STEADY, active=bool(every))


def _changes(now: Progress, logarithmic: bool, before: Snapshot) -> Shown:
    run = now.run
    snapshot = Snapshot(run.id, run.state, now.step, now.milestones, pace(now))
    another = snapshot.run != before.run
    shown = Shown(
        view.progress(now),
        stop=labelled(text.STOP, visible=run.unfinished, interactive=not now.stopping),
        stop_now=labelled(text.STOP_NOW, visible=now.stopping and now.step > 0, interactive=not now.at_once),
    )
    if snapshot != before:
        shown = replace(shown, snapshot=snapshot)
    if another or snapshot.every != before.every:
        shown = replace(shown, timer=timer(snapshot.every))
    if another or (snapshot.step, snapshot.milestones) != (before.step, before.milestones):
        plots, drawing, drawing_table = _drawn(_Drawing(run.id, now.step, now.milestones, logarithmic, now))
        shown = replace(
            shown,
            plots=plots,
            stack=drawing,
            stack_table=drawing_table,
            pictures=gr.Row(visible=now.steps > 0),
        )
    if another or (snapshot.milestones, snapshot.state) != (before.milestones, before.state):
        shown = replace(
            shown,
            table=view.table(now),
            start=_start_button(run.unfinished),
            resume=labelled(text.RESUME, visible=run.state in ("stopped", "killed", "failed")),
        )
    return shown


@dataclass(frozen=True)
class _Drawing:
    """What the pictures of a run depend on: one who looks as another has is shown the same."""

    run: str
    step: int
    milestones: int
    logarithmic: bool
    now: Progress = field(compare=False)


@lru_cache(maxsize=64)
def _drawn(wanted: _Drawing) -> tuple[Any, Any, Any]:
    """The curves, the stack and the stack as a table."""
    now = wanted.now
    moved = view.what_moved(now) if now.steps else None
    drawing = (stack.svg(*moved, live=True), stack.table(*moved)) if moved else (UNCHANGED, UNCHANGED)
    return view.plots(now, wanted.logarithmic), *drawing


def _nothing(message: str) -> Shown:
    return Shown(
        progress=markup.note(message),
        plots="",
        table="",
        stack="",
        stack_table="",
        pictures=gr.Row(visible=False),
        start=_start_button(False),
        stop=labelled(text.STOP, visible=False),
        stop_now=labelled(text.STOP_NOW, visible=False),
        resume=labelled(text.RESUME, visible=False),
        timer=timer(0),
        snapshot=Snapshot(),
    )


def _start_button(another: bool) -> gr.Button:
    if another:
        return gr.Button(value=text.START_ANOTHER, variant="secondary")
    return gr.Button(value=text.START, variant="primary")
