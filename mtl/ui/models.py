"""The models that visitors use: the page's own, and checkpoints that share every tensor they did not change with it.

Each is loaded once however many visitors use it, dropped when there are too many, and loaded again when it is needed.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from mtl.config import UserError
from mtl.ui.engine import Engine
from mtl.ui.names import MODEL_GONE
from mtl.ui.server.turns import Turns

if TYPE_CHECKING:
    import numpy as np

    from mtl.config import ModelConfig, TaskSpec
    from mtl.model import Analysis, MultiTaskModel, Pair

# Bytes that a model takes beside its tensors: the modules that borrow them.
_OVERHEAD = 400_000


class Models:
    """`get` gives a model by its checkpoint's folder; `turns` share it among visitors. Thread safe.

    Beyond `most` models, or `max_bytes` of tensors of their own, the least recently used ones are dropped.
    """

    def __init__(self, engine: Engine, most: int = 60, max_bytes: int = 500_000_000) -> None:
        self._engine, self._most, self._max_bytes = engine, most, max_bytes
        self._loaded: OrderedDict[Path, tuple[int, MultiTaskModel, int]] = OrderedDict()
        self._lock = threading.Lock()
        self.turns = Turns()
        # One at a time, as thirty visitors may choose their models in the same second.
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

    def shared(self, path: Path | None, visitor: str) -> SharedModel:
        """The model of a checkpoint's folder (None: the page's own) for a visitor who shares it with others."""
        return SharedModel(self, path, visitor)

    @property
    def bytes(self) -> int:
        """What the checkpoints' models take beyond the page's own."""
        with self._lock:
            return sum(size for _, _, size in self._loaded.values())

    def __len__(self) -> int:
        return len(self._loaded)

    def _find(self, path: Path) -> MultiTaskModel | None:
        version = _version(path)
        with self._lock:
            found = self._loaded.get(path)
            # A run that was resumed writes another model into the same folder.
            if found is None or found[0] != version:
                return None
            self._loaded.move_to_end(path)
            return found[1]

    def _load(self, path: Path) -> MultiTaskModel:
        import mtl
        from mtl import checkpoint

        self._engine.wait()  # the backbone that a checkpoint borrows from is loaded there
        version = _version(path)
        try:
            model = mtl.load(str(path))
        except UserError as problem:
            # A visitor knows the model by its name, not by its folder on the server.
            raise UserError(str(problem).replace(str(path), "This model")) from problem
        with self._lock:
            self._loaded[path] = (version, model, checkpoint.own_bytes(model) + _OVERHEAD)
            self._loaded.move_to_end(path)
            total = sum(size for _, _, size in self._loaded.values())
            while len(self._loaded) > 1 and (len(self._loaded) > self._most or total > self._max_bytes):
                total -= self._loaded.popitem(last=False)[1][2]
        return model


class SharedModel:
    """A model that visitors use in turns: after each batch, the least recently served of those who wait is next.

    The page stores this with an analysis; the tensors stay in `Models`, and are loaded again should they be dropped.
    """

    def __init__(self, models: Models, path: Path | None, visitor: str) -> None:
        self._models, self._path, self._visitor = models, path, visitor
        model = models.get(path)
        # A run that was resumed writes another model into the same folder.
        version = f"{path} {_version(path)}" if path else ""
        self.identity = hashlib.sha256(version.encode()).hexdigest()[:16]
        self.tasks: dict[str, TaskSpec] = model.tasks
        self.config: ModelConfig = model.config
        self.poolings: tuple[str, ...] = model.poolings
        self.dim: int = model.dim
        self.max_tokens: int = model.max_tokens

    def analyze(
        self,
        texts: Sequence[str | tuple[str, str]],
        tasks: Sequence[str] | None = None,
        pooling: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Analysis]:
        """As `MultiTaskModel.analyze`; what `progress` raises ends it after a batch."""
        model = self._models.get(self._path)
        with self.turn():
            return model.analyze(texts, tasks, pooling, self._between_batches(progress))

    def encode(self, texts: Sequence[str], pooling: str | None = None) -> np.ndarray:
        model = self._models.get(self._path)
        with self.turn():
            return model.encode(texts, pooling, progress=self._between_batches())

    def compare(self, pairs: Sequence[tuple[str, str]], pooling: str | None = None) -> list[Pair]:
        """As `MultiTaskModel.compare`."""
        model = self._models.get(self._path)
        with self.turn():
            return model.compare(pairs, pooling=pooling, progress=self._between_batches())

    def turn(self) -> AbstractContextManager[None]:
        """While what is in the block computes for this visitor, few others do."""
        return self._models.turns.turn(self._visitor)

    def _between_batches(self, progress: Callable[[int, int], None] | None = None) -> Callable[[int, int], None]:
        def give_way(done: int, total: int) -> None:
            if progress:
                progress(done, total)
            self._models.turns.give_way(self._visitor)

        return give_way


def _version(path: Path) -> int:
    try:
        return (path / "config.json").stat().st_mtime_ns
    except OSError:
        raise UserError(MODEL_GONE) from None
