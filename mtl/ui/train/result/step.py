"""Step 4 of the Train tab: what a run came to, the visitor's sentences before and after, and the model to use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from mtl import archive
from mtl.config import UserError
from mtl.training.progress import Progress
from mtl.ui import models
from mtl.ui.checkpoint_upload import MAX_ZIP_BYTES, bring
from mtl.ui.page import ASKS_A_MODEL, Session, in_plain_words, labelled
from mtl.ui.sentences import from_lines
from mtl.ui.train.result import before_after, scores, words
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup


def build(session: Session) -> None:
    with gr.Column(elem_classes="step", elem_id="step-result"):
        gr.HTML(markup.heading(words.TITLE), apply_default_css=False)
        summary = gr.HTML(markup.note(words.NOT_YET), apply_default_css=False, elem_id="result-scores")
        in_use = gr.HTML(apply_default_css=False, elem_id="model-in-use")
        with gr.Row(elem_classes="result-buttons"):
            use = gr.Button(words.USE, variant="primary", visible=False, elem_id="use-model", min_width=160, scale=0)
            save = session.save(words.DOWNLOAD, pack(session), visible=False, elem_id="download-model", size="md")
            back = gr.Button(words.BACK, visible=False, elem_id="use-default", min_width=160, scale=0)
        with gr.Column(visible=False, elem_id="result-compare") as comparing:
            gr.HTML(markup.heading(words.COMPARE_TITLE) + markup.note(words.COMPARE_NOTE), apply_default_css=False)
            with gr.Row(elem_classes="compare-box"):
                box = gr.Textbox(
                    label=words.COMPARE_BOX,
                    info=words.COMPARE_INFO,
                    lines=3,
                    max_lines=8,
                    autoscroll=False,
                    elem_id="compare-sentences",
                )
                compare = gr.Button(words.COMPARE, elem_id="compare", min_width=180, scale=0)
            view = gr.HTML(apply_default_css=False, elem_id="before-after")
        with gr.Accordion(words.UPLOAD, open=False, elem_id="bring-model"):
            gr.HTML(markup.note(words.UPLOAD_NOTE), apply_default_css=False)
            file = gr.File(label=words.UPLOAD, show_label=False, file_types=[".zip"], height=84, elem_id="checkpoint")
            told = gr.HTML(apply_default_css=False, elem_id="checkpoint-status")
            too_big = gr.Button(visible="hidden", elem_id="checkpoint-too-big")

    def on_run(visit: Visit) -> tuple:
        shown = show(session, visit)
        return (*shown, session.next_revision() if visit.lesson.sentences else gr.skip())

    def on_shown(visit: Visit) -> str:
        return compared(session, visit, "\n".join(visit.lesson.sentences))

    def on_compare(visit: Visit, lines: str) -> str:
        return compared(session, visit, lines)

    def on_analysis(visit: Visit) -> Iterator[tuple]:
        yield from follow_the_box(session, visit)

    def on_model(visit: Visit) -> tuple:
        return model_in_use(session, visit)

    def on_use(visit: Visit) -> int:
        return use_run(session, visit)

    def on_back(visit: Visit) -> int:
        return models.choose(session.next_revision, None, visit)

    def on_file(visit: Visit, path: str) -> tuple:
        return take_zip(session, visit, path)

    asks_a_model = {**ASKS_A_MODEL, "trigger_mode": "always_last"}
    # The comparison asks two models, so it comes after the rest; and as an event of its own, because a second answer
    # that follows at once makes Gradio hide again what the first one had shown.
    shown = gr.State(0)
    session.wire([session.run.change], on_run, [], [summary, save, comparing, box, view, shown])
    session.wire([shown.change], on_shown, [], [view], **asks_a_model)
    session.wire([session.revision.change], on_analysis, [], [box, view], **asks_a_model)
    session.wire([compare.click], on_compare, [box], [view], **asks_a_model)
    session.wire([session.model.change, session.run.change], on_model, [], [in_use, use, back])
    session.wire([use.click], on_use, [], [session.model])
    session.wire([back.click], on_back, [], [session.model])
    session.wire([file.upload], on_file, [file], [file, told, session.model])
    session.wire([too_big.click], lambda visit: _bad(words.upload_too_big(MAX_ZIP_BYTES)), [], [told])


# --- what a run came to ---


def over(session: Session, visit: Visit) -> Progress:
    """The run that is shown, which has ended and left a model. Raises `UserError` saying why there is none."""
    if not visit.owner or visit.lesson.run is None:
        raise UserError(words.NOT_YET)
    try:
        progress = session.runs.progress(visit.lesson.run, visit.owner)
    except UserError:
        raise UserError(words.NOT_YET) from None
    if progress.run.unfinished:
        raise UserError(words.STILL_GOING)
    if not (progress.checkpoint and progress.steps):
        ended = progress.run.state == "stopped" or progress.status in ("done", "stopped")
        raise UserError(words.NO_MODEL if ended else words.NOT_FINISHED)
    return progress


def show(session: Session, visit: Visit) -> tuple:
    """Scores, whether there is a model to download, whether to compare, the sentences, and no comparison yet.

    `visit.lesson.sentences` are those to compare next."""
    try:
        progress = over(session, visit)
    except UserError as why:
        visit.lesson.sentences = ()
        save = labelled(words.DOWNLOAD, visible=False)
        return markup.note(str(why)), save, gr.update(visible=False), gr.skip(), ""
    page = scores.page(progress, models.run_names(session.runs, visit.owner)[progress.run.id])
    texts = visit.work.texts if visit.work else []
    visit.lesson.sentences = tuple(texts)
    return page, labelled(words.DOWNLOAD, visible=True), gr.update(visible=True), "\n".join(texts), ""


def follow_the_box(session: Session, visit: Visit) -> Iterator[tuple]:
    """The sentences and their comparison, brought up to date when others were analysed in the box on the left."""
    texts = tuple(visit.work.texts) if visit.work else ()
    if not texts or texts == visit.lesson.sentences:
        yield gr.skip(), gr.skip()
        return
    try:
        over(session, visit)
    except UserError:
        yield gr.skip(), gr.skip()
        return
    visit.lesson.sentences = texts
    lines = "\n".join(texts)
    yield lines, compared(session, visit, lines)


def compared(session: Session, visit: Visit, lines: str) -> str:
    """The sentences of `lines` before and after the run that is shown, as HTML."""
    try:
        progress = over(session, visit)
        sentences = from_lines(lines)
        texts = sentences.texts[: before_after.MOST]
        if not texts:
            raise UserError(words.COMPARE_EMPTY)
        before = _start_model(session, progress)
        after = session.models.get(progress.run.folder / "checkpoint")
    except UserError as problem:
        return markup.status(str(problem), kind="bad")
    notes = list(sentences.notes)
    if len(texts) < len(sentences.texts):
        notes.append(words.sentences_cut(len(texts), len(sentences.texts)))
    with session.models.turns.turn(visit.name):
        compared = before_after.compare(before, after, texts, tuple(progress.kinds))
    page = before_after.page(compared)
    return "".join([*map(markup.note, notes), page])


def _start_model(session: Session, progress: Progress) -> Any:
    try:
        return session.models.get(progress.start_from)
    except UserError as problem:
        raise UserError(words.start_gone(problem)) from problem


# --- the model in use ---


def use_run(session: Session, visit: Visit) -> int:
    """Let the visitor's tabs use the model of the run that is shown. Raises `UserError` where it cannot be loaded."""
    path = over(session, visit).run.folder / "checkpoint"
    session.models.get(path)
    return models.choose(session.next_revision, path, visit)


