"""The words of step 4 of the Train tab: the result of a run, and the model in use."""

from __future__ import annotations

from collections.abc import Sequence

from mtl.kinds.kind import metric_named
from mtl.text.values import plural
from mtl.training.progress import Progress
from mtl.ui.words import duration

TITLE = "Result"
NOT_YET = (
    "When a run has ended, its scores before and after appear here, what it forgot, and your own sentences before and "
    "after. You can then use its model in the other tabs, or download it."
)
STILL_GOING = "The run shown in step 3 is not over yet: its result appears here by itself."
DAMAGED = "The scores of this run cannot be shown: its record is damaged. Its model may still be used."
NO_MODEL = "This run ended before it had a model. Start another one, or resume it in step 3."
NOT_FINISHED = "This run did not end by itself, so it left no model. Step 3 says why, and can resume it."

# --- scores ---

SCORES = "Scores on the rows held out"
SCORES_NOTE = (
    "These rows were never trained on. Before: the model that the run began with; after: the model it left. "
    "Differences of percentages are in points."
)
NO_SCORES = (
    "No rows were held out, so nothing says how well this model does on texts it has not seen. Set the validation "
    "share in step 2 above 0 for that."
)
BEFORE, AFTER, CHANGE = "before", "after", "change"
NEW_HEAD = "new head"
PER_LABEL = "Each label"
PER_TYPE = "Each entity type"
CONFUSION = "Confusion matrix"
CONFUSION_NOTE = "Each row is what is right, each column what the model said. Off the diagonal are its mistakes."
CONFUSIONS = "Most frequent mistakes"
RIGHT, SAID, TIMES = "is", "was called", "rows"
NO_MISTAKES = "It made no mistakes on these rows."


def held_out(what: str, rows: int) -> str:
    """What a head gives, and on how many rows it is scored."""
    return f"{what} · {plural(rows, 'row')} held out"


def guessing(share: float) -> str:
    return f"Always the most frequent label: {percent(share)}."


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def score(metric: str, value: float) -> str:
    return metric_named(metric).write(value)


def difference(metric: str, change: float) -> str:
    return metric_named(metric).write_change(change)


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


# --- forgetting ---

FORGETTING = "What it forgot"
FORGETTING_NOTE = (
    "Every task, scored before and after on a small set of sentences that comes with the program and that no model "
    "here is trained on: first the tasks that this run left alone, then those that it trained. These can forget, too: "
    "a label that the file lacks, for instance."
)
TRAINED_TOO = "trained in this run"
NOTHING_TO_FORGET = "The model that this run began with had no tasks that the bundled sentences have labels for."
TASK, METRIC = "task", "score"
COSINE = "cosine to before"


def embeddings_moved(cosine: float) -> str:
    if cosine >= 0.99995:
        return "Sentence embeddings are exactly those of before: nothing below the heads has moved."
    return (
        f"Sentence embeddings moved: their mean cosine to what they were is {cosine:.3f} (1 is unmoved). Whatever was "
        "built on the old ones, such as a search index, no longer fits as well."
    )


# --- using it ---

USE = "Use this model"
BACK = "Back to the default model"
DOWNLOAD = "Download as a zip"
UPLOAD = "Use a checkpoint that you downloaded (.zip)"
UPLOAD_NOTE = "A zip from this page or from the checkpoint folder of a run. It is checked like any stranger's file."
UPLOADED_NAME = "uploaded model"


def in_use(name: str) -> str:
    return f"In use in Embeddings, Sentiment and Entities: {name}."


def start_gone(problem: Exception) -> str:
    return f"The model that this run began with cannot be loaded, so there is nothing to compare with. {problem}"


def upload_taken(name: str, heads: Sequence[str]) -> str:
    return f"{name} is in use now. Its heads: {', '.join(heads) or 'none'}."


def upload_too_big(limit: int) -> str:
    return (
        f"This file is too big: a zip of at most {limit // 1_000_000} MB is taken here. Use a model that large on the "
        "command line: python -m mtl analyze --model FOLDER."
    )


# --- before and after ---

COMPARE_TITLE = "Your sentences, before and after"
COMPARE_NOTE = (
    "The same sentences, answered by the model that the run began with and by the one it left. They come from the box "
    "on the left; change them here as you like."
)
COMPARE_BOX = "Sentences, one per line"
COMPARE_INFO = "At most 40 are compared."
COMPARE = "Show before and after"
COMPARE_EMPTY = "Write at least one sentence, one per line."
MAP = "The map"
MAP_NOTE = (
    "Both maps are drawn on the same two axes (a joint PCA), so places can be compared. On the right, a line leads "
    "from where each sentence was."
)
MAP_TURNED = (
    "The two models give embeddings of different sizes: the right map was turned to lie as near to the left one as it "
    "can. A line leads from where each sentence was."
)
MAP_STILL = "The maps are the same: nothing below the heads was trained, so no sentence could move."
ONE_SENTENCE = "One sentence has no place among others: write a second one to see a map."
COLOURED_BY = "Coloured by"
AS_TABLE = "The same as a table"
SENTENCE = "sentence"
GONE, GAINED = "lost", "new"
NO_NAMES = "No names were found in these sentences, before or after."
ALL_SAME = "the same for every sentence"
HEAD_GONE = "This head was there before and is not in the new model."


def sentences_cut(shown: int, total: int) -> str:
    return f"The first {shown} of {total:,} sentences are compared."


def changed(count: int, total: int) -> str:
    return f"another answer for {count} of {total}" if count else ALL_SAME


def spans_changed(gained: int, lost: int) -> str:
    return f"{gained} gained, {lost} lost" if gained or lost else ALL_SAME


def number_changed(mean: float) -> str:
    return f"{mean:.2f} of change on average" if mean >= 0.005 else ALL_SAME


def mean_cosine(cosine: float, number: int, least: float) -> str:
    return f"Mean cosine of an embedding to its former self: {cosine:.3f}. Sentence {number} moved most ({least:.3f})."


def without_names(count: int) -> str:
    return f"{plural(count, 'sentence')} without names, before and after, not shown."
