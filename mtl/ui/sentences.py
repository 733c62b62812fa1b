"""From a visitor's lines, file or list to sentences that the model can read.

Nothing is dropped in silence: the notes of the `Sentences` say what was skipped, cut or cleaned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mtl.config import KINDS, UserError, listed
from mtl.text.cleaning import SURROGATE, clean, is_blank
from mtl.text.values import plural
from mtl.ui.words import file_too_big

if TYPE_CHECKING:
    from mtl.data.table import Finding, Table

MAX_SENTENCES = 2_000
MAX_FILE_BYTES = 20_000_000
ENDINGS = (".txt", ".csv", ".tsv", ".md", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".ods")

_LINE_END = re.compile(r"\r\n|\r|\n")
# Characters that cannot be shown; those that are spaces can.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Sentences:
    """`texts` in order, at most `MAX_SENTENCES`; `labels` holds a file's own columns, one value per text or
    None; `notes` are sentences for the visitor."""

    texts: tuple[str, ...]
    labels: dict[str, tuple[str | float | None, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def from_lines(value: str, left_out: int = 0) -> Sentences:
    """One sentence per line. So many characters were `left_out` at its end."""
    read = len(value or "")
    cut = [f"The box holds more than the page reads: after {read:,} characters its last {left_out:,} were left out."]
    return _select(_LINE_END.split(value or ""), notes=cut if left_out > 0 else ())


def from_list(texts: Sequence[str]) -> Sentences:
    """A program's list of texts. Raises `UserError` where a visitor would get a note: a program reads none."""
    if not isinstance(texts, (list, tuple)) or not all(isinstance(t, str) for t in texts):
        raise UserError("Give a list of texts.")
    if not texts:
        raise UserError("The list of texts is empty.")
    if len(texts) > MAX_SENTENCES:
        raise UserError(f"{len(texts):,} texts are too many for one call; send at most {MAX_SENTENCES:,}.")
    for number, given in enumerate(texts, 1):
        if is_blank(given):
            raise UserError(f"Text {number} is empty. Leave it out or write something in it.")
    # As they were given, so that spans count a program's own characters.
    return Sentences(tuple(SURROGATE.sub("\ufffd", t) for t in texts))


def from_file(path: str | Path, progress: Callable[[float], None] = lambda share: None) -> Sentences:
    """A .txt file of lines, or a table. Raises `UserError` with what is wrong with the file.

    `progress` is called with the share of the work that is done.
    """
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise UserError(
            f"{path.name} is not a file this page reads. Use .txt with a sentence per line, or a table: .csv, .tsv, "
            ".json, .jsonl, .xlsx, .ods or .parquet."
        )
    if path.stat().st_size > MAX_FILE_BYTES:
        raise UserError(file_too_big(MAX_FILE_BYTES))
    from mtl.data.findings import ABOUT_TRAINING
    from mtl.data.table import read_table

    table = read_table(path, max_bytes=MAX_FILE_BYTES, progress=progress)
    if not table.rows:
        raise UserError(" ".join(_finding(f) for f in table.errors) or f"{path.name} holds no sentence.")
    # What one colour can stand for: a label or a number.
    # Both texts of a pair, one below the other.
    texts = [(text, row) for row in table.rows for text in row.texts]
    labels = {
        name: [value if isinstance(value := row.labels.get(name), (str, float, int)) else None for _, row in texts]
        for name, column in table.tasks().items()
        if KINDS[column.kind].labelled
    }
    labels = {name: values for name, values in labels.items() if any(value is not None for value in values)}
    notes = [_finding(f) for f in table.findings if f.code not in ABOUT_TRAINING]
    roles = [_roles(table)] if len(table.columns) > 1 else []
    sentences = _select([text for text, _ in texts], labels, roles + notes)
    if not sentences.texts:
        raise UserError(f"{path.name} holds no sentence.")
    return sentences


def _select(candidates: Iterable[str], labels: dict[str, list] | None = None, notes: Sequence[str] = ()) -> Sentences:
    """Clean, drop blanks, keep the first `MAX_SENTENCES`, and say so."""
    candidates = list(candidates)
    texts, rows, blank, controls = [], [], 0, 0
    for index, candidate in enumerate(candidates):
        cleaned = clean(candidate)
        if is_blank(cleaned):
            # An empty last line is how every text ends; it is not worth a word.
            blank += bool(candidate) or index < len(candidates) - 1
            continue
        controls += _CONTROL.search(candidate) is not None
        texts.append(cleaned)
        rows.append(index)
    notes = list(notes)
    if blank and texts:
        notes.append(f"{plural(blank, 'blank line')} skipped.")
    if controls:
        lines = plural(controls, "line")
        notes.append(f"Control characters that cannot be shown (such as NUL) were removed from {lines}.")
    if len(texts) > MAX_SENTENCES:
        notes.append(f"Of {len(texts):,} sentences the first {MAX_SENTENCES:,} are analyzed.")
        texts, rows = texts[:MAX_SENTENCES], rows[:MAX_SENTENCES]
    columns = {name: tuple(values[i] for i in rows) for name, values in (labels or {}).items()}
    return Sentences(tuple(texts), columns, tuple(n for n in notes if n))


def _finding(finding: Finding) -> str:
    parts = (f"{finding.where}{finding.problem}", finding.action, finding.page or finding.hint)
    return " ".join(part.rstrip(".") + "." for part in parts if part)


def _roles(table: Table) -> str:
    """What the columns of a table hold."""
    columns = table.text_columns
    parts = [f"{listed(columns)} {'holds' if len(columns) == 1 else 'hold'} the sentences"] if columns else []
    for name, column in table.tasks().items():
        values = [row.labels[name] for row in table.rows if name in row.labels]
        parts.append(f"{name} has {KINDS[column.kind].describe(values)}")
    return f"{', '.join(parts)}." if parts else ""
