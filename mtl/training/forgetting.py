"""What a model forgot: all tasks, scored before and after a run on a small bundled probe set."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mtl.config import KINDS, TaskSpec
from mtl.data.rows import Row
from mtl.data.table import read_table
from mtl.model import Encoded, MultiTaskModel
from mtl.places import ASSETS
from mtl.text.batches import Batch
from mtl.training.metrics import evaluate
from mtl.training.scores import headlines

PROBE = ASSETS / "probe.csv"


@functools.cache
def probe() -> tuple[Row, ...]:
    """The rows of the probe set, labelled for the default model's four tasks; no bundled model is trained on them."""
    return tuple(read_table(PROBE).rows)


def measure(
    before: MultiTaskModel, after: MultiTaskModel, trained: Sequence[str], rows: Sequence[Row] | None = None
) -> dict[str, Any]:
    """{"tasks": {task: {metric, before, after, trained}}, "cosine": mean cosine of embeddings before and after}.

    Tasks are those that both models have with the same labels and the rows have labels for. A task that merely shares
    its name with one of the rows', with other labels, is left out.
    """
    rows = probe() if rows is None else rows
    tasks = [name for name, spec in before.tasks.items() if after.tasks.get(name) == spec and _covers(spec, rows)]
    (old, old_vectors), (new, new_vectors) = _scored(before, rows, tasks), _scored(after, rows, tasks)
    kinds = {name: before.tasks[name].kind for name in tasks}
    now = headlines(new, kinds)
    result = {
        name: {
            "metric": KINDS[kinds[name]].headline.name,
            "before": score,
            "after": now[name],
            "trained": name in trained,
        }
        for name, score in headlines(old, kinds).items()
    }
    cosine = float(np.sum(old_vectors * new_vectors, axis=1).mean()) if before.dim == after.dim else None
    return {"tasks": result, "cosine": cosine}


def _covers(spec: TaskSpec, rows: Sequence[Row]) -> bool:
    """Whether a task has every label that the rows have for it."""
    return not any(KINDS[spec.kind].misfit(row.labels[spec.name], spec) for row in rows if spec.name in row.labels)


def _scored(model: MultiTaskModel, rows: Sequence[Row], tasks: Sequence[str]) -> tuple[dict[str, Any], np.ndarray]:
    """(scores, embeddings) of a model on rows, from one pass."""
    tokens = model.tokenise([row.texts for row in rows])
    vectors = np.empty((len(rows), model.dim), dtype=np.float32)

    def each_batch(handle: Callable) -> None:
        def both(indices: list[int], batch: Batch, encoded: Encoded) -> None:
            vectors[indices] = model.embeddings(encoded)[batch.first].cpu().numpy()
            handle(indices, batch, encoded)

        model.each_batch(tokens, both)

    return evaluate(model, rows, tasks, (tokens, each_batch)), vectors
