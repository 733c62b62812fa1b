"""The form of step 2: presets, the stack with its sliders, and what is advanced, for some shape and settings.

Pure functions from plain values to HTML. assets/controls.js answers each touch of a control at once, in the browser,
and sends what the form then says; so the form is written anew only when something else than a touch has changed it.
Values stand in `data-value`, exact; where a slider's knob is and what a box shows follows from them in the browser.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from mtl.config import TrainConfig, settings
from mtl.training.presets import BY_NAME, GROUPS, PRESETS, Preset, which
from mtl.ui import templates
from mtl.ui.train.settings import words
from mtl.ui.train.settings.shape import Shape
from mtl.ui.widgets import stack

_PAIR = r"\s*\d{1,4}\s*:\s*\d{1,3}\s*"
_UNFREEZE = rf"({_PAIR}([,;]{_PAIR})*)?"
_renderings = itertools.count(1)


def form(shape: Shape, config: TrainConfig, start: str, starts: Sequence[str], own: str, touch: int = 0) -> Markup:
    """The whole form. `start` is what training begins with, one of `starts`; `own`: what the page's own model is
    called; `touch`: as in `TrainState`."""
    groups, known = shape.under(config), settings(type(config))
    return templates.render(
        "form.html",
        words=words,
        describe=stack.about,
        sizes=f"--pitch:{stack.PITCH}px;--block:{stack.BLOCK}px;--gap:{stack.GAP}px",
        # The browser takes a form that reads as the one before for no news, though the visitor may have moved things.
        version=next(_renderings),
        touch=touch,
        epochs=_first_epochs(shape, config),
        start=start,
        starts={
            name: (title.format(own), about) for name, (title, about) in words.START_CHOICES.items() if name in starts
        },
        chosen=BY_NAME.get(which(shape.groups, config)),
        presets={
            title: [(preset, preset.about(shape.groups), _preset(preset, shape, config)) for preset in group]
            for title, group in GROUPS.items()
        },
        unfit={
            preset.name: words.unfit(preset.title, why) for preset in PRESETS if (why := preset.misfit(shape.groups))
        },
        idle=[top.label for top in groups.tops if top.idle],
        config=config,
        known=known,
        fields=[name for name, about in known.items() if about.plain and about.advanced and about.shown],
        groups=groups,
        shape=shape,
        picture=stack.svg(groups),
        pairs=_pairs(config),
        pattern=_UNFREEZE,
        weights=shape.weights,
    )


def _pairs(config: TrainConfig) -> str:
    """What the field of gradual unfreezing says: "2:4, 3:0"."""
    return ", ".join(f"{epoch}:{lowest}" for epoch, lowest in config.unfreeze)


def _first_epochs(shape: Shape, config: TrainConfig) -> dict[str, list[list[int]]]:
    """What the freeze slider does at each place, for these settings and every preset, by their gradual unfreezing: the
    first epoch in which each layer group learns."""
    settings = (config, *(preset.make(shape.groups, config) for preset in PRESETS))
    return {pairs: shape.groups.first_epochs(c.unfreeze) for pairs, c in {_pairs(c): c for c in settings}.items()}


def _preset(preset: Preset, shape: Shape, config: TrainConfig) -> dict[str, Any]:
    """What a preset sets, for the browser."""
    made = preset.make(shape.groups, config)
    values = {
        key: getattr(made, key) for key in ("freeze_heads", "freeze_projection", "lr", "lr_decay", "head_lr", "rates")
    }
    return values | {"freeze": shape.groups.under(made).frozen_layers(), "unfreeze": _pairs(made)}
