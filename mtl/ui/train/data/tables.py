"""Read a table and match it with a model. It runs in the sandbox, so nothing here needs torch or gradio."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl.config import KINDS, TaskSpec
from mtl.data.matching import Mappings, Matched, match_tasks
from mtl.data.rows import Cells, Row, Table
from mtl.data.splits import RowCounts
from mtl.data.table import read_table
from mtl.data.validation import Validation, read_validation
from mtl.text.batches import count_tokens
from mtl.ui.sentences import MAX_FILE_BYTES

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from mtl.model import MultiTaskModel

# So many rows of a file stay in memory to be shown, each cut to so many characters.
MOST_ROWS, MOST_CHARACTERS = 100, 400


@dataclass(frozen=True)
class Known:
    """What has to be known of a model to match a table with it; `tokenizer` is the tokenizer as JSON."""

    tasks: Mapping[str, TaskSpec]
    max_tokens: int
    tokenizer: str

    @classmethod
    def of(cls, model: MultiTaskModel) -> Known:
        return cls(model.tasks, model.max_tokens, model.backbone.tokenizer.to_str())


@dataclass(frozen=True, kw_only=True)
class TableForModel:
    """`table` is what the file says, `matched` the same matched with the model it will train. Both hold the first rows
    only, cut short, because a file may be large: the run reads it again. `rows` and `tokens` count all of them, and
    `row_counts` those of each text. `tasks` are all heads of the resulting model, in their order; `learns` names those
    that rows have labels for. `testing`: what is known of a file of rows to test on; `row_counts` counts those, too."""

    table: Table
    matched: Matched
    tasks: dict[str, TaskSpec]
    learns: tuple[str, ...]
    rows: int = 0
    tokens: int = 0
    row_counts: RowCounts = RowCounts()
    testing: Validation | None = None


def read_for(
    path: Path,
    known: Known,
    mapping: Mappings | None = None,
    progress: Callable[[float], None] = lambda share: None,
    validation: Path | None = None,
    **reading: Any,
) -> TableForModel:
    """Read the table at `path` for a model. `mapping` is that of `match_tasks`, `reading` the options of `read_table`
    that a person chose, `validation` a file of rows to test on.

    `progress` is called with the share of the work that is done. Raises `UserError` where nothing can be read.
    """
    counts = functools.partial(count_tokens, _tokenizer(known.tokenizer))
    limits = {"max_bytes": MAX_FILE_BYTES, "token_counts": counts, "max_tokens": known.max_tokens}
    table = read_table(path, **reading, **limits, progress=lambda share: progress(0.9 * share))
    matched = match_tasks(table, known.tasks, mapping)
    testing = None if validation is None else read_validation(validation, table, matched, reading, **limits)
    tested = testing.rows if testing else []
    progress(1.0)
    labelled = {task for row in matched.rows for task in row.labels}
    kinds = {column.name: column.kind for column in table.tasks().values()}
    return TableForModel(
        table=replace(table, rows=_first(table.rows, kinds), cells=Cells(())),
        matched=replace(matched, rows=_first(matched.rows, {s.name: s.kind for s in matched.specs.values()})),
        tasks={**known.tasks, **matched.specs},
        learns=tuple(task for task in matched.specs if task in labelled),
        rows=len(table.rows),
        row_counts=RowCounts.of([*matched.rows, *tested]),
        tokens=_tokens((text for row in (*table.rows, *tested) for text in row.texts), known.max_tokens),
        testing=replace(testing, rows=[]) if testing else None,
    )


def read_rows(
    path: Path, tasks: Mapping[str, TaskSpec], progress: Callable[[float], None] = lambda share: None, **reading: Any
) -> tuple[Table, list[Row]]:
    """The whole table at `path`, and its rows with labels by task, as far as heads for these `tasks` can give them.

    `reading`, `progress` and what is raised are as for `read_for`."""
    table = read_table(path, **reading, max_bytes=MAX_FILE_BYTES, progress=progress)
    matched = match_tasks(table, tasks, least=1)
    own = [name for name, spec in matched.specs.items() if tasks.get(name) == spec]
    rows = [replace(row, labels={n: row.labels[n] for n in own if n in row.labels}) for row in matched.rows]
    return table, rows


@functools.lru_cache(maxsize=1)
def _tokenizer(json: str) -> Tokenizer:
    from tokenizers import Tokenizer

    return Tokenizer.from_str(json)


def _first(rows: list[Row], kinds: Mapping[str, str]) -> list[Row]:
    """The first rows, cut short: what stays in memory of a stranger's file must be small however large it is."""
    return [
        replace(
            row,
            texts=tuple(text[:MOST_CHARACTERS] for text in row.texts),
            labels={name: KINDS[kinds[name]].cut(value, MOST_CHARACTERS) for name, value in row.labels.items()},
        )
        for row in rows[:MOST_ROWS]
    ]


def _tokens(texts: Iterable[str], most: int) -> int:
    """About how many tokens a model reads of these texts: some four characters each, as English has."""
    return sum(min(len(text) // 4 + 3, most) for text in texts)
