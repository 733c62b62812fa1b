"""Step 1 of the Train tab: the file to learn from, how it was read, and what is wrong with it."""

from __future__ import annotations

import copy
import filecmp
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from mtl.config import UserError
from mtl.data.columns import NEGATIVE, TEXT_B
from mtl.data.splits import SPLIT
from mtl.files import read_json
from mtl.sandbox import Progress
from mtl.ui import words as page
from mtl.ui.page import Session, html, labelled, unfolding
from mtl.ui.sentences import MAX_FILE_BYTES
from mtl.ui.train.data import view, words
from mtl.ui.train.data.place import Read, read_into, safe_name, size_of, take_into
from mtl.ui.train.data.tables import Known, read_for
from mtl.ui.train.label import step as label
from mtl.ui.train.link import OWN, Link
from mtl.ui.train.state import SAMPLES, NamedFile, Source
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup

if TYPE_CHECKING:
    from mtl.data.rows import Question, Table
    from mtl.training.runs.service import Run


def build(session: Session) -> None:
    with gr.Column(elem_classes="step", elem_id="step-data"):
        html(markup.heading("Data") + markup.intros.data())
        linked = html(elem_id="data-linked")
        html(markup.label(words.FILE))
        file = gr.File(label=words.FILE, show_label=False, height=84, elem_id="data-file")
        samples = gr.Radio(
            [(title, name) for name, title in words.SAMPLE_NAMES.items()],
            label="Samples",
            info="Sentences written for this page, to try things with. “broken” shows what the doctor finds.",
            elem_id="data-samples",
        )
        labelling = label.build(session)
        with gr.Row(elem_classes="data-status"):
            loading = markup.note(page.LOADING_DATA)
            status = html(loading, js_on_load="mtl.inSight(element, watch)", elem_id="data-status")
            stop = gr.Button(words.STOP, variant="stop", size="sm", visible=False, scale=0, elem_id="data-stop")
        summary = html(js_on_load="mtl.inSight(element, watch)", elem_id="data-summary")
        questions = html(js_on_load="mtl.questions(element, trigger)", elem_id="data-questions")
        doctor = html(elem_id="data-doctor")
        columns = html(js_on_load="mtl.columns(element, trigger, watch)", elem_id="data-columns")
        reset = gr.Button(words.RESET, size="sm", visible=False, elem_id="data-reset")
        preview = html(elem_id="data-preview")
        with unfolding(words.TEST_ROWS, elem_id="test-rows"):
            html(markup.note(words.TEST_ROWS_NOTE))
            test_file = gr.File(label=words.TEST_ROWS, show_label=False, height=84, elem_id="validation-file")
        tested_on = html(elem_id="validation-status")
        no_test = gr.Button(words.NO_TEST_ROWS, size="sm", visible=False, elem_id="validation-clear")
        choice = gr.Textbox(visible=False)
        test_too_big = gr.Button(visible="hidden", elem_id="validation-file-too-big")
        too_big = gr.Button(visible="hidden", elem_id="data-file-too-big")

    shown = {
        "linked": linked,
        "samples": samples,
        "summary": summary,
        "questions": questions,
        "doctor": doctor,
        "columns": columns,
        "reset": reset,
        "preview": preview,
        "tested_on": tested_on,
        "no_test": no_test,
    }
    read = {"status": status, "data": session.data, "stop": stop}
    # Whatever comes next takes the place of what is still being read.
    shared = {"concurrency_id": "reading", "concurrency_limit": 10, "trigger_mode": "multiple"}
    session.wire([file.upload], partial(on_file, session), [file], {**read, "file": file}, **shared)
    session.wire([samples.input], partial(on_sample, session), [samples], read, **shared)
    session.wire([labelling.submit], partial(on_labelled, session), [], read, **shared)
    session.wire(
        [columns.input, questions.input], partial(on_choice, session), [choice], read, js="mtl.columnChoice", **shared
    )
    testing = {**read, "status": tested_on}
    session.wire(
        [test_file.upload], partial(on_test_file, session), [test_file], {**testing, "file": test_file}, **shared
    )
    session.wire([no_test.click], partial(on_no_test_file, session), [], testing, **shared)
    session.wire([test_too_big.click], refuse, [], [tested_on])
    session.wire([reset.click], partial(on_reset, session), [], read, **shared)
    session.wire([session.settings.change], partial(on_settings, session), [], read)
    session.wire([session.link.change], partial(arrive, session), [], read)
    session.wire([stop.click], stop_reading, [], [], queue=False)
    session.wire([too_big.click], refuse, [], [status])
    session.wire([session.data.change], show, [session.data], shown)


