"""A file of rows to test on, beside the table to learn from: read the same way, and matched with the same tasks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mtl.config import KINDS, UserError, listed
from mtl.data.matching import Matched, translated
from mtl.data.rows import Column, Finding, Findings, Row, Table, in_order
from mtl.data.splits import SPLIT, on_both_sides
from mtl.data.table import read_table
from mtl.text.values import plural, shown

# Of what is wrong with the file, so much is said where there is little room.
MOST_SAID = 20


@dataclass(frozen=True)
class Validation:
    """The `rows` of a file to test on, each held out and labelled by task, and what its owner should know about it."""

    name: str
    rows: list[Row]
    findings: tuple[Finding, ...] = ()

    @property
    def notes(self) -> list[str]:
        """The findings but for remarks, in a sentence or two each."""
        found = [finding for finding in self.findings if finding.level != "note"]
        said = [f"{self.name}: {f.where}{f.problem} {f.action}" for f in found[:MOST_SAID]]
        more = len(found) - MOST_SAID
        return [*said, f"{self.name}: {plural(more, 'more finding')}."] if more > 0 else said


def read_validation(
    path: str | os.PathLike, table: Table, matched: Matched, reading: Mapping[str, Any], **limits: Any
) -> Validation:
    """Read the rows to test on for a `table` that was `matched` with a model. Columns of the same name have the same
    role and kind. `reading`: how the table was read (options of `read_table`), `limits`: further options.

    Raises `UserError` where the file has no such texts or labels, or the table itself says what is held out.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"There is no file {path} to test on.")
    if own := next((column.name for column in table.columns if column.role == SPLIT), None):
        raise UserError(
            f"The column {own!r} already says which rows are held out: let it be ignored, or leave {path.name} out."
        )
    roles = {column.name: column.kind or column.role for column in table.columns if column.role != "text"}
    alike = {name: reading[name] for name in ("header", "names") if name in reading}
    other = read_table(path, text=table.text_column, roles=roles, strict=False, **alike, **limits)
    if missing := [name for name in table.text_columns if name not in other.text_columns]:
        names = listed((repr(column.name) for column in other.columns), most=12)
        raise UserError(
            f"{path.name} has no text column {missing[0]!r}, as the data has: it has {names}. Give it the same names."
        )
    findings, columns = Findings(), {name: match for name, match in matched.columns.items() if match.spec}
    there = {name: column for name, column in other.tasks().items() if name in columns}
    if not there:
        raise UserError(
            f"{path.name} has no column of labels that the data has ({listed(columns)}): there is nothing to score."
        )
    for name in columns.keys() - there.keys():
        findings.add("test-column", None, name)
    for name in other.tasks().keys() - columns.keys():
        findings.add("test-only", None, name)
    meanings = [
        (column, columns[name].spec.name, _meanings(column, matched, other.rows, findings))
        for name, column in there.items()
    ]
    rows = [replace(row, held_out=True) for row in _fitting(other.rows, meanings, matched, findings)]
    if not rows:
        raise UserError(f"{path.name} has no row that could be scored: none has a label that the data has, too.")
    for row, held_out in on_both_sides(matched.rows, rows):
        findings.add("test-known", held_out.line, None, other=row.line)
    # What is odd about labels is said of the data; here it is what was left out that counts.
    return Validation(path.name, rows, in_order((*findings.grouped(), *other.errors)))


def _meanings(column: Column, matched: Matched, rows: list[Row], findings: Findings) -> dict[str, str | None]:
    """What each label of a column means to its task; None, and a finding, for one that the data does not have."""
    match = matched.columns[column.name].match
    if match is None:
        return {}
    by_spelling = {label.casefold(): meaning for label, meaning in match.meaning.items()}
    known = {label: by_spelling.get(label.casefold()) for label in column.labels}
    strange = {label for label in column.labels if label.casefold() not in by_spelling}
    for row in rows if strange else ():
        for label in (
            strange & KINDS[column.kind].counts([row.labels[column.name]] * (column.name in row.labels)).keys()
        ):
            findings.add("test-label", row.line, column.name, label=shown(label))
    return known


def _fitting(rows: list[Row], meanings: list[tuple], matched: Matched, findings: Findings) -> Iterator[Row]:
    """The rows by task, without labels that the tasks cannot have and rows that are left without any."""
    for row in rows:
        new = translated(row, meanings)
        for column, task, _ in meanings:
            spec = matched.specs[task]
            if task in new.labels and (problem := KINDS[spec.kind].misfit(new.labels[task], spec)):
                findings.add("test-misfit", row.line, column.name, problem=problem)
                new = replace(new, labels={name: value for name, value in new.labels.items() if name != task})
        if new.labels:
            yield new
