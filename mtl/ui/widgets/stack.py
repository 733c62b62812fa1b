"""The picture of the model as it stands: embeddings at the bottom, layers above, heads branching on top.

Pure functions from plain values to SVG and to the same as a table. Widths are shares of whatever room the picture is
given, heights are pixels (`PITCH` from one block to the next), so that controls can stand beside the blocks. Where the
visitor drags a slider, assets/controls.js changes class, strength and words of a block by the same rules as `block`
here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape

from mtl.groups import Group, Groups
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
# Both locks, of which the style sheet shows the right one.
_LOCK = (
    '<path class="shut" d="M2.5 6.5V4.5a3.5 3.5 0 0 1 7 0v2"/><path class="open" d="M2.5 6.5V4a3.5 3.5 0 0 1 6.8-1.2"/>'
    '<rect x="1" y="6.5" width="10" height="7" rx="1.5"/>'
)
LOCK = f'<svg class="lock" width="12" height="14" viewBox="0 0 12 14" aria-hidden="true">{_LOCK}</svg>'


def height(layers: int, heads: int, small: bool = False) -> int:
    """The height of the picture in pixels."""
    pitch, block = (_SMALL_PITCH, _SMALL_BLOCK) if small else (PITCH, BLOCK)
    return (layers + heads) * pitch - (pitch - block) + (GAP if heads else 0)


def svg(
    groups: Groups, moved: Mapping[str, float] | None = None, epoch: int = 1, live: bool = False, small: bool = False
) -> str:
    """The picture of a model in an epoch, as wide as its surroundings.

    `moved`: how far each group's weights are from where they began (relative change; None: not measured). `live`: bars
    glide to their new length. `small`: one line for each group, to stand beside others.
    """
    layers, heads = groups.layers, groups.tops
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
    for place, group in enumerate((*heads, *reversed(layers))):
        change = None if moved is None else moved.get(group.name, 0.0)
        y, indent = (place * pitch, _INDENT) if place < len(heads) else (place * pitch + gap, 0)
        parts.append(_block(group, change, epoch, y, tall, indent, small))
    spoken = words.stack_label(sum(not group.frozen for group in groups), len(layers) + len(heads))
    kind = "stack" + (" small" if small else "") + (" live" if live else "")
    size = f'width="100%" height="{height(len(layers), len(heads), small)}"'
    return f'<svg class="{kind}" {size} role="img" aria-label="{escape(spoken)}">{"".join(parts)}</svg>'


def table(groups: Groups, moved: Mapping[str, float] | None = None, epoch: int = 1) -> str:
    """The same as a table, from the top down."""
    rows = [
        (
            group.label,
            words.weights(group.size).split(" ")[0],
            state(group, epoch),
            words.rate(group.rate) if group.next_epoch(epoch) else "",
            *([] if moved is None else [words.change(moved.get(group.name, 0.0))]),
        )
        for group in (*groups.tops, *reversed(groups.layers))
    ]
    return markup.table(words.STACK_TABLE, words.STACK_HEADERS[: 4 if moved is None else 5], rows)


def about(group: Group) -> str:
    """What a group is, however it is treated."""
    return f"{group.label} · {words.weights(group.size)}"


def state(group: Group, epoch: int = 1) -> str:
    """Whether and when a group learns, in a word or two."""
    if first := group.next_epoch(epoch):
        return words.LEARNS if first == epoch else words.from_epoch(first)
    return words.NO_LABELS if group.idle else words.RATE_ZERO if group.rate == 0 else words.FROZEN


def strength(rate: float) -> float:
    """How strong the blue of a rate is, 0.12 to 0.6: 1e-6 and below the faintest, 1e-2 and above the strongest."""
    if rate <= 0:
        return 0.12
    return 0.12 + 0.48 * min(1.0, max(0.0, (math.log10(rate) + 6) / 4))


def bar(moved: float) -> float:
    """The length of the bar for a relative change, in per cent of its track: the square root, full when the weights
    have changed by their own size. So a change of 1 % is seen, and no change is exactly nothing."""
    return 100 * math.sqrt(min(1.0, max(0.0, moved)))


def _block(group: Group, moved: float | None, epoch: int, y: int, tall: int, indent: int, small: bool) -> str:
    first, name, said = group.next_epoch(epoch), group.label, state(group, epoch)
    kind = "frozen" if not first else "waits" if first > epoch else "learns"
    shown = name if len(name) <= _NAME_SHOWN else name[: _NAME_SHOWN - 1] + "…"
    right = words.rate(group.rate) if first else said
    title = [about(group), said, *([words.rate(group.rate)] if first else [])]
    if moved is not None:
        title.append(words.moved(moved))
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
    if not small:
        note = words.moved(moved) if moved is not None else said if kind == "waits" else ""
        lines.append(f'<text class="size" x="{indent}%" dx="26" y="{y + 30}">{words.count(group.size)}</text>')
        lines.append(f'<text class="note" x="100%" dx="-9" y="{y + 30}">{escape(note)}</text>')
    if moved is not None:
        place = f'x="{indent}%" y="{y + tall - 4}" height="4"'
        lines.append(f'<rect class="track" {place} width="{wide}%"/>')
        lines.append(f'<rect class="moved" {place} width="{bar(moved) * wide / 100:.2f}%"/>')
    style = f"--strength:{strength(group.rate):.2f}"
    return f'<g class="block {kind}" style="{style}">{"".join(lines)}</g>'