def model_in_use(session: Session, visit: Visit) -> tuple:
    """A line that says what is in use, and whether there is something else to choose: the run's model, the default."""
    path = visit.lesson.model
    try:
        run = over(session, visit).run
        use = labelled(words.USE, visible=True, interactive=path != run.folder / "checkpoint")
    except UserError:
        use = labelled(words.USE, visible=False)
    back = labelled(words.BACK, visible=path is not None)
    if path is None:
        return "", use, back
    name = models.name_of(session.runs, visit.owner, path)
    return markup.status(words.in_use(name)), use, back


def pack(session: Session):
    """What makes the file to download: the model of the run that is shown, as a zip."""

    def write(visit: Visit, folder: Path) -> Path:
        run = over(session, visit).run
        name = models.run_names(session.runs, visit.owner)[run.id].replace(" ", "-")
        archive.write(run.folder / "checkpoint", folder / f"{name}.zip", name)
        return folder / f"{name}.zip"

    return write


def take_zip(session: Session, visit: Visit, path: str) -> tuple:
    """Use the checkpoint in a zip. Values for the file's widget, the line below it, and the revision of the model."""
    try:
        folder = bring(session, visit, path)
        told = words.upload_taken(folder.name, list(session.models.get(folder).tasks))
        return None, markup.status(told), models.choose(session.next_revision, folder, visit)
    except Exception as problem:
        return None, _bad(in_plain_words(problem)), gr.skip()


def _bad(message: str) -> str:
    return markup.status(message, kind="bad")
