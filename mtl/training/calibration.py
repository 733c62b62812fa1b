"""Probabilities that mean something: one temperature per head, fitted after training (Guo et al. 2017).

It is worked into the weights of the head's last layer, so that nothing else has to know of it. Which label is the
likeliest does not change.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from mtl.data.rows import Row
from mtl.model import Encoded, MultiTaskModel
from mtl.text.batches import Batch

# Fewer rows say too little: a temperature fitted to them would follow chance.
_FEWEST_ROWS = 50


def calibrate(model: MultiTaskModel, rows: Sequence[Row], tasks: Sequence[str]) -> dict[str, float]:
    """Divide the logits of each classification head by the temperature that suits `rows` best; returns these.

    A task that fewer than 50 rows are labelled for is left as it is.
    """
    kinds = {name: model.head(name).spec.kind for name in tasks}
    labelled = {
        name: [row for row in rows if name in row.labels] for name, kind in kinds.items() if kind == "classification"
    }
    temperatures = {}
    for name, own in labelled.items():
        if len(own) < _FEWEST_ROWS:
            continue
        head = model.head(name)
        logits = _logits(model, name, [row.text for row in own])
        temperatures[name] = temperature(logits, torch.tensor([head.target(row.labels[name]) for row in own]))
        with torch.no_grad():
            for parameter in head.network[-1].parameters():
                parameter.div_(temperatures[name])
    return temperatures


def _logits(model: MultiTaskModel, task: str, texts: Sequence[str]) -> torch.Tensor:
    """(texts, labels) in float32."""
    result = torch.zeros(len(texts), model.head(task).spec.outputs)

    def keep(indices: list[int], batch: Batch, encoded: Encoded) -> None:
        result[indices] = model.logits(encoded, batch, task).float().cpu()

    model.each_batch(model.tokenise(texts, words=False), keep)
    return result


def temperature(logits: torch.Tensor, targets: torch.Tensor) -> float:
    """The temperature, from 0.05 to 20, at which logits (n, labels) lose least on label indices (n,)."""
    # The loss has one minimum in the inverse temperature, so that halving the interval finds it.
    low, high = 1 / 20, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        inverse = torch.tensor(middle, requires_grad=True)
        (slope,) = torch.autograd.grad(F.cross_entropy(logits * inverse, targets), inverse)
        low, high = (low, middle) if slope > 0 else (middle, high)
    return 1 / low
