"""What the page remembers for each visitor.

Gradio copies a `State` for every session, so the analyses live here, in a registry keyed by session that
drops what is old or too much."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtl import maps
from mtl.clusters import MOST as MOST_CLUSTERS
from mtl.clusters import Clusters, find_clusters
from mtl.config import KINDS
from mtl.ui.kinds import shown
from mtl.ui.sentences import Sentences
from mtl.ui.train.label.state import Labelling
from mtl.ui.train.state import NewRows, TrainState

if TYPE_CHECKING:
    from mtl.model import Analysis
    from mtl.ui.kinds.view import View
    from mtl.ui.models import SharedModel


# A map is turned to match the one before where they share so many sentences; fewer do not say how it lies.
ENOUGH_SHARED = 3


@dataclass(frozen=True)
class Asked:
    """What the browser asks for.

    `lines`: the sentences, None where they are those of the call before, or with `file` those of the last upload;
    `left_out`: how many more characters the browser kept back. `anew`: nothing that was read before counts. `again`:
    the answer to the question before never came.
    `all_rows`: it has none of the rows that it was sent. `patient`: it waits for UMAP. `views`: what else is in sight,
    see `Session.view`. `chosen`: nothing but what these sentences have in common. `like`: nothing but the sentences
    that are nearest to these words. The rest are choices that visitors make in the views, "" or 0 where they made none.
    """

    lines: str | None = None
    left_out: int = 0
    file: bool = False
    anew: bool = False
    again: bool = False
    all_rows: bool = False
    patient: bool = False
    views: tuple[str, ...] = ()
    chosen: tuple[int, ...] = ()
    like: str = ""
    method: str = "umap"
    dims: int = 2
    pooling: str = ""
    head: str = ""
    order: str = ""
    span_head: str = ""
    one: int = 0
    other: int = 0
    colour: str = ""
    clusters: int = 0

    @classmethod
    def checked(cls, given: Any) -> Asked:
        """From JSON: what is unknown or of another type is left at its default."""
        given = given if isinstance(given, Mapping) else {}
        lists = {"views": str, "chosen": int}
        kinds = {name: type(value) for name, value in vars(cls()).items()} | {"lines": str} | dict.fromkeys(lists, list)
        known = {name: value for name, value in given.items() if type(value) is kinds.get(name)}
        if known.get("method") not in ("umap", "pca"):
            known.pop("method", None)
        if known.get("dims") not in (2, 3):
            known.pop("dims", None)
        if not 2 <= known.get("clusters", 0) <= MOST_CLUSTERS:
            known.pop("clusters", None)
        for name, kind in lists.items():
            known[name] = tuple(item for item in known.get(name, ()) if type(item) is kind)
        return cls(**known)


@dataclass
class Work:
    """One analysis, what was `asked` of it last, and what has been computed from it so far.

    `labels`: the columns of the visitor's file, a value per sentence; `file_labels`: every label of each of them, also
    of sentences that are not here."""

    model: SharedModel
    analyses: list[Analysis]
    labels: dict[str, tuple[str | float | None, ...]] = field(default_factory=dict)
    file_labels: dict[str, list[str]] = field(default_factory=dict)
    asked: Asked = field(default_factory=Asked)
    _vectors: dict[str, np.ndarray] = field(default_factory=dict)
    _maps: dict[tuple[str, str, int], maps.Projection] = field(default_factory=dict)
    _clusters: dict[tuple[str, int], Clusters] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _before: tuple[list[str], dict[tuple[str, str, int], maps.Projection]] = field(default_factory=lambda: ([], {}))

    def follow(self, before: Work) -> None:
        """Turn maps so that sentences which the analysis before had, too, lie where they lay."""
        self._before = before.texts, before._maps

    @property
    def texts(self) -> list[str]:
        return [a.text for a in self.analyses]

    @property
    def familiarity(self) -> list[float]:
        """How familiar each text is to the model; empty if it has no statistics of what it was trained on."""
        return [round(a.familiarity, 4) for a in self.analyses if a.familiarity is not None]

    @property
    def unfamiliar(self) -> set[int]:
        """The numbers, from 1, of the sentences that are unlike those that the model knows."""
        return {number for number, a in enumerate(self.analyses, 1) if a.unfamiliar}

    @property
    def pooling(self) -> str:
        """The pooling that was asked for, or the model's own."""
        return self.asked.pooling if self.asked.pooling in self.model.poolings else self.model.config.pooling

    def vectors(self, pooling: str) -> np.ndarray:
        """The embeddings (n, dim); only another pooling than the analysis had needs another pass."""
        with self._lock:
            if pooling not in self._vectors:
                if pooling == self.model.config.pooling:
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
                self._maps[key] = self._aligned(key, maps.project(vectors, method, dims, previous=next(others, None)))
            return self._maps[key]

    def _aligned(self, key: tuple[str, str, int], laid_out: maps.Projection) -> maps.Projection:
        texts, earlier = self._before
        if key not in earlier:
            return laid_out
        places = {text: row for row, text in enumerate(texts)}
        pairs = [(row, places[text]) for row, text in enumerate(self.texts) if text in places]
        if len(pairs) < ENOUGH_SHARED:
            return laid_out
        return replace(laid_out, points=maps.aligned(laid_out.points, earlier[key].points, pairs))

    def has_map(self, pooling: str, method: str, dims: int) -> bool:
        with self._lock:
            return (pooling, method, dims) in self._maps

    def clusters(self, pooling: str, count: int) -> Clusters:
        vectors = self.vectors(pooling)
        with self._lock:
            if (pooling, count) not in self._clusters:
                self._clusters[pooling, count] = find_clusters(vectors, count)
            return self._clusters[pooling, count]

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

    def head(self, tab: str, wanted: str | None) -> str | None:
        """`wanted` if it is one of a tab's heads, else the one called like the tab, else any; None without heads."""
        heads = self.heads(tab)
        return next((name for name in (wanted, tab, *heads) if name in heads), None)

    @property
    def size(self) -> int:
        """Roughly how many bytes this may come to, with every pooling and map asked for."""
        per_text = (len(self.model.poolings) + 1) * 4 * self.model.dim + 2_000
        return sum(per_text + 4 * len(a.text) for a in self.analyses)


