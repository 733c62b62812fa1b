"""Step 3 of the Train tab: start a run, follow it while it waits and learns, stop it, go on with it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import gradio as gr

from mtl.config import TrainConfig, UserError
from mtl.training.estimate import Estimate, estimate
from mtl.training.progress import Progress
from mtl.training.runs.folder import Run
from mtl.training.runs.service import Runs
from mtl.ui.engine import Engine
from mtl.ui.page import UNCHANGED, Session, labelled
from mtl.ui.train.run import view as run_views
from mtl.ui.train.run import words as text
from mtl.ui.train.state import TrainState
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup, stack

# Seconds between two looks at a run: one that may go on at any moment, one that trains, one that waits behind others.
SOON, STEADY, SELDOM = 0.4, 1.0, 2.0


class Seen(NamedTuple):
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
    resume: Any = UNCHANGED
    timer: Any = UNCHANGED
    seen: Any = UNCHANGED
    chooser: Any = UNCHANGED
    revision: Any = UNCHANGED


def build(session: Session) -> None:
    runs = session.runs
    with gr.Column(elem_classes="step", elem_id="step-train"):
        gr.HTML(markup.heading(text.TITLE), apply_default_css=False)
        outlook = gr.HTML(markup.note(text.NOT_READY), apply_default_css=False, elem_id="estimate")
        with gr.Row(elem_classes="run-buttons"):
            start_button = gr.Button(text.START, variant="primary", interactive=False, elem_id="start", min_width=120)
            stop_button = gr.Button(text.STOP, variant="stop", visible=False, elem_id="stop-run", min_width=90)
            resume_button = gr.Button(text.RESUME, visible=False, elem_id="resume", min_width=90)
            chooser = gr.Dropdown(
                [], label=text.CHOOSER, info=text.CHOOSER_INFO, visible=False, filterable=False, elem_id="run-chooser"
            )
        progress = gr.HTML(markup.note(text.NO_RUN), apply_default_css=False, elem_id="run-progress")
        with gr.Row(visible=False, elem_id="run-pictures") as pictures:
            with gr.Column(min_width=300, scale=1):
                gr.HTML(markup.label(text.STACK), apply_default_css=False)
                drawing = gr.HTML(apply_default_css=False, elem_id="run-stack")
                with gr.Accordion(text.STACK_AS_TABLE, open=False):
                    stack_table = gr.HTML(apply_default_css=False, elem_id="run-stack-table")
            with gr.Column(min_width=300, scale=3):
                plots = gr.HTML(apply_default_css=False, elem_id="run-curves")
                logarithmic = gr.Checkbox(
                    False, label=text.LOGARITHMIC, info=text.LOGARITHMIC_INFO, container=False, elem_id="log-loss"
                )
                with gr.Accordion(text.AS_TABLE, open=False):
                    table = gr.HTML(apply_default_css=False, elem_id="run-table")
    seen, timer = gr.State(Seen()), gr.Timer(STEADY, active=False)

    def on_start(visit: Visit) -> int:
        start(visit, runs, session.engine)
        return session.next_revision()

    def and_news(seen: Sequence, shown: Shown) -> Shown:
        """`shown`, and a new revision when the run was found to be over: whoever looks first has to say so."""
        over = Seen(*seen).every and shown.seen is not UNCHANGED and not shown.seen.every
        return replace(shown, revision=session.next_revision()) if over else shown

    def on_stop(visit: Visit, logarithmic: bool, seen: Sequence) -> Shown:
        stop(visit, runs)
        return and_news(seen, look(visit, runs, logarithmic))

    def on_logarithmic(visit: Visit, logarithmic: bool, seen: Sequence) -> Shown:
        return and_news(seen, look(visit, runs, logarithmic))

    def on_resume(visit: Visit) -> int:
        resume(visit, runs)
        return session.next_revision()

    def on_arrival(visit: Visit) -> int:
        find_again(visit, runs)
        return session.next_revision()

    def on_run(visit: Visit, logarithmic: bool) -> Shown:
        return replace(look(visit, runs, logarithmic), chooser=choices(visit, runs))

    def on_choice(visit: Visit, run_id: str) -> int:
        visit.train.run = run_id
        return session.next_revision()

    def on_tick(visit: Visit, logarithmic: bool, seen: Sequence) -> Shown:
        return and_news(seen, look(visit, runs, logarithmic, Seen(*seen)))

    shown = {
        "progress": progress,
        "plots": plots,
        "table": table,
        "stack": drawing,
        "stack_table": stack_table,
        "pictures": pictures,
        "start": start_button,
        "stop": stop_button,
        "resume": resume_button,
        "timer": timer,
        "seen": seen,
    }
    with_revision = {**shown, "revision": session.run}
    session.wire([session.arrival.change], on_arrival, [], [session.run])
    session.wire([start_button.click], on_start, [], [session.run])
    session.wire([resume_button.click], on_resume, [], [session.run])
    session.wire([chooser.input], on_choice, [chooser], [session.run])
    session.wire([stop_button.click], on_stop, [logarithmic, seen], with_revision)
    session.wire([session.run.change], on_run, [logarithmic], {**shown, "chooser": chooser}, trigger_mode="always_last")
    session.wire([logarithmic.input], on_logarithmic, [logarithmic, seen], with_revision)
    session.wire([timer.tick], on_tick, [logarithmic, seen], with_revision)
    session.wire(
        [session.arrival.change, session.data.change, session.settings.change],
        lambda visit: prepared(visit, session.engine),
        [],
        [outlook, start_button],
        trigger_mode="always_last",
    )


# --- actions ---


def start(visit: Visit, runs: Runs, engine: Engine, config: TrainConfig | None = None) -> Run:
    """Put a run on the visitor's data and settings (or those of `config`) into the line, and show it.

    Raises `UserError` where there is nothing to learn from, or nothing would learn.
    """
    train = visit.train
    config = config or train.config
    check_owner(visit)
    if train.source is None:
        raise UserError(text.NO_DATA)
    if not train.source.ready:
        raise UserError(text.DATA_ERRORS)
    if not train.source.path.is_file():
        raise UserError(text.DATA_GONE)
    expected = expectation(train, config, engine, wait=0.0)
    if not expected.trainable:
        raise UserError(text.NOTHING_LEARNS)
    if expected.seconds is None and runs.longest < math.inf:  # how long it takes decides whether it is taken
        expected = expectation(train, config, engine, wait=30.0)
    run = runs.start(
        visit.owner,
        train.source.path,
        config,
        train.start_from or engine.name,
        expected.seconds,
        visit.address,
        **train.source.reading,
    )
    train.run = run.id
    return run


def expectation(train: TrainState, config: TrainConfig, engine: Engine, wait: float) -> Estimate:
    """What a run on the train's source will take. This machine's speed is waited for so many seconds."""
    source = train.source
    # Whatever it begins with has this backbone: only the heads may be others, and the source knows those.
    return estimate(engine.model(), source.tasks, source.learns, source.rows, source.tokens, config, wait)


def stop(visit: Visit, runs: Runs) -> None:
    check_owner(visit)
    if visit.train.run is not None:
        runs.stop(visit.train.run, visit.owner)


def resume(visit: Visit, runs: Runs) -> None:
    check_owner(visit)
    if visit.train.run is not None:
        runs.resume(visit.train.run, visit.owner)


def find_again(visit: Visit, runs: Runs) -> None:
    """Show the visitor's newest run that is not over, or else the newest, and go on from its settings."""
    train = visit.train
    found = runs.find(visit.owner) if visit.owner else []
    if train.run is not None or not found:
        return
    unfinished = [run for run in found if run.unfinished]
    run = (unfinished or found)[-1]
    train.run = run.id
    if train.config == TrainConfig():  # no link has set them
        train.config = runs.progress(run.id, visit.owner).config or train.config


