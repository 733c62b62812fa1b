"""Step 1 of the Train tab: the file to learn from, what was understood of it, and what is wrong with it."""

from __future__ import annotations

import filecmp
import json
import re
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from mtl.config import UserError
from mtl.ui import markup
from mtl.ui import text as page
from mtl.ui.reading import MAX_FILE_BYTES
from mtl.ui.session import Session, in_plain_words
from mtl.ui.text import data as words
from mtl.ui.train import understood
from mtl.ui.train.lesson import Lesson, Source
from mtl.ui.visits import Visit

if TYPE_CHECKING:
    from mtl.data.entities import Span
    from mtl.data.matching import Mappings
    from mtl.data.rows import Row
    from mtl.model import MultiTaskModel
    from mtl.training.runs import Run

SAMPLES = Path(__file__).resolve().parent.parent.parent.parent / "assets" / "samples"
# Of a file so many rows are kept to be shown, each cut to so many characters.
ROWS_KEPT, CHARACTERS_KEPT = 100, 400
# Endings that say something to the reader; a copy of any other file is called .txt.
_ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".conll", ".bio", ".iob", ".iob2")
_PREFIX = "mtl-upload-"
# How often a large file says how far it is, in seconds; what takes less says nothing.
_PATIENCE = 0.4


# A file of more bytes is read alone: several at once would take the processor from everybody.
_LARGE = 1_000_000
_one_large = threading.Lock()

# A choice in the table of columns is handed on to the server; afterwards it has the keyboard again.
_CHOOSE = """
let last = null;
element.addEventListener("change", (event) => {
  const { column, label, key } = event.target.dataset;
  if (column === undefined) return;
  last = key;
  document.body.dataset.choice = JSON.stringify({ column, label, value: event.target.value });
  trigger("input");
});
watch("value", () => {
  if (last === null || ![null, document.body].includes(document.activeElement)) return;
  [...element.querySelectorAll("select")].find((select) => select.dataset.key === last)?.focus();
  last = null;
});
"""
_CHOSEN = "() => document.body.dataset.choice"


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
        columns = gr.HTML(apply_default_css=False, js_on_load=_CHOOSE, elem_id="data-columns")
        reset = gr.Button(words.RESET, size="sm", visible=False, elem_id="data-reset")
        preview = gr.HTML(apply_default_css=False, elem_id="data-preview")
        choice = gr.Textbox(visible=False)
        too_big = gr.Button(visible="hidden", elem_id="data-file-too-big")

    def reading(visit: Visit, *asked) -> Iterator[tuple]:
        for said, changed in read(visit, session.models.get, *asked):
            busy = visit.lesson.reading is not None
            yield said, session.next_revision() if changed else gr.skip(), gr.update(visible=busy)

    def on_file(visit: Visit, path: str | None) -> Iterator[tuple]:
        if path is None:
            yield (gr.skip(),) * 4
            return
        try:
            for results in reading(visit, path, Path(path).name):
                yield None, *results
        finally:
            Path(path).unlink(missing_ok=True)

    def on_sample(visit: Visit, name: str) -> Iterator[tuple]:
        yield from reading(visit, sample(name), name)

    def on_choice(visit: Visit, chosen: str) -> Iterator[tuple]:
        source = _source(visit)
        yield from reading(visit, source.path, source.name, with_choice(source, chosen))

    def on_reset(visit: Visit) -> Iterator[tuple]:
        source = _source(visit)
        yield from reading(visit, source.path, source.name)

    def on_settings(visit: Visit) -> Iterator[tuple]:
        source = visit.lesson.source
        if source is not None and source.start_from != visit.lesson.start_from:
            yield from reading(visit, source.path, source.name, source.reading)

    def on_arrival(visit: Visit) -> Iterator[tuple]:
        if visit.lesson.source is None:
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
    session.wire([columns.input], on_choice, [choice], results, js=_CHOSEN, **shared)
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
    source = visit.lesson.source
    if source is None:
        return None, "", gr.update(visible=False), "", "", gr.update(visible=False), ""
    can_accept = bool(source.table.errors and source.learns)
    return (
        source.name if source.path.parent == SAMPLES else None,
        understood.summary(source),
        gr.update(visible=can_accept, value=source.accepted),
        understood.doctor(source),
        understood.columns(source, revision),
        gr.update(visible=bool(source.reading)),
        understood.preview(source),
    )


def accept_errors(visit: Visit, accepted: bool) -> None:
    """Train, or not, although parts of the file cannot be used."""
    visit.lesson.source = replace(_source(visit), accepted=bool(accepted))


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
            told = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
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
    if visit.lesson.reading is not None:
        visit.lesson.reading.stopped = True


def read(
    visit: Visit,
    model: Callable[[str | None], MultiTaskModel],
    path: str | Path,
    name: str,
    reading: Mapping[str, Any] | None = None,
) -> Iterator[tuple[str, bool]]:
    """`take` in the background, and meanwhile how far it is: a line as HTML, and whether something new was taken.

    `model` gives the model of a name. What was being read before is given up. Problems become a line, too.
    """
    lesson, path = visit.lesson, Path(path)
    stop_reading(visit)
    began = time.monotonic()

    def work(task: Reading) -> None:
        base = model(lesson.start_from)
        large = path.is_file() and path.stat().st_size > _LARGE
        while large and not _one_large.acquire(timeout=0.2):
            task.waits = True
            task.progress(0.0)
        try:
            task.waits = False
            take(visit, base, path, name, **(reading or {}), progress=task.progress)
        finally:
            if large:
                _one_large.release()

    task = lesson.reading = Reading(work)
    task.start()
    try:
        task.join(_PATIENCE)
        while task.is_alive():
            if lesson.reading is not task:
                return
            yield _progress(name, task, time.monotonic() - began), False
            task.join(_PATIENCE)
    finally:
        task.stopped = True  # the page was closed
        if lesson.reading is task:
            lesson.reading = None
        else:
            task = None
    if task is not None:
        yield _said(task.problem, lesson), task.problem is None


