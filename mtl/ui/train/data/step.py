"""Step 1 of the Train tab: the file to learn from, what was understood of it, and what is wrong with it."""

from __future__ import annotations

import filecmp
import json
import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from mtl.config import ASSETS, UserError
from mtl.files import read_json
from mtl.sandbox import Progress, Sandbox, Stopped, watch
from mtl.ui import words as page
from mtl.ui.page import Session, in_plain_words, labelled
from mtl.ui.sentences import MAX_FILE_BYTES
from mtl.ui.train.data import view as understood
from mtl.ui.train.data import words
from mtl.ui.train.data.tables import Known, understand
from mtl.ui.train.state import Reading, Source, TrainState
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup

if TYPE_CHECKING:
    from mtl.data.matching import Mappings
    from mtl.model import MultiTaskModel
    from mtl.training.runs.service import Run

SAMPLES = ASSETS / "samples"
# Endings that say something to the reader; a copy of any other file is called .txt.
_ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".conll", ".bio", ".iob", ".iob2")
_PREFIX = "mtl-upload-"


def build(session: Session) -> None:
    with gr.Column(elem_classes="step", elem_id="step-data"):
        gr.HTML(markup.heading(words.TITLE), apply_default_css=False)
        gr.HTML(markup.note(words.INTRO), apply_default_css=False)
        gr.HTML(markup.label(words.FILE), apply_default_css=False)
        file = gr.File(label=words.FILE, show_label=False, height=84, elem_id="data-file")
        samples = gr.Radio(
            [(title, name) for name, title in words.SAMPLE_NAMES.items()],
            label=words.SAMPLES,
            info=words.SAMPLES_INFO,
            elem_id="data-samples",
        )
        with gr.Row(elem_classes="data-status"):
            status = gr.HTML(markup.status(words.NO_FILE), apply_default_css=False, elem_id="data-status")
            stop = gr.Button(words.STOP, variant="stop", size="sm", visible=False, scale=0, elem_id="data-stop")
        summary = gr.HTML(apply_default_css=False, elem_id="data-summary")
        accept = gr.Checkbox(label=words.ACCEPT, info=words.ACCEPT_INFO, visible=False, elem_id="data-accept")
        doctor = gr.HTML(apply_default_css=False, elem_id="data-doctor")
        columns = gr.HTML(
            apply_default_css=False, js_on_load="mtl.columns(element, trigger, watch)", elem_id="data-columns"
        )
        reset = gr.Button(words.RESET, size="sm", visible=False, elem_id="data-reset")
        preview = gr.HTML(apply_default_css=False, elem_id="data-preview")
        choice = gr.Textbox(visible=False)
        too_big = gr.Button(visible="hidden", elem_id="data-file-too-big")

    def reading(visit: Visit, *asked) -> Iterator[tuple]:
        for said, changed in read(visit, session.models.get, session.sandbox, *asked):
            busy = visit.train.reading is not None
            yield said, session.next_revision() if changed else gr.skip(), labelled(words.STOP, visible=busy)

    def on_file(visit: Visit, path: str | None) -> Iterator[tuple]:
        if path is None:
            yield (gr.skip(),) * 4
            return
        for results in reading(visit, path, Path(path).name):
            yield None, *results

    def on_sample(visit: Visit, name: str) -> Iterator[tuple]:
        yield from reading(visit, sample(name), name)

    def on_choice(visit: Visit, chosen: str) -> Iterator[tuple]:
        source = _source(visit)
        yield from reading(visit, source.path, source.name, with_choice(source, chosen))

    def on_reset(visit: Visit) -> Iterator[tuple]:
        source = _source(visit)
        yield from reading(visit, source.path, source.name)

    def on_settings(visit: Visit) -> Iterator[tuple]:
        source = visit.train.source
        if source is not None and source.start_from != visit.train.start_from:
            yield from reading(visit, source.path, source.name, source.reading)

    def on_arrival(visit: Visit) -> Iterator[tuple]:
        if visit.train.source is None:
            yield from reading(visit, *latest(session.runs.find(visit.owner)))

    def on_accept(visit: Visit, accepted: bool) -> int:
        accept_errors(visit, accepted)
        return session.next_revision()

    def on_too_big(visit: Visit) -> str:
        return markup.status(page.file_too_big(MAX_FILE_BYTES), kind="bad")

    results = [status, session.data, stop]
    # Whatever comes next takes the place of what is still being read.
    shared = {"concurrency_id": "reading", "concurrency_limit": 10, "trigger_mode": "multiple"}
    session.wire([file.upload], on_file, [file], [file, *results], **shared)
    session.wire([samples.input], on_sample, [samples], results, **shared)
    session.wire([columns.input], on_choice, [choice], results, js="mtl.columnChoice", **shared)
    session.wire([reset.click], on_reset, [], results, **shared)
    session.wire([session.settings.change], on_settings, [], results)
    session.wire([session.arrival.change], on_arrival, [], results)
    session.wire([stop.click], stop_reading, [], [], queue=False)
    session.wire([accept.input], on_accept, [accept], [session.data])
    session.wire([too_big.click], on_too_big, [], [status])
    shown = [samples, summary, accept, doctor, columns, reset, preview]
    session.wire([session.data.change], show, [session.data], shown)