def check_owner(visit: Visit) -> None:
    if not visit.owner:
        raise UserError(text.UNKNOWN)


# --- views ---


def prepared(visit: Visit, engine: Engine) -> Iterator[tuple]:
    """What a run would take, or why there can be none; and whether Start can be pressed."""
    train = visit.train
    if train.source is None:
        yield markup.note(text.NO_DATA), gr.Button(interactive=False)
        return
    if not train.source.ready:
        yield run_views.refusal(text.DATA_ERRORS), gr.Button(interactive=False)
        return
    expected = expectation(train, train.config, engine, wait=0.5)
    if not expected.trainable:
        yield run_views.refusal(text.NOTHING_LEARNS), gr.Button(interactive=False)
        return
    yield run_views.outlook(expected), gr.Button(interactive=True)
    if expected.seconds is None:  # this machine's speed is being measured, once
        yield run_views.outlook(expectation(train, train.config, engine, wait=30.0)), gr.Button(interactive=True)


def look(visit: Visit, runs: Runs, logarithmic: bool, seen: Seen | None = None) -> Shown:
    """What has changed of the run that is shown since `seen` (None: all of it)."""
    before = seen or Seen()
    if not visit.owner or visit.train.run is None:
        # A page that looks at a run that the server does not know of has been forgotten.
        return _nothing(text.UNKNOWN if before.run else text.NO_RUN)
    try:
        now = runs.progress(visit.train.run, visit.owner)
    except UserError as problem:  # deleted meanwhile, or another's
        visit.train.run = None
        return _nothing(str(problem))
    return _changes(now, logarithmic, before, everything=seen is None)


