"""The commands `predict` and `embed` where OUT is a folder: rows in, parts out, as many at a time as are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from mtl.bulk import files
from mtl.bulk.answering import Answering, Text
from mtl.bulk.parts import Parts
from mtl.config import UserError
from mtl.data.header import unused_name


@dataclass(frozen=True)
class Rows:
    """How rows are read and what is kept of them: the columns of their texts, one or two; the column `id`, "" to keep
    where each row comes from; whether `all` columns of the file are kept then. `header`: a CSV's first line names its
    columns. `per_part`: how many rows a part has."""

    texts: tuple[str, ...]
    per_part: int
    id: str = ""
    all: bool = True
    header: bool = True


@dataclass
class Part:
    """Rows that become one part: where it is written, what is kept of each, and its text, None where it has none."""

    path: Path
    kept: pa.Table
    texts: list[Text] = field(repr=False)


@dataclass
class Count:
    """What was done: `rows` in `parts`, of which `without_text` have no answer; `before`: parts that were there."""

    rows: int = 0
    parts: int = 0
    without_text: int = 0
    before: int = 0


# Answers parts, in any order, and takes no more of them from the iterator than it can answer soon.
Answer = Callable[[Iterator[Part]], Iterable[tuple[Part, pa.Table]]]
# Called with the number of rows of a part, and whether they were answered now or before.
Progress = Callable[[int, bool], None]


def here(answering: Answering) -> Answer:
    """Answers one part after another in this process."""
    return lambda parts: ((part, answering.answer(part.texts)) for part in parts)


def carry_out(parts: Parts, rows: Rows, answer: Answer, progress: Progress) -> Count:
    """Answer all rows whose part is not there yet.

    Raises `UserError` for a file that cannot be read; the parts of those before it stay."""
    count = Count()
    for part, answers in answer(_missing(parts, rows, count, progress)):
        columns = dict(zip(part.kept.column_names, part.kept.columns, strict=True))
        for name, cells in zip(answers.column_names, answers.columns, strict=True):
            columns[unused_name(name, columns)] = cells
        parts.write(part.path, pa.table(columns))
        count.parts += 1
        count.rows += len(part.texts)
        count.without_text += sum(text is None for text in part.texts)
        progress(len(part.texts), True)
    return count


def _missing(parts: Parts, rows: Rows, count: Count, progress: Progress) -> Iterator[Part]:
    wanted = [*dict.fromkeys((rows.id, *rows.texts))] if rows.id else None if rows.all else [*rows.texts]
    for file in parts.found.files:
        for number, table in enumerate(files.tables(file, rows.per_part, wanted, rows.header)):
            path = parts.path(file, number)
            if path.exists():
                count.before += 1
                progress(table.num_rows, False)
                continue
            yield Part(path, _kept(table, rows, parts.found.name(file), number), _texts(table, rows.texts))


def _kept(table: pa.Table, rows: Rows, name: str, number: int) -> pa.Table:
    """The column `id` alone, or the file of each row and its number there, from 1 on, before the file's own columns."""
    if rows.id:
        return table.select([rows.id])
    first = number * rows.per_part + 1
    places = {
        "file": pa.array([name] * table.num_rows, pa.string()),
        "row": pa.array(range(first, first + table.num_rows), pa.int64()),
    }
    own = dict(zip(table.column_names, table.columns, strict=True))
    return pa.table({**{unused_name(place, own): cells for place, cells in places.items()}, **own})


def _texts(table: pa.Table, names: Sequence[str]) -> list[Text]:
    columns = [_strings(table, name) for name in names]
    if len(columns) == 1:
        return columns[0]
    return [None if None in both else both for both in zip(*columns, strict=True)]


def _strings(table: pa.Table, name: str) -> list[str | None]:
    kind = table.schema.field(name).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise UserError(f"The column {name!r} has no texts, but cells of the type {kind}. Name another with --text.")
    return [text if text and text.strip() else None for text in table.column(name).to_pylist()]
