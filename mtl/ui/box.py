"""The left column: the box of sentences, and all that fills it. The browser asks about what stands in the box by itself
(`assets/answers.js`, `mtl.ui.answers`); only a file goes through an event of Gradio's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from mtl.sandbox import Progress, watch
from mtl.stopping import Stopped
from mtl.text.values import plural
from mtl.ui import answers, templates
from mtl.ui.examples import OPENING, SETS
from mtl.ui.page import UNCHANGED, Session, html, in_plain_words
from mtl.ui.sentences import ENDINGS, MAX_FILE_BYTES, from_file
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup
from mtl.ui.words import file_too_big

FILE = "Or a file: .txt with a sentence per line, or a table (CSV, JSON, Excel, Parquet)"
STOPPED = "Stopped. The sentences are those from before."
WAITING = "The first analysis appears here in a moment."


@dataclass(frozen=True)
class Read:
    """What becomes of a file: news for the browser, and the place for files, emptied."""

    news: Any
    file: Any = UNCHANGED


def build(session: Session) -> None:
    gr.Textbox(
        "\n".join(SETS[OPENING]),
        label="Sentences, one per line",
        placeholder="Write or paste sentences here, one per line.",
        lines=12,
        max_lines=16,
        autoscroll=False,
        interactive=True,
        elem_id="sentences",
    )
    with gr.Row(elem_id="actions"):
        gr.Button("Analyze", variant="primary", elem_id="analyze", min_width=120)
        stop_reading = gr.Button("Stop", variant="stop", elem_id="stop", min_width=80, scale=0)
    html(markup.status(WAITING, kind="busy"), elem_id="status")
    html(templates.render("examples.html", sets=SETS), elem_id="examples")
    html(markup.label(FILE), elem_classes="file-label")
    file = gr.File(label=FILE, show_label=False, file_types=[*ENDINGS], height=84, elem_id="file")
    too_big = gr.Button(visible="hidden", elem_id="file-too-big")
    session.news = html(
        visible="hidden",
        elem_id="news",
        html_template="",
        js_on_load="mtl.answers.connect(server, trigger, watch, props)",
        server_functions=[session.function("answer", partial(answers.answer_or_problem, session))],
    )
    read = {"news": session.news, "file": file}
    # A file is read for a while before the model is needed: others' answers do not wait for that.
    session.wire(
        [file.upload], partial(of_file, session), [file], read, trigger_mode="always_last", concurrency_limit=10
    )
    session.wire([too_big.click], partial(too_large, session), [], [session.news])
    session.wire([stop_reading.click], stop, [], [], queue=False)
    # Another model answers the same sentences at once.
    session.wire([session.model.change], partial(another_model, session), [], [session.news])


# --- handlers ---


def news(session: Session, **told: Any) -> dict[str, Any]:
    """For the browser: a `status` to show, the line of a file that is being read (`reading`), the `lines` that came of
    it, or that it should `ask` about the sentences that the server has. Numbered, so that the same is news again."""
    return {**told, "number": session.next_revision()}


def of_file(session: Session, visit: Visit, path: str) -> Iterator[Read]:
    """Read an upload into the box.

    A file that cannot be read leaves the box as it was. Gradio keeps what was uploaded by its content, shared by all
    who upload the same: it is not ours to delete.
    """
    upload = Path(path)
    visit.stopping = False
    try:
        for share, seconds in watch(_take(session, upload, visit), lambda: visit.stopping):
            yield Read(news(session, reading=markup.reading(upload.name, share, seconds)))
    except Exception as problem:
        stopped = isinstance(problem, Stopped)
        status = markup.status(STOPPED) if stopped else markup.status(in_plain_words(problem), kind="bad")
        yield Read(news(session, status=status), None)
        return
    yield Read(news(session, lines="\n".join(visit.upload.texts)), None)


def _take(session: Session, upload: Path, visit: Visit) -> Progress:
    sentences = yield from session.sandbox.run(from_file, upload, size=upload.stat().st_size)
    said = f"{upload.name}: {plural(len(sentences.texts), 'sentence')}."
    visit.upload = replace(sentences, notes=(said, *sentences.notes))


def stop(visit: Visit) -> None:
    """Stop reading a file. Not Gradio's `cancels`: another file while that winds up would end in a bare "Error"."""
    visit.stopping = True


def too_large(session: Session, visit: Visit) -> dict[str, Any]:
    return news(session, status=markup.status(file_too_big(MAX_FILE_BYTES), kind="bad"))


def another_model(session: Session, visit: Visit) -> dict[str, Any]:
    return news(session, ask=True)