def pace(now: Progress) -> float:
    """After how many seconds to look again."""
    if not now.run.unfinished:
        return 0.0
    if now.run.state == "queued" and (now.place or 1) > 1:
        return SELDOM
    return STEADY if now.begun and now.step else SOON


def _changes(now: Progress, logarithmic: bool, before: Seen, everything: bool) -> Shown:
    run, every = now.run, pace(now)
    seen = Seen(run.id, run.state, now.step, now.milestones, every)
    everything = everything or seen.run != before.run
    shown = Shown(
        run_views.progress(now), stop=labelled(text.STOP, visible=run.unfinished, interactive=not now.stopping)
    )
    if everything or seen != before:
        shown = replace(shown, seen=seen)
    if everything or every != before.every:
        shown = replace(shown, timer=gr.Timer(every or STEADY, active=bool(every)))
    if everything or (seen.step, seen.milestones) != (before.step, before.milestones):
        shown = replace(shown, plots=run_views.plots(now, logarithmic), pictures=gr.Row(visible=now.steps > 0))
    if everything or (seen.milestones, seen.state) != (before.milestones, before.state):
        moved = run_views.what_moved(now) if now.steps else None
        shown = replace(
            shown,
            table=run_views.table(now),
            stack=stack.svg(*moved, live=True) if moved else UNCHANGED,
            stack_table=stack.table(*moved) if moved else UNCHANGED,
            start=_start_button(run.unfinished),
            resume=labelled(text.RESUME, visible=run.state in ("stopped", "killed", "failed")),
        )
    return shown


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
        resume=labelled(text.RESUME, visible=False),
        timer=gr.Timer(STEADY, active=False),
        seen=Seen(),
    )


def _start_button(another: bool) -> gr.Button:
    if another:
        return gr.Button(value=text.START_ANOTHER, variant="secondary")
    return gr.Button(value=text.START, variant="primary")


def choices(visit: Visit, runs: Runs) -> dict:
    """The list of the visitor's runs, the newest first; hidden while there is but one."""
    found = runs.progress_of_all(visit.owner) if visit.owner else []
    named = [(text.run_choice(now.number, now.file, now.run.queued, now.run.state), now.run.id) for now in found[::-1]]
    return gr.update(choices=named, value=visit.train.run, visible=len(named) > 1)
