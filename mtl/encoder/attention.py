"""Attention for CPUs: matrix products in the model's own precision, the softmax in float32.

torch's fused kernels are made for long texts; from some fifty tokens on they are quicker (`fused_is_quicker`). On
shorter ones these few lines save 8 % of an analysis in float32: make bench ARGS="--only own".
"""

from __future__ import annotations

import torch
from torch import nn

NAME = "plain"
# In tokens of the longest text of a batch.
_LONG = 48


def attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_,
) -> tuple[torch.Tensor, None]:
    """Scaled dot-product attention (Vaswani et al. 2017) as transformers calls it.

    `query`, `key`, `value`: (batch, heads, tokens, head dim); `attention_mask`: None, or a term (batch, 1, 1, tokens)
    for the scores. Returns (batch, tokens, heads, head dim).
    """
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = torch.matmul(query * scaling, key.transpose(-1, -2)).float()
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = torch.softmax(scores, -1).to(value.dtype)
    weights = nn.functional.dropout(weights, dropout, dropout > 0)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), None


def fused_is_quicker(hidden: torch.Tensor, longest: int) -> bool:
    """Whether torch's own attention is quicker: on GPUs, and for long texts without gradients."""
    return hidden.device.type != "cpu" or (longest >= _LONG and not torch.is_grad_enabled())


def mask_scores(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor | None:
    """The term (batch, 1, 1, tokens) for the scores that hides padding, from a mask (batch, tokens) that is True for
    real tokens. None without padding, as attention without a mask is quicker."""
    if bool(mask.all()):
        return None
    scores = torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(~mask, torch.finfo(dtype).min)
    return scores[:, None, None]


def register() -> str:
    """Register it with transformers; returns its name there."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, eager_mask)  # for calls of the encoder itself
    return NAME
