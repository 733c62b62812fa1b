"""The groups of a model's weights: their names, which of them learn in which epoch of a run, and at what rate.

Used by optimiser, estimate, model card, presets and page. Nothing heavy is imported with this module, as the page
imports it at its start.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Literal

from mtl.config import ModelConfig, TrainConfig, UserError, listed

if TYPE_CHECKING:
    from torch import nn

    from mtl.encoder.backbone import Backbone
    from mtl.model import MultiTaskModel

_HEAD, _PROJECTION = "head ", "projection"


@dataclass(frozen=True)
class Group:
    """Weights that learn together at one rate, under given settings.

    `name`: such as "embeddings", "layer 3", "head sentiment", "projection". `size`: the number of weights. `rate`: the
    learning rate while the group learns. `changes`: pairs (epoch, whether it learns from then on), the first for epoch
    1. `idle`: a head without labels. `parameters`: by their name in the model, if the groups are those of a model.
    """

    name: str
    size: int
    rate: float
    changes: Sequence[tuple[int, bool]]
    idle: bool = False
    parameters: Mapping[str, nn.Parameter] = field(default_factory=dict, repr=False, compare=False)

    @property
    def kind(self) -> Literal["layer", "head", "projection"]:
        return "head" if self.name.startswith(_HEAD) else "projection" if self.name == _PROJECTION else "layer"

    @property
    def label(self) -> str:
        """The name without the prefix of heads."""
        return self.name.removeprefix(_HEAD)

    @property
    def frozen(self) -> bool:
        """Whether it never learns."""
        return not any(learns for _, learns in self.changes)

    def learns(self, epoch: int) -> bool:
        """Whether it learns in an epoch (1, 2 ...)."""
        return next(learns for first, learns in reversed(self.changes) if first <= epoch)

    def next_epoch(self, epoch: int = 1) -> int:
        """The first epoch from `epoch` on in which it learns, 0 for none."""
        if self.learns(epoch):
            return epoch
        return next((first for first, learns in self.changes if learns and first > epoch), 0)

    def frozen_spans(self, epochs: int) -> list[tuple[int, int]]:
        """(first, last) of every span of epochs, out of so many, in which it does not learn."""
        ends = [*(first - 1 for first, _ in self.changes[1:]), epochs]
        spans = zip(self.changes, ends, strict=True)
        return [(first, min(last, epochs)) for (first, learns), last in spans if not learns and first <= epochs]


@dataclass(frozen=True)
class Groups:
    """The groups of a model under `config`: the backbone's layer groups, lowest first, the heads, the projection.

    `sizes`: the number of weights of each, in that order. `learns`: the tasks with labels (None: all). `new`: the tasks
    whose heads start from random weights. Raises `UserError` if `config` names a group or head that does not exist, or
    freezes more groups than there are.
    """

    sizes: Mapping[str, int]
    config: TrainConfig = TrainConfig()
    learns: Collection[str] | None = None
    parameters: Mapping[str, Mapping[str, nn.Parameter]] = field(default_factory=dict, repr=False, compare=False)
    new: Collection[str] = ()

    @classmethod
    def of(cls, backbone: Backbone, config: ModelConfig) -> Groups:
        """The groups of a model on this backbone."""
        import torch

        from mtl.model import MultiTaskModel

        with torch.device("meta"):  # the heads take no memory and no random numbers
            model = MultiTaskModel(backbone, config)
        return cls(cls.of_model(model, TrainConfig()).sizes)

    @classmethod
    def of_model(cls, model: MultiTaskModel, config: TrainConfig) -> Groups:
        """The groups of a model, with its parameters, each in exactly one group, except those fitted after training."""
        layers, heads = model.backbone.groups, {model.head_path(name): _HEAD + name for name in model.tasks}
        projection = [_PROJECTION] if model.projection is not None else []
        members: dict[str, dict[str, nn.Parameter]] = {name: {} for name in (*layers, *heads.values(), *projection)}
        fitted = model.fitted
        for name, parameter in model.named_parameters():
            if name in fitted:
                continue
            if name.startswith("backbone."):
                group = layers[model.backbone.group_of(name.removeprefix("backbone."))]
            else:
                group = next((group for path, group in heads.items() if name.startswith(path)), _PROJECTION)
            members[group][name] = parameter
        sizes = {name: sum(p.numel() for p in parameters.values()) for name, parameters in members.items()}
        return cls(sizes, config, None, members)

    def __post_init__(self) -> None:
        config, layers = self.config, self._layer_names
        deepest = max(config.freeze, *(k for _, k in config.unfreeze), 0)
        if deepest > len(layers):
            raise UserError(
                f"{deepest} groups cannot be frozen: this backbone has {len(layers)} layer groups "
                f"(embeddings and {len(layers) - 1} layers)."
            )
        for name in config.rates:
            if name not in self.sizes:
                raise UserError(f"No group is called {name!r}. The groups are {listed(self.sizes)}.")
        for name in (*config.freeze_heads, *config.task_weights):
            if name not in self.tasks:
                raise UserError(f"No head is called {name!r}; the heads are {listed(self.tasks)}.")

    def under(self, config: TrainConfig, learns: Collection[str] | None = None) -> Groups:
        """The same groups under other settings."""
        return replace(self, config=config, learns=self.learns if learns is None else learns)

    def fitted(self, config: TrainConfig) -> TrainConfig:
        """The settings, limited to groups and heads that exist."""
        layers = len(self._layer_names)
        return replace(
            config,
            freeze=min(config.freeze, layers),
            unfreeze=tuple((epoch, min(k, layers)) for epoch, k in config.unfreeze),
            freeze_heads=tuple(name for name in config.freeze_heads if name in self.tasks),
            rates={name: rate for name, rate in config.rates.items() if name in self.sizes},
            task_weights={name: weight for name, weight in config.task_weights.items() if name in self.tasks},
        )

    # --- groups ---

    def __iter__(self) -> Iterator[Group]:
        return iter((*self.layers, *self.tops))

    @cached_property
    def layers(self) -> list[Group]:
        """The layer groups, lowest first."""
        epochs = (1, *(epoch for epoch, _ in self.config.unfreeze))
        return [
            self._group(name, [(epoch, self.frozen_layers(epoch) <= place) for epoch in epochs])
            for place, name in enumerate(self._layer_names)
        ]

    @cached_property
    def tops(self) -> list[Group]:
        """The heads that have weights, and the projection if there is one."""
        frozen = {*self._idle, *(_HEAD + name for name in self.config.freeze_heads)}
        frozen |= {_PROJECTION} if self.config.freeze_projection else set()
        tops = [name for name, size in self.sizes.items() if size and name not in self._layer_names]
        return [self._group(name, [(1, name not in frozen)]) for name in tops]

    @cached_property
    def tasks(self) -> list[str]:
        """All tasks, including those whose heads have no weights."""
        return [name.removeprefix(_HEAD) for name in self.sizes if name.startswith(_HEAD)]

    @cached_property
    def taught(self) -> list[str]:
        """The tasks whose heads have weights, and labels to learn them from."""
        return [top.label for top in self.tops if top.kind == "head" and not top.idle]

    @cached_property
    def _layer_names(self) -> list[str]:
        return [name for name in self.sizes if not name.startswith(_HEAD) and name != _PROJECTION]

    @cached_property
    def _idle(self) -> set[str]:
        return set() if self.learns is None else {_HEAD + name for name in self.tasks if name not in self.learns}

    def _group(self, name: str, changes: list[tuple[int, bool]]) -> Group:
        by_rule = math.prod(getattr(self.config, field) ** power for field, power in self.rate_powers(name).items())
        rate = self.config.rates.get(name, by_rule)
        # Pairs that repeat the one before are dropped.
        changes = [next(same) for _, same in groupby(changes if rate else [(1, False)], key=itemgetter(1))]
        return Group(name, self.sizes[name], rate, changes, name in self._idle, self.parameters.get(name, {}))

    # --- under the settings ---

    def rate_powers(self, name: str) -> dict[str, int]:
        """{setting: power}: the factors of a group's rate, unless `rates` sets it.

        Rates by depth: `lr` for the top layer, times `lr_decay` for each layer below (Howard & Ruder 2018).
        """
        if name not in self._layer_names:
            return {"head_lr": 1}
        return {"lr": 1, "lr_decay": len(self._layer_names) - 1 - self._layer_names.index(name)}

    def frozen_layers(self, epoch: int = 1) -> int:
        """How many of the lowest layer groups `freeze` and `unfreeze` freeze in an epoch."""
        layers = len(self._layer_names)
        lowest = layers if self.config.freeze < 0 else self.config.freeze
        return next((k for first, k in reversed(self.config.unfreeze) if first <= epoch), lowest)

    def depth(self, epoch: int) -> int:
        """How many of the lowest layer groups need no gradient in an epoch, for any reason."""
        return next((place for place, group in enumerate(self.layers) if group.learns(epoch)), len(self.layers))

    def first_epochs(self, unfreeze: Sequence[tuple[int, int]]) -> list[list[int]]:
        """For `freeze` 0 to all: the first epoch in which each layer group learns (0: none) with this `unfreeze`.

        Assumes rates above 0. The page gets it as JSON, so that the rules are not implemented twice.
        """
        settings = (TrainConfig(freeze=k, unfreeze=tuple(unfreeze)) for k in range(len(self._layer_names) + 1))
        return [[group.next_epoch() for group in self.under(config).layers] for config in settings]
