"""The models that visitors use: the page's own, and checkpoints that share every tensor they did not change with it.

Each is loaded once however many use it, and dropped when too many are kept; who needs it then has it loaded again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mtl.config import UserError
from mtl.sandbox import Stopped
from mtl.ui.engine import Engine
from mtl.ui.names import MODEL_GONE
from mtl.ui.server.turns import Turns

if TYPE_CHECKING:
    import numpy as np

    from mtl.config import ModelConfig, TaskSpec
    from mtl.model import Analysis, MultiTaskModel

# What a model takes beside its tensors: the modules that borrow them.
_OVERHEAD = 400_000


class Models:
    """`get` gives a model by its checkpoint's folder; `turns` share it among visitors. Thread safe.

    The ones not asked for for longest are dropped beyond `most` models, or beyond `max_bytes` of tensors of their own.
    """

    def __init__(self, engine: Engine, most: int = 60, max_bytes: int = 500_000_000) -> None:
        self._engine, self._most, self._max_bytes = engine, most, max_bytes
        self._kept: OrderedDict[Path, tuple[int, MultiTaskModel, int]] = OrderedDict()
        self._lock = threading.Lock()
        self.turns = Turns()
        # One at a time: thirty visitors may choose their models in the same second.
        self._loading = threading.Lock()

    def get(self, name: str | Path | None) -> MultiTaskModel:
        """The model of a checkpoint's folder; None: the page's own. Other names are those of `mtl.load`.

        Raises `UserError` where it cannot be loaded, or is no longer there.
        """
        if name is None or str(name) == (self._engine.name or "default"):
            return self._engine.model()
        if str(name) == self._engine.model().backbone.name:
            import mtl

            return mtl.load(str(name))  # without heads; loaded already, for the page's own model stands on it
        path = Path(name)
        if (model := self._find(path)) is not None:
            return model
        with self._loading:
            if (model := self._find(path)) is None:
                model = self._load(path)
        return model

    def asked(self, name: Path | None, visitor: str) -> Asked:
        """The same model for a visitor who shares it with others; a checkpoint's is loaded again should it be dropped.

        `name`: None or a checkpoint's folder, as in `get`."""
        return Asked(self, name, visitor)

    @property
    def bytes(self) -> int:
        """What the models kept take beyond the page's own."""
        with self._lock:
            return sum(size for _, _, size in self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)

    def _find(self, path: Path) -> MultiTaskModel | None:
        version = _version(path)
        with self._lock:
            kept = self._kept.get(path)
            # A run that was resumed writes another model into the same folder.
            if kept is None or kept[0] != version:
                return None
            self._kept.move_to_end(path)
            return kept[1]

    def _load(self, path: Path) -> MultiTaskModel:
        import mtl
        from mtl import checkpoint

        self._engine.wait()  # what a checkpoint borrows from is loaded there
        version = _version(path)
        try:
            model = mtl.load(str(path))
        except UserError as problem:
            # A visitor knows the model by its name, not by its folder on the server.
            raise UserError(str(problem).replace(str(path), "This model")) from problem
        with self._lock:
            self._kept[path] = (version, model, checkpoint.own_bytes(model) + _OVERHEAD)
            self._kept.move_to_end(path)
            total = sum(size for _, _, size in self._kept.values())
            while len(self._kept) > 1 and (len(self._kept) > self._most or total > self._max_bytes):
                total -= self._kept.popitem(last=False)[1][2]
        return model


class Asked:
    """A model as a visitor asks it, in turns with others: after each batch whoever was served least recently is next.

    The page keeps this with an analysis; the tensors stay in `Models`.
    """

    def __init__(self, models: Models, path: Path | None, visitor: str) -> None:
        self._models, self._path, self._visitor = models, path, visitor
        model = models.get(path)
        self.tasks: dict[str, TaskSpec] = model.tasks
        self.config: ModelConfig = model.config
        self.poolings: tuple[str, ...] = model.poolings
        self.dim: int = model.dim
        self.max_tokens: int = model.max_tokens

    def analyze(self, texts: Sequence[str], stopped: Callable[[], bool] = lambda: False) -> list[Analysis]:
        """As `MultiTaskModel.analyze`. Raises `Stopped` after the batch in which `stopped()` said so."""
        model = self._models.get(self._path)
        with self._models.turns.turn(self._visitor):
            return model.analyze(texts, progress=self._between_batches(stopped))

    def encode(self, texts: Sequence[str], pooling: str | None = None) -> np.ndarray:
        model = self._models.get(self._path)
        with self._models.turns.turn(self._visitor):
            return model.encode(texts, pooling, progress=self._between_batches(lambda: False))

    def _between_batches(self, stopped: Callable[[], bool]) -> Callable[[int, int], None]:
        def progress(done: int, total: int) -> None:
            if stopped():
                raise Stopped
            self._models.turns.give_way(self._visitor)

        return progress


def _version(path: Path) -> int:
    try:
        return (path / "config.json").stat().st_mtime_ns
    except OSError:
        raise UserError(MODEL_GONE) from None
