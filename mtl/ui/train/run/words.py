"""The words of step 3 of the Train tab, where a run is started and followed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from mtl.config import listed
from mtl.text.values import plural
from mtl.training.runs import zerogpu
from mtl.ui.names import run_name as run_name
from mtl.ui.words import duration as duration
from mtl.ui.words import number

START = "Start"
START_ANOTHER = "Start another"
STOP = "Stop"
STOP_NOW = "Stop now"
RESUME = "Resume"
AS_TABLE = "The curves as a table, and remarks"

# --- before it starts ---

NO_DATA = "Choose what to learn from in step 1 of the Train tab first: drop a file there, or pick a sample."
READING = "The run starts once step 1 has read the data."
STILL_READING = "Step 1 is still reading the data. Press Start again once it says what it has found."
ASKED = "This file needs an answer first: step 1 of the Train tab asks a question about it."
DATA_ERRORS = "This file cannot be trained on yet. Step 1 of the Train tab says what is wrong and how to fix it."
NOTHING_LEARNS = (
    "Nothing would learn: every layer group is frozen, and so is every head that the file has labels for (or its rate "
    "is 0). Let at least one of them learn in step 2."
)
UNKNOWN = "The server no longer knows this page, after a long pause or a restart. Reload it: your runs are kept."
NO_RUN = "No run yet."
TURNS = (
    f"Training takes turns of up to {zerogpu.LONGEST:.0f} seconds with a graphics card, which count towards your "
    "quota of ZeroGPU. Where that is used up, resume the run later: all up to its last whole epoch is kept."
)
LOST_RUNS = {
    "all": "This Space forgets all runs when it restarts or falls asleep: download each model that you want to keep.",
    "unfinished": "A run that trains while this Space restarts is lost. Those that have ended are kept.",
}


def waits_for(problems: Sequence[str]) -> str:
    return f"Start waits for step 2. {' '.join(problems)}"


def plan(tasks: int, new: int, learning: str, rows: int, seconds: float | None, memory: float) -> str:
    """What will train: how many tasks, of which some are new, which layers, on how many rows, and what it takes."""
    what = (
        plural(tasks, "task") if new == 0 else plural(new, "new task") if new == tasks else f"{tasks} tasks, {new} new"
    )
    time = "measuring the time …" if seconds is None else f"about {duration(seconds)}"
    return f"{what} · {learning} · {plural(rows, 'row')} · {time} · {megabytes(memory)}"


def before_it(runs: int, wait: float | None) -> str:
    """How many runs come first; "" if none does."""
    if not runs:
        return ""
    begins = "" if wait is None else f", for about {duration(wait)}"
    return f"{plural(runs, 'run')} of others before it{begins}"


def megabytes(memory: float) -> str:
    return f"about {memory:.0f} MB" if memory < 1000 else f"about {memory / 1000:.1f} GB"


# --- while it runs ---


def place(position: int | None, wait: float | None) -> str:
    if position is None:
        return "It begins in a moment."
    where = "Next in the line" if position == 1 else f"Place {number(position)} in the line"
    if wait is None:
        return f"{where}."
    return f"{where}, begins in a moment." if wait < 2 else f"{where}, begins in about {duration(wait)}."


SHORT_FIRST = "Short runs, and everybody's first one, go before others."


def gave_way(epoch: int, epochs: int) -> str:
    return f"{SHORT_FIRST} It goes on after epoch {epoch} of {epochs}."


def progress(step: int, steps: int, epoch: int, epochs: int, eta: float | None) -> str:
    return f"step {number(step)} of {number(steps)} · epoch {max(epoch, 1)} of {epochs}{_left(eta)}"


def measuring(eta: float | None) -> str:
    # Nobody knows how long less than a second is on a busy machine.
    return f"All steps are done; the model is measured and saved{_left(eta if eta and eta >= 1 else None)}"


def _left(eta: float | None) -> str:
    return "" if eta is None else " · a moment left" if eta < 1 else f" · about {duration(eta)} left"


def done(steps: int, epochs: int, planned: int, seconds: float) -> str:
    parts = [f"{plural(steps, 'step')}, {plural(epochs, 'epoch')}, {duration(seconds)}."]
    if epochs < planned:
        parts.append(f"It ended before epoch {planned}, because the score had stopped rising.")
    return " ".join(parts)


NOT_BEGUN = "It had not begun to learn."
STOPPING_BEFORE = "It has learnt nothing yet, and ends within seconds."
UNMEASURED = {
    "scores": "the scores after its last step",
    "calibration": "how its probabilities are to be calibrated",
    "comparison": "the answers of the model before and after",
    "forgetting": "what it forgot",
    "familiarity": "which texts are now familiar to it",
    "limits": "how it answers sentences that are hard",
}


def stopping(epoch: int, at_once: bool) -> str:
    """`epoch`: the last whole one."""
    keeps = f"the model as it was after epoch {epoch}" if epoch else "no model, as no epoch is finished yet"
    if at_once:
        return f"It ends at once and keeps {keeps}."
    return f"It measures and saves what it has learnt, within about 5 s. Stop now measures nothing and keeps {keeps}."


def stopped(step: int, steps: int, epoch: int, best: int | None, back: bool = False) -> str:
    """`epoch`: the last whole one; `best`: the one whose weights are kept (None: those of the last step, or if it went
    `back`, of the last whole epoch)."""
    which = f"the model after epoch {epoch}" if back else "the model as it was then"
    if best is not None:
        which = f"the model of epoch {best}, the best so far,"
    return f"After step {number(step)} of {number(steps)}; {which} is kept and can be used."


def nothing_kept(step: int, steps: int) -> str:
    return f"After step {number(step)} of {number(steps)}: there is no model to keep."


def resume(epoch: int, epochs: int) -> str:
    """What the button does with a run of so many epochs; `epoch` is the last whole one."""
    if not epochs:
        does = "Resume puts this run back in the line."
    elif not epoch:
        does = "Resume begins this run again with epoch 1, as none was finished."
    elif epoch < epochs:
        does = f"Resume goes on with this run from epoch {epoch + 1} of {epochs}."
    else:
        does = f"Resume ends this run: all of its {epochs} epochs are done, and what is missing is measured."
    return f"{does} Its data, settings and first model stay as they were, whatever steps 1 and 2 say now."


def unmeasured(parts: Sequence[str]) -> str:
    named = [UNMEASURED[part] for part in parts if part in UNMEASURED]
    return f"Not measured, as it was stopped: {listed(named)}." if named else ""


# --- the list of runs ---

STATES = {
    "queued": "waiting",
    "running": "training",
    "done": "done",
    "stopped": "stopped",
    "killed": "ended unexpectedly",
    "failed": "failed",
}


def run_choice(number: int, file: str, settings: str, queued: float, state: str) -> str:
    when = time.strftime("%H:%M", time.localtime(queued))
    return " · ".join(part for part in (run_name(number), file, settings, when, STATES[state]) if part)


# --- curves ---


def higher_elsewhere(kept: int, best: bool, tasks: Sequence[tuple[str, int, str, str]]) -> str:
    """`tasks`: each with its best epoch, its score after that, and its score after the epoch that is kept."""
    why = "the best on the mean of all tasks" if best else "the last one"
    parts = [f"{task} after epoch {number} ({score}, not {now})" for task, number, score, now in tasks]
    return f"Kept are the weights after epoch {kept}, {why}. Higher in another epoch: {', '.join(parts)}."
