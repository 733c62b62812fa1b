"""The words of step 1 of the Train tab: the file, how it was read, what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from mtl.text.values import cut, plural

FILE = "Drop a table here: CSV, JSON, Excel, Parquet, CoNLL or one word per row, up to 20 MB."
SAMPLE_NAMES = {
    "tickets.csv": "tickets: new labels",
    "workshop.csv": "workshop: four known tasks",
    "reviews.csv": "reviews: sentiment, known",
    "emotions.csv": "emotions: several labels",
    "news.conll": "news: entities",
    "pairs.csv": "pairs: how alike two sentences are",
    "broken.csv": "broken: for the doctor",
}
STOP = "Stop reading"
RESET = "Undo my changes"

TEST_ROWS = "Rows of your own to test on"
TEST_ROWS_NOTE = (
    "A second table with the same columns, such as a test set that others use, too. Its rows are held out, and all "
    "rows of the data train, but for those that are in both files: these are only tested on."
)
NO_TEST_ROWS = "Hold out rows of the data instead"


def tested_on(name: str, held_out: int, trained: int, data: str) -> str:
    return f"{name}: {plural(held_out, 'row')} to test on. Of {data}, {plural(trained, 'row')} to learn from."


def no_longer_tested_on(name: str) -> str:
    return f"{name} is no longer tested on: rows of the data are held out instead."


def awaited_to_test_on(name: str) -> tuple[str, list[str]]:
    notes = [f"Drop it under “{TEST_ROWS}”. Until then rows of the data are held out, so scores will be others."]
    return f"This link tests on {name}, a file that it does not carry.", notes


NO_FILE = "No file yet. Drop one here, or pick a sample."
UNKNOWN_CHOICE = "This choice is not one of the page's. Reload the page and choose again."
STOPPED = "Stopped."
STAYS = "{} is still the data to learn from."
ASKED = "Start waits for an answer to the question below."
NAMES = "Give a name for each number from 0 on, with commas between, such as O, B-PER, I-PER."
NO_TEXT = "Start is blocked: no column looks like text. Say below which column holds it, or drop a file that has one."
NOTHING_TO_LEARN = (
    "Start is blocked: no column teaches anything. Say below which column holds labels, numbers or entities, or drop "
    "a file that has one."
)
TEXTS_ALONE = (
    "Start is blocked: this file holds texts alone, and nothing that says what they mean. Drop a table that has "
    "labels, numbers or entities beside its texts."
)
KNOWN = (
    "The model that this starts from knows all of these tasks already, so scores will hardly rise. It shows what a "
    "setting costs: what is forgotten, how far the embeddings move, how long it takes. Tickets has tasks that are new."
)
LEVELS = {
    "error": ("Errors", "left out"),
    "warning": ("Warnings", "used, but perhaps not as meant"),
    "note": ("Remarks", "good to know"),
}


# --- a link ---

# So many names are written out, each this long at most.
_NAMED, _LONGEST = 12, 60


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(f"“{cut(name, _LONGEST)}”" for name in names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED:,} more" if len(names) > _NAMED else shown


def awaited(name: str, columns: Sequence[str], tested_on: str) -> tuple[str, list[str]]:
    """What to bring for a link, and what comes of it."""
    notes = [
        "Drop it below: what the link says of its columns, its labels and the settings is applied then.",
        "Or take any other file or sample, and set it by hand.",
    ]
    if columns:
        notes.insert(0, f"Its columns: {_names(columns)}.")
    if tested_on:
        notes.insert(-1, f"Then drop {cut(tested_on, _LONGEST)} under “{TEST_ROWS}”: the link tests on its rows.")
    return f"This link is about {name}, a file that it does not carry.", notes


def fits(name: str) -> str:
    return f"What the link says has been applied to {name}: its columns, its labels, and the settings."


def misfit(name: str, missing: Sequence[str], others: Sequence[str], why: str) -> str:
    """Why what a link says was not applied to a file. `missing`: columns that only the link has; `others`: that only
    the file has."""
    if missing:
        why = f"It has no column {_names(missing)}." if len(missing) == 1 else f"It has no columns {_names(missing)}."
        why += f" Of its own columns the link does not know {_names(others)}." if others else ""
    return f"{name} was read as any other file, without what the link says. {why}"
