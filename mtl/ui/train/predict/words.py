"""The words of step 5 of the Train tab: a table of new rows, answered by the model in use."""

from __future__ import annotations

from collections.abc import Sequence

from mtl.config import listed
from mtl.predictions import unanswered
from mtl.text.values import plural
from mtl.ui.words import duration

TITLE = "Use it on new rows"
INTRO = (
    "Bring any table with a column of text, labelled or not: the model answers every row with a text. You take away "
    "your table, with the model's answers and their probabilities as further columns."
)
FILE = "Drop a table here: CSV, JSON, Excel, Parquet or one text per line, up to 20 MB."
RUN, STOP = "Answer", "Stop"
CSV, PARQUET = "Download CSV", "Download Parquet"
HEADS = "Heads that answer"
HEADS_INFO = "Each adds columns to the table; a head that says nothing of your rows is better left out."
COMMAND = "The same from the command line"
COMMAND_INFO = (
    "Answers the same on your own machine, and writes the file that is downloaded here: paste it into a terminal of "
    "Linux or macOS (a POSIX shell; on Windows that of WSL), in the project's folder with its environment active."
)
FILES = (
    "The files hold all rows and columns of yours, and the line that each row stands in. In CSV a text that a "
    "spreadsheet would run as a formula, as it begins with =, +, - or @, has an apostrophe before it; Parquet has it "
    "as it was. The column “familiarity”, from 0 to 1, says how like a row is to the texts that the model knows: below "
    "0.5 its answers deserve no trust."
)
FIRST = "First rows with their answers"
DIFFERENCES = "Labels of the table beside other answers"

NO_TABLE = "No table yet. Drop one above."
STAYS = "{} is still the table to answer."
NO_TEXT = "No column looks like text: say below which column holds it, or drop a file that has one."
ASKED = "It needs an answer to the question below first."
NOTHING = "No row has a text, so there is nothing to answer."
NO_HEAD_CHOSEN = "No head is chosen: choose one that is to answer."
NO_HEADS = "The model in use has no heads, so it has no answers to give. Step 4 chooses another one."
STOPPED = "Stopped. No row was answered yet, so there is nothing to download."


def in_use(name: str) -> str:
    return f"The model in use answers: {name}. Step 4 chooses another one."


def too_many(rows: int, most: int) -> str:
    return (
        f"{rows:,} rows are too many for this page, which answers up to {most:,} at a time. Split the file, or use the "
        "command below: it has no such limit."
    )


def understood(name: str, rows: int, blank: int, texts: Sequence[str], problem: str) -> str:
    """`rows` have a text, `blank` others have none."""
    none = (
        f" {blank:,} more {'has' if blank == 1 else 'have'} no text: they come back without an answer." if blank else ""
    )
    columns = f" {listed(texts)} {'is the text' if len(texts) == 1 else 'are the texts'}." if texts else ""
    return f"{name}: {plural(rows, 'row')}.{columns}{none} {problem}".strip()


def how(errors: int) -> str:
    return "How the table was read" + (f": {plural(errors, 'error')}" if errors else "")


def run(rows: int, again: bool, name: str) -> str:
    return f"{RUN} {plural(rows, 'row')}{' again' if again else ''} with {name}"


def progress(answered: int, total: int, left: float | None) -> str:
    said = f"{answered:,} of {plural(total, 'row')} answered"
    return said if left is None else f"{said} · about {duration(left)} left"


def answered(count: int, total: int, by: str, seconds: float, blank: int, unfamiliar: int) -> str:
    """How many rows were answered by which model, and what is to be known of the others."""
    some = f"The first {count:,} of {plural(total, 'row')}" if count < total else plural(count, "row")
    said = [f"{some} answered by {by} in {duration(seconds)}"]
    if blank:
        said.append(unanswered(blank))
    if unfamiliar:
        said.append(f"{unfamiliar:,} unlike the texts that this model knows, whose answers deserve no trust")
    return "; ".join(said) + "."


def differences(count: int) -> str:
    are = "is" if count == 1 else "are"
    return f"{plural(count, 'label')} of the table {are} not what the model answers: look at them"


def first_differences(shown: int, total: int) -> str:
    return f"The first {shown} of {total:,}; in the downloads each stands beside its answer."


STOPPED_AFTER = "Stopped: the files hold the rows that were answered until then."


def by_another(by: str, now: str) -> str:
    return f"These answers are by {by}. The model in use now is {now}: answer the rows again to have its answers."


def agreement(said: Sequence[str]) -> str:
    return f"Against the labels of the table: {'; '.join(said)}." if said else ""
