"""Step 3 of the Train tab: start a run, follow it while it waits and learns, stop it, go on with it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from mtl.config import TrainConfig, UserError
from mtl.files import json_or_nothing
from mtl.training.estimate import Estimate, estimate
from mtl.training.runs.service import Following, Run, Runs
from mtl.ui import models
from mtl.ui.engine import Engine
from mtl.ui.page import Session, labelled
from mtl.ui.train.run import view as run_views
from mtl.ui.train.run import words as text
from mtl.ui.train.run.story import Stories, Story
from mtl.ui.train.state import Lesson
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup, stack

# Seconds between two looks at a run: one that may go on at any moment, one that trains, one that waits behind others.
SOON, STEADY, SELDOM = 0.4, 1.0, 2.0


class Seen(NamedTuple):
    """What the page shows: of which run, in which state, how many of its events and chapters (see `Story`); and the
    seconds until it looks again (0: not at all)."""

    run: str = ""
    state: str = ""
    events: int = 0
    chapters: int = 0
    every: float = 0.0


def build(session: Session) -> None:
    runs, stories = session.runs, Stories(session.runs)
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

    def and_news(seen: Sequence, shown: tuple) -> tuple:
        """`shown`, and a new revision when the run was found to be over: whoever looks first has to say so."""
        over = Seen(*seen).every and not Seen(*shown[-1]).every
        return (*shown, session.next_revision() if over else gr.skip())

    def on_stop(visit: Visit, logarithmic: bool, seen: Sequence) -> tuple:
        stop(visit, runs)
        return and_news(seen, look(visit, stories, logarithmic))

    def on_logarithmic(visit: Visit, logarithmic: bool, seen: Sequence) -> tuple:
        return and_news(seen, look(visit, stories, logarithmic))

    def on_resume(visit: Visit) -> int:
        resume(visit, runs)
        return session.next_revision()

    def on_arrival(visit: Visit) -> int:
        find_again(visit, runs)
        return session.next_revision()

    def on_run(visit: Visit, logarithmic: bool) -> tuple:
        shown = look(visit, stories, logarithmic)
        return (*shown, choices(visit, runs))

    def on_choice(visit: Visit, run_id: str) -> int:
        visit.lesson.run = run_id
        return session.next_revision()

    def on_tick(visit: Visit, logarithmic: bool, seen: Sequence) -> tuple:
        return and_news(seen, look(visit, stories, logarithmic, Seen(*seen)))

    buttons = [start_button, stop_button, resume_button]
    shown = [progress, plots, table, drawing, stack_table, pictures, *buttons, timer, seen]
    session.wire([session.arrival.change], on_arrival, [], [session.run])
    session.wire([start_button.click], on_start, [], [session.run])
    session.wire([resume_button.click], on_resume, [], [session.run])
    session.wire([chooser.input], on_choice, [chooser], [session.run])
    session.wire([stop_button.click], on_stop, [logarithmic, seen], [*shown, session.run])
    session.wire([session.run.change], on_run, [logarithmic], [*shown, chooser], trigger_mode="always_last")
    session.wire([logarithmic.input], on_logarithmic, [logarithmic, seen], [*shown, session.run])
    session.wire([timer.tick], on_tick, [logarithmic, seen], [*shown, session.run])
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
    lesson = visit.lesson
    config = config or lesson.config
    _check_owner(visit)
    if lesson.source is None:
        raise UserError(text.NO_DATA)
    if not lesson.source.ready:
        raise UserError(text.DATA_ERRORS)
    if not lesson.source.path.is_file():
        raise UserError(text.DATA_GONE)
    expected = expectation(lesson, config, engine, wait=0.0)
    if not expected.trainable:
        raise UserError(text.NOTHING_LEARNS)
    if expected.seconds is None and runs.longest < math.inf:  # how long it takes decides whether it is taken
        expected = expectation(lesson, config, engine, wait=30.0)
    run = runs.start(
        visit.owner,
        lesson.source.path,
        config,
        lesson.start_from or engine.name,
        expected.seconds,
        visit.address,
        **lesson.source.reading,
    )
    lesson.run = run.id
    return run


def expectation(lesson: Lesson, config: TrainConfig, engine: Engine, wait: float) -> Estimate:
    """What a run on the lesson's source will take. This machine's speed is waited for so many seconds."""
    source = lesson.source
    # Whatever it begins with has this backbone: only the heads may be others, and the source knows those.
    return estimate(engine.model(), source.tasks, source.learns, source.rows, source.tokens, config, wait)


def stop(visit: Visit, runs: Runs) -> None:
    _check_owner(visit)
    if visit.lesson.run is not None:
        runs.stop(visit.lesson.run, visit.owner)


def resume(visit: Visit, runs: Runs) -> None:
    _check_owner(visit)
    if visit.lesson.run is not None:
        runs.resume(visit.lesson.run, visit.owner)


def find_again(visit: Visit, runs: Runs) -> None:
    """Show the visitor's newest run that is not over, or else the newest, and go on from its settings."""
    lesson = visit.lesson
    found = runs.find(visit.owner) if visit.owner else []
    if lesson.run is not None or not found:
        return
    unfinished = [run for run in found if run.unfinished]
    run = (unfinished or found)[-1]
    lesson.run = run.id
    if lesson.config == TrainConfig():  # no link has set them
        with contextlib.suppress(UserError, KeyError):
            lesson.config = TrainConfig.from_json(_told(run)["train"])


