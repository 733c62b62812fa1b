"""Fits parameters to held-out rows after training: a classification's temperature, the thresholds of labels."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import nn

from mtl.data.rows import Row
from mtl.model import MultiTaskModel, reads_words
from mtl.pooling import Encoded
from mtl.text.batches import Batch, Tokens


@torch.no_grad()
def calibrate(
    model: MultiTaskModel,
    rows: Sequence[Row],
    tasks: Sequence[str],
    cached: tuple[list[Tokens], Callable] | None = None,
) -> dict[str, float]:
    """Fit the `fitted` parameters of the heads of `tasks` to `rows`; returns by which factor each temperature changed.

    Tasks with too few labelled rows for that are left as they are. `cached`: as for
    `mtl.training.metrics.evaluate`.
    """
    factors = {}
    for task in tasks:
        head = model.head(task)
        if not head.fitted or sum(task in row.labels for row in rows) < head.fewest_to_fit:
            continue
        for name, value in head.fit_values(*_answers(model, task, rows, cached)).items():
            before = getattr(head, name)
            if name == "temperature":
                factors[task] = float(value / before)
            # Not in place: the tensor may be shared with the model that this one was derived from.
            setattr(head, name, nn.Parameter(value.to(before), requires_grad=False))
    return factors


def _answers(
    model: MultiTaskModel, task: str, rows: Sequence[Row], cached: tuple[list[Tokens], Callable] | None
) -> tuple[torch.Tensor, list]:
    """(logits in float32, one target for each row) of the rows that have a label"""
    head = model.head(task)
    if cached is not None:
        tokens, each_batch = cached
    else:
        rows = [row for row in rows if task in row.labels]
        tokens = model.tokenise([row.texts for row in rows], reads_words([model.tasks[task]]))
        each_batch = functools.partial(model.each_batch, tokens)
    parts, targets = [], []

    def keep(indices: list[int], batch: Batch, encoded: Encoded) -> None:
        places = [place for place, i in enumerate(indices) if task in rows[i].labels]
        if places:
            logits = head.of_rows(model.logits(encoded, batch, task), batch, places)
            parts.append(logits.float().cpu())
            chosen = [indices[place] for place in places]
            targets.extend(head.target(rows[i].labels[task], tokens[i].words) for i in chosen)

    each_batch(keep)
    return torch.cat(parts), targets
