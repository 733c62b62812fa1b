"""A model's answers to every row of a table, as columns of another table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl.config import KINDS, UserError
from mtl.sheets import safe_cell

if TYPE_CHECKING:
    from mtl.data.rows import Table
    from mtl.model import MultiTaskModel

ENDINGS = (".csv", ".parquet")


def predict(
    model: MultiTaskModel,
    table: Table,
    tasks: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, list]:
    """Columns by name: the `line` of each row, its id if the table has ids, its texts, and the labels that it has; then
    of each task "predicted TASK", in a form that tables of labels have, and "TASK: LABEL", the probability of each of
    its labels; and `familiarity` (see `mtl.model.Analysis`), where the model knows it.

    A cell is None where there is no answer, as of a head for two texts to a row with one. `tasks`: the names of the
    heads, default all. `progress(done, total)` is called after each batch. Raises `UserError` for an unknown task, and
    for a table without a text.
    """
    rows = table.rows
    if not rows:
        raise UserError("There is no text to answer for. " + " ".join(f.problem for f in table.errors[:3]))
    answers = model.analyze([row.texts[:2] if len(row.texts) > 1 else row.text for row in rows], tasks, None, progress)
    columns: dict[str, list] = {"line": [int(row.line) for row in rows]}
    if table.id_column:
        columns[table.id_column] = [row.id for row in rows]
    for place, name in enumerate(table.text_columns[:2]):
        columns[name] = [row.texts[place] if place < len(row.texts) else None for row in rows]
    for name, column in table.tasks().items():
        kind = KINDS[column.kind]
        columns[name] = [kind.written_value(row.labels[name]) if name in row.labels else None for row in rows]
    for name, spec in model.tasks.items():
        kind, found = KINDS[spec.kind], [answer.results.get(name) for answer in answers]
        if all(answer is None for answer in found):
            continue
        columns[f"predicted {name}"] = [None if answer is None else kind.written(answer) for answer in found]
        shares = [{} if answer is None else kind.probabilities(answer) for answer in found]
        for label in spec.labels if any(shares) else ():
            columns[f"{name}: {label}"] = [share.get(label) for share in shares]
    if model.familiarity is not None:
        columns["familiarity"] = [answer.familiarity for answer in answers]
    return columns


def write_columns(columns: dict[str, Any], out: Path) -> None:
    """Write a table to a file that ends as one of `ENDINGS`; in CSV no text is run as a formula."""
    import pandas as pd

    frame = pd.DataFrame(columns)
    if out.suffix == ".parquet":
        frame.to_parquet(out, index=False)
        return
    texts = frame.select_dtypes(exclude="number").columns
    frame[texts] = frame[texts].map(safe_cell)
    frame.rename(columns=safe_cell).to_csv(out, index=False)
