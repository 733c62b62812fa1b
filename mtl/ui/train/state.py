"""The state of one visitor's Train tab. Its steps change it in place, and announce changes by the revisions of
`Session`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl.config import TaskSpec, TrainConfig
from mtl.places import ASSETS
from mtl.ui.train.data.tables import TableForModel
from mtl.ui.train.label.state import Labelling
from mtl.ui.train.link import Link

if TYPE_CHECKING:
    from mtl.model import Analysis
    from mtl.predictions import Difference

SAMPLES = ASSETS / "samples"


@dataclass(frozen=True)
class NamedFile:
    """The page's own copy of a file at `path`, and what the visitor calls it."""

    path: Path
    name: str


@dataclass(frozen=True, kw_only=True)
class Source(TableForModel):
    """A file to learn from, as it was read for the model that training begins with, which `start_from` names as
    `mtl.load` does.

    `path` is the page's own copy, `name` what the visitor calls it. `reading` are the keyword arguments of `Runs.start`
    by which the run reads it the same way. `validation`: a file of rows to test on. `misfit`: why what a link says of
    it was not applied, "" where it was.
    """

    path: Path
    name: str
    reading: dict[str, Any]
    start_from: str | None = None
    validation: NamedFile | None = None
    misfit: str = ""

    @property
    def is_sample(self) -> bool:
        return self.path.parent == SAMPLES

    @property
    def ready(self) -> bool:
        """Whether a run can be started on it: not before questions are answered that change what it learns."""
        return bool(self.learns) and not any(question.names_of is None for question in self.table.questions)


class Reading:
    """A file that is being read, or answered. `stopped`: its visitor no longer wants to wait for it."""

    stopped = False


@dataclass(frozen=True)
class Answers:
    """What a model has answered to the first `count` of the `total` rows of a table.

    `by` is what the model was called, `model` its `SharedModel.identity`, `tasks` its tasks, of which `heads` were
    asked (None: all); `first` are the answers to the first rows, `lines` where those stand in the file; `agreement`:
    see `mtl.predictions.Agreement.said`; `wrong`: how many labels are not what was answered, `differences` the first of
    these; `blank`: how many rows had no text. `folder` has the answers to all of them as
    files, see `mtl.predictions.ENDINGS`.
    """

    by: str
    model: str
    tasks: Mapping[str, TaskSpec]
    count: int
    total: int
    blank: int
    unfamiliar: int
    seconds: float
    first: Sequence[Analysis]
    lines: Sequence[int]
    agreement: Sequence[str]
    folder: Path
    heads: Sequence[str] | None = None
    wrong: int = 0
    differences: Sequence[Difference] = ()


@dataclass
class Place:
    """A place that a visitor's table is read into: the table as it was read, and the file that is being read."""

    source: Source | None = None
    reading: Reading | None = None

    def stop_reading(self) -> None:
        if self.reading is not None:
            self.reading.stopped = True

    def wait(self, most: float) -> bool:
        """Wait up to so many seconds until no file is being read, and return whether that is so."""
        until = time.monotonic() + most
        while self.reading is not None and time.monotonic() < until:
            time.sleep(0.05)
        return self.reading is None


@dataclass
class NewRows(Place):
    """The table that a model answers. `answering`: it is being answered; `answers`: what came of that; `heads`: those
    of the tasks that are to answer (None: all)."""

    answering: Reading | None = None
    answers: Answers | None = None
    heads: Sequence[str] | None = None

    def chosen(self, tasks: Iterable[str]) -> list[str] | None:
        """Those of the `tasks` of a model that are to answer; None where all of them are."""
        names = [*tasks]
        chosen = None if self.heads is None else [name for name in names if name in self.heads]
        return None if chosen == names else chosen


@dataclass
class TrainState(Place):
    """`source`: what to learn from; `config`: how; `start_from`: the model to begin with, as `mtl.load` names it
    (None: the page's own); `run`: the id of the run that is shown; `model`: the checkpoint in use (None: the page's
    own); `reading`: the file that is being read; `sentences`: those of the box on the left that were last compared
    before and after; `asked`: what was last asked of the held-out rows, as the browser said it; `parts`: the parts
    of the model that the form of step 2 was last written for; `wrong`: what stands in its fields and is not allowed
    there, by field, each as what to say about it: Start waits for it; `touch`: how many touches of the form the
    settings know of, as the browser counts them; `arrived`: what the page begins with, or what a link asks for, has
    been looked for; `linked`: what a link says of data that is not here yet; `awaited`: the file of rows to test on
    that a link names, until it is here; `opening`: what the page chose by itself when the visitor came, which its
    address need not say; `new_rows`: the table to answer; `used_before`: the run whose model was in use before the
    server was started again; `labelling`: the texts that the visitor labels."""

    config: TrainConfig = field(default_factory=TrainConfig)
    start_from: str | None = None
    run: str | None = None
    model: Path | None = None
    sentences: tuple[str, ...] = ()
    asked: str = ""
    parts: tuple | None = None
    wrong: tuple[str, ...] = ()
    touch: int = 0
    arrived: bool = False
    linked: Link | None = None
    awaited: str = ""
    opening: Link | None = None
    new_rows: NewRows = field(default_factory=NewRows)
    used_before: str | None = None
    labelling: Labelling = field(default_factory=Labelling)

    def as_link(self, start: str) -> Link:
        """What an address says of this, with this `start` (see `Link`); of a link that waits for its data, the same."""
        source = self.source
        if source is None:
            return self.linked or Link(self.config, start)
        columns = () if source.is_sample else tuple(column.name for column in source.table.columns)
        tested_on = source.validation.name if source.validation else self.awaited
        return Link(self.config, start, source.name, source.is_sample, columns, source.reading, tested_on)
