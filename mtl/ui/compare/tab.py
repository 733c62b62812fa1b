"""The Compare tab: the visitor's runs side by side, and whole sets of runs from one button."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from mtl.config import TaskSpec, UserError
from mtl.groups import Groups
from mtl.training import presets
from mtl.training.progress import Progress
from mtl.training.runs.service import Runs
from mtl.ui.compare import view as comparing
from mtl.ui.compare import words
from mtl.ui.engine import Engine
from mtl.ui.page import UNCHANGED, Session, labelled
from mtl.ui.train.run import step as live
from mtl.ui.train.state import Source
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup

TITLE = words.TITLE
WIDE = True
# What one button runs: names of presets.
SETS = {"freezing": presets.FREEZING, "rates": presets.RATES, "proposed": presets.GROUPS[1]}
# Seconds between two looks while a run trains; while all wait behind those of others.
STEADY, SELDOM = 1.0, 3.0


class Seen(NamedTuple):
    """What the page shows: which runs it knows of, what their state was, and the seconds until it looks again (0: not
    at all)."""

    runs: tuple[str, ...] = ()
    version: str = ""
    every: float = 0.0


@dataclass(frozen=True)
class Shown:
    """What changes on the page: a value for each of its components, `message` and `revision` where the event asks."""

    progress: Any = UNCHANGED
    stop: Any = UNCHANGED
    table: Any = UNCHANGED
    pictures: Any = UNCHANGED
    task: Any = UNCHANGED
    drawn: Any = UNCHANGED
    plot: Any = UNCHANGED
    stacks: Any = UNCHANGED
    save: Any = UNCHANGED
    seen: Any = UNCHANGED
    timer: Any = UNCHANGED
    message: Any = UNCHANGED
    revision: Any = UNCHANGED


def build(session: Session) -> None:
    gr.HTML(markup.note(words.INTRO), apply_default_css=False)
    with gr.Row(elem_classes="run-set"):
        chosen_set = gr.Radio(
            [(title, name) for name, title in words.SETS.items()],
            value="freezing",
            label=words.SET,
            info=words.SET_INFO,
            min_width=300,
            elem_id="run-set",
        )
        start_button = gr.Button(words.START_SET, variant="primary", scale=0, min_width=150, elem_id="start-set")
        stop_button = gr.Button(
            words.STOP_ALL, variant="stop", visible=False, scale=0, min_width=140, elem_id="stop-all"
        )
    note = gr.HTML(apply_default_css=False, elem_id="set-note")
    message = gr.HTML(apply_default_css=False, elem_id="set-told")
    progress = gr.HTML(apply_default_css=False, elem_id="runs-progress")
    table = gr.HTML(
        markup.note(words.NO_RUNS),
        apply_default_css=False,
        elem_id="runs-table",
        js_on_load="mtl.runs(element, trigger)",
    )
    with gr.Column(visible=False, elem_id="runs-pictures") as pictures:
        gr.HTML(markup.heading(words.CURVES), apply_default_css=False)
        with gr.Row(elem_classes="controls"):
            task = gr.Dropdown(
                [], label=words.TASK, info=words.TASK_INFO, filterable=False, min_width=200, elem_id="runs-task"
            )
            measure = gr.Radio(
                [(title, name) for name, title in words.MEASURES.items()],
                value="scores",
                label=words.MEASURE,
                info=words.MEASURE_INFO,
                min_width=320,
                scale=2,
                elem_id="runs-measure",
            )
        drawn = gr.CheckboxGroup([], label=words.RUNS, info=words.RUNS_INFO, elem_id="runs-drawn")
        plot = gr.HTML(apply_default_css=False, elem_id="runs-plot")
        stacks = gr.HTML(apply_default_css=False, elem_id="runs-stacks")
    # Not within the column: what is hidden in there would show when the column does.
    with gr.Row(elem_classes="downloads"):
        take_away = session.save(
            words.DOWNLOAD, lambda visit, folder: save(visit, folder, session.runs, session.engine), visible=False
        )
    in_sight, picked = gr.Checkbox(visible="hidden"), gr.Textbox(visible="hidden")
    seen, timer = gr.State(Seen()), gr.Timer(STEADY, active=False)

    def on_look(visit: Visit, task: str | None, measure: str, drawn: list[str], seen: Sequence) -> Shown:
        return look(visit, session.runs, session.engine, task, measure, drawn, Seen(*seen))

    def on_open(visit: Visit, *chosen) -> Shown:
        return look(visit, session.runs, session.engine, *chosen[:3], Seen(*chosen[3]), anew=True)

    def on_tick(visit: Visit, in_sight: bool, *chosen) -> Shown:
        if not in_sight:  # the tab was left: it asks again when it is opened
            return Shown(timer=gr.Timer(active=False))
        shown = on_look(visit, *chosen)
        over = shown.seen is not UNCHANGED and not shown.seen.every
        return replace(shown, message="") if over else shown

    def on_start(visit: Visit, which: str, *chosen) -> Shown:
        try:
            message = start_set(visit, session.runs, session.engine, which)
        except UserError as problem:
            message = markup.status(str(problem), kind="bad")
        return replace(on_look(visit, *chosen), message=message, revision=session.next_revision())

    def on_stop(visit: Visit, *chosen) -> Shown:
        message = stop_all(visit, session.runs)
        return replace(on_look(visit, *chosen), message=message)

    def on_change(visit: Visit, task: str | None, measure: str, drawn: list[str]) -> Shown:
        snapshots = _snapshots(visit, session.runs)
        return draw(snapshots, names(visit, session.engine, snapshots), task, measure, drawn)

    def on_pick(visit: Visit, run_id: str) -> tuple:
        pick(visit, session.runs, run_id)
        return session.next_revision(), gr.Tabs(selected="train")

    shown = {
        "progress": progress,
        "stop": stop_button,
        "table": table,
        "pictures": pictures,
        "task": task,
        "drawn": drawn,
        "plot": plot,
        "stacks": stacks,
        "save": take_away,
        "seen": seen,
        "timer": timer,
    }
    chosen = [task, measure, drawn, seen]
    with_message = {**shown, "message": message}
    tab = note.parent
    session.wire([tab.select], on_open, chosen, shown)
    session.wire([timer.tick], on_tick, [in_sight, *chosen], with_message, js="mtl.runsInSight")
    session.wire([start_button.click], on_start, [chosen_set, *chosen], {**with_message, "revision": session.run})
    session.wire([stop_button.click], on_stop, chosen, with_message)
    session.wire(
        [task.input, measure.input, drawn.input],
        on_change,
        chosen[:3],
        {"plot": plot, "stacks": stacks},
        trigger_mode="always_last",
    )
    session.wire(
        [tab.select, chosen_set.input, session.data.change, session.settings.change],
        set_note,
        [chosen_set],
        [note, start_button],
    )
    session.wire([table.select], on_pick, [picked], [session.run, tab.parent], js="mtl.runChoice")


# --- actions ---


def start_set(visit: Visit, runs: Runs, engine: Engine, which: str) -> str:
    """Put a run for each preset of a set into the line, on the visitor's data; returns what to say about it.

    The Train tab then shows the first of them. Raises `UserError` where none can be started."""
    source = _ready_source(visit)
    groups = _groups(engine, source.tasks)
    begun, problems = [], []
    for name in SETS[which]:
        config = presets.BY_NAME[name].make(groups, visit.train.config)
        try:
            begun.append(live.start(visit, runs, engine, config).id)
        except UserError as problem:
            problems.append(str(problem))
    if not begun:
        raise UserError(words.started(0, problems))
    visit.train.run = begun[0]
    return markup.status(words.started(len(begun), problems))


def stop_all(visit: Visit, runs: Runs) -> str:
    """Ask every run of the visitor that is not over to end."""
    live.check_owner(visit)
    # Those that wait first, or the next of them would begin when the one that trains ends.
    unfinished = [run for run in runs.find(visit.owner) if run.unfinished]
    for run in sorted(unfinished, key=lambda run: run.state != "queued"):
        runs.stop(run.id, visit.owner)
    return markup.status(words.stopping(len(unfinished))) if unfinished else ""


def pick(visit: Visit, runs: Runs, run_id: str) -> None:
    """Let the Train tab show a run. Raises `UserError` where it is none of the visitor's."""
    live.check_owner(visit)
    visit.train.run = runs.get(run_id, visit.owner).id


