"""A table that was read: its rows, its columns, and the findings about it."""

from __future__ import annotations

import functools
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mtl.places import ASSETS
from mtl.text.values import cut

LEVELS = ("error", "warning", "note")

# Called with the share, 0 to 1, of the work that is done.
Progress = Callable[[float], None]

# This many findings of one kind are listed one by one; more are merged into one that names the first lines.
_SINGLE = 3
NAMED_LINES = 8
# These say little by themselves.
_TOGETHER = ("label-blank", "row-unlabelled")
# A label may be megabytes long.
_LONGEST_FACT = 300


class Item(int):
    """The line of a record that has others on its line, as in JSON on one line; `item` is its number in the list."""

    def __new__(cls, line: int, item: int) -> Item:
        self = super().__new__(cls, line)
        self.item = item
        return self

    def __getnewargs__(self) -> tuple[int, int]:
        return int(self), self.item


def place(line: int) -> str:
    """Where a row is, as in "line 3" or "item 17"."""
    return f"item {line.item:,}" if isinstance(line, Item) else f"line {line:,}"


def as_items(lines: list[int]) -> list[int]:
    """The lines of records; numbered as items where several are on the same line."""
    if len(set(lines)) == len(lines):
        return lines
    return [Item(line, number) for number, line in enumerate(lines, start=1)]


@dataclass(frozen=True, slots=True)
class Row:
    """One text, or two or three (a third does not belong to the first), with labels.

    `texts` may be given as one text. `labels` maps a task to a value of its kind (a label, a number, spans of the
    text); unlabelled tasks are missing. `line` is where the row begins, counted from 1 as in a text editor. `id` is the
    file's own name for the row, "" if it has none. `facets`: its cells of columns that are not learned from but part
    the rows into a few groups, such as where a text comes from. `held_out`: whether the table says that the row is held
    out, or trains; None if it says neither.
    """

    texts: tuple[str, ...]
    labels: dict[str, Any]
    line: int
    id: str = ""
    facets: dict[str, str] = field(default_factory=dict)
    held_out: bool | None = None

    def __post_init__(self) -> None:
        if isinstance(self.texts, str):
            object.__setattr__(self, "texts", (self.texts,))

    @property
    def text(self) -> str:
        """The first text; most rows have no other."""
        return self.texts[0]


@dataclass(frozen=True)
class Cells:
    """A table as its file has it: the columns' names, the cells of each row, which may be fewer, its line, and the
    index of the `Row` that was made of it; None where there was no text, or whatever else a row needs."""

    names: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    used_as: list[int | None] = field(default_factory=list)

    def add(self, row: list[str], line: int) -> None:
        """Add a row that nothing was made of yet."""
        self.rows.append(row)
        self.lines.append(line)
        self.used_as.append(None)


@dataclass(frozen=True)
class Column:
    """One column: what it is used for and why.

    `role` is "text", "text_b", "negative", "split", "task" or "ignored"; `kind` is the name of a kind for a task, else
    None. `labels`, in order, and `counts`, of rows or entities by label, are empty for a kind without labels.
    `confidence` goes from 0 to 1. `offered`: the kind of task that a column can be which was left out for thin
    evidence; else "". `filled`: how many rows have a value; `only_where`: which rows alone, as in 'mood is "bad"',
    where another column tells that (see `mtl.data.only_where`).
    """

    name: str
    role: str
    kind: str | None
    labels: tuple[str, ...]
    counts: dict[str, int]
    reason: str
    confidence: float = 1.0
    offered: str = ""
    filled: int = 0
    only_where: str = ""


@dataclass(frozen=True)
class Finding:
    """Something about the data that its owner should know.

    `level` is "error", "warning" or "note" (see assets/findings.toml). `line` is the first line concerned, None for the
    whole file; `count` is the number of places. `problem`, `action` (what was done about it) and `hint` (how to fix
    it) are sentences; `code`, a key of `messages()`, identifies the kind of finding. `page` is the hint on the page,
    where it differs.
    """

    level: str
    line: int | None
    column: str | None
    problem: str
    action: str
    hint: str
    count: int = 1
    code: str = ""
    page: str = ""

    @property
    def where(self) -> str:
        """The place as the beginning of a sentence, such as "Line 3, column mood: "; "" for the whole file."""
        line = place(self.line) if self.line else ""
        where = ", ".join(part for part in (line, f"column {self.column}" if self.column else "") if part)
        return f"{where[:1].upper()}{where[1:]}: " if where else ""


