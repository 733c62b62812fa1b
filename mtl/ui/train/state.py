"""The state of one visitor's Train tab. Its steps change it in place, and announce changes by the revisions of
`Session`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtl.config import ASSETS, TrainConfig
from mtl.ui.train.data.tables import TableForModel
from mtl.ui.train.link import Link

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
    """A file that is being read. `stopped`: its visitor no longer wants to wait for it."""

    stopped = False


@dataclass
class TrainState:
    """`source`: what to learn from; `config`: how; `start_from`: the model to begin with, as `mtl.load` names it (None:
    the page's own); `run`: the id of the run that is shown; `model`: the checkpoint in use (None: the page's own);
    `reading`: the file that is being read; `sentences`: those of the box on the left that were last compared before and
    after; `asked`: what was last asked of the held-out rows, as the browser said it; `parts`: the parts of the model
    that the form of step 2 was last written for; `wrong`: what stands in its fields and is not allowed there, by field,
    each as what to say about it: Start waits for it; `linked`: what a link says of data that is not here yet;
    `awaited`: the file of rows to test on that a link names, until it is here; `opening`: what the page chose by itself
    when the visitor came, which its address need not say."""

    source: Source | None = None
    config: TrainConfig = field(default_factory=TrainConfig)
    start_from: str | None = None
    run: str | None = None
    model: Path | None = None
    reading: Reading | None = None
    sentences: tuple[str, ...] = ()
    asked: str = ""
    parts: tuple | None = None
    wrong: tuple[str, ...] = ()
    linked: Link | None = None
    awaited: str = ""
    opening: Link | None = None

    def as_link(self, start: str) -> Link:
        """What an address says of this, with this `start` (see `Link`); of a link that waits for its data, the same."""
        source = self.source
        if source is None:
            return self.linked or Link(self.config, start)
        columns = () if source.is_sample else tuple(column.name for column in source.table.columns)
        tested_on = source.validation.name if source.validation else self.awaited
        return Link(self.config, start, source.name, source.is_sample, columns, source.reading, tested_on)
