"""What the page remembers for each visitor.

Gradio copies a `State` for every session, so the analyses live here, in a registry keyed by session that
drops what is old or too much."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtl import maps
from mtl.config import KINDS
from mtl.ui.kinds import shown
from mtl.ui.sentences import Sentences
from mtl.ui.train.state import Lesson

if TYPE_CHECKING:
    from mtl.model import Analysis
    from mtl.ui.kinds.view import View
    from mtl.ui.models import Asked


@dataclass
class Work:
    """One analysis, and what has been worked out from it so far."""

    model: Asked
    analyses: list[Analysis]
    pooling: str
    labels: dict[str, tuple[str | float | None, ...]] = field(default_factory=dict)
    _vectors: dict[str, np.ndarray] = field(default_factory=dict)
    _maps: dict[tuple[str, str, int], maps.Projection] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def texts(self) -> list[str]:
        return [a.text for a in self.analyses]

    def vectors(self, pooling: str) -> np.ndarray:
        """The embeddings (n, dim); only another pooling than the analysis had needs another pass."""
        with self._lock:
            if pooling not in self._vectors:
                if pooling == self.pooling:
                    self._vectors[pooling] = np.stack([a.embedding for a in self.analyses])
                else:
                    self._vectors[pooling] = self.model.encode(self.texts, pooling)
            return self._vectors[pooling]

    def map(self, pooling: str, method: str, dims: int) -> maps.Projection:
        vectors = self.vectors(pooling)
        with self._lock:
            key = (pooling, method, dims)
            if key not in self._maps:
                # Starting from another pooling's map keeps each sentence near where the eye left it.
                others = (m.points for (_, other, d), m in self._maps.items() if (other, d) == (method, dims))
                self._maps[key] = maps.project(vectors, method, dims, previous=next(others, None))
            return self._maps[key]

    def has_map(self, pooling: str, method: str, dims: int) -> bool:
        with self._lock:
            return (pooling, method, dims) in self._maps

    def answers(self, task: str) -> list[Any]:
        """Every text's answer to a task of the model."""
        return [a.results[task] for a in self.analyses]

    def view(self, task: str) -> View:
        """How the answers to a task are shown."""
        return shown(self.model.tasks[task].kind)

    def heads(self, tab: str) -> list[str]:
        """The model's heads that a tab lists."""
        return [
            n for n, spec in self.model.tasks.items() if shown(spec.kind).tab == tab and KINDS[spec.kind].texts == 1
        ]

    def head(self, tab: str, *wanted: str | None) -> str | None:
        """The first of `wanted` that is one of a tab's heads, else any such head; None where there is none."""
        heads = self.heads(tab)
        return next((name for name in wanted if name in heads), next(iter(heads), None))

    @property
    def size(self) -> int:
        """Roughly how many bytes this may come to, with every pooling and map asked for."""
        per_text = (len(self.model.poolings) + 1) * 4 * self.model.dim + 2_000
        return sum(per_text + 4 * len(a.text) for a in self.analyses)


@dataclass
class Visit:
    """What the page remembers for one session.

    `name` tells visitors apart where they share the model, `address` is the network address of their page. `owner` is
    whose runs the session may see: a secret that the visitor's browser keeps, so that it finds them again after a
    reload. `lesson` is what was prepared in the Train tab. `stopping`: the visitor pressed Stop.
    """

    seen: float
    name: str = ""
    stopping: bool = False
    address: str = ""
    owner: str = ""
    upload: Sentences | None = None
    work: Work | None = None
    lesson: Lesson = field(default_factory=Lesson)


# A browser's own are shorter; what is longer is nobody's session.
_LONGEST_NAME = 64


class Registry:
    """The last upload and analysis of every session. Thread safe.

    A session not seen for `max_age` seconds is dropped; once the analyses together pass `max_bytes`, those of the
    sessions not seen for longest are. Of a request without a session nothing is remembered.
    """

    def __init__(
        self,
        max_age: float = 2 * 3600,
        max_bytes: int = 500_000_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_age, self._max_bytes, self._clock = max_age, max_bytes, clock
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._lock = threading.Lock()

    def visit(self, session: str | None) -> Visit:
        """All of it, for those that change it in place."""
        with self._lock:
            return self._visit(session)

    def work(self, session: str | None) -> Work | None:
        with self._lock:
            return self._visit(session).work

    def keep_work(self, visit: Visit, work: Work) -> None:
        with self._lock:
            visit.work = work
            self._shrink()

    def recognise(self, session: str | None, owner: str, again: bool = False, address: str = "") -> Visit:
        """Say whose page a session is, and where it is.

        A page that was loaded again goes on using the model that it used before.
        """
        with self._lock:
            visit = self._visit(session)
            before = [v for v in self._visits.values() if v.owner == owner and v is not visit]
            visit.owner, visit.address = owner, address
            if again and before:
                visit.lesson.model = before[-1].lesson.model
            return visit

    def let_go(self, session: str) -> None:
        """Forget all that takes room of a session whose page was closed, and keep whose it was and what it looked at:
        a page that was only asleep goes on from there."""
        with self._lock:
            if visit := self._visits.get(session):
                lesson = visit.lesson
                visit.work = visit.upload = None
                visit.lesson = Lesson(
                    config=lesson.config, start_from=lesson.start_from, run=lesson.run, model=lesson.model
                )

    def in_use(self) -> set[str]:
        """The ids of the runs that a session looks at, or whose model it uses: these are not to be cleaned up."""
        with self._lock:
            lessons = [visit.lesson for visit in self._visits.values()]
        return {lesson.run for lesson in lessons if lesson.run} | {
            lesson.model.parent.name for lesson in lessons if lesson.model and lesson.model.name == "checkpoint"
        }

    def models(self) -> set[Path]:
        """The checkpoints that sessions use."""
        with self._lock:
            return {visit.lesson.model for visit in self._visits.values() if visit.lesson.model}

    def _visit(self, session: str | None) -> Visit:
        now = self._clock()
        if not session or len(session) > _LONGEST_NAME:
            return Visit(now)
        while self._visits and now - next(iter(self._visits.values())).seen > self._max_age:
            self._visits.popitem(last=False)
        visit = self._visits.setdefault(session, Visit(now, session))
        visit.seen = now
        self._visits.move_to_end(session)
        return visit

    def _shrink(self) -> None:
        sizes = {key: visit.work.size for key, visit in self._visits.items() if visit.work}
        total = sum(sizes.values())
        for key in list(self._visits)[:-1]:
            if total <= self._max_bytes:
                break
            total -= sizes.get(key, 0)
            # What they train, and whose runs they follow, takes no room.
            self._visits[key].work = self._visits[key].upload = None
