"""Step 4 of the Train tab: the result of a run, the visitor's sentences before and after, and the model to use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from mtl import archive
from mtl.config import UserError
from mtl.training.progress import Progress
from mtl.ui.checkpoint_upload import MAX_ZIP_BYTES, unpack
from mtl.ui.names import name_of_model, name_of_run, own_name
from mtl.ui.page import ASKS_A_MODEL, UNCHANGED, Session, html, in_plain_words, labelled, unfolding, use_model, written
from mtl.ui.sentences import from_lines
from mtl.ui.train.result import before_after, errors, scores, thresholds, words
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup


@dataclass(frozen=True)
class Result:
    """What changes when another run is shown: what it came to, whether there is a model to download and to compare,
    what it answered to held-out rows, whether that and its slices can be downloaded, its scores, its thresholds, the
    sentences to compare, no comparison yet, and a revision where one should follow."""

    summary: str
    save: gr.Button
    comparing: Any
    errors: str = ""
    answers: Any = UNCHANGED
    slices: Any = UNCHANGED
    scores: str = ""
    thresholds: str = ""
    box: Any = UNCHANGED
    view: str = ""
    revision: Any = UNCHANGED


@dataclass(frozen=True)
class Compared:
    """The sentences and their comparison."""

    box: Any = UNCHANGED
    view: Any = UNCHANGED


@dataclass(frozen=True)
class Upload:
    """What came of an upload; its widget is emptied."""

    status: str
    model: Any = UNCHANGED
    file: None = None


def build(session: Session) -> None:
    with gr.Column(elem_classes="step", elem_id="step-result"):
        html(markup.heading("Result"))
        summary = html(markup.note(words.NOT_YET), elem_id="result-summary")
        in_use = html(elem_id="model-in-use")
        with gr.Row(elem_classes="result-buttons"):
            use = gr.Button(words.USE, variant="primary", visible=False, elem_id="use-model", min_width=160, scale=0)
            save = session.save(
                words.DOWNLOAD, partial(pack, session), visible=False, elem_id="download-model", size="md"
            )
            back = gr.Button(
                words.back(own_name(session.engine.name)), visible=False, elem_id="use-default", min_width=160, scale=0
            )
        rows = html(elem_id="held-out", js_on_load="mtl.filter(element, trigger, watch)")
        asked = gr.Textbox(visible=False)
        with gr.Row(elem_classes="downloads"):
            answers = session.save(words.DOWNLOAD_ANSWERS, partial(save_answers, session), visible=False)
            slices = session.save(words.DOWNLOAD_SLICES, partial(save_slices, session), visible=False)
        figures = html(elem_id="result-scores")
        decisions = html(elem_id="thresholds", js_on_load="mtl.thresholds.start(element, trigger, watch)")
        chosen = gr.Textbox(visible=False)
        with gr.Column(visible=False, elem_id="result-compare") as comparing:
            html(markup.heading(words.COMPARE_TITLE) + markup.note(words.COMPARE_NOTE))
            with gr.Row(elem_classes="compare-box"):
                box = gr.Textbox(
                    label="Sentences, one per line",
                    info="At most 40 are compared.",
                    lines=3,
                    max_lines=8,
                    autoscroll=False,
                    elem_id="compare-sentences",
                )
                compare = gr.Button("Show before and after", elem_id="compare", min_width=180, scale=0)
            view = html(elem_id="before-after", js_on_load="mtl.answers.follow(element)")
        with unfolding(words.UPLOAD, elem_id="bring-model"):
            html(markup.note(words.UPLOAD_NOTE))
            file = gr.File(label=words.UPLOAD, show_label=False, file_types=[".zip"], height=84, elem_id="checkpoint")
            status = html(elem_id="checkpoint-status")
            too_big = gr.Button(visible="hidden", elem_id="checkpoint-too-big")

    asks_a_model = {**ASKS_A_MODEL, "trigger_mode": "always_last"}
    # The comparison asks two models, so it comes after the rest; and as an event of its own, because a second answer
    # that follows at once makes Gradio hide again what the first one had shown.
    revision = gr.State(0)
    compared = {"box": box, "view": view}
    result = {"summary": summary, "save": save, "comparing": comparing, **compared, "revision": revision}
    result |= {"errors": rows, "answers": answers, "slices": slices, "scores": figures, "thresholds": decisions}
    upload = {"status": status, "model": session.model, "file": file}
    session.wire([session.run.change], partial(show, session), [], result)
    session.wire([revision.change], partial(compare_own, session), [], [view], **asks_a_model)
    session.wire([session.news.input], partial(follow_the_box, session), [], compared, **asks_a_model)
    session.wire([rows.input], partial(filter_rows, session), [asked], [rows], js="mtl.filterChoice")
    kept = {"thresholds": decisions, "model": session.model}
    session.wire([decisions.input], partial(keep_thresholds, session), [chosen], kept, js="mtl.thresholds.chosen")
    session.wire([compare.click], partial(compare_lines, session), [box], [view], **asks_a_model)
    session.wire([session.model.change, session.run.change], partial(model_in_use, session), [], [in_use, use, back])
    session.wire([use.click], partial(use_run, session), [], [session.model])
    session.wire([back.click], partial(use_model, session), [], [session.model])
    session.wire([file.upload], partial(take_zip, session), [file], upload)
    session.wire([too_big.click], refuse_zip, [], [status])


# --- the result of a run ---


def finished(session: Session, visit: Visit) -> Progress:
    """The run that is shown, which has ended and left a model. Raises `UserError` saying why there is none."""
    if not visit.owner or visit.train.run is None:
        raise UserError(words.NOT_YET)
    try:
        progress = session.runs.progress(visit.train.run, visit.owner)
    except UserError:
        raise UserError(words.NOT_YET) from None
    if progress.run.unfinished:
        raise UserError(words.STILL_GOING)
    if not (progress.checkpoint and progress.steps):
        ended = progress.run.state == "stopped" or progress.status in ("done", "stopped")
        raise UserError(words.NO_MODEL if ended else words.NOT_FINISHED)
    return progress


def show(session: Session, visit: Visit) -> Result:
    """The result of a run that has ended. `visit.train.sentences` are those to compare next."""
    visit.train.sentences, visit.train.asked = (), ""
    try:
        progress = finished(session, visit)
    except UserError as why:
        hidden = gr.update(visible=False)
        return Result(
            markup.note(str(why)),
            labelled(words.DOWNLOAD, visible=False),
            hidden,
            answers=labelled(words.DOWNLOAD_ANSWERS, visible=False),
            slices=labelled(words.DOWNLOAD_SLICES, visible=False),
        )
    rows = errors.page(progress, errors.Filter())
    page = scores.summary(progress, name_of_run(session.runs, visit.owner, progress.run.id))
    visit.train.sentences = texts = tuple(visit.work.texts if visit.work else ())
    revision = session.next_revision() if texts else UNCHANGED
    save = labelled(words.DOWNLOAD, visible=True)
    answers = labelled(words.DOWNLOAD_ANSWERS, visible=bool(rows))
    slices = labelled(words.DOWNLOAD_SLICES, visible=bool(rows))
    figures, box = scores.figures(progress), "\n".join(texts)
    below = {"scores": figures, "thresholds": thresholds.page(progress), "box": box, "revision": revision}
    return Result(page, save, gr.update(visible=True), rows, answers, slices, **below)


# --- thresholds ---


@dataclass(frozen=True)
class Kept:
    """The thresholds as they are now, and a revision where the model in use answers by others than before."""

    thresholds: str
    model: Any = UNCHANGED


def keep_thresholds(session: Session, visit: Visit, said: str) -> Kept:
    """Let the model of the run that is shown answer by the thresholds that the browser says."""
    progress = finished(session, visit)
    thresholds.keep(progress, said)
    page = thresholds.page(progress)
    in_use = visit.train.model == progress.run.folder / "checkpoint"
    return Kept(page, use_model(session, visit, visit.train.model) if in_use else UNCHANGED)


# --- held-out rows ---


def filter_rows(session: Session, visit: Visit, asked: str) -> str:
    visit.train.asked = asked
    return errors.page(finished(session, visit), errors.Filter.checked(asked))


def save_answers(session: Session, visit: Visit, folder: Path) -> Path:
    """What the models before and after answered to held-out rows, as a CSV in `folder`."""
    return written(folder / "held-out.csv", errors.to_csv(finished(session, visit)))


def save_slices(session: Session, visit: Visit, folder: Path) -> Path:
    """How right the model is on slices of the held-out rows, as a CSV in `folder`."""
    asked = errors.Filter.checked(visit.train.asked)
    return written(folder / "slices.csv", errors.slices_to_csv(finished(session, visit), asked))


# --- before and after ---


def follow_the_box(session: Session, visit: Visit) -> Compared:
    """The sentences and their comparison, when others were analysed in the box on the left."""
    texts = tuple(visit.work.texts) if visit.work else ()
    if not texts or texts == visit.train.sentences:
        return Compared()
    try:
        finished(session, visit)
    except UserError:
        return Compared()
    visit.train.sentences = texts
    return Compared("\n".join(texts), compare_own(session, visit))


def compare_own(session: Session, visit: Visit) -> str:
    """The sentences that were analysed last, before and after the run that is shown."""
    return compare_lines(session, visit, "\n".join(visit.train.sentences))


def compare_lines(session: Session, visit: Visit, lines: str) -> str:
    """The sentences of `lines` before and after the run that is shown, as HTML."""
    try:
        progress = finished(session, visit)
        sentences = from_lines(lines)
        texts = sentences.texts[: before_after.MOST]
        if not texts:
            raise UserError(words.COMPARE_EMPTY)
        before = _start_model(session, progress)
        after = session.models.get(progress.run.folder / "checkpoint")
    except UserError as problem:
        return _bad(str(problem))
    notes = list(sentences.notes)
    if len(texts) < len(sentences.texts):
        notes.append(f"The first {len(texts)} of {len(sentences.texts):,} sentences are compared.")
    with session.models.turns.turn(visit.name):
        comparison = before_after.compare(before, after, texts, tuple(progress.kinds))
    return "".join([*map(markup.note, notes), before_after.page(comparison)])


def _start_model(session: Session, progress: Progress) -> Any:
    try:
        return session.models.get(progress.start_from)
    except UserError as problem:
        raise UserError(
            f"The model that this run began with cannot be loaded, so there is nothing to compare with. {problem}"
        ) from problem


# --- the model in use ---


def use_run(session: Session, visit: Visit) -> int:
    """Let the visitor's tabs use the model of the run that is shown. Raises `UserError` where it cannot be loaded."""
    path = finished(session, visit).run.folder / "checkpoint"
    session.models.get(path)
    return use_model(session, visit, path)


