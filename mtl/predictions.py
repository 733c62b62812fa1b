"""A model's answers to every row of a table, as columns of another table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mtl.config import KINDS, TaskSpec, UserError
from mtl.data.header import unused_name
from mtl.sheets import safe_cell

if TYPE_CHECKING:
    import pandas as pd

    from mtl.data.rows import Row, Table
    from mtl.model import Analysis

ENDINGS = (".csv", ".parquet")
# So many rows are answered at a time. Batches are made among them alone, so that whoever stops after some of them has
# the same answers, to the last digit, as whoever goes on.
PART = 256


class Model(Protocol):
    """What is asked of a model; see `mtl.model.MultiTaskModel`."""

    @property
    def tasks(self) -> Mapping[str, TaskSpec]: ...

    def analyze(
        self,
        texts: Sequence[str | tuple[str, str]],
        tasks: Sequence[str] | None,
        pooling: str | None,
        progress: Callable[[int, int], None] | None,
    ) -> list[Analysis]: ...


def predict(
    model: Model,
    table: Table,
    tasks: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, list]:
    """The columns of `Predictions` for all rows of a table. `progress(done, total)` is called after each batch."""
    predictions = Predictions(model, table, tasks)
    while predictions.answer_some(progress):
        pass
    return predictions.columns()


def cautions(tasks: Mapping[str, TaskSpec], asked: Sequence[str] | None = None) -> list[str]:
    """What is to be known of the answers of a model's `tasks`, of those that were `asked` (None: all); see
    `TaskSpec.caution`."""
    return [spec.caution for name, spec in tasks.items() if spec.caution and (asked is None or name in asked)]


def unanswered(rows: int) -> str:
    """What becomes of so many rows that have no text, after a number of others; "" for none."""
    if not rows:
        return ""
    has, be = ("has", "is") if rows == 1 else ("have", "are")
    return f"{rows:,} more {has} no text, and so no answer, but {be} kept"


class Answers:
    """Answers of the heads of some `tasks`, to be written as columns of a table."""

    def __init__(self, tasks: Mapping[str, TaskSpec]) -> None:
        self._tasks = tasks
        self._written: dict[str, list[str | float | None]] = {name: [] for name in tasks}
        self._shares: dict[str, list[Mapping[str, float]]] = {name: [] for name in tasks}
        self._familiarity: list[float | None] = []

    def add(self, answers: Sequence[Analysis]) -> None:
        """Add the answers to some more rows."""
        for name, spec in self._tasks.items():
            kind, found = KINDS[spec.kind], [answer.results.get(name) for answer in answers]
            self._written[name] += [None if answer is None else kind.written(answer) for answer in found]
            self._shares[name] += [{} if answer is None else kind.probabilities(answer) for answer in found]
        self._familiarity += [answer.familiarity for answer in answers]

    def columns(self) -> dict[str, list]:
        """Columns by name: of each task that has an answer "predicted TASK", in a form that tables of labels have, and
        "TASK: LABEL", the probability of each of its labels; and `familiarity` (see `mtl.model.Analysis`), where the
        model knows it. A cell is None where a row has no answer."""
        columns: dict[str, list] = {}
        for name, spec in self._tasks.items():
            if all(cell is None for cell in self._written[name]):
                continue
            columns[unused_name(f"predicted {name}", columns)] = self._written[name]
            shares = self._shares[name]
            for label in spec.labels if any(shares) else ():
                columns[unused_name(f"{name}: {label}", columns)] = [share.get(label) for share in shares]
        if any(value is not None for value in self._familiarity):
            columns["familiarity"] = self._familiarity
        return columns


class Predictions:
    """A model's answers to the rows of a table, the first `answered` of them so far.

    `tasks`: the names of the heads, default all. Raises `UserError` for a table without a text.
    """

    def __init__(self, model: Model, table: Table, tasks: Sequence[str] | None = None) -> None:
        if not table.rows:
            raise UserError("There is no text to answer for. " + " ".join(f.problem for f in table.errors[:3]))
        self.answered = 0
        self._model, self._table, self._tasks = model, table, tasks
        self._answers = Answers(model.tasks)

    def answer_some(self, progress: Callable[[int, int], None] | None = None) -> list[Analysis]:
        """The answers to the next `PART` rows, none where all are answered. What `progress` raises leaves these rows
        without an answer. Raises `UserError` for an unknown task."""
        total, before = len(self._table.rows), self.answered
        rows = self._table.rows[before : before + PART]
        if not rows:
            return []
        texts = [row.texts[:2] if len(row.texts) > 1 else row.text for row in rows]
        report = progress and (lambda done, _: progress(before + done, total))
        answers = self._model.analyze(texts, self._tasks, None, report)
        self._answers.add(answers)
        self.answered += len(rows)
        return answers

    def columns(self) -> dict[str, list]:
        """Columns by name: the file's own, with all that they hold, and the `line` of each row; labels that are marked
        in a text; then those of `Answers`. A number behind a name tells it from one that the file has.

        The rows are all of the file's up to the last that is answered, with one for each sentence where a row of the
        file is a word. A cell is None where there is no answer, as for a row without a text, or of a head for two texts
        to a row with one.
        """
        table, cells = self._table, self._table.cells
        used_as: Sequence[int | None] = cells.used_as or range(len(table.rows))
        if self.answered < len(table.rows):
            used_as = used_as[: used_as.index(self.answered)]
        lines = cells.lines or [row.line for row in table.rows]
        columns: dict[str, list] = {unused_name("line", cells.names): [int(line) for line in lines[: len(used_as)]]}

        def add(name: str, values: Sequence[Any]) -> None:
            columns[unused_name(name, columns)] = [None if row is None else values[row] for row in used_as]

        for place, name in enumerate(cells.names):
            columns[name] = [row[place] if place < len(row) else None for row in cells.rows[: len(used_as)]]
        for place, name in enumerate(table.text_columns[:2]):
            texts = [None if row is None else table.rows[row].texts[place] for row in used_as]
            columns[name] = [text or cell for text, cell in zip(texts, columns.get(name, texts), strict=True)]
        for name, column in table.tasks().items():
            if name not in columns:  # it has no column of its own
                labels = [row.labels.get(name) for row in table.rows]
                add(name, [None if label is None else KINDS[column.kind].written_value(label) for label in labels])
        for name, values in self._answers.columns().items():
            add(name, values)
        return columns


@dataclass(frozen=True)
class Difference:
    """A row whose label of a task is not what the model answers, both as tables have them."""

    line: int
    text: str
    task: str
    label: str | float
    answer: str | float


class Agreement:
    """How far answers agree with the labels of the rows: the mean of `Kind.error` by task, over the rows that have a
    label which the model's head can give. `differences`: the first `most` of those that are wrong, of `wrong` in all,
    where an answer is right or wrong."""

    def __init__(self, tasks: Mapping[str, TaskSpec], most: int = 0) -> None:
        self.differences: list[Difference] = []
        self.wrong = 0
        self._most = most
        self._kinds = {name: KINDS[spec.kind] for name, spec in tasks.items()}
        self._errors: dict[str, list[float]] = {}

    def add(self, rows: Sequence[Row], answers: Sequence[Analysis]) -> None:
        """Count some rows, with labels by task, and the answers to them."""
        for row, answer in zip(rows, answers, strict=True):
            for task, truth in row.labels.items():
                kind = self._kinds[task]
                value = kind.value_of(answer.results[task]) if task in answer.results else None
                if value is None:
                    continue
                error = kind.error(truth, value)
                self._errors.setdefault(task, []).append(error)
                if kind.right_or_wrong and error:
                    self.wrong += 1
                    if len(self.differences) < self._most:
                        said = kind.written_value(truth), kind.written_value(value)
                        self.differences.append(Difference(row.line, row.text, task, *said))

    def said(self) -> list[str]:
        """A few words for each task, as in "topic: right on 31 of 40"."""
        found = []
        for task, errors in self._errors.items():
            kind, mean = self._kinds[task], sum(errors) / len(errors)
            figure = f"{len(errors) * (1 - mean):.0f}" if kind.right_or_wrong else f"{mean:.2f}"
            found.append(f"{task}: {kind.right_said.format(figure, f'{len(errors):,}')}")
        return found


# What reads the same once it is one: not an id such as 007, nor a version such as 3.10.
_NUMBER = r"-?(0|[1-9]\d{0,14})(\.(0|\d{0,8}[1-9]))?"


def _as_numbers(column: pd.Series) -> pd.Series:
    """Cells that a file has as texts, as numbers if all that are filled are some."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return column
    filled = column[column.notna() & (column != "")]
    if not len(filled) or not filled.astype(str).str.fullmatch(_NUMBER).all():
        return column
    return pd.to_numeric(column)


def write_columns(columns: dict[str, Any], out: Path) -> int:
    """Write a table to a file that ends as one of `ENDINGS`; in CSV no text is run as a formula. Returns how many texts
    were changed for that (see `safe_cell`)."""
    import pandas as pd

    frame = pd.DataFrame(columns)
    if out.suffix == ".parquet":
        frame.apply(_as_numbers).to_parquet(out, index=False)
        return 0
    texts = frame.select_dtypes(exclude="number")
    safe = texts.map(safe_cell)
    frame[texts.columns] = safe
    frame.rename(columns=safe_cell).to_csv(out, index=False, encoding="utf-8-sig")  # as `csv_bytes`
    return int((safe.fillna("") != texts.fillna("")).to_numpy().sum())