@dataclass(frozen=True)
class Reading:
    """One way to read a table: what it is called, the arguments of `read_table` and the option of the command line that
    choose it, and the cells of the first rows as they are then seen."""

    title: str
    arguments: dict[str, Any]
    option: str
    sample: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Question:
    """What the cells of a table leave open: of the `readings`, the first was taken for now. `names_of`: a column of
    integer tags, whose names may be given instead; without an answer it is left out, and others may be trained."""

    text: str
    readings: tuple[Reading, ...]
    names_of: str | None = None


@dataclass(frozen=True)
class Table:
    """A table that was read: rows, columns in the file's order, findings (errors first), file format and encoding, what
    its owner should be asked, and the name of the column that tells rows apart, if there is one. `cells`: all that the
    file holds, used or not; none where a row of it is a word, or no column is a text."""

    rows: list[Row]
    columns: tuple[Column, ...]
    findings: tuple[Finding, ...]
    format: str
    encoding: str
    questions: tuple[Question, ...] = ()
    id_column: str | None = None
    cells: Cells = field(default_factory=lambda: Cells(()))

    @property
    def text_column(self) -> str | None:
        """The name of the column that the texts come from, or None."""
        return next((c.name for c in self.columns if c.role == "text"), None)

    @property
    def text_columns(self) -> list[str]:
        """The names of the columns that each of a row's texts comes from, in their order."""
        return [*self.text_roles().values()]

    def text_roles(self) -> dict[str, str]:
        """The role of each of a row's texts, and the name of its column."""
        roles = {column.role: column.name for column in self.columns}
        return {role: roles[role] for role in ("text", "text_b", "negative") if role in roles}

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.level == "error")

    @property
    def without_text(self) -> int:
        """How many rows of the file were left out because they have no text."""
        return sum(finding.count for finding in self.findings if finding.code == "text-empty")

    def tasks(self) -> dict[str, Column]:
        """The columns that hold labels, by name."""
        return {c.name: c for c in self.columns if c.role == "task"}


@functools.cache
def messages() -> dict[str, dict[str, str]]:
    """The messages of findings by code: level, problem, action and hint, with braces for the facts."""
    return tomllib.loads((ASSETS / "findings.toml").read_text(encoding="utf-8"))


class Findings:
    """Collects findings while a table is read, and merges those that repeat.

    Only the first few of each kind are formatted, so that a file with a fault on every line stays cheap.
    """

    def __init__(self) -> None:
        self._first: dict[tuple[str, str | None], list[Finding]] = {}
        self._counts: Counter[tuple[str, str | None]] = Counter()

    def add(self, code: str, line: int | None = None, column: str | None = None, **facts: object) -> None:
        """Add a finding of the kind `code`; `facts` fill the braces of its message."""
        key = (code, column)
        self._counts[key] += 1
        if self._counts[key] <= NAMED_LINES:
            shown = {key: cut(fact, _LONGEST_FACT) if isinstance(fact, str) else fact for key, fact in facts.items()}
            message = {
                part: sentence.format(**{"column": column, **shown}) for part, sentence in messages()[code].items()
            }
            self._first.setdefault(key, []).append(Finding(line=line, column=column, code=code, **message))

    def add_uncounted(self, code: str, column: str | None, count: int) -> None:
        """Count more places of a finding whose first `NAMED_LINES` were added."""
        self._counts[code, column] += count

    def grouped(self) -> tuple[Finding, ...]:
        """The findings so far, most serious first."""
        result: list[Finding] = []
        for key, first in self._first.items():
            count = self._counts[key]
            result += first if count <= (1 if key[0] in _TOGETHER else _SINGLE) else [_merged(first, count)]
        return in_order(result)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors, then warnings, then notes; each by line, those about the whole file first."""
    return tuple(sorted(findings, key=lambda f: (LEVELS.index(f.level), f.line or 0)))


def _merged(first: Sequence[Finding], count: int) -> Finding:
    noun = "items" if isinstance(first[0].line, Item) else "lines"
    numbers = ", ".join(place(f.line).split()[1] for f in first[1:])
    more = f" and {count - len(first):,} more" if count > len(first) else ""
    also = f" The same in {count - 1:,} more places: {noun} {numbers}{more}."
    return replace(first[0], problem=first[0].problem + also, count=count)