def model_in_use(session: Session, visit: Visit) -> tuple[str, gr.Button, gr.Button]:
    """A line that says which model is in use, and buttons for the others: the run's model, the default."""
    path = visit.train.model
    try:
        run = finished(session, visit).run
        use = labelled(words.USE, visible=True, interactive=path != run.folder / "checkpoint")
    except UserError:
        use = labelled(words.USE, visible=False)
    name = path and name_of_model(session.runs, visit.owner, path)
    line = "" if path is None else markup.status(f"In use in Overview, Embeddings, Sentiment and Entities: {name}.")
    return line, use, labelled(words.back(own_name(session.engine.name)), visible=path is not None)


def pack(session: Session, visit: Visit, folder: Path) -> Path:
    """The model of the run that is shown, as a zip in `folder`."""
    run = finished(session, visit).run
    name = name_of_run(session.runs, visit.owner, run.id).replace(" ", "-")
    archive.write(run.folder / "checkpoint", folder / f"{name}.zip", name)
    return folder / f"{name}.zip"


def take_zip(session: Session, visit: Visit, path: str) -> Upload:
    """Use the checkpoint in a zip."""
    try:
        folder = unpack(session, visit, path)
        heads = ", ".join(session.models.get(folder).tasks) or "none"
        status = markup.status(f"{folder.name} is in use now. Its heads: {heads}.")
        return Upload(status, use_model(session, visit, folder))
    except Exception as problem:
        return Upload(_bad(in_plain_words(problem)))


def refuse_zip(visit: Visit) -> str:
    return _bad(words.upload_too_big(MAX_ZIP_BYTES))


def _bad(message: str) -> str:
    return markup.status(message, kind="bad")