@dataclass
class Reading:
    """What a model has read of a visitor's sentences.

    `new`: the texts read since the last `settle`, for which the model took `seconds`; `told`: what these were then."""

    model: SharedModel
    analyses: dict[str, Analysis] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)
    seconds: float = 0.0
    told: tuple[Sequence[str], float] = ((), 0.0)

    def begin(self, again: bool) -> None:
        """A question comes; `again`, where nobody heard the last answer: what was new in that is still new."""
        if again:
            self.new, self.seconds = [*self.told[0], *self.new], self.told[1] + self.seconds
        self.told = ((), 0.0)

    def read(self, texts: Sequence[str], most: int) -> int:
        """Read at most so many of `texts` that are not read yet; returns how many are left."""
        wanted = dict.fromkeys(texts)
        unread = [text for text in wanted if text not in self.analyses]
        if part := unread[:most]:
            began = time.perf_counter()
            self.analyses |= zip(part, self.model.analyze(part), strict=True)
            self.seconds += time.perf_counter() - began
            self.new += part
        self.new = [text for text in self.new if text in wanted]  # the texts may be others than the time before
        return len(unread) - len(part)

    def settle(self, texts: Sequence[str]) -> None:
        """Forget all but `texts`, and what was new."""
        self.analyses = {text: self.analyses[text] for text in texts}
        self.told = (self.new, self.seconds)
        self.new, self.seconds = [], 0.0


