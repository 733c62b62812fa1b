"""The Compare tab: the visitor's runs side by side, and whole sets of runs from one button."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from mtl.config import TrainConfig, UserError
from mtl.groups import Groups
from mtl.text.values import plural
from mtl.training import presets
from mtl.training.progress import Progress
from mtl.ui.compare import rows as shared_rows
from mtl.ui.compare import view, words
from mtl.ui.page import UNCHANGED, Session, html, labelled, written
from mtl.ui.train.run import step as live
from mtl.ui.train.settings.step import names_of_settings, shape_now, take_over
from mtl.ui.train.settings.words import unfit
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup
from mtl.ui.words import duration

TITLE = words.TITLE
WIDE = True
# Seconds between two looks at the runs, at least: there may be many.
STEADY = 1.0
# What one button runs: a title, and names of presets.
SETS = {
    "freezing": ("Ways of freezing", presets.FREEZING),
    "rates": ("One rate for all, or rates by depth", presets.RATES),
    "proposed": (presets.PROPOSED, [preset.name for preset in presets.GROUPS[presets.PROPOSED]]),
}


class Snapshot(NamedTuple):
    """What the page shows: which runs it knows of, a hash of their state, and the seconds until it looks again (0: not
    at all)."""

    runs: tuple[str, ...] = ()
    version: int = 0
    every: float = 0.0


@dataclass(frozen=True)
class Shown:
    """What changes on the page: a value for each of its components, `message` and `revision` where the event asks.
    `ended`: the runs that are drawn and over, whose answers can be compared."""

    progress: Any = UNCHANGED
    stop: Any = UNCHANGED
    table: Any = UNCHANGED
    pictures: Any = UNCHANGED
    task: Any = UNCHANGED
    drawn: Any = UNCHANGED
    plot: Any = UNCHANGED
    stacks: Any = UNCHANGED
    ended: Any = UNCHANGED
    save: Any = UNCHANGED
    snapshot: Any = UNCHANGED
    timer: Any = UNCHANGED
    message: Any = UNCHANGED
    revision: Any = UNCHANGED


def build(session: Session) -> None:
    html(markup.note(words.INTRO))
    with gr.Row(elem_classes="run-set"):
        chosen_set = gr.Radio(
            [(title, name) for name, (title, _) in SETS.items()],
            value="freezing",
            label="Set of runs",
            info="Starts one run after another on the data and the other settings of the Train tab.",
            min_width=300,
            elem_id="run-set",
        )
        start_button = gr.Button("Run this set", variant="primary", scale=0, min_width=150, elem_id="start-set")
        stop_button = gr.Button(
            words.STOP_ALL, variant="stop", visible=False, scale=0, min_width=140, elem_id="stop-all"
        )
    note = html(elem_id="set-note")
    message = html(elem_id="set-told")
    progress = html(elem_id="runs-progress")
    table = html(
        markup.note(words.NO_RUNS),
        elem_id="runs-table",
        js_on_load="mtl.runs(element, trigger)",
    )
    with gr.Column(visible=False, elem_id="runs-pictures") as pictures:
        html(markup.heading("Curves"))
        with gr.Row(elem_classes="controls"):
            task = gr.Dropdown(
                [],
                label="Task",
                info="Each task has its own head, loss and score.",
                filterable=False,
                min_width=200,
                elem_id="runs-task",
            )
            measure = gr.Radio(
                [(title, name) for name, title in words.MEASURES.items()],
                value="scores",
                label="Show",
                info="What is drawn over the epochs.",
                min_width=320,
                scale=2,
                elem_id="runs-measure",
            )
        drawn = gr.CheckboxGroup(
            [],
            label="Runs",
            info="Which runs are drawn, here and below. New ones are added automatically.",
            elem_id="runs-drawn",
        )
        plot = html(elem_id="runs-plot")
        stacks = html(elem_id="runs-stacks")
        html(markup.heading(words.ROWS_TITLE) + markup.note(words.ROWS_NOTE))
        which_rows = gr.Radio(
            [(title, name) for name, title in words.WHICH_ROWS.items()],
            value=words.DISPUTED,
            label="Rows",
            elem_id="runs-which-rows",
        )
        answers = html(markup.note(words.TWO_ENDED), elem_id="runs-answers")
    ended = gr.State(())
    # Not within the column: what is hidden in there would show when the column does.
    with gr.Row(elem_classes="downloads"):
        take_away = session.save(words.DOWNLOAD, partial(save, session), visible=False)
        save_answers = session.save(words.DOWNLOAD_ROWS, partial(save_rows, session), [ended, task], visible=False)
    in_sight, picked = gr.Checkbox(visible="hidden"), gr.Textbox(visible="hidden")
    snapshot, timer = gr.State(Snapshot()), gr.Timer(STEADY, active=False)

    shown = {
        "progress": progress,
        "stop": stop_button,
        "table": table,
        "pictures": pictures,
        "task": task,
        "drawn": drawn,
        "plot": plot,
        "stacks": stacks,
        "ended": ended,
        "save": take_away,
        "snapshot": snapshot,
        "timer": timer,
    }
    chosen = [task, measure, drawn]
    looks = [*chosen, snapshot]
    with_message = {**shown, "message": message}
    tab = note.parent
    session.wire([tab.select], partial(on_open, session), looks, shown)
    session.wire([timer.tick], partial(follow, session), [in_sight, *looks], with_message, js="mtl.runsInSight")
    session.wire(
        [start_button.click],
        partial(on_start, session),
        [session.form, chosen_set, *looks],
        {**with_message, "revision": session.run},
        js="mtl.runSet",
    )
    session.wire([stop_button.click], partial(on_stop, session), looks, with_message)
    session.wire(
        [task.input, measure.input, drawn.input],
        partial(on_choice, session),
        chosen,
        {"plot": plot, "stacks": stacks, "ended": ended},
        trigger_mode="always_last",
    )
    session.wire(
        [ended.change, task.change, which_rows.input],
        partial(show_rows, session),
        [ended, task, which_rows],
        [answers, save_answers],
        trigger_mode="always_last",
    )
    session.wire(
        [tab.select, chosen_set.input, session.data.change, session.settings.change],
        partial(set_note, session),
        [chosen_set],
        [note, start_button],
    )
    session.wire([table.select], partial(pick, session), [picked], [session.run, tab.parent], js="mtl.runChoice")


# --- handlers ---


def on_open(session: Session, visit: Visit, *looks: Any) -> Shown:
    """All of it, whatever the page showed when it was left."""
    *chosen, snapshot = looks
    return look(session, visit, *chosen, Snapshot(snapshot.runs))


def follow(session: Session, visit: Visit, in_sight: bool, *looks: Any) -> Shown:
    """What has changed since the snapshot, the last of `looks`. Without a look while the tab is not in sight: it asks
    again when it is opened."""
    if not in_sight:
        return Shown(timer=live.timer(0))
    shown = look(session, visit, *looks)
    return replace(shown, message="") if live.ended(looks[-1], shown.snapshot) else shown


def on_start(session: Session, visit: Visit, said: str, which: str, *looks: Any) -> Shown:
    """Run a set with the other settings as the form of the Train tab says them."""
    try:
        take_over(session, visit.train, said)
        message = start_set(session, visit, which)
    except UserError as problem:
        message = markup.status(str(problem), kind="bad")
    return replace(look(session, visit, *looks), message=message, revision=session.next_revision())


def on_stop(session: Session, visit: Visit, *looks: Any) -> Shown:
    message = stop_all(session, visit)
    return replace(look(session, visit, *looks), message=message)


def on_choice(session: Session, visit: Visit, task: str | None, measure: str, drawn: list[str]) -> Shown:
    runs = _runs(session, visit)
    return draw(runs, names_of_settings(session, visit.train, runs), task, measure, drawn)


def pick(session: Session, visit: Visit, run_id: str) -> tuple[int, gr.Tabs]:
    """Show a run in the Train tab. Raises `UserError` where it is none of the visitor's."""
    live.check_owner(visit)
    visit.train.run = session.runs.get(run_id, visit.owner).id
    return session.next_revision(), gr.Tabs(selected="train")


