"""What reading a table gives: its rows, what each column is, and what there is to say about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mtl.data.messages import MESSAGES
from mtl.text.values import cut

LEVELS = ("error", "warning", "note")

# Told the share, 0 to 1, of a work that is done.
Progress = Callable[[float], None]

# Up to so many findings of one kind are listed one by one; more become one that names the first lines.
_SINGLE = 3
NAMED_LINES = 8
# A stranger's file may have a label of many megabytes.
_LONGEST_FACT = 300


@dataclass(frozen=True, slots=True)
class Row:
    """One text, or two, with what is known about it.

    `texts` may be given as one text. `labels` maps a task to its value, which is of the task's kind: a label, a number,
    spans of the text; a task that has none here is missing. `line` is where the row begins, counted from 1 as a text
    editor does.
    """

    texts: tuple[str, ...]
    labels: dict[str, Any]
    line: int

    def __post_init__(self) -> None:
        if isinstance(self.texts, str):
            object.__setattr__(self, "texts", (self.texts,))

    @property
    def text(self) -> str:
        """The first text, which is the only one of most rows."""
        return self.texts[0]


@dataclass(frozen=True)
class Column:
    """One column: what it is used for and why.

    `role` is "text", "task" or "ignored"; `kind` is the name of a kind for a task, else None. `labels`, in order, and
    `counts`, by label, are about rows or entities, and empty for a kind without labels.
    """

    name: str
    role: str
    kind: str | None
    labels: tuple[str, ...]
    counts: dict[str, int]
    reason: str


@dataclass(frozen=True)
class Finding:
    """Something about the data that its owner should know.

    `level` is "error" (a row, label or column was left out or is of no use), "warning" (used, but perhaps not
    as meant) or "note". `line` is the first line concerned, None for the whole file; `count` is the number of
    places. `problem`, `action` (what was done about it) and `hint` (how to mend it) are sentences; `code`, a
    key of `mtl.data.messages.MESSAGES`, names the kind of finding for programs.
    """

    level: str
    line: int | None
    column: str | None
    problem: str
    action: str
    hint: str
    count: int = 1
    code: str = ""


@dataclass(frozen=True)
class Table:
    """A table that was read: rows, columns in the file's order, findings (errors first), how it was read."""

    rows: list[Row]
    columns: tuple[Column, ...]
    findings: tuple[Finding, ...]
    format: str
    encoding: str

    @property
    def text_column(self) -> str | None:
        """The name of the column that the texts come from; None when none was found."""
        return next((c.name for c in self.columns if c.role == "text"), None)

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.level == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.level == "warning")

    def tasks(self) -> dict[str, Column]:
        """The columns that hold labels, by name."""
        return {c.name: c for c in self.columns if c.role == "task"}


class Findings:
    """Collects findings while a table is read, and groups those that repeat.

    Only the first few of each kind are put into words, so that a file with a fault on every line stays cheap.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str | None], list[Finding]] = {}
        self._counts: dict[tuple[str, str | None], int] = {}

    def add(self, code: str, line: int | None = None, column: str | None = None, **facts: object) -> None:
        """Add a finding of the kind `code`; `facts` fill the braces of its message."""
        key = (code, column)
        count = self._counts[key] = self._counts.get(key, 0) + 1
        if count <= NAMED_LINES:
            level, *sentences = MESSAGES[code]
            shown = {key: cut(fact, _LONGEST_FACT) if isinstance(fact, str) else fact for key, fact in facts.items()}
            problem, action, hint = (sentence.format(**shown) for sentence in sentences)
            finding = Finding(level, line, column, problem, action, hint, 1, code)
            self._kept.setdefault(key, []).append(finding)

    def add_uncounted(self, code: str, column: str | None, count: int) -> None:
        """Count so many more places of a kind of finding whose first `NAMED_LINES` were added."""
        self._counts[code, column] += count

    def grouped(self) -> tuple[Finding, ...]:
        """The findings so far, most serious first."""
        result: list[Finding] = []
        for key, kept in self._kept.items():
            count = self._counts[key]
            result += kept if count <= _SINGLE else [_group(kept, count)]
        return in_order(result)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors, then warnings, then notes; each by line, what concerns the whole file first."""
    return tuple(sorted(findings, key=lambda f: (LEVELS.index(f.level), f.line or 0)))


def _group(kept: Sequence[Finding], count: int) -> Finding:
    lines = ", ".join(str(f.line) for f in kept[1:])
    more = f" and {count - len(kept):,} more" if count > len(kept) else ""
    also = f" The same in {count - 1:,} more places: lines {lines}{more}."
    return replace(kept[0], problem=kept[0].problem + also, count=count)