# --- handlers ---


@dataclass(frozen=True)
class Shown:
    """The data as it was read: what a link waits for, the chosen sample, a summary, what is to be asked, the doctor's
    report, the columns, whether there are choices to undo, the first rows, and what is tested on, with a button that
    gives it up."""

    linked: str = ""
    samples: str | None = None
    summary: str = ""
    questions: str = ""
    doctor: str = ""
    columns: str = ""
    reset: gr.Button = field(default_factory=partial(labelled, words.RESET, visible=False))
    preview: str = ""
    tested_on: str = ""
    no_test: gr.Button = field(default_factory=partial(labelled, words.NO_TEST_ROWS, visible=False))


def on_file(session: Session, visit: Visit, path: str | None) -> Iterator[Read]:
    if path is not None:
        if visit.train.linked and visit.train.linked.sample:
            visit.train.linked = None
        for result in read(session, visit, path, Path(path).name, linked=visit.train.linked):
            yield replace(result, file=None)


def on_sample(session: Session, visit: Visit, name: str) -> Iterator[Read]:
    if name not in words.SAMPLE_NAMES:
        raise UserError(words.UNKNOWN_CHOICE)
    visit.train.linked = None
    yield from read(session, visit, SAMPLES / name, name)


def on_labelled(session: Session, visit: Visit) -> Iterator[Read]:
    """Learn from what the visitor has labelled."""
    visit.train.linked = None
    with tempfile.TemporaryDirectory() as folder:
        path, reading = label.handed_on(visit, Path(folder))
        yield from read(session, visit, path, path.name, reading)


def on_choice(session: Session, visit: Visit, chosen: str) -> Iterator[Read]:
    source = _source(visit)
    chosen = with_choice(source, chosen)
    yield from read(session, visit, source.path, source.name, chosen, validation=source.validation)


def on_reset(session: Session, visit: Visit) -> Iterator[Read]:
    source = _source(visit)
    yield from read(session, visit, source.path, source.name, validation=source.validation)


def on_test_file(session: Session, visit: Visit, path: str | None) -> Iterator[Read]:
    """Test on the rows of a file beside the data."""
    if path is not None:
        source, file = _source(visit), NamedFile(Path(path), Path(path).name)
        for result in read(session, visit, source.path, source.name, source.reading, validation=file):
            yield replace(result, file=None)


def on_no_test_file(session: Session, visit: Visit) -> Iterator[Read]:
    visit.train.awaited, source = "", _source(visit)
    yield from read(session, visit, source.path, source.name, source.reading)


def on_settings(session: Session, visit: Visit) -> Iterator[Read]:
    """Match the data again where training now begins with another model."""
    source = visit.train.source
    if source is not None and source.start_from != visit.train.start_from:
        yield from read(session, visit, source.path, source.name, source.reading, validation=source.validation)


def arrive(session: Session, visit: Visit) -> Iterator[Read]:
    """Take what a link asks for, or else what to begin with; a file that only the visitor has is waited for."""
    train, linked = visit.train, visit.train.linked
    train.arrived = True
    if train.source is not None:
        train.linked = None  # it says nothing of data
        return
    if linked is None and train.reading is not None:
        return  # the visitor was quicker
    path, name, reading, validation = latest(session.runs.find(visit.owner))
    if linked is None or not linked.name:
        yield from read(session, visit, path, name, reading, validation=validation)
        train.linked = None
        train.opening = None if linked or train.source is None else train.as_link(OWN)
    elif linked.sample or name == safe_name(linked.name):
        own = SAMPLES / linked.name if linked.sample else path
        file = validation if validation and safe_name(linked.validation) == validation.name else None
        yield from read(session, visit, own, linked.name, linked=linked, validation=file, as_before=linked.again)
    else:
        yield Read(markup.status(words.NO_FILE), session.next_revision(), labelled(words.STOP, visible=False))


