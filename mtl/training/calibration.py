"""What is fitted to held-out rows once training is over, such as a classification head's temperature."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from mtl.data.rows import Row
from mtl.model import MultiTaskModel, reads_words
from mtl.pooling import Encoded
from mtl.text.batches import Batch

# Fewer rows say too little: what is fitted to them would follow chance.
_FEWEST_ROWS = 50


@torch.no_grad()
def calibrate(model: MultiTaskModel, rows: Sequence[Row], tasks: Sequence[str]) -> dict[str, float]:
    """Give the heads of `tasks` the fitted values that suit `rows` best; returns by what each temperature changed.

    A task that fewer than 50 rows are labelled for is left as it is.
    """
    temperatures = {}
    for task in tasks:
        head, own = model.head(task), [row for row in rows if task in row.labels]
        if not head.fitted or len(own) < _FEWEST_ROWS:
            continue
        for name, value in head.fit_values(*_answers(model, task, own)).items():
            former = getattr(head, name)
            if name == "temperature":
                temperatures[task] = float(value / former)
            # Not in place: the former one may be shared with the model that this one grew out of.
            setattr(head, name, nn.Parameter(value.to(former), requires_grad=False))
    return temperatures


def _answers(model: MultiTaskModel, task: str, rows: Sequence[Row]) -> tuple[torch.Tensor, list]:
    """(logits in float32, one target for each row)"""
    head, tokens = model.head(task), model.tokenise([row.texts for row in rows], reads_words([model.tasks[task]]))
    parts, targets = [], []

    def keep(indices: list[int], batch: Batch, encoded: Encoded) -> None:
        parts.append(model.logits(encoded, batch, task).float().cpu())
        targets.extend(head.target(rows[i].labels[task], tokens[i].words) for i in indices)

    model.each_batch(tokens, keep)
    return torch.cat(parts), targets
