"""Presets of what learns and how fast: common ways of freezing, and rates from the source notebooks and the literature.

Free of heavy imports, as the page imports this module at its start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from mtl.config import TrainConfig, listed
from mtl.groups import Groups

Make = Callable[[Groups, TrainConfig], TrainConfig]


@dataclass(frozen=True)
class Preset:
    """`make(groups, base)` gives the settings for a model with these groups: it sets what is frozen and all rates, and
    leaves the other settings of `base` as they are. `sentence` says when to use it, `misfit(groups)` why it would be
    without effect or without sense for these groups ("": it fits)."""

    name: str
    title: str
    sentence: str
    make: Make
    misfit: Callable[[Groups], str] = lambda groups: ""

    def about(self, groups: Groups) -> str:
        """`sentence`, with the name of a head that it freezes although the data has labels for it."""
        made = groups.under(self.make(groups, _PLAIN))
        kept = [top.label for top in made.tops if top.frozen and not top.idle]
        names_one = kept and any(not group.frozen for group in made)
        return f"{self.sentence} Here it is the head {listed(kept)}." if names_one else self.sentence


_PLAIN = TrainConfig()


def _with(base: TrainConfig, **settings: Any) -> TrainConfig:
    """`base` with nothing frozen and the usual rates, but for `settings`."""
    plain = {name: getattr(_PLAIN, name) for name in ("lr", "lr_decay", "head_lr")}
    nothing = {"freeze": 0, "freeze_heads": (), "freeze_projection": False, "unfreeze": (), "rates": {}}
    return replace(base, **{**nothing, **plain, **settings})


def _rates(lr: float, head_lr: float, lr_decay: float = 1.0) -> Make:
    return lambda groups, base: _with(base, lr=lr, head_lr=head_lr, lr_decay=lr_decay)


def _all_frozen(groups: Groups, base: TrainConfig) -> TrainConfig:
    projected = any(group.kind == "projection" for group in groups)
    return _with(base, freeze=-1, freeze_heads=tuple(groups.tasks), freeze_projection=projected)


def _one_head_frozen(groups: Groups, base: TrainConfig) -> TrainConfig:
    known = [name for name in groups.taught if name not in groups.new]
    return _with(base, freeze_heads=tuple(known[:1]))


def _no_head(groups: Groups) -> str:
    return "" if groups.taught else "no head has anything to learn from this data."


def _all_new(groups: Groups) -> str:
    if not groups.taught or not set(groups.taught) <= set(groups.new):
        return ""
    return f"every head that this data trains is new ({listed(groups.taught, most=3)}) and knows nothing yet."


def _gradual(groups: Groups, base: TrainConfig) -> TrainConfig:
    """The heads alone in the first epoch, all layers in the last, in even steps between."""
    layers, epochs = len(groups.layers), max(base.epochs, 3)
    unfreeze: list[tuple[int, int]] = []
    for epoch in range(2, epochs + 1):
        lowest = round(layers * (epochs - epoch) / (epochs - 1))
        if lowest < (unfreeze[-1][1] if unfreeze else layers):
            unfreeze.append((epoch, lowest))
    return _with(base, epochs=epochs, freeze=-1, unfreeze=tuple(unfreeze))


def _rising(groups: Groups, base: TrainConfig) -> TrainConfig:
    """Even steps from 2e-5 at the lowest layer to 1e-4 at the heads; the embeddings, below all layers, at 1e-5."""
    embeddings, *layers = groups.layers
    step = 5 ** (1 / len(layers))
    rates = {embeddings.name: 1e-5}
    return _with(base, lr=round(1e-4 / step, 7), lr_decay=round(1 / step, 4), head_lr=1e-4, rates=rates)


_SCENARIOS = (
    Preset(
        "frozen",
        "All frozen",
        "Nothing learns: the model as it is, which all others are compared with; such a run cannot be started.",
        _all_frozen,
    ),
    Preset(
        "heads",
        "Backbone frozen",
        "Only the heads learn, in seconds, and embeddings stay exactly as they are: for few rows, or as a first try.",
        lambda groups, base: _with(base, freeze=-1),
        _no_head,
    ),
    Preset(
        "one-head",
        "One head frozen",
        "A head that has labels stays as it is while all else learns: see whether it still fits a backbone that moved.",
        _one_head_frozen,
        lambda groups: _no_head(groups) or _all_new(groups),
    ),
    Preset(
        "uniform",
        "One rate for all",
        "Everything learns at 1.0e-4, from the embeddings to the heads: the simplest setting, to compare others with.",
        _rates(1e-4, 1e-4),
    ),
    Preset(
        "depth",
        "Rates by depth",
        "Heads learn fastest, each layer at 0.9 times the rate of the one above: the default, right for most files.",
        _rates(_PLAIN.lr, _PLAIN.head_lr, _PLAIN.lr_decay),
    ),
    Preset(
        "gradual",
        "Gradual unfreezing",
        "Heads first, then the top layers, then all: for new labels, whose untrained head would pull the backbone "
        "about (Howard & Ruder 2018).",
        _gradual,
        _no_head,
    ),
)
_SOURCES = (
    Preset(
        "rising",
        "1e-5, 2e-5 … 1e-4",
        "Embeddings 1e-5, layers rising from 2e-5, heads 1e-4, as in the source notebooks: careful, for a task close "
        "to one that the model knows.",
        _rising,
    ),
    Preset(
        "fast-heads",
        "Backbone 2e-5, heads 3e-4",
        "From the source notebooks: a usual rate for a backbone with much faster heads, for labels that are new.",
        _rates(2e-5, 3e-4),
    ),
    Preset(
        "slow-heads",
        "Backbone 1e-5, heads 2e-5",
        "From the source notebooks: hardly moves anything, to refine a model that knows the task already.",
        _rates(1e-5, 2e-5),
        _all_new,
    ),
    Preset(
        "slow",
        "1e-5 everywhere",
        "From the source notebooks: one low rate, to see what the heads gain when they learn faster than the backbone.",
        _rates(1e-5, 1e-5),
    ),
    Preset(
        "ulmfit",
        "÷ 2.6 per layer (ULMFiT)",
        "Each layer learns 2.6 times slower than the one above (Howard & Ruder 2018): when what the lower layers know "
        "of language has to stay.",
        _rates(_PLAIN.lr, _PLAIN.head_lr, 1 / 2.6),
    ),
    Preset(
        "electra",
        "× 0.8 per layer (ELECTRA)",
        "Each layer learns at 0.8 times the rate of the one above (Clark et al. 2020): a milder decay, for more rows.",
        _rates(_PLAIN.lr, _PLAIN.head_lr, 0.8),
    ),
)

PRESETS: tuple[Preset, ...] = (*_SCENARIOS, *_SOURCES)
BY_NAME: dict[str, Preset] = {preset.name: preset for preset in PRESETS}
# The sweeps that Compare offers. "frozen" is not among them, as nothing learns.
FREEZING = ("heads", "one-head", "gradual", "depth")
RATES = ("uniform", "depth")
# The presets as grouped on the page.
PROPOSED = "Rates that others propose"
GROUPS: dict[str, tuple[Preset, ...]] = {"Ways to train": _SCENARIOS, PROPOSED: _SOURCES}


def which(groups: Groups, config: TrainConfig) -> str | None:
    """The name of the preset that gives these settings, or None."""
    fitting = (preset for preset in PRESETS if not preset.misfit(groups))
    return next((preset.name for preset in fitting if preset.make(groups, config) == config), None)
