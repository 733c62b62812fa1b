"""The words of the Compare tab."""

from __future__ import annotations

from collections.abc import Sequence

from mtl.kinds.kind import Metric
from mtl.text.values import plural
from mtl.ui.train.result import words as result
from mtl.ui.train.run import words as live

TITLE = "Compare"
INTRO = (
    "Every run of yours on this server, side by side: its settings, its scores, its cost. One run says little; two "
    "that differ in a single setting show what that setting does."
)
SET = "Set of runs"
SET_INFO = "Starts one run after another on the data and the other settings of the Train tab."
SETS = {
    "freezing": "Ways of freezing",
    "rates": "One rate for all, or rates by depth",
    "proposed": "Rates that others propose",
}
START_SET = "Run this set"
STOP_ALL = "Stop all runs"
NO_RUNS = (
    "No run yet. Choose data in the Train tab and press Start there, or start a whole set of runs here: each gets a "
    "line in this table as soon as it begins."
)
NO_DATA = "Choose what to learn from in the Train tab first: in step 1, drop a file there, or pick a sample."
NOT_READY = "The file in the Train tab cannot be trained on yet. Step 1 there says what is wrong and how to fix it."

# --- the table ---

TABLE = "Your runs"
OWN_SETTINGS = "own settings"
SHOW = "Show in Train"
RUN, STATE, DIFFERS = "run", "state", "settings that differ"
SECONDS = "seconds"
FORGOT = "forgot"
COSINE = "embeddings"
FORGOT_TITLE = (
    "What tasks that the run did not train lost on a small set of bundled sentences (points, or rank correlation)."
)
COSINE_TITLE = "Mean cosine of sentence embeddings to what they were before the run: 1 is unmoved."
SCORES_NOTE = (
    "Scores are those of the weights that are kept, on the rows held out, which no run trains on; where a task scored "
    "higher after another epoch, that stands below. The fewer these rows, the coarser the scores: with 60 of them one "
    "sentence is 1.7 points, with 10 it is 10, so smaller differences mean nothing."
)
NOTHING_UNTRAINED = "–"
DEFAULT_START = "the page's model"

ALL, NONE, YES, NO = "all", "none", "yes", "no"
NONE_OF_THESE = "none of these"
FILE, START_FROM = "file", "from"

# --- curves ---

CURVES = "Curves"
MEASURE = "Show"
MEASURE_INFO = "What is drawn over the epochs."
MEASURES = {"scores": "score, held-out rows", "held_out": "loss, held-out rows", "train": "loss, training rows"}
TASK = "Task"
TASK_INFO = "Each task has its own head, loss and score."
RUNS = "Runs"
RUNS_INFO = "Which runs are drawn, here and below. New ones are added automatically."
NO_CURVES = "The chosen runs have no points of this kind yet: they appear after the first epoch."
CHOOSE_RUNS = "Choose at least one run above."
CURVES_TABLE = "The curves as a table"
EPOCH = "epoch"
STACKS = "What learned, and how far it moved"
STACKS_NOTE = "Blue learned, the stronger the faster; grey was frozen. The bar says how far the weights moved."
STACKS_TABLE = "The pictures as tables"
DOWNLOAD = "Download CSV"


def score_title(metric: Metric) -> str:
    return f"{metric.heading} on the rows held out. {metric.help}"


def set_note(titles: Sequence[str], file: str, epochs: int) -> str:
    return f"{len(titles)} runs on {file}, {plural(epochs, 'epoch')} each: {', '.join(titles)}."


def started(count: int, problems: Sequence[str]) -> str:
    runs = f"{plural(count, 'run')} put in the line." if count else "No run was started."
    return " ".join([runs, *dict.fromkeys(problems)])


def progress(training: int, share: float, waiting: int, left: float | None) -> str:
    parts = []
    if training:
        parts.append(f"{training} training ({share:.0%} of its steps)" if training == 1 else f"{training} training")
    if waiting:
        parts.append(f"{waiting} waiting")
    if left is not None:
        parts.append(f"about {live.duration(left)} left")
    return " · ".join(parts)


def stopping(count: int) -> str:
    return f"{plural(count, 'run')} asked to stop: one that trains ends after its step, the others at once."


def state(name: str, share: float, place: int | None, message: str, stopping: bool) -> str:
    if name == "running":
        return "stopping" if stopping else f"training, {share:.0%}" if share else "getting ready"
    if name == "queued" and place is not None:
        return f"waiting, place {place}"
    return message or live.STATES[name]


def best_elsewhere(score: str, epoch: int) -> str:
    return f"{score} after epoch {epoch}"


def forgot(task: str, metric: str, change: float) -> str:
    return f"{task} {result.difference(metric, change)}"


def name(number: int, title: str) -> str:
    return f"{live.run_name(number)} · {title}"