# --- handlers ---


def sample(name: str) -> Path:
    """The sample of that name."""
    if name not in words.SAMPLE_NAMES:
        raise UserError(words.UNKNOWN_CHOICE)
    return SAMPLES / name


def show(visit: Visit, revision: int) -> tuple:
    """What was understood: the sample that is chosen, sentences, whether errors are accepted, the doctor's report, the
    columns, whether there is anything to undo, and the first rows."""
    source = visit.train.source
    if source is None:
        return None, "", gr.update(visible=False), "", "", labelled(words.RESET, visible=False), ""
    can_accept = bool(source.table.errors and source.learns)
    return (
        source.name if source.path.parent == SAMPLES else None,
        understood.summary(source),
        gr.update(visible=can_accept, value=source.accepted),
        understood.doctor(source),
        understood.columns(source, revision),
        labelled(words.RESET, visible=bool(source.reading)),
        understood.preview(source),
    )


def accept_errors(visit: Visit, accepted: bool) -> None:
    """Train, or not, although parts of the file cannot be used."""
    visit.train.source = replace(_source(visit), accepted=bool(accepted))


def with_choice(source: Source, chosen: str) -> dict[str, Any]:
    """How to read the file (`Source.reading`) after a choice among the columns: JSON with `column`, `value`, and
    `label` where it is about what that means."""
    try:
        choice = json.loads(chosen)
        column, value, label = choice["column"], choice["value"], choice.get("label")
        if not all(isinstance(part, str) for part in (column, value, label or "")):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(words.UNKNOWN_CHOICE) from None
    text, roles = source.reading.get("text"), dict(source.reading.get("roles", {}))
    mapping = {name: dict(meanings) for name, meanings in source.reading.get("mapping", {}).items()}
    if label is not None:
        mapping.setdefault(column, {})[label] = {understood.OUT: None, understood.NEW: label}.get(
            value, value.removeprefix(understood.KNOWN)
        )
    else:
        # What its labels meant is about another use of the column.
        mapping.pop(column, None)
        roles.pop(column, None)
        if value == "text":
            text = column
        else:
            roles[column] = value
            text = None if text == column else text
    return _told(text, roles, mapping)