def set_note(session: Session, visit: Visit, which: str) -> tuple[str, gr.Button]:
    """What a set would train, and whether it can be started."""
    try:
        source = live.ready_source(visit.train)
    except UserError as why:
        return markup.note(str(why)), gr.Button(interactive=False)
    groups = shape_now(session, visit.train).groups
    chosen, unfit = _set(groups, which)
    epochs = plural(visit.train.config.epochs, "epoch")
    titles = ", ".join(preset.title for preset in chosen)
    note = f"{plural(len(chosen), 'run')} on {source.name}, {epochs} each: {titles}."
    note += _time_of(session, visit, [preset.make(groups, visit.train.config) for preset in chosen])
    return markup.note(" ".join([note, *unfit])), gr.Button(interactive=bool(chosen))


def _time_of(session: Session, visit: Visit, configs: Iterable[TrainConfig]) -> str:
    """How long runs with these settings take together, as the end of a note; "" while that is not known."""
    try:
        seconds = [live.expectation(session, visit.train, config, wait=0.5).seconds for config in configs]
    except UserError:  # a field has to be mended first, which stands beside it
        return ""
    return "" if not seconds or None in seconds else f" About {duration(sum(seconds))} in all, when nobody else trains."


def _set(groups: Groups, which: str) -> tuple[list[presets.Preset], list[str]]:
    """The presets of a set that fit these groups, and why the others do not."""
    found = [presets.BY_NAME[name] for name in SETS[which][1]]
    misfits = {preset: preset.misfit(groups) for preset in found}
    return [p for p in found if not misfits[p]], [unfit(p.title, why) for p, why in misfits.items() if why]


