"""Step 5 of the Train tab: a table of new rows, answered by the model in use."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from mtl.config import UserError
from mtl.predictions import ENDINGS, Agreement, Predictions, write_columns
from mtl.sandbox import Progress, watch
from mtl.stopping import Stopped
from mtl.ui import words as page
from mtl.ui.names import name_of_model, own_name
from mtl.ui.page import ASKS_A_MODEL, UNCHANGED, Session, html, in_plain_words, labelled
from mtl.ui.sentences import MAX_FILE_BYTES
from mtl.ui.train.data import words as data
from mtl.ui.train.data.place import Read, read_into, size_of, take_into
from mtl.ui.train.data.step import with_choice
from mtl.ui.train.data.tables import Known, read_for, read_rows
from mtl.ui.train.predict import view, words
from mtl.ui.train.state import Answers, Reading, Source
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup

_READING = "mtl.columns(element, trigger, watch); mtl.questions(element, trigger); mtl.keepFolds(element, watch)"


def build(session: Session) -> None:
    with gr.Column(elem_classes="step", elem_id="step-predict"):
        html(markup.heading(words.TITLE) + markup.note(words.INTRO))
        model = html(elem_id="rows-model")
        html(markup.label(words.FILE))
        file = gr.File(label=words.FILE, show_label=False, height=84, elem_id="rows-file")
        with gr.Row(elem_classes="data-status"):
            status = html(elem_id="rows-status")
            stop_reading = gr.Button(data.STOP, variant="stop", size="sm", visible=False, scale=0)
        reading = html(js_on_load=_READING, elem_id="rows-reading")
        heads = gr.CheckboxGroup([], label=words.HEADS, info=words.HEADS_INFO, visible=False, elem_id="rows-heads")
        with gr.Row(elem_classes="result-buttons"):
            run = gr.Button(words.RUN, variant="primary", visible=False, elem_id="answer-rows", scale=0)
            stop = gr.Button(words.STOP, variant="stop", visible=False, elem_id="stop-rows", scale=0)
        progress = html(elem_id="rows-progress")
        result = html(elem_id="rows-answers")
        with gr.Row(elem_classes="downloads"):
            saves = {
                name: session.save(label, partial(save, ending), visible=False)
                for name, label, ending in zip(("csv", "parquet"), (words.CSV, words.PARQUET), ENDINGS, strict=True)
            }
        command = html(js_on_load="mtl.takeAway(element, watch); mtl.keepFolds(element, watch)", elem_id="rows-command")
        choice = gr.Textbox(visible=False)
        too_big = gr.Button(visible="hidden", elem_id="rows-file-too-big")
    table = gr.State(0)

    read = {"status": status, "data": table, "stop": stop_reading}
    shown = {"model": model, "reading": reading, "heads": heads, "command": command, "run": run, "stop": stop}
    shown |= {"progress": progress, "result": result, **saves}
    shared = {"concurrency_id": "reading", "concurrency_limit": 10, "trigger_mode": "multiple"}
    session.wire([file.upload], partial(on_file, session), [file], {**read, "file": file}, **shared)
    session.wire([reading.input], partial(on_choice, session), [choice], read, js="mtl.columnChoice", **shared)
    session.wire([stop_reading.click], give_up, [], [], queue=False)
    session.wire([too_big.click], refuse, [], [status])
    changes = [session.arrival.change, session.model.change, table.change]
    session.wire(changes, partial(show, session), [table], shown)
    session.wire([heads.input], partial(on_heads, session), [heads], shown)
    session.wire([run.click], partial(answer, session), [heads], shown, **ASKS_A_MODEL)
    session.wire([stop.click], stop_answering, [], [], queue=False)


# --- the table ---


def on_file(session: Session, visit: Visit, path: str | None) -> Iterator[Read]:
    if path is not None:
        for result in read(session, visit, Path(path), Path(path).name, {}):
            yield replace(result, file=None)


def on_choice(session: Session, visit: Visit, chosen: str) -> Iterator[Read]:
    source = _source(visit)
    yield from read(session, visit, source.path, source.name, with_choice(source, chosen))


def read(session: Session, visit: Visit, path: Path, name: str, reading: dict[str, Any]) -> Iterator[Read]:
    """`take`, and meanwhile how far it is (see `read_into`)."""
    return read_into(session, visit.train.new_rows, take(session, visit, path, name, reading), name, words.STAYS)


def take(session: Session, visit: Visit, path: Path, name: str, reading: dict[str, Any]) -> Progress:
    """Make the file at `path` the table to answer (see `take_into`); answers to the one before are put away."""
    place, known = visit.train.new_rows, Known.of(session.models.get(visit.train.model))

    def read_copy(own: Path, _: object) -> Progress:
        found = yield from session.sandbox.run(read_for, own, known, size=size_of(own), **reading)
        return Source(path=own, name=name, reading=reading, **vars(found))

    yield from take_into(place, path, name, read_copy)
    stop_answering(visit)
    place.answers = None


def give_up(visit: Visit) -> None:
    visit.train.new_rows.stop_reading()


def refuse(visit: Visit) -> str:
    return markup.status(page.file_too_big(MAX_FILE_BYTES), kind="bad")


def _source(visit: Visit) -> Source:
    if visit.train.new_rows.source is None:
        raise UserError(words.NO_TABLE)
    return visit.train.new_rows.source


# --- what is shown ---


@dataclass(frozen=True)
class Shown:
    """The model in use, the table as it was read, the heads that answer, the command, the buttons that answer and stop,
    how far it is, the answers, and the buttons to download them."""

    model: Any = UNCHANGED
    reading: Any = UNCHANGED
    heads: Any = UNCHANGED
    command: Any = UNCHANGED
    run: Any = UNCHANGED
    stop: Any = UNCHANGED
    progress: Any = UNCHANGED
    result: Any = UNCHANGED
    csv: Any = UNCHANGED
    parquet: Any = UNCHANGED


def show(session: Session, visit: Visit, revision: int) -> Shown:
    """The table and what was answered, for the model that is in use now."""
    source = visit.train.new_rows.source
    return replace(
        _answers(session, visit),
        model=markup.note(words.in_use(_name(session, visit))),
        reading=view.reading(source, revision),
        heads=_heads(session, visit),
        command=_command(session, visit),
    )


def on_heads(session: Session, visit: Visit, heads: Sequence[str]) -> Shown:
    visit.train.new_rows.heads = tuple(heads)
    return replace(_answers(session, visit), command=_command(session, visit))


def _tasks(session: Session, visit: Visit) -> list[str]:
    """The tasks of the model in use, none where it is gone."""
    try:
        return [*session.models.get(visit.train.model).tasks]
    except UserError:
        return []


def _heads(session: Session, visit: Visit) -> gr.CheckboxGroup:
    place = visit.train.new_rows
    if place.source is None:
        return gr.CheckboxGroup(visible=False)
    names = _tasks(session, visit)
    chosen = place.chosen(names)
    return gr.CheckboxGroup(names, value=names if chosen is None else chosen, visible=len(names) > 1)


def _command(session: Session, visit: Visit) -> str:
    place, path, own = visit.train.new_rows, visit.train.model, session.engine.name
    # A folder on the server says nothing to anybody else.
    asked = "" if path or (own and Path(own).expanduser().exists()) else own
    return view.command(place.source, asked, place.source and place.chosen(_tasks(session, visit)))


def _answers(session: Session, visit: Visit) -> Shown:
    """The answers, and the button for others."""
    place, name = visit.train.new_rows, _name(session, visit)
    source, answers, busy = place.source, place.answers, place.answering is not None
    earlier = answers is not None and not _is_by(session, visit, answers.model)
    run, ready = labelled(words.RUN, visible=False), source is not None and not view.problem(source)
    ready = ready and place.heads != ()
    if source is not None and not busy:
        label, wanted = words.run(source.rows, answers is not None, name), answers is None or earlier
        run = labelled(label, visible=True, interactive=ready, variant="primary" if wanted else "secondary")
    return Shown(
        run=run,
        stop=labelled(words.STOP, visible=busy),
        result=view.result(answers, name if earlier else ""),
        csv=labelled(words.CSV, visible=answers is not None),
        parquet=labelled(words.PARQUET, visible=answers is not None),
    )


def _name(session: Session, visit: Visit) -> str:
    path = visit.train.model
    return name_of_model(session.runs, visit.owner, path) if path else own_name(session.engine.name)


def _is_by(session: Session, visit: Visit, identity: str) -> bool:
    try:
        return session.models.shared(visit.train.model, visit.name).identity == identity
    except UserError:  # the model in use is gone
        return False


# --- answering ---


def answer(session: Session, visit: Visit, heads: Sequence[str] | None = None) -> Iterator[Shown]:
    """Answer all rows with these `heads` (None: as before), saying how far it is; what is answered when Stop is pressed
    is kept."""
    place, source = visit.train.new_rows, _source(visit)
    if heads is not None and len(_tasks(session, visit)) > 1:  # of a single one there is no choice
        place.heads = tuple(heads)
    if problem := view.problem(source):
        raise UserError(problem)
    stop_answering(visit)
    this = place.answering = Reading()
    busy = {"run": labelled(words.RUN, visible=False), "stop": labelled(words.STOP, visible=True)}
    try:
        for progress in answer_rows(session, visit, source, this):
            yield Shown(progress=progress, **busy)
        problem = ""
    except Stopped:
        problem = markup.status(words.STOPPED) if place.source is source else ""
    except Exception as fault:
        problem = markup.status(in_plain_words(fault), kind="bad")
    finally:
        is_latest = place.answering is this
        if is_latest:
            place.answering = None
    if is_latest:
        yield replace(_answers(session, visit), progress=problem)


def answer_rows(session: Session, visit: Visit, source: Source, this: Reading) -> Iterator[str]:
    """Answer the rows of `source` into `visit.train.new_rows.answers`, and say how far that is.

    Raises `Stopped` where `this` is stopped before any row is answered, or the table is another one now."""
    place, name = visit.train.new_rows, _name(session, visit)
    model = session.models.shared(visit.train.model, visit.name)
    if not model.tasks:
        raise UserError(words.NO_HEADS)
    if (asked := place.chosen(model.tasks)) == []:
        raise UserError(words.NO_HEAD_CHOSEN)
    reading = session.sandbox.run(read_rows, source.path, model.tasks, size=size_of(source.path), **source.reading)
    table, labelled_rows = yield from _drawn(watch(reading, lambda: this.stopped), partial(markup.reading, source.name))
    predictions, agreement = Predictions(model, table, asked), Agreement(model.tasks, view.ROWS_SHOWN)
    first, unfamiliar, total, began = [], 0, len(table.rows), time.perf_counter()

    def check(done: int, total: int) -> None:
        if this.stopped:
            raise Stopped

    yield view.progress(0, total, 0.0)
    try:
        while part := predictions.answer_some(check):
            agreement.add(labelled_rows[predictions.answered - len(part) : predictions.answered], part)
            first += part[: view.ROWS_SHOWN - len(first)]
            unfamiliar += sum(answer.unfamiliar for answer in part)
            yield view.progress(predictions.answered, total, time.perf_counter() - began)
    except Stopped:
        if not predictions.answered:
            raise
    seconds = time.perf_counter() - began
    if place.source is not source:
        raise Stopped
    folder = source.path.parent / "answers"
    folder.mkdir(exist_ok=True)
    columns = predictions.columns()
    for ending in ENDINGS:
        write_columns(columns, folder / f"answers{ending}")
    place.answers = Answers(
        by=name,
        model=model.identity,
        tasks=model.tasks,
        count=predictions.answered,
        total=total,
        blank=table.without_text,
        unfamiliar=unfamiliar,
        seconds=seconds,
        first=first,
        lines=[row.line for row in table.rows[: len(first)]],
        agreement=agreement.said(),
        folder=folder,
        heads=asked,
        wrong=agreement.wrong,
        differences=agreement.differences,
    )


def _drawn(steps: Generator[tuple, None, Any], draw: Callable[..., str]) -> Generator[str, None, Any]:
    """`steps`, each of them drawn; returns their result."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value
        yield draw(*step)


def stop_answering(visit: Visit) -> None:
    if visit.train.new_rows.answering is not None:
        visit.train.new_rows.answering.stopped = True


def save(ending: str, visit: Visit, folder: Path) -> Path:
    """The answers as a file in `folder`."""
    answers = visit.train.new_rows.answers
    if answers is None:
        raise UserError(words.NO_TABLE)
    return Path(shutil.copyfile(answers.folder / f"answers{ending}", folder / view.file_name(_source(visit), ending)))