def latest(runs: Sequence[Run]) -> tuple[Path, str, dict[str, Any]]:
    """What to begin with: the file of the newest of these runs, as that run reads it, else the first sample."""
    for run in reversed(runs):
        try:
            told = read_json(run.folder / "config.json")
            path = run.folder / told["file"]
            same = SAMPLES / path.name
            if same.is_file() and filecmp.cmp(path, same, shallow=False):
                path = same
            if path.is_file() and path.suffix != ".json":
                return path, path.name, told["reading"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    name = next(iter(words.SAMPLE_NAMES))
    return SAMPLES / name, name, {}


def stop_reading(visit: Visit) -> None:
    if visit.train.reading is not None:
        visit.train.reading.stopped = True


def read(
    visit: Visit,
    model: Callable[[str | None], MultiTaskModel],
    sandbox: Sandbox,
    path: str | Path,
    name: str,
    reading: Mapping[str, Any] | None = None,
) -> Iterator[tuple[str, bool]]:
    """`take`, and meanwhile how far it is: a line as HTML, and whether something new was taken.

    `model` gives the model of a name. What was being read before is given up. Problems become a line, too.
    """
    train = visit.train
    stop_reading(visit)
    task = train.reading = Reading()
    try:
        steps = take(visit, model(train.start_from), sandbox, path, name, **(reading or {}))
        for share, seconds in watch(steps, lambda: task.stopped):
            yield markup.reading(name, share, seconds), False
        problem = ""
    except Stopped:
        problem = markup.status(words.STOPPED, _stays(train))
    except Exception as fault:
        problem = markup.status(in_plain_words(fault), _stays(train), kind="bad")
    finally:
        is_latest = train.reading is task
        if is_latest:
            train.reading = None
    if is_latest:  # another one has its own line
        yield problem, not problem


def _stays(train: TrainState) -> list[str]:
    return [words.stays(train.source.name)] if train.source else []


def _source(visit: Visit) -> Source:
    if visit.train.source is None:
        raise UserError(words.NO_FILE)
    return visit.train.source


# --- what was brought ---


def take(
    visit: Visit,
    model: MultiTaskModel,
    sandbox: Sandbox,
    path: str | Path,
    name: str,
    text: str | None = None,
    roles: Mapping[str, str] | None = None,
    mapping: Mappings | None = None,
) -> Progress:
    """Make the file at `path`, which the visitor calls `name`, what `visit` learns from; returns the `Source`.

    It is read in a process of its own, and set against `model`, the one that training will start from. `text`, `roles`
    and `mapping` are those of `mtl.training.jobs.prepare`. The page keeps a copy in a folder of its own, until another
    file is taken or the session ends; a sample is used where it is. Raises `UserError` where nothing can be read. What
    was there before then stays, as it was.
    """
    path = Path(path)
    train = visit.train
    before = train.source
    kept = path.parent == SAMPLES or (before is not None and path == before.path)
    own = path if kept else _copy(path, name, train)
    try:
        reading = (text, roles, mapping)
        size = own.stat().st_size if own.is_file() else 0
        table = yield from sandbox.run(understand, own, Known.of(model), *reading, size=size)
    except BaseException:
        if not kept:
            _delete_copy(own)
        raise
    train.source = Source(
        path=own, name=name, reading=_told(text, roles, mapping), start_from=train.start_from, **vars(table)
    )
    if before is not None and before.path != own:
        _delete_copy(before.path)
    return train.source


def _told(text: str | None, roles: Mapping[str, str] | None, mapping: Mappings | None) -> dict[str, Any]:
    """What the visitor said of a file; nothing of what was guessed, so that a run guesses the same."""
    told = {"text": text, "roles": dict(roles or {}), "mapping": {c: dict(m) for c, m in (mapping or {}).items() if m}}
    return {name: value for name, value in told.items() if value}


# --- the page's own copy ---


def _copy(path: Path, name: str, train: TrainState) -> Path:
    """A copy of a stranger's file that lives as long as `train`, unless it is deleted before."""
    if not path.is_file():
        raise UserError(page.EXPIRED)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise UserError(page.file_too_big(MAX_FILE_BYTES))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    weakref.finalize(train, shutil.rmtree, folder, ignore_errors=True)
    return Path(shutil.copyfile(path, folder / safe_name(name)))


def _delete_copy(path: Path) -> None:
    if path.parent.name.startswith(_PREFIX):
        shutil.rmtree(path.parent, ignore_errors=True)


def safe_name(name: str) -> str:
    """A visitor's name for a file, as one that every system takes, and that no program takes for more than a table."""
    plain = re.sub(r"[^\w .()-]+", "_", name.replace("\\", "/").rpartition("/")[2])[-80:].strip(" .") or "table"
    stem, dot, ending = plain.removesuffix(".gz").rpartition(".")
    packed = ".gz" * plain.endswith(".gz")
    if not (dot and f".{ending}".lower() in _ENDINGS):
        stem, ending = plain.removesuffix(".gz"), "txt"
    if re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", stem, re.IGNORECASE):
        stem = f"_{stem}"  # no names on Windows
    return f"{stem or 'table'}.{ending}{packed}"