@dataclass
class Visit:
    """What the page remembers for one session.

    `last_seen`: when it last asked for anything, by the registry's clock. `number` is another one when the server has
    forgotten the page and sees it again. `name` tells visitors apart where they share
    the model, `address` is the network address of their page. `owner` is whose runs the session may see: a secret that
    the visitor's browser keeps, so that it finds them again after a reload. `train` is the state of the Train tab.
    `stopping`: the visitor pressed Stop while a file is read. `sentences` are those in the box, `reading` what has been
    read of them, `work` the last analysis; whoever changes these three holds `lock`.
    """

    last_seen: float
    number: int = field(default_factory=lambda: secrets.randbits(32))
    name: str = ""
    stopping: bool = False
    address: str = ""
    owner: str = ""
    upload: Sentences | None = None
    sentences: Sentences | None = None
    reading: Reading | None = None
    work: Work | None = None
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    train: TrainState = field(default_factory=TrainState)


# A browser's session ids are shorter; a longer one is nobody's.
_LONGEST_NAME = 64


class Registry:
    """The visit of every session. Thread safe.

    A session whose page is not open (`open_pages`) and that asks for nothing for `max_age` seconds is dropped; once the
    analyses together pass `max_bytes`, those of the sessions idle for longest are. Nothing is remembered of a request
    without a session.
    """

    def __init__(
        self,
        max_age: float = 2 * 3600,
        max_bytes: int = 500_000_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_age, self._max_bytes, self._clock = max_age, max_bytes, clock
        self.open_pages: Collection[str] = ()
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._lock = threading.Lock()

    def visit(self, session: str | None) -> Visit:
        """The visit itself, which its handlers change in place."""
        with self._lock:
            return self._visit(session)

    def set_work(self, visit: Visit, work: Work) -> None:
        with self._lock:
            visit.work = work
            self._shrink()

    def identify(self, session: str | None, owner: str, again: bool = False, address: str = "") -> Visit:
        """Say whose page a session is, and where it is.

        A page that was loaded again goes on using the model that it used before.
        """
        with self._lock:
            visit = self._visit(session)
            before = [v for v in self._visits.values() if v.owner == owner and v is not visit]
            visit.owner, visit.address = owner, address
            if again and before:
                visit.train.model = before[-1].train.model
            return visit

    def release(self, session: str) -> None:
        """Forget what takes memory of a session whose page was closed, and keep whose it was and what it looked at:
        a page that was only asleep goes on from there."""
        with self._lock:
            if visit := self._visits.get(session):
                visit.work = visit.upload = visit.sentences = visit.reading = None
                # Copies of uploaded files are deleted with the state that they belong to, so this is a new one.
                fresh = {"source": None, "reading": None, "sentences": (), "parts": None, "new_rows": NewRows()}
                visit.train = replace(visit.train, **fresh, labelling=Labelling())

    def in_use(self) -> set[str]:
        """The ids of the runs that a session looks at, or whose model it uses: these are not to be cleaned up."""
        with self._lock:
            runs = {visit.train.run for visit in self._visits.values() if visit.train.run}
        return runs | {model.parent.name for model in self.models() if model.name == "checkpoint"}

    def models(self) -> set[Path]:
        """The checkpoints that sessions use."""
        with self._lock:
            return {visit.train.model for visit in self._visits.values() if visit.train.model}

    def _visit(self, session: str | None) -> Visit:
        now = self._clock()
        if not session or len(session) > _LONGEST_NAME:
            return Visit(now)
        old = takewhile(lambda visit: now - visit[1].last_seen > self._max_age, self._visits.items())
        for name in [name for name, _ in old if name not in self.open_pages]:
            del self._visits[name]
        visit = self._visits.setdefault(session, Visit(now, name=session))
        visit.last_seen = now
        self._visits.move_to_end(session)
        return visit

    def _shrink(self) -> None:
        sizes = {key: visit.work.size for key, visit in self._visits.items() if visit.work}
        total = sum(sizes.values())
        for key in list(self._visits)[:-1]:
            if total <= self._max_bytes:
                break
            total -= sizes.get(key, 0)
            # The rest of a visit takes no memory to speak of.
            visit = self._visits[key]
            visit.work = visit.upload = visit.sentences = visit.reading = None
