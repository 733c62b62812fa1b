"""The words of the Compare tab."""

from __future__ import annotations

from collections.abc import Sequence

from mtl.text.values import plural
from mtl.ui.names import run_name
from mtl.ui.train.run.words import STATES
from mtl.ui.words import duration

TITLE = "Compare"
INTRO = (
    "Every run of yours on this server, side by side: its settings, its scores, its cost. One run says little; two "
    "that differ in a single setting show what that setting does."
)
STOP_ALL = "Stop all my runs"
DOWNLOAD = "Download CSV"
NO_RUNS = (
    "No run yet. Choose data in the Train tab and press Start there, or start a whole set of runs here: each gets a "
    "line in this table as soon as it begins."
)
NONE = "none"
MEASURES = {"scores": "score, held-out rows", "held_out": "loss, held-out rows", "train": "loss, training rows"}
NO_CURVES = "The chosen runs have no points of this kind yet: they appear after the first epoch."
CHOOSE_RUNS = "Choose at least one run above."
CURVES_TABLE = "The curves as a table"
APART = (
    "These runs held out different rows, so their scores cannot be compared: runs with the same rows share a picture."
)
DISPUTED, ALL_ROWS = "disputed", "all"
WHICH_ROWS = {DISPUTED: "where they disagree", ALL_ROWS: "all that they share"}
DOWNLOAD_ROWS = "Download shared rows as CSV"
ROWS_TITLE = "What they answer to the same rows"
ROWS_NOTE = (
    "Rows that all of the runs drawn above held out, so that no model here was trained on them: the label in the file, "
    "and what the model of each run answers."
)
TWO_ENDED = "Choose at least two runs that have ended to see where they answer differently."


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
        parts.append(f"about {duration(left)} left")
    return " · ".join(parts)


def state(name: str, share: float, place: int | None, message: str, stopping: bool) -> str:
    if name == "running":
        return "stopping" if stopping else f"training, {share:.0%}" if share else "getting ready"
    if name == "queued" and place is not None:
        return f"waiting, place {place}"
    return message or STATES[name]


def row_set(place: int) -> str:
    """What to call the held-out rows of some runs, as they are not those of all."""
    return f"rows {chr(ord('A') + place) if place < 26 else place + 1}"


def name(number: int, title: str) -> str:
    return f"{run_name(number)} · {title}"