def _check_owner(visit: Visit) -> None:
    if not visit.owner:
        raise UserError(text.UNKNOWN)


# --- views ---


def prepared(visit: Visit, engine: Engine) -> Iterator[tuple]:
    """What a run would take, or why there can be none; and whether Start can be pressed."""
    lesson = visit.lesson
    if lesson.source is None:
        yield markup.note(text.NO_DATA), gr.Button(interactive=False)
        return
    if not lesson.source.ready:
        yield run_views.refusal(text.DATA_ERRORS), gr.Button(interactive=False)
        return
    expected = expectation(lesson, lesson.config, engine, wait=0.5)
    if not expected.trainable:
        yield run_views.refusal(text.NOTHING_LEARNS), gr.Button(interactive=False)
        return
    yield run_views.outlook(expected), gr.Button(interactive=True)
    if expected.seconds is None:  # this machine's speed is being measured, once
        yield run_views.outlook(expectation(lesson, lesson.config, engine, wait=30.0)), gr.Button(interactive=True)


def look(visit: Visit, stories: Stories, logarithmic: bool, seen: Seen | None = None) -> tuple:
    """What has changed of the run that is shown since `seen` (None: all of it).

    In this order: progress, curves, their table, the stack, its table, whether there are pictures, Start, Stop, Resume,
    the timer, and what is seen now.
    """
    before = seen or Seen()
    if not visit.owner or visit.lesson.run is None:
        # A page that looks at a run that the server does not know of has been forgotten.
        return _nothing(text.UNKNOWN if before.run else text.NO_RUN)
    try:
        with stories.look(visit.lesson.run, visit.owner) as (following, story):
            now = Seen(following.run.id, following.run.state, following.after, story.chapters, pace(following, story))
            return _changes(following, story, logarithmic, before, now, everything=seen is None)
    except UserError as problem:  # deleted meanwhile, or another's
        visit.lesson.run = None
        return _nothing(str(problem))


def pace(following: Following, story: Story) -> float:
    """After how many seconds to look again."""
    if not following.run.unfinished:
        return 0.0
    if following.run.state == "queued" and (following.place or 1) > 1:
        return SELDOM
    return STEADY if story.step and not story.waits else SOON


def _changes(following: Following, story: Story, logarithmic: bool, before: Seen, now: Seen, everything: bool) -> tuple:
    run = following.run
    everything = everything or now.run != before.run
    skip = gr.skip()
    learnt = everything or now.events != before.events
    turned = everything or now.chapters != before.chapters or now.state != before.state
    drawn = (skip, skip)
    if turned and story.config:
        moved = run_views.what_moved(story)
        drawn = (stack.svg(*moved, live=True), stack.table(*moved))
    return (
        run_views.progress(following, story),
        run_views.plots(story, logarithmic) if learnt else skip,
        run_views.table(story) if turned else skip,
        *drawn,
        gr.Row(visible=story.config is not None) if learnt else skip,
        _start_button(run.unfinished) if turned else skip,
        labelled(text.STOP, visible=run.unfinished, interactive=not following.stopping),
        labelled(text.RESUME, visible=run.state in ("stopped", "killed", "failed")) if turned else skip,
        gr.Timer(now.every or STEADY, active=bool(now.every)) if everything or now.every != before.every else skip,
        now if now != before else skip,
    )


def _nothing(message: str) -> tuple:
    hidden = [labelled(label, visible=False) for label in (text.STOP, text.RESUME)]
    timer = gr.Timer(STEADY, active=False)
    pictures = gr.Row(visible=False)
    return markup.note(message), "", "", "", "", pictures, _start_button(False), *hidden, timer, Seen()


def _start_button(another: bool) -> gr.Button:
    if another:
        return gr.Button(value=text.START_ANOTHER, variant="secondary")
    return gr.Button(value=text.START, variant="primary")


def choices(visit: Visit, runs: Runs) -> dict:
    """The list of the visitor's runs, the newest first; hidden while there is but one."""
    found = runs.find(visit.owner) if visit.owner else []
    names = models.run_names(runs, visit.owner) if found else {}
    # Another one may have begun, or been deleted, between the two looks.
    listed = [run for run in reversed(found) if run.id in names]
    named = [(text.run_choice(names[run.id], _file_of(run), run.queued, run.state), run.id) for run in listed]
    return gr.update(choices=named, value=visit.lesson.run, visible=len(named) > 1)


def _file_of(run: Run) -> str:
    return Path(str(_told(run).get("file", ""))).name


def _told(run: Run) -> dict[str, Any]:
    """What the run was told to do; {} where that cannot be read."""
    return json_or_nothing(run.folder / "config.json")
