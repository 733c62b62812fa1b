"""The same work on a Ray cluster: this process reads rows and writes parts, and workers on all nodes answer.

Nodes need no common disk: a worker gets the model once and then the texts of one part after another. As this process
alone writes, a part is there once, whichever workers have ended meanwhile.
"""

from __future__ import annotations

import math
import os
import platform
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl import terminal
from mtl.bulk.answering import Answering, Request
from mtl.config import UserError

if TYPE_CHECKING:
    import pyarrow as pa

    from mtl.bulk.answering import Text
    from mtl.bulk.work import Part

# A worker has so many parts at a time: one that it answers, and one that it begins with next.
_AT_A_WORKER = 2
# How often to look for nodes that have joined, and how long there may be no worker until that is said, in seconds.
_LOOK_EVERY, _PATIENCE = 5.0, 30.0
# A part that has ended so many workers is likely to be the reason, as when its texts are too long for their memory.
_MOST_TRIES = 5


class Cluster:
    """Answers parts by the workers of a cluster, one on each core."""

    def __init__(self, ray: Any, model: str | None, request: Request) -> None:
        from mtl.checkpoint import fingerprint

        self._ray = ray
        self._given = ray.put(_packed(model)), request, fingerprint(model)
        self._class = ray.remote(num_cpus=1, max_restarts=-1)(_Worker)
        self._workers: list[Any] = []
        # What is being waited for: the worker, and its part, or None until it has loaded the model.
        self._waiting: dict[Any, tuple[Any, Part | None]] = {}
        self._free: deque[Any] = deque()
        self._again: deque[Part] = deque()
        self._tries: Counter[Path] = Counter()

    def answer(self, parts: Iterator[Part]) -> Iterable[tuple[Part, pa.Table]]:
        """Each part with its answers, as they come. Parts whose worker has ended are given to another.

        Raises `UserError` where a node has another model, or a part ends every worker."""
        looked, idle_since = -math.inf, time.monotonic()
        while True:
            if time.monotonic() - looked > _LOOK_EVERY:
                self._use_new_cores()
                looked = time.monotonic()
            while self._free and (part := self._again.popleft() if self._again else next(parts, None)):
                worker = self._free.popleft()
                self._waiting[worker.answer.remote(part.texts)] = worker, part
            if self._free and not any(part for _, part in self._waiting.values()):
                return
            done = []
            if self._waiting:
                done, _ = self._ray.wait([*self._waiting], timeout=_LOOK_EVERY)
            else:
                time.sleep(_LOOK_EVERY)
            if done or self._free or any(part for _, part in self._waiting.values()):
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > _PATIENCE:
                terminal.warn("no node of the cluster has a core for this work: it waits until one has.")
                idle_since = math.inf
            for reference in done:
                worker, part = self._waiting.pop(reference)
                if (answers := self._result(reference, worker, part)) is not None:
                    yield part, answers

    def _result(self, reference: Any, worker: Any, part: Part | None) -> pa.Table | None:
        """The answers that have come; None where a worker is ready, or has ended."""
        errors = self._ray.exceptions
        try:
            answers = self._ray.get(reference)
        except errors.RayTaskError as error:
            if isinstance(error.cause, UserError):
                raise error.cause from None
            raise
        except errors.RaySystemError as error:
            raise UserError("The cluster has gone. When it is there again, the same command goes on.") from error
        except errors.RayError:  # the worker or its node has ended, perhaps before its answers were here
            self._begin_again(worker, part)
            return None
        if part is None:
            self._free.extend([worker] * _AT_A_WORKER)
        else:
            self._free.append(worker)
        return answers

    def _begin_again(self, worker: Any, part: Part | None) -> None:
        """Let another worker answer a part, and this one come back, which Ray starts anew wherever there is a core."""
        if part is not None:
            self._tries[part.path] += 1
            if self._tries[part.path] >= _MOST_TRIES:
                why = "perhaps for lack of memory. Try fewer rows at a time: --part-rows."
                raise UserError(f"{part.path.name} ended {_MOST_TRIES} workers, {why}")
            self._again.append(part)
        self._free = deque(free for free in self._free if free is not worker)
        if not any(other is worker and coming is None for other, coming in self._waiting.values()):
            self._await(worker)

    def _use_new_cores(self) -> None:
        """Start a worker on every core that has joined since the last call."""
        for _ in range(len(self._workers), int(self._ray.cluster_resources().get("CPU", 0))):
            self._workers.append(self._class.remote())
            self._await(self._workers[-1])

    def _await(self, worker: Any) -> None:
        """Wait until a worker has loaded the model, however long it takes to find a core."""
        self._waiting[worker.prepare.options(max_task_retries=-1).remote(*self._given)] = worker, None


class _Worker:
    """A process on one core of the cluster, with a model."""

    def prepare(self, model: str | dict[str, bytes] | None, request: Request, digest: str) -> None:
        """Load the model. Raises `UserError` where it is not the one that was asked for."""
        for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS"):  # read by torch and tokenizers, which come next
            os.environ[name] = "1"
        import torch

        from mtl.checkpoint import fingerprint, load

        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory() as folder:
            name = _unpacked(model, Path(folder)) if isinstance(model, dict) else model
            if fingerprint(name) != digest:
                where = f"The node {platform.node()}"
                raise UserError(f"{where} has other weights of this model: install the same version on every node.")
            self._answering = Answering(load(name), request)

    def answer(self, texts: list[Text]) -> pa.Table:
        return self._answering.answer(texts)


def _packed(model: str | None) -> str | dict[str, bytes] | None:
    """The files of a model's folder, which other nodes may not have; or its name."""
    if model is None or not Path(model).is_dir():
        return model
    files = (path for path in sorted(Path(model).rglob("*")) if path.is_file())
    return {path.relative_to(model).as_posix(): path.read_bytes() for path in files}


def _unpacked(files: dict[str, bytes], folder: Path) -> str:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return str(folder)
