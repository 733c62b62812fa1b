"""The picture of the model as it stands: embeddings at the bottom, layers above, heads branching on top.

Pure functions from plain values to SVG and to the same as a table. Widths are shares of whatever room the picture is
given, heights are pixels (`PITCH` from one block to the next), so that controls can stand beside the blocks. Where the
visitor drags a slider, assets/controls.js changes class, strength and words of a block by the same rules as `block`
here.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from mtl.config import TrainConfig
from mtl.ui.train.settings import words
from mtl.ui.widgets import markup

# Pixels from one block to the next and the height of a block, in the whole picture and in the small one.
PITCH, BLOCK = 44, 38
_SMALL_PITCH, _SMALL_BLOCK = 26, 22
# Between the heads and the layers, in pixels: room for the branches.
GAP = 12
# Heads stand so far to the right, in per cent, and the trunk that they branch off at half of it.
_INDENT = 8
_NAME_SHOWN = 28
# What stands for a projection among the heads: no task's name begins with a space.
PROJECTION = " projection"
# Both locks, of which the style sheet shows the right one.
_LOCK = (
    '<path class="shut" d="M2.5 6.5V4.5a3.5 3.5 0 0 1 7 0v2"/><path class="open" d="M2.5 6.5V4a3.5 3.5 0 0 1 6.8-1.2"/>'
    '<rect x="1" y="6.5" width="10" height="7" rx="1.5"/>'
)
LOCK = f'<svg class="lock" width="12" height="14" viewBox="0 0 12 14" aria-hidden="true">{_LOCK}</svg>'


@dataclass(frozen=True)
class Block:
    """One part of a model: a layer group or a head.

    `rate` is the one it has while it learns, `moved` how far its weights are from where they began (relative change;
    None: not measured). `from_epoch` is the first epoch in which it learns. `idle`: a head that no row has labels for.
    """

    name: str
    parameters: int
    frozen: bool
    rate: float
    moved: float | None = None
    from_epoch: int = 1
    idle: bool = False


def blocks_of(
    groups: Mapping[str, int],
    config: TrainConfig,
    heads: Mapping[str, int],
    learns: Collection[str] | None = None,
) -> tuple[list[Block], list[Block]]:
    """The layer groups (lowest first) and the heads, as `config` treats them.

    `groups` and `heads` say how many weights each has. `learns` names the tasks with labels (None: all). A projection,
    where there is one, counts among the heads under the name `PROJECTION`.
    """
    rates = config.group_rates(list(groups), [group_of(name) for name in heads])
    layers = []
    for index, (name, size) in enumerate(groups.items()):
        first = _first_epoch(config, index, len(groups))
        layers.append(Block(name, size, first == 0 or rates[name] == 0, rates[name], from_epoch=max(first, 1)))
    tops = []
    for name, size in heads.items():
        idle = name != PROJECTION and learns is not None and name not in learns
        value = rates[group_of(name)]
        tops.append(Block(name, size, idle or name in config.freeze_heads or value == 0, value, idle=idle))
    return layers, tops


def group_of(head: str) -> str:
    """What the parameter group of a head is called."""
    return head.strip() if head == PROJECTION else f"head {head}"


def head_of(group: str) -> str:
    """What a head is called whose parameter group is `group`."""
    return PROJECTION if group == PROJECTION.strip() else group.removeprefix("head ")


def _first_epoch(config: TrainConfig, index: int, layers: int) -> int:
    """The first epoch in which a layer group learns; 0: none."""
    epochs = (1, *(epoch for epoch, _ in config.unfreeze))
    return next((epoch for epoch in epochs if config.frozen_groups(layers, epoch) <= index), 0)


def height(layers: int, heads: int, small: bool = False) -> int:
    """The height of the picture in pixels."""
    pitch, block = (_SMALL_PITCH, _SMALL_BLOCK) if small else (PITCH, BLOCK)
    return (layers + heads) * pitch - (pitch - block) + (GAP if heads else 0)


def svg(blocks: Sequence[Block], heads: Sequence[Block], live: bool = False, small: bool = False) -> str:
    """The picture of `blocks` (lowest first) and `heads`, as wide as its surroundings.

    `live`: bars glide to their new length. `small`: one line for each block, to stand beside others.
    """
    pitch, tall = (_SMALL_PITCH, _SMALL_BLOCK) if small else (PITCH, BLOCK)
    gap = GAP if heads else 0
    above = len(heads) * pitch + gap
    parts = []
    if heads:
        trunk, middle = _INDENT / 2, tall // 2
        lines = [f'<line x1="{trunk:g}%" x2="{trunk:g}%" y1="{middle}" y2="{above}"/>']
        for i in range(len(heads)):
            y = i * pitch + middle
            lines.append(f'<line x1="{trunk:g}%" x2="{_INDENT}%" y1="{y}" y2="{y}"/>')
        parts.append(f'<g class="branches">{"".join(lines)}</g>')
    parts += [_block(head, i * pitch, tall, _INDENT, small) for i, head in enumerate(heads)]
    parts += [_block(layer, above + i * pitch, tall, 0, small) for i, layer in enumerate(reversed(blocks))]
    everything = [*heads, *blocks]
    spoken = words.stack_label(sum(not b.frozen for b in everything), len(everything))
    kind = "stack" + (" small" if small else "") + (" live" if live else "")
    size = f'width="100%" height="{height(len(blocks), len(heads), small)}"'
    return f'<svg class="{kind}" {size} role="img" aria-label="{escape(spoken)}">{"".join(parts)}</svg>'


def table(blocks: Sequence[Block], heads: Sequence[Block]) -> str:
    """The same as a table, from the top down."""
    rows = [
        (
            block.name.strip(),
            words.weights(block.parameters).split(" ")[0],
            state(block),
            words.rate(block.rate) if not block.frozen else "",
            words.change(block.moved) if block.moved is not None else "",
        )
        for block in (*heads, *reversed(blocks))
    ]
    headers = list(words.STACK_HEADERS)
    if all(block.moved is None for block in (*blocks, *heads)):
        rows, headers = [row[:-1] for row in rows], headers[:-1]
    return markup.table(words.STACK_TABLE, headers, rows)


def about(block: Block) -> str:
    """What a part is, however it is treated."""
    return f"{block.name.strip()} · {words.weights(block.parameters)}"


def state(block: Block) -> str:
    """Whether and when a part learns, in a word or two."""
    if not block.frozen:
        return words.LEARNS if block.from_epoch == 1 else words.from_epoch(block.from_epoch)
    return words.NO_LABELS if block.idle else words.RATE_ZERO if block.rate == 0 else words.FROZEN


def strength(rate: float) -> float:
    """How strong the blue of a rate is, 0.12 to 0.6: 1e-6 and below the faintest, 1e-2 and above the strongest."""
    if rate <= 0:
        return 0.12
    return 0.12 + 0.48 * min(1.0, max(0.0, (math.log10(rate) + 6) / 4))


def bar(moved: float) -> float:
    """The length of the bar for a relative change, in per cent of its track: the square root, full when the weights
    have changed by their own size. So a change of 1 % is seen, and no change is exactly nothing."""
    return 100 * math.sqrt(min(1.0, max(0.0, moved)))


def _block(block: Block, y: int, tall: int, indent: int, small: bool) -> str:
    kind = "frozen" if block.frozen else "waits" if block.from_epoch > 1 else "learns"
    name = block.name.strip()
    shown = name if len(name) <= _NAME_SHOWN else name[: _NAME_SHOWN - 1] + "…"
    right = words.rate(block.rate) if not block.frozen else state(block)
    title = [about(block), state(block), *([] if block.frozen else [words.rate(block.rate)])]
    if block.moved is not None:
        title.append(words.moved(block.moved))
    line = 15 if not small else 14
    wide = 100 - indent
    lines = [
        f"<title>{escape(' · '.join(title))}</title>",
        f'<rect class="field" x="{indent}%" y="{y}" width="{wide}%" height="{tall}" rx="6"/>',
        f'<svg class="lock" x="{indent}%" y="{y + line - 11}" width="22" height="14" viewBox="-8 0 22 14">'
        f"{_LOCK}</svg>",
        # A picture of its own cuts a long name off where the rate begins.
        f'<svg class="name-box" x="{indent}%" y="{y}" width="{0.64 * wide:g}%" height="{tall}">'
        f'<text class="name" x="26" y="{line}">{escape(shown)}</text></svg>',
        f'<text class="rate" x="100%" dx="-9" y="{y + line}">{escape(right)}</text>',
    ]
    later = words.from_epoch(block.from_epoch) if kind == "waits" else ""
    if not small:
        moved = later if block.moved is None else words.moved(block.moved)
        lines.append(f'<text class="size" x="{indent}%" dx="26" y="{y + 30}">{words.count(block.parameters)}</text>')
        lines.append(f'<text class="note" x="100%" dx="-9" y="{y + 30}">{escape(moved)}</text>')
    if block.moved is not None:
        place = f'x="{indent}%" y="{y + tall - 4}" height="4"'
        lines.append(f'<rect class="track" {place} width="{wide}%"/>')
        lines.append(f'<rect class="moved" {place} width="{bar(block.moved) * wide / 100:.2f}%"/>')
    style = f"--strength:{strength(block.rate):.2f}"
    return f'<g class="block {kind}" style="{style}">{"".join(lines)}</g>'
