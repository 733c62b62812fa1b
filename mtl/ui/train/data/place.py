"""How a visitor's table comes into its place in the Train tab: copied, read in a process of its own, and deleted."""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from mtl.config import UserError
from mtl.sandbox import Progress, watch
from mtl.stopping import Stopped
from mtl.ui import words as page
from mtl.ui.page import UNCHANGED, Session, in_plain_words, labelled
from mtl.ui.sentences import MAX_FILE_BYTES
from mtl.ui.train.data import words
from mtl.ui.train.state import SAMPLES, NamedFile, Place, Reading
from mtl.ui.widgets import markup

# A copy of any other file is called .txt, one called .json too: a run could take it for a recipe.
_ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".conll", ".bio", ".iob", ".iob2", ".md")
_ENDINGS += (".jsonl", ".ndjson", ".parquet", ".xlsx", ".ods")
_PREFIX = "mtl-upload-"


@dataclass(frozen=True)
class Read:
    """How far a file has been read: a line about it, a revision once it has been, and the button that stops
    it. `file` is the widget of an upload, which is emptied."""

    status: str
    data: Any
    stop: gr.Button
    file: Any = UNCHANGED


def read_into(
    session: Session,
    place: Place,
    steps: Progress,
    name: str,
    stays: str,
    said: Callable[[], str] = lambda: "",
) -> Iterator[Read]:
    """Carry out `steps` (see `take_into`), and say meanwhile how far they are; then `said()`.

    What was being read before is given up. Problems become a line, too; `stays` says what is there still, by its name.
    """
    place.stop_reading()
    this = place.reading = Reading()
    stop, hidden = labelled(words.STOP, visible=True), labelled(words.STOP, visible=False)
    try:
        for share, seconds in watch(steps, lambda: this.stopped):
            yield Read(markup.reading(name, share, seconds), UNCHANGED, stop)
        problem, line = "", said()
    except Stopped:
        problem = markup.status(words.STOPPED, _stays(place, stays))
    except Exception as fault:
        problem = markup.status(in_plain_words(fault), _stays(place, stays), kind="bad")
    finally:
        is_latest = place.reading is this
        if is_latest:
            place.reading = None
    if is_latest:  # another one has its own line
        yield Read(problem or line, UNCHANGED if problem else session.next_revision(), hidden)


def _stays(place: Place, stays: str) -> list[str]:
    return [stays.format(place.source.name)] if place.source else []


def take_into(
    place: Place,
    path: Path,
    name: str,
    read_copy: Callable[[Path, NamedFile | None], Progress],
    validation: NamedFile | None = None,
) -> Progress:
    """Make the file at `path`, which the visitor calls `name`, the one of this place; returns the `Source` that
    `read_copy` makes of the page's own copies of it and of `validation`, a file of rows to test on.

    Each lies in a folder of its own, until another file is taken or the session ends; a sample is used where it is.
    Raises `UserError` where nothing can be read, and then changes nothing.
    """
    before = place.source
    in_place = path.parent == SAMPLES or (before is not None and path == before.path)
    own, kept = path if in_place else _copy(path, name, place), validation
    try:
        if validation is not None and not (before and validation == before.validation):
            kept = replace(validation, path=_copy(validation.path, validation.name, place))
        source = yield from read_copy(own, kept)
    except BaseException as problem:
        if not in_place:
            _delete_copy(own)
        if kept is not None and kept is not validation:
            _delete_copy(kept.path)
        if isinstance(problem, UserError):  # which names the copies
            named = [(own, name), *([(kept.path, kept.name)] if kept else [])]
            raise UserError(_as_visitors_name(str(problem), named)) from problem
        raise
    place.source = source
    if before is not None and before.path != own:
        _delete_copy(before.path)
    if before is not None and before.validation and before.validation != kept:
        _delete_copy(before.validation.path)
    return source


def _as_visitors_name(text: str, named: Sequence[tuple[Path, str]]) -> str:
    """The text with copies called what the visitor calls the files."""
    for copy, name in named:
        text = text.replace(copy.name, name)
    return text


def size_of(path: Path | None) -> int:
    return path.stat().st_size if path is not None and path.is_file() else 0


# --- the page's own copy ---


def _copy(path: Path, name: str, place: Place) -> Path:
    """A copy of a stranger's file, which is deleted with `place` at the latest."""
    if not path.is_file():
        raise UserError(page.EXPIRED)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise UserError(page.file_too_big(MAX_FILE_BYTES))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    weakref.finalize(place, shutil.rmtree, folder, ignore_errors=True)
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
