"""Which weights learn, and how fast: freezing, readable parameter groups with a rate each, the schedule, averaging."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from mtl.config import TrainConfig, UserError
from mtl.encoder.backbone import Backbone, replace_parameter
from mtl.model import MultiTaskModel
from mtl.training.adam import AdamW


@dataclass(frozen=True)
class Group:
    """Parameters that learn at one rate, under a name that a person can read ("layer 3", "head sentiment")."""

    name: str
    rate: float
    frozen: bool
    parameters: Mapping[str, nn.Parameter]

    @property
    def size(self) -> int:
        return sum(p.numel() for p in self.parameters.values())


def group_names(model: MultiTaskModel) -> list[str]:
    """Every group of a model: layer groups lowest first, heads, and the projection where there is one."""
    heads = [f"head {name}" for name in model.tasks]
    return [*model.backbone.groups, *heads, *(["projection"] if model.projection is not None else [])]


def rates(model: MultiTaskModel, config: TrainConfig) -> dict[str, float]:
    """The rate of each group (see `TrainConfig.group_rates`)."""
    layers = model.backbone.groups
    result = config.group_rates(layers, group_names(model)[len(layers) :])
    unknown = [name for name in config.rates if name not in result]
    if unknown:
        raise UserError(f"No group is called {unknown[0]!r}. The groups are: {', '.join(result)}.")
    return result


def frozen(model: MultiTaskModel, config: TrainConfig) -> set[str]:
    """The names of the groups that never learn."""
    layers = model.backbone.groups
    for lowest in (config.freeze, *(k for _, k in config.unfreeze)):
        if lowest > len(layers):
            raise UserError(
                f"{lowest} groups cannot be frozen: {model.backbone.name} has {len(layers)} layer groups "
                f"(embeddings and {len(layers) - 1} layers)."
            )
    unknown = [name for name in (*config.freeze_heads, *config.task_weights) if name not in model.tasks]
    if unknown:
        raise UserError(f"No head is called {unknown[0]!r}; the heads are {', '.join(model.tasks)}.")
    always = min(config.frozen_groups(len(layers), epoch) for epoch in (1, *(e for e, _ in config.unfreeze)))
    return {*layers[:always], *(f"head {name}" for name in config.freeze_heads)}


def parameter_groups(model: MultiTaskModel, config: TrainConfig) -> list[Group]:
    """All parameters of the model, each in exactly one group, frozen ones included."""
    rate, still = rates(model, config), frozen(model, config)
    members: dict[str, dict[str, nn.Parameter]] = {name: {} for name in group_names(model)}
    for name, parameter in model.named_parameters():
        members[_group_of(model, name)][name] = parameter
    assert sum(len(m) for m in members.values()) == len(list(model.parameters()))
    return [Group(name, rate[name], name in still or rate[name] == 0, members[name]) for name in members]


def _group_of(model: MultiTaskModel, parameter: str) -> str:
    if parameter.startswith("backbone."):
        return model.backbone.groups[model.backbone.group_of(parameter.removeprefix("backbone."))]
    if parameter.startswith("projection."):
        return "projection"
    return next(f"head {name}" for name in model.tasks if parameter.startswith(model.head_path(name)))


def unfreeze(model: MultiTaskModel, config: TrainConfig) -> list[Group]:
    """Give the model weights of its own, with gradients, in every group that learns; return all groups.

    Frozen weights stay those that other models share. Raises UserError where nothing would learn.
    """
    for group in parameter_groups(model, config):
        for name, parameter in group.parameters.items():
            if group.frozen:
                parameter.requires_grad_(False)
            else:
                replace_parameter(model, name, parameter.detach().clone(), trainable=True)
    groups = parameter_groups(model, config)
    if all(group.frozen for group in groups):
        raise UserError("Every layer group and every head is frozen, or has the rate 0: nothing would learn.")
    return groups


def optimizer(groups: list[Group], weight_decay: float) -> AdamW:
    """AdamW over all groups; biases and norms are not decayed."""
    parts = []
    for group in groups:
        for decays in (True, False):
            parameters = [p for p in group.parameters.values() if (p.ndim > 1) == decays]
            if parameters:
                decay = weight_decay if decays else 0.0
                parts.append({"params": parameters, "lr": group.rate, "weight_decay": decay, "name": group.name})
    return AdamW(parts)


def frozen_depth(backbone: Backbone, groups: list[Group], config: TrainConfig, epoch: int) -> int:
    """How many of the lowest layer groups need no gradient in an epoch; all of them, if none learns."""
    never = {g.name for g in groups if g.frozen}
    lowest = config.frozen_groups(len(backbone.groups), epoch)
    return next(
        (i for i, name in enumerate(backbone.groups) if i >= lowest and name not in never), len(backbone.groups)
    )


def set_frozen(backbone: Backbone, groups: list[Group], depth: int) -> None:
    """Switch the gradients of the layer groups: off for the lowest `depth`, on for those above that may learn."""
    still = set(backbone.groups[:depth])
    for group in groups:
        if group.name in backbone.groups and not group.frozen:
            for parameter in group.parameters.values():
                parameter.requires_grad_(group.name not in still)
                if group.name in still:
                    parameter.grad = None


class Average:
    """The mean of the weights over the last steps (stochastic weight averaging, Izmailov et al. 2018)."""

    def __init__(self, groups: list[Group]) -> None:
        self._parameters = [p for g in groups if not g.frozen for p in g.parameters.values()]
        self.means: list[torch.Tensor] = []
        self.count = 0

    @torch.no_grad()
    def add(self) -> None:
        if not self.means:
            self.means = [torch.zeros_like(p, requires_grad=False) for p in self._parameters]
        self.count += 1
        for mean, parameter in zip(self.means, self._parameters, strict=True):
            mean.lerp_(parameter.detach(), 1 / self.count)

    @torch.no_grad()
    def apply(self) -> None:
        """Put the means in place of the weights, if there are any."""
        for mean, parameter in zip(self.means, self._parameters, strict=bool(self.means)):
            parameter.copy_(mean)


class Best:
    """The weights of the best epoch so far, its number and its score."""

    def __init__(self, groups: list[Group]) -> None:
        self._parameters = [p for g in groups if not g.frozen for p in g.parameters.values()]
        self.epoch: int | None = None
        self.score = 0.0
        self.weights: list[torch.Tensor] = []

    def keep(self, epoch: int, score: float, copy: bool) -> None:
        """Remember an epoch, and with `copy` the weights as they are now."""
        self.restore(epoch, score, [p.detach().clone() for p in self._parameters] if copy else [])

    def restore(self, epoch: int | None, score: float, weights: list[torch.Tensor]) -> None:
        self.epoch, self.score, self.weights = epoch, score, weights

    @torch.no_grad()
    def apply(self) -> None:
        """Put the best epoch's weights in place, if any are kept."""
        for weight, parameter in zip(self.weights, self._parameters, strict=bool(self.weights)):
            parameter.copy_(weight)


