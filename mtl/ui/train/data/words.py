"""The words of step 1 of the Train tab: the file, how it was read, what is wrong with it."""

from __future__ import annotations

from mtl.text.values import plural
from mtl.ui.words import number

TITLE = "Data"
INTRO = (
    "A table of texts and what you know about them. Each column of labels, numbers or entities teaches one task; a row "
    "without a label is left out for that task only."
)
FILE = "Drop a table here: CSV, JSON, Excel, Parquet, CoNLL or one word per row, up to 20 MB."
SAMPLES = "Samples"
SAMPLES_INFO = "Sentences written for this page, to try things with. “broken” shows what the doctor finds."
SAMPLE_NAMES = {
    "workshop.csv": "workshop: four tasks",
    "reviews.csv": "reviews: sentiment",
    "tickets.csv": "tickets: new labels",
    "news.conll": "news: entities",
    "broken.csv": "broken: for the doctor",
}
STOP = "Stop reading"
RESET = "Undo my changes"
ACCEPT = "Train without what has errors"
ACCEPT_INFO = "The rows and labels named under Errors are left out; all others are used."

NO_FILE = "No file yet. Drop one here, or pick a sample."
UNKNOWN_CHOICE = "This choice is not one of the page's. Reload the page and choose again."
STOPPED = "Stopped."


def stays(name: str) -> str:
    return f"{name} is still the data to learn from."


# --- how it was read ---

# The parts in braces are filled in by the page.
ROWS = "{file}: {rows}."
IS_TEXT = "{column} is the text: {reason}."
NO_TEXT = "No column is the text yet."
KEEPS_HEAD = "{column} has {what}: the model's head {task} goes on learning."
NEW_HEAD = "{column} has {what}: a new head."
ANEW = "{column} has {what}: the head {task} starts afresh, because the model's lacks {labels}."
ANEW_UNFIT = "{column} has {what}: the head {task} starts afresh, because the model's does not fit."
NOTHING = "{column} has {what}: nothing to learn."
IGNORED = "{columns}: ignored."
READY = "Ready to train."
NOTHING_TO_LEARN = (
    "Start is blocked: no column teaches anything. Say below which column holds labels, numbers or entities, or drop "
    "a file that has one."
)
BLOCKED = "Start is blocked by {errors}. Fix the file and drop it here again."
BLOCKED_OR_ACCEPT = "Start is blocked by {errors}. Fix the file and drop it here again, or tick “{accept}”."
ACCEPTED = "Ready to train without what has errors."
FORMAT = "Read as {format}, {encoding}."


def line(at: int | None) -> str:
    return f"Line {number(at)}: " if at else ""


def and_more(count: int, noun: str) -> str:
    return plural(count, f"more {noun}")


# --- columns ---

COLUMNS = "Columns"
USED_AS = "What this column is used for. Change it where the guess is wrong."
IS_THE_TEXT, IS_IGNORED = "the text", "ignored"
TEACHES = "teaches {task}"
TEACHES_NEW = "teaches {task}, a new head"
TEACHES_ANEW = "teaches {task}, which starts afresh"
TEACHES_NOTHING = "teaches nothing"
MEANINGS = "What its labels mean"
MEANING = "What this label means to the model. With a label that the model lacks, the whole head starts afresh."
LABEL, COUNT, MEANS = "label", "count", "taken as"
OUT = "left out"
NEW = "a label of its own"


def used_as(column: str) -> str:
    return f"What the column {column} is used for"


def means(label: str) -> str:
    return f"What the label {label} is taken as"


def known_labels(known: int, total: int) -> str:
    if known == total:
        return f"{MEANINGS}: the model knows {'it' if total == 1 else 'all'}"
    return f"{MEANINGS}: the model knows {number(known)} of {number(total)}" if known else f"{MEANINGS}: all new"


def columns_hidden(count: int) -> str:
    return f"{plural(count, 'more column')}, all ignored; the command line (--role) can use them."


def labels_hidden(count: int) -> str:
    return f"{plural(count, 'more label')}; the command line (--label) can change what they mean."


# --- the doctor ---

DOCTOR = "Doctor"
HEALTHY = "Nothing is wrong with this file."
LEVELS = {"error": "Errors", "warning": "Warnings", "note": "Remarks"}
LEVEL_NOTES = {
    "error": "they block Start",
    "warning": "used, but perhaps not as meant",
    "note": "good to know",
}
LEVEL_ACCEPTED = "left out, as you said"
FINDING_HEADERS = ("line", "column", "problem", "what is done", "how to fix it")
WHOLE_FILE = "all"


def counted(level: str, count: int) -> str:
    noun = {"error": "error", "warning": "warning", "note": "remark"}[level]
    return plural(count, noun)


def findings_hidden(count: int) -> str:
    return f"{number(count)} more; `python -m mtl doctor FILE` lists all."


# --- first rows ---

PREVIEW = "First rows"
LINE = "line"


def preview(shown: int, total: int) -> str:
    return f"{PREVIEW}: {number(shown)} of {number(total)}"


def columns_not_shown(count: int) -> str:
    return f"{plural(count, 'more column')} of labels not shown here."
