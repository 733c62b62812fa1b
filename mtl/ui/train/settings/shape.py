"""What there is to set: the parts of the model that will be trained, and settings made to fit them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mtl.config import ModelConfig, TaskSpec, TrainConfig
from mtl.groups import Groups

if TYPE_CHECKING:
    from mtl.encoder.backbone import Backbone


@dataclass(frozen=True)
class Shape:
    """The parts of a model: its groups of weights, and how much each task's loss counts unless the settings say
    otherwise."""

    groups: Groups
    weights: Mapping[str, float]

    def under(self, config: TrainConfig) -> Groups:
        """The groups as the settings treat them; what names a part that is not there is passed over."""
        return self.groups.under(self.groups.fitted(config))


def shape_of(
    backbone: Backbone, model: ModelConfig, learns: tuple[str, ...] | None = None, known: Collection[TaskSpec] = ()
) -> Shape:
    """The shape of a model on this backbone. `learns`: the tasks that the data has labels for (None: no data yet).
    `known`: the tasks whose heads training begins with; all others are new."""
    new = tuple(task.name for task in model.tasks if task not in known)
    groups = replace(Groups.of(backbone, model), learns=learns, new=new)
    return Shape(groups, {task.name: task.loss_weight for task in model.tasks})


def fit(config: TrainConfig, shape: Shape) -> tuple[TrainConfig, list[str]]:
    """The settings without what names parts that this model has not, and what to say about it."""
    fitted, notes = shape.groups.fitted(config), []
    named, known = ((*c.rates, *c.freeze_heads, *c.task_weights) for c in (config, fitted))
    if dropped := [name for name in dict.fromkeys(named) if name not in known]:
        notes.append(f"Left out, because this model has no such part: {', '.join(dropped)}.")
    asked, there = (max(c.freeze, *(k for _, k in c.unfreeze), 0) for c in (config, fitted))
    if asked > there:
        notes.append(f"{asked} layer groups cannot be frozen: this backbone has {there}. All of them are.")
    return fitted, notes
