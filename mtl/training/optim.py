"""What training does with groups of weights: unfreeze, optimise, average, keep the best, measure movement."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from mtl.config import TrainConfig, UserError
from mtl.encoder.backbone import replace_parameter
from mtl.groups import Groups
from mtl.model import MultiTaskModel
from mtl.training.adam import AdamW


def unfreeze(model: MultiTaskModel, config: TrainConfig) -> Groups:
    """Give the model its own weights, with gradients, in every group that learns; return all groups.

    Frozen weights stay shared with other models. Raises `UserError` if nothing would learn, or if `config` names a
    group that the model does not have.
    """
    for group in Groups.of_model(model, config):
        for name, parameter in group.parameters.items():
            if group.frozen:
                parameter.requires_grad_(False)
            else:
                replace_parameter(model, name, parameter.detach().clone(), trainable=True)
    groups = Groups.of_model(model, config)
    if all(group.frozen for group in groups):
        raise UserError("Every layer group and every head is frozen, or has the rate 0: nothing would learn.")
    return groups


def optimizer(groups: Groups, weight_decay: float) -> AdamW:
    """AdamW over all groups, without decay of biases and norms."""
    parts = []
    for group in groups:
        for decays in (True, False):
            parameters = [p for p in group.parameters.values() if (p.ndim > 1) == decays]
            if parameters:
                decay = weight_decay if decays else 0.0
                parts.append({"params": parameters, "lr": group.rate, "weight_decay": decay, "name": group.name})
    return AdamW(parts)


def set_frozen(groups: Groups, epoch: int) -> None:
    """Of the groups that ever learn, enable the gradients of those that learn in this epoch, and no others."""
    for group in groups:
        if not group.frozen:
            for parameter in group.parameters.values():
                parameter.requires_grad_(group.learns(epoch))
                if not group.learns(epoch):
                    parameter.grad = None


class _Kept:
    """Other values of the parameters that learn, `weights`; none at first."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = parameters
        self.weights: list[torch.Tensor] = []

    @torch.no_grad()
    def apply(self) -> None:
        """Give the parameters these values, if there are any."""
        for weight, parameter in zip(self.weights, self._parameters, strict=bool(self.weights)):
            parameter.copy_(weight)


class Average(_Kept):
    """The mean of the weights over the last steps (stochastic weight averaging, Izmailov et al. 2018)."""

    count = 0

    @torch.no_grad()
    def add(self) -> None:
        if not self.weights:
            self.weights = [torch.zeros_like(p, requires_grad=False) for p in self._parameters]
        self.count += 1
        for mean, parameter in zip(self.weights, self._parameters, strict=True):
            mean.lerp_(parameter.detach(), 1 / self.count)


class Best(_Kept):
    """The weights of the best epoch so far, its number and its score."""

    epoch: int | None = None
    score = 0.0

    def keep(self, epoch: int, score: float, copy: bool) -> None:
        """Record an epoch, and with `copy` its weights."""
        self.epoch, self.score = epoch, score
        self.weights = [p.detach().clone() for p in self._parameters] if copy else []


class Movement:
    """How far each group's weights have moved, relative to their size at the start."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._start = {g.name: [p.detach().clone() for p in g.parameters.values()] for g in groups if not g.frozen}

    @torch.no_grad()
    def __call__(self) -> dict[str, float]:
        """|w - w0| / |w0| per group; exactly 0 for a frozen one."""
        result = {}
        for group in self._groups:
            start = self._start.get(group.name, ())
            change = math.hypot(*(_distance(a, b) for a, b in zip(group.parameters.values(), start, strict=False)))
            size = math.hypot(*(float(torch.linalg.vector_norm(tensor)) for tensor in start))
            result[group.name] = change / size if size else 0.0
        return result

    @torch.no_grad()
    def take_back(self, share: float) -> None:
        """Mix `share` of the starting weights into the layer groups (WiSE-FT, Wortsman et al. 2022).

        This restores earlier abilities of the backbone at little cost to what it has learned.
        """
        for group in self._groups:
            if group.kind == "layer" and not group.frozen:
                for now, start in zip(group.parameters.values(), self._start[group.name], strict=True):
                    now.lerp_(start, share)


def _distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """|a - b|, in blocks of rows: allocating all differences at once takes longer than computing them."""
    parts = zip(torch.atleast_1d(a).split(2048), torch.atleast_1d(b).split(2048), strict=True)
    return math.hypot(*(float(torch.dist(x, y)) for x, y in parts))


class RowGradients:
    """Makes the sparse gradients of embedding tables, which hold the rows that a batch used, dense.

    Each dense table is allocated once: allocating it at every step takes almost half as long as the matrix products.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = parameters
        self._tables: dict[nn.Parameter, torch.Tensor] = {}

    @torch.no_grad()
    def spread(self) -> None:
        """Replace every sparse gradient by a dense one."""
        for parameter in self._parameters:
            if parameter.grad is None or not parameter.grad.is_sparse:
                continue
            [rows], values = parameter.grad._indices(), parameter.grad._values()
            if parameter not in self._tables:
                self._tables[parameter] = torch.empty_like(parameter)
            # All of it is cleared, as averaging over processes leaves other rows in it.
            parameter.grad = self._tables[parameter].zero_().index_add_(0, rows, values)