def save(session: Session, visit: Visit, folder: Path) -> Path:
    """Write the table of all runs, for a spreadsheet."""
    runs = _runs(session, visit)
    return written(folder / "runs.csv", view.csv(runs, names_of_settings(session, visit.train, runs)))


# --- answers side by side ---


def show_rows(
    session: Session, visit: Visit, ended: Sequence[str], task: str | None, which: str
) -> tuple[str, gr.Button]:
    """The held-out rows that the runs which are drawn and over share, and whether they can be saved."""
    chosen = _chosen(session, visit, ended)
    page = shared_rows.page(chosen, task, which)
    return page, labelled(words.DOWNLOAD_ROWS, visible=sum(task in progress.kinds for progress in chosen) > 1)


def save_rows(session: Session, visit: Visit, folder: Path, ended: Sequence[str], task: str | None) -> Path:
    return written(folder / "shared-rows.csv", shared_rows.csv(_chosen(session, visit, ended), task))


def _chosen(session: Session, visit: Visit, ids: Collection[str]) -> list[Progress]:
    return [progress for progress in _runs(session, visit) if progress.run.id in ids]


# --- starting and stopping ---


def start_set(session: Session, visit: Visit, which: str) -> str:
    """Put a run for each preset of a set into the line, on the visitor's data; returns what to say about it.

    The Train tab then shows the first of them. Raises `UserError` where none can be started."""
    live.check_owner(visit)
    live.ready_source(visit.train)
    groups = shape_now(session, visit.train).groups
    started, problems = [], []
    for preset in _set(groups, which)[0]:
        config = preset.make(groups, visit.train.config)
        try:
            started.append(live.start(session, visit, config).id)
        except UserError as problem:
            problems.append(str(problem))
    if not started:
        raise UserError(words.started(0, problems))
    visit.train.run = started[0]
    return markup.status(words.started(len(started), problems))