def _progress(name: str, task: Reading, seconds: float) -> str:
    left = seconds / task.share - seconds if task.share > 0.05 else None
    said = words.waiting(name) if task.waits else words.reading(name, task.share, left)
    return markup.status(said, kind="busy", share=task.share)


def _said(problem: BaseException | None, lesson: Lesson) -> str:
    if problem is None:
        return ""
    stays = [words.stays(lesson.source.name)] if lesson.source else []
    if isinstance(problem, _Stopped):
        return markup.status(words.STOPPED, stays)
    return markup.status(in_plain_words(problem), stays, kind="bad")


class _Stopped(Exception):
    """The visitor did not want to wait for a file any longer."""


class Reading(threading.Thread):
    """A file being read by `work(self)`: `share` of it, 0 to 1, is done, or it `waits`. It ends soon after `stopped` is
    set, and `problem` says what kept it from being read."""

    def __init__(self, work: Callable[[Reading], None]) -> None:
        super().__init__(name="read file", daemon=True)
        self._work = work
        self.share = 0.0
        self.waits = False
        self.stopped = False
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            self._work(self)
        except BaseException as problem:
            self.problem = problem

    def progress(self, share: float) -> None:
        if self.stopped:
            raise _Stopped
        self.share = share


def _source(visit: Visit) -> Source:
    if visit.lesson.source is None:
        raise UserError(words.NO_FILE)
    return visit.lesson.source


# --- what was brought ---


def take(
    visit: Visit,
    model: MultiTaskModel,
    path: str | Path,
    name: str,
    text: str | None = None,
    roles: Mapping[str, str] | None = None,
    mapping: Mappings | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Source:
    """Make the file at `path`, which the visitor calls `name`, what `visit` learns from.

    It is read and set against `model`, the one that training will start from. `text`, `roles` and `mapping` are those
    of `mtl.training.jobs.prepare`. The page keeps a copy in a folder of its own, until another file is taken or the
    session ends; a sample is used where it is. `progress` is told what share of the work is done; an exception in it
    ends the work. Raises `UserError` where nothing can be read. What was there before then stays, as it was.
    """
    from mtl.data.matching import match_tasks
    from mtl.data.table import read_table

    path = Path(path)
    lesson = visit.lesson
    before = lesson.source
    kept = path.parent == SAMPLES or (before is not None and path == before.path)
    own = path if kept else _copy(path, name, lesson)
    try:
        limits = {"max_bytes": MAX_FILE_BYTES, "token_counts": model.token_counts, "max_tokens": model.max_tokens}
        table = read_table(own, text=text, roles=roles, **limits, progress=lambda share: progress(0.9 * share))
        matched = match_tasks(table, model.tasks, mapping)
        progress(1.0)
    except BaseException:
        if not kept:
            _delete_copy(own)
        raise
    labelled = {task for row in matched.rows for task in row.labels}
    lesson.source = Source(
        path=own,
        name=name,
        table=replace(table, rows=_first(table.rows)),
        matched=replace(matched, rows=_first(matched.rows)),
        reading=_told(text, roles, mapping),
        tasks={**model.tasks, **matched.specs},
        learns=tuple(task for task in matched.specs if task in labelled),
        rows=len(table.rows),
        tokens=_tokens((row.text for row in table.rows), model.max_tokens),
        start_from=lesson.start_from,
    )
    if before is not None and before.path != own:
        _delete_copy(before.path)
    return lesson.source


def _told(text: str | None, roles: Mapping[str, str] | None, mapping: Mappings | None) -> dict[str, Any]:
    """What the visitor said of a file; nothing of what was guessed, so that a run guesses the same."""
    told = {"text": text, "roles": dict(roles or {}), "mapping": {c: dict(m) for c, m in (mapping or {}).items() if m}}
    return {name: value for name, value in told.items() if value}


def _first(rows: list[Row]) -> list[Row]:
    """The first rows, cut short: what is kept of a stranger's file must be small however large it is."""
    return [
        replace(
            row,
            text=row.text[:CHARACTERS_KEPT],
            labels={
                task: _cut_spans(label) if isinstance(label, tuple) else label for task, label in row.labels.items()
            },
        )
        for row in rows[:ROWS_KEPT]
    ]


def _cut_spans(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    return tuple(span for span in spans if span.end <= CHARACTERS_KEPT)


def _tokens(texts: Iterable[str], most: int) -> int:
    """About how many tokens a model reads of these texts: some four characters each, as English has."""
    return sum(min(len(text) // 4 + 3, most) for text in texts)


# --- the page's own copy ---


def _copy(path: Path, name: str, lesson: Lesson) -> Path:
    """A copy of a stranger's file that lives as long as `lesson`, unless it is deleted before."""
    if not path.is_file():
        raise UserError(page.EXPIRED)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise UserError(page.file_too_big(MAX_FILE_BYTES))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    weakref.finalize(lesson, shutil.rmtree, folder, ignore_errors=True)
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