def save(visit: Visit, folder: Path, runs: Runs, engine: Engine) -> Path:
    """Write the table of all runs, for a spreadsheet."""
    snapshots = _snapshots(visit, runs)
    path = folder / "runs.csv"
    path.write_bytes(comparing.csv(snapshots, names(visit, engine, snapshots)))
    return path


def _groups(engine: Engine, tasks: Mapping[str, TaskSpec]) -> Groups:
    model = engine.model()
    return Groups.of(model.backbone, tasks, model.config.projection)


def _ready_source(visit: Visit) -> Source:
    live.check_owner(visit)
    source = visit.train.source
    if source is None:
        raise UserError(words.NO_DATA)
    if not source.ready:
        raise UserError(words.NOT_READY)
    return source


# --- views ---


def set_note(visit: Visit, which: str) -> tuple:
    """What a set would train, and whether it can be started."""
    source = visit.train.source
    if source is None or not source.ready:
        return markup.note(words.NO_DATA if source is None else words.NOT_READY), gr.Button(interactive=False)
    titles = [presets.BY_NAME[name].title for name in SETS[which]]
    return markup.note(words.set_note(titles, source.name, visit.train.config.epochs)), gr.Button(interactive=True)


def names(visit: Visit, engine: Engine, snapshots: Sequence[Progress]) -> dict[str, str]:
    """Run -> what its settings are called: a preset's title, or that they are the visitor's own."""
    # A run that waits does not say yet what parts its model has: most likely those of the data that is chosen.
    source = visit.train.source
    groups = _groups(engine, source.tasks if source else engine.model().tasks) if engine.ready else None

    def name(run: Progress) -> str:
        known = run.groups if run.sizes else groups
        preset = presets.which(known, run.config) if known and known.tasks and run.config else None
        return presets.BY_NAME[preset].title if preset else words.OWN_SETTINGS

    return {run.run.id: name(run) for run in snapshots}


