"""The picture of the model as it stands: embeddings at the bottom, layers above, heads branching on top.

Pure functions from plain values to SVG and to the same as a table. Widths are shares of whatever room the picture is
given, heights are pixels (`PITCH` from one block to the next), so that controls can stand beside the blocks. Where the
visitor drags a slider, assets/controls.js changes class, strength and words of a block by the same rules as
stack.html here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from markupsafe import Markup

from mtl.groups import Group, Groups
from mtl.ui import templates
from mtl.ui.train.settings import words
from mtl.ui.widgets import markup

# Pixels from one block to the next and the height of a block, in the whole picture and in the small one.
PITCH, BLOCK = 48, 42
_SMALL_PITCH, _SMALL_BLOCK = 26, 22
# Between the heads and the layers, in pixels: room for the branches.
GAP = 12
# Heads stand so far to the right, in per cent, and the trunk that they branch off at half of it.
_INDENT = 8


def height(layers: int, heads: int, small: bool = False) -> int:
    """The height of the picture in pixels."""
    pitch, block = (_SMALL_PITCH, _SMALL_BLOCK) if small else (PITCH, BLOCK)
    return (layers + heads) * pitch - (pitch - block) + (GAP if heads else 0)


def svg(
    groups: Groups, moved: Mapping[str, float] | None = None, epoch: int = 1, live: bool = False, small: bool = False
) -> Markup:
    """The picture of a model in an epoch, as wide as its surroundings.

    `moved`: how far each group's weights are from where they began (relative change; None: not measured). `live`: bars
    glide to their new length. `small`: one line for each group, to stand beside others.
    """
    layers, heads = groups.layers, groups.tops
    parts = (*heads, *reversed(layers))
    pitch, tall = (_SMALL_PITCH, _SMALL_BLOCK) if small else (PITCH, BLOCK)
    gap = GAP if heads else 0
    blocks = []
    for place, group in enumerate(parts):
        y, indent = (place * pitch, _INDENT) if place < len(heads) else (place * pitch + gap, 0)
        blocks.append((group, None if moved is None else moved.get(group.name, 0.0), y, indent))
    return templates.render(
        "stack.html",
        words=words,
        draw={"about": about, "state": state, "strength": strength, "bar": bar},
        blocks=blocks,
        heads=range(len(heads)),
        spoken=words.PHRASES["stack"].format(sum(not group.frozen for group in groups), len(parts)),
        height=height(len(layers), len(heads), small),
        epoch=epoch,
        small=small,
        live=live,
        tall=tall,
        pitch=pitch,
        gap=gap,
        indent=_INDENT,
    )


def table(groups: Groups, moved: Mapping[str, float] | None = None, epoch: int = 1) -> Markup:
    """The same as a table, from the top down."""
    rows = [
        (
            group.label,
            f"{group.size:,}",
            state(group, epoch),
            words.rate(group.rate) if group.next_epoch(epoch) else "",
            *([] if moved is None else [words.change(moved.get(group.name, 0.0))]),
        )
        for group in (*groups.tops, *reversed(groups.layers))
    ]
    headers = ("part", "weights", "state", "rate", *([] if moved is None else ["moved"]))
    return markup.table("The parts of the model", headers, rows)


def about(group: Group) -> str:
    """What a group is, however it is treated."""
    return f"{group.label} · {group.size:,} weights"


def state(group: Group, epoch: int = 1) -> str:
    """Whether and when a group learns, in a word or two."""
    if first := group.next_epoch(epoch):
        return words.PHRASES["learns"] if first == epoch else words.PHRASES["later"].format(first)
    return words.PHRASES["idle" if group.idle else "zero" if group.rate == 0 else "frozen"]


def strength(rate: float) -> float:
    """How strong the blue of a rate is, 0.12 to 0.6: 1e-6 and below the faintest, 1e-2 and above the strongest."""
    if rate <= 0:
        return 0.12
    return 0.12 + 0.48 * min(1.0, max(0.0, (math.log10(rate) + 6) / 4))


def bar(moved: float) -> float:
    """The length of the bar for a relative change, in per cent of its track: the square root, full when the weights
    have changed by their own size. So a change of 1 % is seen, and no change is exactly nothing."""
    return 100 * math.sqrt(min(1.0, max(0.0, moved)))
