"""The families of encoders that are run by transformers' own layers: what these take beside token vectors.

That is prepared once per batch, from any layer on, so that the outputs of frozen layers can be cached.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from mtl.encoder.attention import mask_scores


def _run_bert(encoder: nn.Module, layers: Sequence[nn.Module], hidden: torch.Tensor, mask: torch.Tensor):
    attention = mask_scores(mask, hidden.dtype)
    for layer in layers:
        hidden = _first(layer(hidden, attention))
    return hidden


def _run_mpnet(encoder: nn.Module, layers: Sequence[nn.Module], hidden: torch.Tensor, mask: torch.Tensor):
    attention, bias = mask_scores(mask, hidden.dtype), encoder.encoder.compute_position_bias(hidden)
    for layer in layers:
        hidden = _first(layer(hidden, attention, bias))
    return hidden


def _run_modernbert(encoder: nn.Module, layers: Sequence[nn.Module], hidden: torch.Tensor, mask: torch.Tensor):
    """Layers see the whole text, or only the words around (Warner et al. 2024), each kind with its own rotations."""
    from transformers.masking_utils import create_bidirectional_mask, create_bidirectional_sliding_window_mask

    masks = {"full_attention": create_bidirectional_mask, "sliding_attention": create_bidirectional_sliding_window_mask}
    positions = torch.arange(hidden.shape[1], device=hidden.device)[None]
    inputs = {
        kind: (
            masks[kind](config=encoder.config, inputs_embeds=hidden, attention_mask=mask),
            encoder.rotary_emb(hidden, positions, kind),
        )
        for kind in {layer.attention_type for layer in layers}
    }
    for layer in layers:
        hidden = layer(hidden, *inputs[layer.attention_type])
    return encoder.final_norm(hidden) if layers[-1] is encoder.layers[-1] else hidden


def _run_deberta(encoder: nn.Module, layers: Sequence[nn.Module], hidden: torch.Tensor, mask: torch.Tensor):
    """All layers share one table of relative positions (He et al. 2021); in large models a convolution over the
    embeddings is added to the first layer."""
    stack = encoder.encoder
    attention, distances = stack.get_attention_mask(mask), stack.get_rel_pos(hidden)
    table = stack.get_rel_embedding()
    table = None if table is None else table.to(hidden.dtype)
    for layer in layers:
        below, hidden = hidden, _first(layer(hidden, attention, None, distances, table))
        if stack.conv is not None and layer is stack.layer[0]:
            real = mask.to(hidden.dtype)
            hidden = stack.conv(below * real[..., None], hidden, real)
    return hidden


def _first(outputs: torch.Tensor | tuple) -> torch.Tensor:
    return outputs[0] if isinstance(outputs, tuple) else outputs


@dataclass(frozen=True)
class Family:
    """`layers`: where an encoder has its list of layers. `run(encoder, layers, hidden, mask)` runs some of them, from
    and to (batch, tokens, dim)."""

    layers: str
    run: Callable[[nn.Module, Sequence[nn.Module], torch.Tensor, torch.Tensor], torch.Tensor]


# By transformers' name of the type of a model.
FAMILIES = {
    **dict.fromkeys(("bert", "camembert", "electra", "roberta", "xlm-roberta"), Family("encoder.layer", _run_bert)),
    "distilbert": Family("transformer.layer", _run_bert),
    "mpnet": Family("encoder.layer", _run_mpnet),
    "modernbert": Family("layers", _run_modernbert),
    "deberta-v2": Family("encoder.layer", _run_deberta),  # version 3 as well
}
# The layer groups of the modules that are neither layers nor embeddings, if an encoder has them.
BESIDE = {"pooler": -1, "final_norm": -1, "encoder.conv": 1}