def look(
    visit: Visit,
    runs: Runs,
    engine: Engine,
    task: str | None,
    measure: str,
    drawn: Collection[str],
    seen: Seen,
    anew: bool = False,
) -> Shown:
    """What has changed of the visitor's runs since `seen` (`anew`: all of it)."""
    snapshots = _snapshots(visit, runs)
    now = Seen(tuple(s.run.id for s in snapshots), _version(visit, snapshots), pace(snapshots))
    if now == seen and not anew:
        return Shown()
    called = names(visit, engine, snapshots)
    tasks = list(comparing.kinds(snapshots))
    task = task if task in tasks else tasks[0] if tasks else None
    drawn = choice(snapshots, drawn, seen.runs)
    choices = [(words.name(s.number, called[s.run.id]), s.run.id) for s in snapshots]
    return replace(
        draw(snapshots, called, task, measure, drawn),
        progress=progress(snapshots),
        stop=labelled(words.STOP_ALL, visible=any(s.run.unfinished for s in snapshots)),
        table=comparing.table(snapshots, called, visit.train.run) if snapshots else markup.note(words.NO_RUNS),
        pictures=gr.Column(visible=bool(tasks)),
        task=gr.Dropdown(choices=tasks, value=task),
        drawn=gr.CheckboxGroup(choices=choices, value=drawn),
        save=labelled(words.DOWNLOAD, visible=bool(snapshots)),
        seen=now,
        timer=gr.Timer(now.every or STEADY, active=bool(now.every)),
    )


def draw(
    snapshots: Sequence[Progress], called: comparing.Names, task: str | None, measure: str, drawn: Collection[str]
) -> Shown:
    """The curves and the stacks of the runs that are chosen."""
    chosen = [s for s in snapshots if s.run.id in drawn]
    plot = comparing.plot(chosen, called, task, measure) if task else ""
    return Shown(plot=plot, stacks=comparing.stacks(chosen, called))


def choice(snapshots: Sequence[Progress], drawn: Collection[str], known: Collection[str]) -> list[str]:
    """The runs to draw: those drawn before that are still there, and the newest of those that are new."""
    kept = [s.run.id for s in snapshots if s.run.id in drawn]
    new = [s.run.id for s in snapshots if s.run.id not in known]
    added = new[-max(0, comparing.MOST_LINES - len(kept)) :] if len(kept) < comparing.MOST_LINES else []
    return [s.run.id for s in snapshots if s.run.id in {*kept, *added}]


def pace(snapshots: Sequence[Progress]) -> float:
    """After how many seconds to look again."""
    states = {s.run.state for s in snapshots}
    return STEADY if "running" in states else SELDOM if "queued" in states else 0.0


def progress(snapshots: Sequence[Progress]) -> str:
    """How far the visitor's runs are that are not over, with a bar; "" where all are."""
    training = [s for s in snapshots if s.run.state == "running"]
    waiting = [s for s in snapshots if s.run.state == "queued"]
    if not training and not waiting:
        return ""
    share = sum(s.share for s in training) / len(training) if training else 0.0
    left = max((s.eta or 0.0 for s in training), default=0.0) if training and not waiting else None
    return markup.status(words.progress(len(training), share, len(waiting), left), kind="busy", share=share)


def _snapshots(visit: Visit, runs: Runs) -> list[Progress]:
    """The visitor's runs as they stand, oldest first."""
    return runs.progress_of_all(visit.owner) if visit.owner else []


def _version(visit: Visit, snapshots: Sequence[Progress]) -> str:
    """Differs whenever something that is shown has changed."""
    parts = ((s.run.id, s.run.state, s.step, s.milestones, s.place, s.stopping, bool(s.config)) for s in snapshots)
    return f"{hash((visit.train.run, tuple(parts)))}"
