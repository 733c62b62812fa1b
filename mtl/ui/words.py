"""The words of the frame and of the Embeddings, Sentiment and Entities tabs. Plain text: HTML escapes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtl.config import KINDS
from mtl.text.values import plural

if TYPE_CHECKING:
    from mtl.data.table import Finding, Table

# --- frame ---

TITLE = "MTL Playground"
TAGLINE = "Embeddings, sentiment and entities from one pass of one small transformer, on this machine."
CHIP_LOADING = "loading the model …"
CHIP_FAILED = "no model"
CHIP_TITLE = "The model in use: its name, its parameters, its parts, the number format it computes in."
BOX_LABEL = "Sentences, one per line"
BOX_PLACEHOLDER = "Write or paste sentences here, one per line."
ANALYZE = "Analyze"
STOP = "Stop"
EXAMPLES = "Examples"
FILE = "Or a file: .txt with a sentence per line, or a table (CSV, JSON, Excel, Parquet)"
SHORTCUT = "Ctrl + Enter analyzes, too."


def chip(name: str, parameters: int, heads: int, dtype: str) -> str:
    count = plural(heads, "head") if heads else "no heads"
    return f"{name} · {parameters / 1e6:.1f} M · one backbone, {count} · {dtype}"


def duration(seconds: float) -> str:
    """Seconds in words short enough for a line that is read in passing."""
    if seconds < 10:
        return f"{max(seconds, 0.1):.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min"


def number(value: int) -> str:
    return f"{value:,}"


def sentences(count: int) -> str:
    return plural(count, "sentence")


# --- status ---

WAITING = "The first analysis appears here in a moment."
LOADING = "Loading the model: a few seconds, once per start of the server."
READING_STOPPED = "Stopped. The sentences are those from before."
STOPPED = "Stopped. The results shown are those of the analysis before."
EXPIRED = "There is no analysis to work with: none was made yet, or it was put away after a long pause. Press Analyze."
MISFIT = "The server could not answer this: what was sent may not be what it expects."
UNEXPECTED = (
    "Something went wrong on the server, and its log says what. Nothing of yours is lost: change the "
    "sentences or try again."
)
EMPTY = "There is nothing to analyze. Write at least one sentence, or pick an example."


def done(count: int, seconds: float) -> str:
    took = f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
    return f"{sentences(count)} · one pass · {took}"


def progress(finished: int, total: int, seconds_left: float | None) -> str:
    left = "" if seconds_left is None else f" · about {max(seconds_left, 0.1):.1f} s left"
    return f"{number(finished)} of {sentences(total)}{left}"


def model_failed(problem: Exception) -> str:
    return f"The model could not be loaded: {problem}"


# --- what was skipped, cut or cleaned ---


def blank_lines(count: int) -> str:
    return f"{plural(count, 'blank line')} skipped."


def control_characters(count: int) -> str:
    lines = "1 line" if count == 1 else f"{number(count)} lines"
    return f"Control characters that cannot be shown (such as NUL) were removed from {lines}."


def too_many(count: int, limit: int) -> str:
    return f"{sentences(count)} were given; the first {number(limit)} are analyzed."


def truncated(numbers: list[int], max_tokens: int) -> str:
    are = "is" if len(numbers) == 1 else "are"
    return (
        f"{_numbered(numbers)} {are} longer than the model reads: only the first {max_tokens} tokens "
        f"(about {max_tokens * 3 // 4} words) counted."
    )


def unread(numbers: list[int]) -> str:
    have = "has" if len(numbers) == 1 else "have"
    return f"{_numbered(numbers)} {have} no word that the model knows: what it answers there means nothing."


def _numbered(numbers: list[int]) -> str:
    shown = ", ".join(str(n) for n in numbers[:5]) + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")
    return f"Sentence{'' if len(numbers) == 1 else 's'} {shown}"


def more_notes(count: int) -> str:
    return plural(count, "more remark")


# --- files ---


def file_read(name: str, count: int) -> str:
    return f"{name}: {sentences(count)}."


def reading(name: str, share: float, left: float | None) -> str:
    rest = "" if left is None else f" · about {max(left, 1):.0f} s left"
    return f"Reading {name}: {100 * share:.0f} %{rest}"


def waiting(name: str) -> str:
    return f"{name} waits until another file has been read."


def file_kind(name: str) -> str:
    return (
        f"{name} is not a file this page reads. Use .txt with a sentence per line, or a table: .csv, .tsv, .json, "
        ".jsonl, .xlsx, .ods or .parquet."
    )


def file_too_big(limit: int) -> str:
    return (
        f"This file is too big: the page takes files up to {limit // 1_000_000} MB. Split it, or use the command line."
    )


def file_empty(name: str) -> str:
    return f"{name} holds no sentence."


def finding(of: Finding) -> str:
    where = f"Line {of.line}: " if of.line else ""
    column = f"column {of.column}: " if of.column and not of.line else ""
    parts = (f"{where}{column}{of.problem}", of.action, of.hint)
    return " ".join(p.rstrip(".") + "." for p in parts if p)


def column_roles(table: Table) -> str:
    parts = [f"{table.text_column} holds the sentences"] if table.text_column else []
    for name, column in table.tasks().items():
        values = [row.labels[name] for row in table.rows if name in row.labels]
        parts.append(f"{name} has {KINDS[column.kind].describe(values)}")
    return f"{', '.join(parts)}." if parts else ""


# --- the programs' endpoints ---

API = {
    "analyze": "Analyze up to 2,000 texts: the embedding and every head's answer for each, as JSON.",
    "embed": "Embed up to 2,000 texts: one vector of length 1 for each. pooling: empty for the model's own.",
}
API_NOT_A_LIST = "Give a list of texts."
API_EMPTY = "The list of texts is empty."


def api_too_many(count: int, limit: int) -> str:
    return f"{number(count)} texts are too many for one call; send at most {number(limit)}."


def api_blank(position: int) -> str:
    return f"Text {position} is empty. Leave it out or write something in it."


# --- tabs ---

TRAIN = "Train"
EMBEDDINGS = "Embeddings"
SENTIMENT = "Sentiment"
ENTITIES = "Entities"
NOT_IN_MODEL = "The model in use has no {task} head, so there is nothing to show here. Its heads: {heads}."

EMBEDDINGS_INTRO = (
    "Each sentence becomes a list of numbers, its embedding. Sentences that mean similar things get similar "
    "embeddings: they lie close together on the map, and their cell in the grid is bright."
)
MAP_METHOD = "Map"
MAP_DIMS = "Dimensions"
COLOUR = "Colour by"
COLOUR_NONE = "nothing"
POOLING = "Pooling"
HEATMAP_NOTE = "Cosine similarity of each pair: 1 means the same direction, 0 nothing in common."
UMAP_WARMING = "UMAP is getting ready (once per start of the server). Until then this is PCA; it changes by itself."
PCA_NOTE = "PCA: the directions in which the sentences differ most. Distances are honest, crowded areas overlap."
UMAP_NOTE = "UMAP: keeps neighbours together. Groups mean something; the distance between far groups does not."
NEIGHBOURS = "Nearest neighbours"
ONE_SENTENCE = "With one sentence there is nothing to compare it with. Add a second one."
DOWNLOAD_CSV = "Download CSV"
DOWNLOAD_NPY = "Download NPY"

SENTIMENT_INTRO = (
    "The bar shares 100 % between the labels: how sure the model is of each. Intensity is a second answer, "
    "from -1 (very negative) to 1 (very positive)."
)
HEAD = "Head"
SORT = "Sort by"
ORDER = "order of entry"
SURE = "least certain first"
INTENSITY = "intensity"
INTENSITY_UP = "intensity, lowest first"
INTENSITY_DOWN = "intensity, highest first"
AS_TABLE = "The same as a table"

ENTITIES_INTRO = "Names of people, organisations, places and other things, marked where they stand in your text."
ENTITY_NAMES = {"PER": "person", "ORG": "organisation", "LOC": "place", "MISC": "other name"}
ENTITIES_TABLE = "Names found"
SHOW_TYPES = "Show"
NO_ENTITIES = "No names were found in these sentences."


def not_in_model(task: str, heads: list[str]) -> str:
    return NOT_IN_MODEL.format(task=task, heads=", ".join(heads) or "none")


def another_head(task: str, head: str) -> str:
    return f"The model in use has no {task} head; this is its head {head}."


def heatmap_sample(shown: int, total: int) -> str:
    return f"The grid shows {shown} of {sentences(total)}, evenly spaced; the map and the downloads have all."


def rows_shown(shown: int, total: int, unit: str) -> str:
    return f"The first {number(shown)} of {number(total)} {unit} are shown; the download has all."


def gauge_scale(low: float, high: float, name: str) -> str:
    return f"{name}, {low:g} to {high:g}"


def file_column(name: str) -> str:
    return f"file: {name}"


def most(label: str) -> str:
    return f"most {label} first"


def umap_fitting(count: int) -> str:
    return f"UMAP is placing {sentences(count)}. Until it is done this is PCA."
