"""The words of step 1 of the Train tab: the file, how it was read, what is wrong with it."""

from __future__ import annotations

INTRO = (
    "A table of texts and what you know about them. Each column of labels, numbers or entities teaches one task; a row "
    "without a label is left out for that task only."
)
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

NO_FILE = "No file yet. Drop one here, or pick a sample."
UNKNOWN_CHOICE = "This choice is not one of the page's. Reload the page and choose again."
STOPPED = "Stopped."
ASKED = "Start waits for an answer to the question below."
NAMES = "Give a name for each number from 0 on, with commas between, such as O, B-PER, I-PER."
NO_TEXT = "Start is blocked: no column looks like text. Say below which column holds it, or drop a file that has one."
NOTHING_TO_LEARN = (
    "Start is blocked: no column teaches anything. Say below which column holds labels, numbers or entities, or drop "
    "a file that has one."
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
