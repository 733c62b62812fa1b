"""The Sentiment tab: how probable each label is for each sentence, and how strong the feeling is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from mtl.sheets import csv_bytes
from mtl.ui import words as text
from mtl.ui.page import UNCHANGED, Session
from mtl.ui.visitors import Work
from mtl.ui.widgets import markup

TITLE = text.SENTIMENT
# The tab, and the head that it shows first; the head that is shown beside that one.
TASK, GAUGE = "sentiment", "intensity"


@dataclass(frozen=True)
class Shown:
    """The bars of a head and their table as HTML, the heads there are, and the orders there are."""

    view: str
    head: Any
    order: Any = UNCHANGED


def build(session: Session) -> None:
    with gr.Row(elem_classes=["controls", "sorting"]):
        gr.HTML(markup.note(text.SENTIMENT_INTRO), apply_default_css=False, min_width=280, scale=3)
        head = gr.Dropdown([], label=text.HEAD, filterable=False, min_width=130, visible=False)
        order = gr.Dropdown([(text.ORDER, "")], value="", label=text.SORT, filterable=False, min_width=160)
    view = gr.HTML(apply_default_css=False, elem_id="sentiment-view")
    with gr.Row(elem_classes="downloads"):
        session.download(text.DOWNLOAD_CSV, "sentiment.csv", sentiment_csv, [head])
    session.show(show_sentiment, [head, order], {"view": view, "head": head, "order": order})


# --- handlers ---


def order_choices(labels: list[str], gauge: bool) -> list[tuple[str, str]]:
    """(name, value) of the orders: as written, most of each label, intensity both ways, least certain first."""
    return [
        (text.ORDER, ""),
        *((text.most(label), f"label:{label}") for label in labels),
        *([(text.INTENSITY_UP, "up"), (text.INTENSITY_DOWN, "down")] if gauge else []),
        (text.SURE, "doubt"),
    ]


def sorted_rows(probabilities: list[dict[str, float]], intensities: list[float] | None, order: str) -> list[int]:
    """The rows in the order that `order` names (see `order_choices`); equal ones stay as written."""
    rows = range(len(probabilities))
    if order.startswith("label:"):
        return sorted(rows, key=lambda i: -probabilities[i][order.removeprefix("label:")])
    if order == "doubt":
        return sorted(rows, key=lambda i: max(probabilities[i].values()))
    if order in ("up", "down"):
        sign = 1 if order == "up" else -1
        return sorted(rows, key=lambda i: sign * intensities[i])
    return list(rows)


def show_sentiment(work: Work, head: str | None, order: str) -> Shown:
    """`head` is the one wanted; without it the head called sentiment is shown, or else the first there is."""
    task = work.head(TASK, head, TASK)
    if task is None:
        missing = markup.note(text.not_in_model(TASK, list(work.model.tasks)))
        return Shown(missing, gr.update(visible=False))
    heads = work.heads(TASK)
    note = "" if TASK in heads else markup.note(text.another_head(TASK, task))
    kind, intensities = work.view(task), _intensities(work, task)
    headers, table = _table(work, task)
    headers[0] = "#"
    chooser = gr.update(choices=heads, value=task, visible=len(heads) > 1)
    probabilities = [kind.shares(answer) for answer in work.answers(task)]
    if probabilities[0] is None:
        rows = [(i + 1, value, *row[1:]) for i, (value, row) in enumerate(zip(work.texts, table, strict=True))]
        listing = markup.table(text.SENTIMENT, [headers[0], "text", *headers[1:]], rows, "sentences")
        return Shown(note + listing, chooser, gr.update(choices=[(text.ORDER, "")], value=""))
    choices = order_choices(list(probabilities[0]), intensities is not None)
    if order not in (value for _, value in choices):
        order = ""
    rows = sorted_rows(probabilities, intensities, order)
    bars = markup.bars(
        [i + 1 for i in rows],
        [work.texts[i] for i in rows],
        [probabilities[i] for i in rows],
        None if intensities is None else [intensities[i] for i in rows],
        _scale(work),
    )
    listing = markup.table(text.SENTIMENT, headers, [(i + 1, *table[i][1:]) for i in rows], "sentences")
    view = note + bars + markup.details(text.AS_TABLE, listing)
    return Shown(view, chooser, gr.update(choices=choices, value=order))


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
    headers = ["text", task, *labels, *([GAUGE] if intensities else [])]
    rows = []
    for i, (value, answer) in enumerate(zip(work.texts, answers, strict=True)):
        strength = [intensities[i]] if intensities else []
        said = view.colour_of(answer) if labels else view.cell(answer)
        rows.append([value, said, *(view.shares(answer) or {}).values(), *strength])
    return headers, rows


def sentiment_csv(work: Work, head: str | None = None) -> bytes:
    task = work.head(TASK, head, TASK)
    if task is None:
        return csv_bytes(["text"], ([t] for t in work.texts))
    return csv_bytes(*_table(work, task))