def stop_reading(visit: Visit) -> None:
    visit.train.stop_reading()


def refuse(visit: Visit) -> str:
    return markup.status(page.file_too_big(MAX_FILE_BYTES), kind="bad")


def show(visit: Visit, revision: int) -> Shown:
    source, linked = visit.train.source, view.linked(visit.train.linked)
    if source is None:
        return Shown(linked)
    awaited = visit.train.awaited
    return Shown(
        linked=linked,
        samples=source.name if source.is_sample else None,
        summary=view.summary(source),
        questions=view.questions(source),
        doctor=view.doctor(source),
        columns=view.columns(source, revision),
        reset=labelled(words.RESET, visible=bool(source.reading)),
        preview=view.preview(source),
        tested_on=view.tested_on(source, awaited),
        no_test=labelled(words.NO_TEST_ROWS, visible=bool(source.validation or awaited)),
    )


def _source(visit: Visit) -> Source:
    if visit.train.source is None:
        raise UserError(words.NO_FILE)
    return visit.train.source


# --- what to read, and how ---


def with_choice(source: Source, chosen: str) -> dict[str, Any]:
    """How to read the file (`Source.reading`) after a choice, as JSON: among the columns, with `column`, `value`, and
    `label` where it is about what that means; or the answer to a `question`, a `reading` of it or `names`."""
    reading = copy.deepcopy(source.reading)
    try:
        choice = json.loads(chosen)
        if "question" in choice:
            _answer(reading, source.table.questions[choice["question"]], choice)
        else:
            _use(reading, source.table, choice["column"], choice["value"], choice.get("label"))
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UserError(words.UNKNOWN_CHOICE) from None
    # Nothing of what was guessed, so that a run guesses the same.
    return {name: value for name, value in reading.items() if value not in (None, {})}


def _answer(reading: dict[str, Any], question: Question, choice: Mapping[str, Any]) -> None:
    if names := choice.get("names"):
        chosen = [name.strip() for name in names.split(",")]
        if len(chosen) < 2 or not all(chosen):
            raise UserError(words.NAMES)
        reading.setdefault("names", {})[question.names_of] = chosen
    else:
        for name, value in question.readings[choice["reading"]].arguments.items():
            reading[name] = {**reading.get(name, {}), **value} if isinstance(value, dict) else value


def _use(reading: dict[str, Any], table: Table, column: str, value: str, label: str | None) -> None:
    if not all(isinstance(part, str) for part in (column, value, label or "")):
        raise TypeError
    roles, mapping = reading.setdefault("roles", {}), reading.setdefault("mapping", {})
    if label is not None:
        meaning = {view.OUT: None, view.NEW: label}.get(value, value.removeprefix(view.KNOWN))
        mapping.setdefault(column, {})[label] = meaning
        return
    # What its labels were to mean belongs to another use of the column.
    mapping.pop(column, None)
    roles.pop(column, None)
    texts = {role: name for role, name in table.text_roles().items() if name != column}
    if value == "text":
        reading["text"] = column
        if TEXT_B in texts:
            roles.update({texts[role]: role for role in (TEXT_B, NEGATIVE) if role in texts})
        return
    if value in (TEXT_B, NEGATIVE, SPLIT):
        # One column each; the others stay what they are.
        for name in [name for name, role in roles.items() if role == value]:
            del roles[name]
    if value in (TEXT_B, NEGATIVE):
        if "text" in texts:
            reading["text"] = texts["text"]
        roles.update({name: role for role, name in texts.items() if role not in ("text", value)})
    roles[column] = value
    if reading.get("text") == column:
        del reading["text"]