class Movement:
    """How far each group's weights are from where they started, relative to their size there."""

    def __init__(self, groups: list[Group]) -> None:
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
    def take_back(self, share: float, names: Collection[str]) -> None:
        """Mix `share` of the starting weights into the named groups (WiSE-FT, Wortsman et al. 2022).

        What a backbone could do before training comes back sooner than what it learnt is lost.
        """
        for group in self._groups:
            if group.name in names and not group.frozen:
                for now, start in zip(group.parameters.values(), self._start[group.name], strict=True):
                    now.lerp_(start, share)


def _distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """|a - b|, some rows at a time: memory for all differences at once costs more time than they do."""
    return math.hypot(*(float(torch.dist(x, y)) for x, y in zip(a.split(2048), b.split(2048), strict=True)))


class RowGradients:
    """Gradients of embedding tables, which come as the rows that a batch has used, as whole tables.

    A table is made once and used again: new memory for it at every step takes almost half as long as the products.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = parameters
        self._tables: dict[nn.Parameter, torch.Tensor] = {}

    @torch.no_grad()
    def spread(self) -> None:
        """Put a table in place of every gradient that came as rows."""
        for parameter in self._parameters:
            if parameter.grad is None or not parameter.grad.is_sparse:
                continue
            [rows], values = parameter.grad._indices(), parameter.grad._values()
            if parameter not in self._tables:
                self._tables[parameter] = torch.empty_like(parameter)
            # All of it: of several processes, the others have left their rows in it.
            parameter.grad = self._tables[parameter].zero_().index_add_(0, rows, values)
