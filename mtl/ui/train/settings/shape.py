"""What there is to set: the parts of the model that will be trained, and settings made to fit them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mtl.config import TaskSpec, TrainConfig
from mtl.training.estimate import head_size, layer_sizes
from mtl.ui.train.settings import words
from mtl.ui.widgets.stack import PROJECTION, Block, blocks_of, group_of

if TYPE_CHECKING:
    from mtl.encoder.backbone import Backbone


@dataclass(frozen=True)
class Shape:
    """The parts of a model: how many weights each layer group (lowest first) and each head has.

    A projection counts among the heads. `learns` names the tasks that the data has labels for (None: no data yet);
    `weights` says how much each task's loss counts unless the settings say otherwise.
    """

    layers: Mapping[str, int]
    heads: Mapping[str, int]
    weights: Mapping[str, float]
    learns: tuple[str, ...] | None = None

    @property
    def tasks(self) -> list[str]:
        return list(self.weights)

    def blocks(self, config: TrainConfig) -> tuple[list[Block], list[Block]]:
        """Layers (lowest first) and heads, as the settings treat them."""
        return blocks_of(self.layers, config, self.heads, self.learns)


def shape_of(
    backbone: Backbone, tasks: Mapping[str, TaskSpec], projection: int = 0, learns: tuple[str, ...] | None = None
) -> Shape:
    """The shape of a model with this backbone and these tasks. `projection`: the width of one, 0 for none."""
    heads = {name: head_size(spec, backbone.dim) for name, spec in tasks.items()}
    if projection:
        heads[PROJECTION] = projection * backbone.dim
    return Shape(layer_sizes(backbone), heads, {name: spec.loss_weight for name, spec in tasks.items()}, learns)


def fit(config: TrainConfig, shape: Shape) -> tuple[TrainConfig, list[str]]:
    """The settings without what names parts that this model has not, and what to say about it."""
    notes, there = [], len(shape.layers)
    changes: dict[str, Any] = {}
    groups = {*shape.layers, *(group_of(name) for name in shape.heads)}
    unknown = [name for name in config.rates if name not in groups]
    unknown += [name for name in (*config.freeze_heads, *config.task_weights) if name not in shape.weights]
    if unknown:
        notes.append(words.dropped(list(dict.fromkeys(unknown))))
        changes["rates"] = {name: rate for name, rate in config.rates.items() if name in groups}
        changes["freeze_heads"] = tuple(name for name in config.freeze_heads if name in shape.weights)
        changes["task_weights"] = {n: value for n, value in config.task_weights.items() if n in shape.weights}
    asked = max(config.freeze, *(k for _, k in config.unfreeze)) if config.unfreeze else config.freeze
    if asked > there:
        notes.append(words.lowered(asked, there))
        changes["freeze"] = min(config.freeze, there)
        changes["unfreeze"] = tuple((epoch, min(k, there)) for epoch, k in config.unfreeze)
    return (replace(config, **changes) if changes else config), notes
