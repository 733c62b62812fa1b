"""Averages the weights of several models (model soups, Wortsman et al. 2022, arXiv 2203.05482).

The mean of models that were fine-tuned from the same one is often better than each of them, and as quick as one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from mtl import checkpoint
from mtl.config import UserError
from mtl.encoder.backbone import replace_parameter
from mtl.model import MultiTaskModel


@torch.no_grad()
def mix(models: Sequence[MultiTaskModel], shares: Sequence[float] | None = None) -> MultiTaskModel:
    """A new float32 model whose weights are the mean of those of `models`, which do not change.

    `shares`: the weight of each model, in any unit; by default all are equal. Raises `UserError` for models with
    different bases or heads.
    """
    shares = [1.0] * len(models) if shares is None else list(shares)
    if len(models) < 2:
        raise UserError("Mixing needs two models or more.")
    if len(shares) != len(models) or not all(0 <= share <= 1e6 for share in shares) or not sum(shares):
        raise UserError(f"{len(models)} models need as many shares from 0 to a million, not all 0; given are {shares}.")
    first = models[0]
    for number, other in enumerate(models[1:], 2):
        if other.origin != first.origin:
            raise UserError(f"Model 1 grew out of {first.origin.name}, model {number} out of {other.origin.name}.")
        if other.config != first.config:
            raise UserError(f"Model {number} does not have the heads and pooling of model 1.")
    mixed = checkpoint.derive(first, first.config)
    weights = [dict(model.named_parameters()) for model in models]
    for name, parameter in list(mixed.named_parameters()):
        values = [named[name] for named in weights]
        # Tensors that are equal in all models stay shared with the base; heads are the new model's own.
        if name.startswith("heads.") or not all(torch.equal(value, parameter) for value in values):
            parts = (share / sum(shares) * value.float() for share, value in zip(shares, values, strict=True))
            replace_parameter(mixed, name, torch.stack([*parts]).sum(0))
    return mixed.eval()