def stop_all(session: Session, visit: Visit) -> str:
    """Ask every run of the visitor that is not over to end; returns what to say about it."""
    live.check_owner(visit)
    # Those that wait first, or the next of them would begin when the one that trains ends.
    unfinished = [run for run in session.runs.find(visit.owner) if run.unfinished]
    for run in sorted(unfinished, key=lambda run: run.state != "queued"):
        session.runs.stop(run.id, visit.owner)
    if not unfinished:
        return ""
    asked = plural(len(unfinished), "run")
    return markup.status(f"{asked} asked to stop: one that trains ends after its step, the others at once.")


# --- what is shown ---


def look(
    session: Session,
    visit: Visit,
    task: str | None,
    measure: str,
    drawn: Collection[str],
    before: Snapshot,
) -> Shown:
    """What has changed of the visitor's runs since the snapshot `before`."""
    runs = _runs(session, visit)
    now = Snapshot(tuple(p.run.id for p in runs), _version(visit, runs), pace(runs))
    if now == before:
        return Shown()
    called = names_of_settings(session, visit.train, runs)
    tasks = list(view.kinds(runs))
    task = task if task in tasks else tasks[0] if tasks else None
    drawn = choice(runs, drawn, before.runs)
    choices = [(words.name(p.number, called[p.run.id]), p.run.id) for p in runs]
    return replace(
        draw(runs, called, task, measure, drawn),
        progress=progress(runs),
        stop=labelled(words.STOP_ALL, visible=any(p.run.unfinished for p in runs)),
        table=view.table(runs, called, visit.train.run) if runs else markup.note(words.NO_RUNS),
        pictures=gr.Column(visible=bool(tasks)),
        task=gr.Dropdown(choices=tasks, value=task),
        drawn=gr.CheckboxGroup(choices=choices, value=drawn),
        save=labelled(words.DOWNLOAD, visible=bool(runs)),
        snapshot=now,
        timer=live.timer(now.every),
    )


def draw(runs: Sequence[Progress], called: view.Names, task: str | None, measure: str, drawn: Collection[str]) -> Shown:
    """The curves and the stacks of the runs that are chosen, and which of them are over."""
    chosen = [p for p in runs if p.run.id in drawn]
    return Shown(
        plot=view.plot(chosen, called, task, measure, view.row_sets(runs, task)) if task else "",
        stacks=view.stacks(chosen, called),
        ended=tuple(p.run.id for p in chosen if not p.run.unfinished),
    )


def choice(runs: Sequence[Progress], drawn: Collection[str], known: Collection[str]) -> list[str]:
    """The runs to draw: those drawn before that are still there, and the newest of those that are new."""
    new = [p.run.id for p in runs if p.run.id not in known]
    free = view.MOST_LINES - sum(p.run.id in drawn for p in runs)
    chosen = {*drawn, *(new[-free:] if free > 0 else ())}
    return [p.run.id for p in runs if p.run.id in chosen]


def pace(runs: Sequence[Progress]) -> float:
    """After how many seconds to look again: as often as for the run that moves most, and at most once a second."""
    paces = [live.pace(p) for p in runs if p.run.unfinished]
    return max(STEADY, min(paces)) if paces else 0.0


def progress(runs: Sequence[Progress]) -> str:
    """How far the visitor's runs are that are not over, with a bar; "" where all are."""
    training = [p for p in runs if p.run.state == "running"]
    waiting = [p for p in runs if p.run.state == "queued"]
    if not training and not waiting:
        return ""
    share = sum(p.share for p in training) / len(training) if training else 0.0
    times = [p.eta for p in training]
    left = max(times) if times and None not in times and not waiting else None
    said = words.progress(len(training), share, len(waiting), left)
    # While all wait there is nothing for a bar to show.
    return markup.status(said, kind="busy", share=share if training else None)


def _runs(session: Session, visit: Visit) -> list[Progress]:
    """The visitor's runs as they stand, oldest first."""
    return session.runs.progress_of_all(visit.owner) if visit.owner else []


def _version(visit: Visit, runs: Sequence[Progress]) -> int:
    """Differs whenever something that is shown has changed."""
    states = ((p.run.id, p.run.state, p.step, p.milestones, p.place, p.stopping, bool(p.config)) for p in runs)
    return hash((visit.train.run, tuple(states)))