def latest(runs: Sequence[Run]) -> tuple[Path, str, dict[str, Any], NamedFile | None]:
    """What to begin with (path, name, `Source.reading` and `Source.validation`): the files of the newest of these runs,
    as that run reads them, else the first sample."""
    for run in reversed(runs):
        try:
            settings = read_json(run.folder / "config.json")
            path = run.folder / settings["file"]
            same = SAMPLES / path.name
            if same.is_file() and filecmp.cmp(path, same, shallow=False):
                path = same
            if path.is_file() and path.suffix != ".json":
                test = run.folder / settings["validation"] if "validation" in settings else None
                return path, path.name, settings["reading"], NamedFile(test, test.name) if test else None
        except (OSError, ValueError, KeyError, TypeError):
            continue
    name = next(iter(words.SAMPLE_NAMES))
    return SAMPLES / name, name, {}, None


# --- reading ---


def read(
    session: Session,
    visit: Visit,
    path: str | Path,
    name: str,
    reading: Mapping[str, Any] | None = None,
    linked: Link | None = None,
    validation: NamedFile | None = None,
    as_before: bool = False,
) -> Iterator[Read]:
    """`take`, and meanwhile how far it is (see `read_into`). `as_before`: that what a link says was applied is no
    news."""
    train, steps = visit.train, take(session, visit, path, name, reading, linked, validation)
    given_up = train.source and train.source.validation

    def said() -> str:
        found = "" if as_before and not train.source.misfit else _of_link(train.source, linked)
        if not found and given_up and validation is None:
            return markup.status(words.no_longer_tested_on(given_up.name))
        return found

    return read_into(session, train, steps, name, words.STAYS, said)


def _of_link(source: Source, linked: Link | None) -> str:
    """Whether what a link says was applied to the data."""
    if linked is None or (linked.sample and not source.misfit):
        return ""
    return markup.status(source.misfit or words.fits(source.name), kind="bad" if source.misfit else "ok")


def take(
    session: Session,
    visit: Visit,
    path: str | Path,
    name: str,
    reading: Mapping[str, Any] | None = None,
    linked: Link | None = None,
    validation: NamedFile | None = None,
) -> Progress:
    """Make the file at `path`, which the visitor calls `name`, the one to learn from (see `take_into`); returns the
    `Source`. It is matched with the model that training will start from. `linked`: what a link says of it, which is
    applied, with the link's settings, if it fits. `validation`: a file of rows to test on.
    """
    train = visit.train
    known, start_from, before = Known.of(session.models.get(train.start_from)), train.start_from, train.source

    def read_copy(own: Path, kept: NamedFile | None) -> Progress:
        size, how, misfit = size_of(own) + size_of(kept and kept.path), reading, ""
        read_it = partial(session.sandbox.run, read_for, own, known, size=size, validation=kept and kept.path)
        if linked is None:
            found = yield from read_it(**(how or {}))
        else:
            found, how, misfit = yield from _as_linked(read_it, linked, name)
        about = {"name": name, "reading": dict(how or {}), "start_from": start_from, "validation": kept}
        return Source(path=own, **about, misfit=misfit, **vars(found))

    source = yield from take_into(train, Path(path), name, read_copy, validation)
    if source.validation is not None or before is None or before.path != source.path:
        train.awaited = ""
    if linked is not None and not source.misfit and source.validation is None:
        train.awaited = linked.validation
    if linked is not None and not source.misfit:
        train.config, train.parts = linked.config, None  # a form that waited for its data had not all of its parts
    if linked is not None and (linked.sample or not source.misfit):
        train.linked = None
    return source


def _as_linked(read_it: Callable[..., Progress], linked: Link, name: str) -> Progress:
    """A table as a link says that it is to be read, if it fits; else as any other. Returns it, its reading, and why it
    does not fit."""
    missing, why = [], ""
    try:
        found = yield from read_it(**linked.reading)
        if not (missing := _missing(linked, found.table)):
            return found, dict(linked.reading), ""
    except UserError as problem:
        why = str(problem)
    found = yield from read_it()
    missing = _missing(linked, found.table) or missing
    others = [column.name for column in found.table.columns if column.name not in linked.columns]
    return found, {}, words.misfit(name, missing, others, why)


def _missing(linked: Link, table: Table) -> list[str]:
    there = {column.name for column in table.columns}
    return [name for name in linked.columns if name not in there]
