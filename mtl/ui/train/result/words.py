"""The words of step 4 of the Train tab: the result of a run, and the model in use."""

from __future__ import annotations

from mtl.kinds.kind import metric_named
from mtl.training.progress import Progress
from mtl.training.reliability import BINS
from mtl.training.significance import Mean
from mtl.ui.words import duration

NOT_YET = (
    "When a run has ended, its scores before and after appear here, what it forgot, and your own sentences before and "
    "after. You can then use its model in the other tabs, or download it."
)
STILL_GOING = "The run shown in step 3 is not over yet: its result appears here by itself."
NO_MODEL = "This run ended before it had a model. Start another one, or resume it in step 3."
NOT_FINISHED = "This run did not end by itself, so it left no model. Step 3 says why, and can resume it."

# --- scores ---

BEFORE, AFTER, CHANGE = "before", "after", "change"
P_SAID = "p: how often chance alone would make a difference as large as this on so few rows. Small is clear."
EPOCH_CHOSEN = "The best epoch was chosen on the held-out rows, so their scores flatter a little."
NEW_HEAD, NOT_MEASURED = "new head", "not measured"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def score(metric: str, value: float) -> str:
    return metric_named(metric).write(value)


def difference(metric: str, change: float) -> str:
    return metric_named(metric).write_change(change)


def figure(value: float, graded: bool) -> str:
    """A share that is right, or (`graded`) an error that has a size."""
    return f"{value:.2f}" if graded else f"{100 * value:.0f} %"


def mean(found: Mean, graded: bool) -> str:
    """A figure with its interval, as in "71 % (55 to 83)"."""
    said = figure(found.value, graded)
    if found.low is None:
        return said
    low, high = (figure(end, graded).removesuffix(" %") for end in (found.low, found.high))
    return f"{said} ({low} to {high})"


def bin_name(place: int) -> str:
    """A bin of confidence (see `mtl.training.reliability`)."""
    return f"{100 * place // BINS} to {100 * (place + 1) // BINS} %"


def summary(name: str, trained: str, progress: Progress) -> str:
    parts = [name, trained, f"{progress.rows:,} rows learned from"]
    if progress.held_out:
        parts.append(f"{progress.held_out:,} held out")
    if progress.kept and progress.epochs > 1:
        parts.append(f"epoch {progress.kept.number} of {progress.epochs} kept")
    parts.append(duration(progress.seconds))
    if progress.status == "stopped":
        parts.append("stopped early")
    return " · ".join(part for part in parts if part)


# --- using it ---

USE = "Use this model"


def back(own: str) -> str:
    """`own`: what the page's own model is called."""
    return f"Back to {own}"


def forgotten(name: str, own: str) -> str:
    return (
        f"The server was started again and no longer knows which model this window used: it answers with {own} now. "
        f"The model of {name} is still there."
    )


def use_again(name: str) -> str:
    return f"Use {name} again"


DOWNLOAD = "Download as a zip"
DOWNLOAD_ANSWERS = "Download all answers as CSV"
DOWNLOAD_SLICES = "Download all slices as CSV"
UPLOAD = "Use a checkpoint that you downloaded (.zip)"
UPLOAD_NOTE = "A zip from this page or from the checkpoint folder of a run. It is checked like any stranger's file."
UPLOADED_NAME = "uploaded model"


def upload_too_big(limit: int) -> str:
    return (
        f"This file is too big: a zip of at most {limit // 1_000_000} MB is taken here. Use a model that large on the "
        "command line: python -m mtl analyze --model FOLDER."
    )


# --- before and after ---

COMPARE_TITLE = "Your sentences, before and after"
COMPARE_NOTE = (
    "What the heads that this run trained or changed say now, and what they said before. Your sentences have no "
    "labels, so this shows what changed, not what is right: only the held-out rows above show that. A head answers any "
    "sentence, even one that has nothing to do with what it learnt. These are the sentences that you analyzed last; "
    "change them here as you like."
)
SAID_BEFORE, SAYS_NOW = "said before", "says now"
COMPARE_EMPTY = "Write at least one sentence, one per line."
ALL_SAME = "the same for every sentence"


def changed(count: int, total: int) -> str:
    return f"another answer for {count} of {total}" if count else ALL_SAME
