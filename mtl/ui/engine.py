"""The page's own model, loaded in the background."""

from __future__ import annotations

import importlib
import logging
import threading
import time
from statistics import median
from typing import TYPE_CHECKING

from mtl import maps
from mtl.config import UserError
from mtl.ui.examples import OPENING, SETS

if TYPE_CHECKING:
    from mtl.model import MultiTaskModel

log = logging.getLogger("mtl.ui")
# Of what the package imports only where it is needed, all that a thread of the server may need.
LIBRARIES = (
    "scipy.cluster.hierarchy",
    "scipy.linalg",
    "scipy.optimize",
    "scipy.spatial.distance",
    "scipy.stats",
    "sklearn.linear_model",
    "sklearn.metrics",
)


class Engine:
    """The page's own model. A thread loads it, because torch takes seconds to import.

    `alone`: see `measure_alone`; 0 until it is known."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name
        self.alone = 0.0
        self._model: MultiTaskModel | None = None
        self._problem: Exception | None = None
        self._done = threading.Event()
        self._started = threading.Lock()

    def start(self) -> None:
        """Begin to load, unless that has begun; returns at once."""
        if self._started.acquire(blocking=False):
            threading.Thread(target=self._load, name="load model", daemon=True).start()

    @property
    def ready(self) -> bool:
        return self._done.is_set()

    def wait(self) -> None:
        """Return when the model is loaded, or cannot be."""
        self.start()
        self._done.wait()

    def model(self) -> MultiTaskModel:
        """The model, waited for. Raises `UserError` when it cannot be loaded."""
        self.wait()
        if self._problem is not None:
            raise UserError(f"The model could not be loaded: {self._problem}") from self._problem
        return self._model

    def _load(self) -> None:
        try:
            import mtl

            self._model = mtl.load(self.name)
            import_libraries()
            self.alone = measure_alone(self._model)
        except Exception as problem:
            log.error("The model could not be loaded: %s", problem, exc_info=not isinstance(problem, UserError))
            self._problem = problem
        finally:
            self._done.set()
        try:
            maps.warm_up()
        except Exception:
            # Maps then stay PCA and say so; everything else works.
            log.exception("UMAP could not be warmed up")


def import_libraries() -> None:
    """Import what answers are computed with, before anybody asks for them.

    Where two threads import parts of the same library at the same time, each may find what the other has half done: an
    `ImportError` for a visitor, or for umap-learn, which imports most of these."""
    for name in LIBRARIES:
        importlib.import_module(name)


def measure_alone(model: MultiTaskModel, rounds: int = 3) -> float:
    """How long a pass for one task takes, as a share of a pass for all of them: the median over rounds and tasks."""
    if not model.tasks:
        return 0.0

    def seconds(tasks: list[str]) -> float:
        began = time.perf_counter()
        model.analyze(SETS[OPENING], tasks=tasks)
        return time.perf_counter() - began

    # The first call initialises lazily: no visitor should wait for that, and no figure count it.
    model.analyze(SETS[OPENING])
    # Each beside a pass for all, as other programs may take the processor for a while.
    return median(seconds([task]) / seconds(list(model.tasks)) for _ in range(rounds) for task in model.tasks)
