"""The Sentiment tab: how probable each label is for each sentence, and how strong the feeling is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import gradio as gr

from mtl.sheets import csv_bytes
from mtl.ui import templates
from mtl.ui.page import Session
from mtl.ui.visitors import Work
from mtl.ui.widgets import heads, markup
from mtl.ui.words import AS_TABLE, DOWNLOAD_CSV

TITLE = "Sentiment"
# The tab, and the head that it shows first; the head that is shown beside that one.
TASK, GAUGE = "sentiment", "intensity"
INTRO = "The bar shares 100 % between the labels: how sure the model is of each."
ABOUT_GAUGE = "Intensity is a second answer, from -1 (very negative) to 1 (very positive)."
AS_ENTERED = "order of entry"
_PARTS = templates.macros("parts.html")


def build(session: Session) -> None:
    session.view("sentiment-view", show_sentiment)
    with gr.Row(elem_classes="downloads"):
        session.download(DOWNLOAD_CSV, "sentiment.csv", sentiment_csv)


def orders(
    probabilities: Sequence[Mapping[str, float]], intensities: Sequence[float] | None
) -> dict[str, Callable[[int], float]]:
    """The orders there are, by what they are called: each as the key by which to sort the rows."""
    keys: dict[str, Callable[[int], float]] = {AS_ENTERED: lambda row: row}
    for label in probabilities[0]:
        keys[f"most {label} first"] = lambda row, label=label: -probabilities[row][label]
    if intensities is not None:
        keys["intensity, lowest first"] = lambda row: intensities[row]
        keys["intensity, highest first"] = lambda row: -intensities[row]
    return keys | {"least certain first": lambda row: max(probabilities[row].values())}


def show_sentiment(work: Work) -> str:
    """The bars of a head and their table: of the head that was asked for, else of the one called sentiment, else of the
    first there is."""
    task, above = heads.choose(work, TASK, work.asked.head, "head")
    if task is None:
        return above
    kind, intensities = work.view(task), _intensities(work, task)
    headers, table = _table(work, task)
    probabilities = [kind.shares(answer) for answer in work.answers(task)]
    if probabilities[0] is None:
        spec = work.model.tasks[task]
        rows = [
            (number, _PARTS.clipped(text, number in work.unfamiliar), kind.drawn(answer, [spec]))
            for number, (text, answer) in enumerate(zip(work.texts, work.answers(task), strict=True), 1)
        ]
        listing = markup.table(TITLE, ["#", "text", task], rows, "sentences")
        return above + markup.note(kind.legend) + listing
    keys = orders(probabilities, intensities)
    order = work.asked.order if work.asked.order in keys else AS_ENTERED
    rows = sorted(range(len(table)), key=keys[order])
    bars = markup.bars(
        [i + 1 for i in rows],
        [work.texts[i] for i in rows],
        [probabilities[i] for i in rows],
        None if intensities is None else [intensities[i] for i in rows],
        _scale(work),
        work.unfamiliar,
    )
    cells = [(i + 1, *table[i][1:]) for i in rows]
    listing = markup.table(TITLE, ["#", *headers[1:]], cells, "sentences", sentences=rows)
    choice = _PARTS.choice("order", "Sort by", [(name, name) for name in keys], order)
    about = markup.note(f"{INTRO} {ABOUT_GAUGE}" if intensities is not None else INTRO)
    return above + choice + about + bars + markup.details(AS_TABLE, listing)


def _intensities(work: Work, task: str) -> list[float] | None:
    """How strong the feeling is; None beside the answers of another head, about which it says nothing."""
    answers = work.answers(GAUGE) if task == TASK and GAUGE in work.model.tasks else [None]
    return answers if isinstance(answers[0], float) else None


def _scale(work: Work) -> tuple[float, float, str]:
    spec = work.model.tasks.get(GAUGE)
    return (spec.low, spec.high, GAUGE) if spec else (-1.0, 1.0, GAUGE)


def _table(work: Work, task: str) -> tuple[list[str], list[list[str | float]]]:
    view, answers, intensities = work.view(task), work.answers(task), _intensities(work, task)
    labels = list(view.shares(answers[0]) or ())
    familiar = work.familiarity
    headers = ["text", task, *labels, *([GAUGE] if intensities else []), *(["familiarity"] if familiar else [])]
    rows = []
    for i, (value, answer) in enumerate(zip(work.texts, answers, strict=True)):
        strength = [intensities[i]] if intensities else []
        said = view.colour_of(answer) if labels else view.cell(answer)
        rows.append([value, said, *(view.shares(answer) or {}).values(), *strength, *familiar[i : i + 1]])
    return headers, rows


def sentiment_csv(work: Work) -> bytes:
    task = work.head(TASK, work.asked.head)
    if task is None:
        return csv_bytes(["text"], ([t] for t in work.texts))
    return csv_bytes(*_table(work, task))
