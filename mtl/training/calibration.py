"""Fits parameters to held-out rows after training: a classification's temperature, the thresholds of labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from mtl.data.rows import Row
from mtl.model import MultiTaskModel, reads_words
from mtl.pooling import Encoded
from mtl.text.batches import Batch


@torch.no_grad()
def calibrate(model: MultiTaskModel, rows: Sequence[Row], tasks: Sequence[str]) -> dict[str, float]:
    """Fit the `fitted` parameters of the heads of `tasks` to `rows`; returns by which factor each temperature changed.

    Tasks with too few labelled rows for that are left as they are.
    """
    factors = {}
    for task in tasks:
        head, labelled = model.head(task), [row for row in rows if task in row.labels]
        if not head.fitted or len(labelled) < head.fewest_to_fit:
            continue
        for name, value in head.fit_values(*_answers(model, task, labelled)).items():
            before = getattr(head, name)
            if name == "temperature":
                factors[task] = float(value / before)
            # Not in place: the tensor may be shared with the model that this one was derived from.
            setattr(head, name, nn.Parameter(value.to(before), requires_grad=False))
    return factors


def _answers(model: MultiTaskModel, task: str, rows: Sequence[Row]) -> tuple[torch.Tensor, list]:
    """(logits in float32, one target for each row)"""
    head, tokens = model.head(task), model.tokenise([row.texts for row in rows], reads_words([model.tasks[task]]))
    parts, targets = [], []

    def keep(indices: list[int], batch: Batch, encoded: Encoded) -> None:
        parts.append(model.logits(encoded, batch, task).float().cpu())
        targets.extend(head.target(rows[i].labels[task], tokens[i].words) for i in indices)

    model.each_batch(tokens, keep)
    return torch.cat(parts), targets
