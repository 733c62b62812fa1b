"""Attention for CPUs: matrix products in the model's own precision, the softmax in float32.

torch's fused kernels are made for long texts; from some fifty tokens on they are quicker (`fused_is_quicker`). On
shorter ones these few lines save 8 % of an analysis in float32: make bench ARGS="--only own". Encoders that come from
transformers keep its attention.
"""

from __future__ import annotations

import torch
from torch import nn

# In tokens of the longest text of a batch.
_LONG = 48


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None, dropout: float = 0.0
) -> torch.Tensor:
    """Scaled dot-product attention (Vaswani et al. 2017), as torch's own function of that name.

    `query`, `key`, `value`, and the result: (batch, heads, tokens, head dim); `mask`: None, or a term (batch, 1, 1,
    tokens) for the scores.
    """
    scores = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-1, -2)).float()
    if mask is not None:
        scores = scores + mask
    weights = torch.softmax(scores, -1).to(value.dtype)
    return torch.matmul(nn.functional.dropout(weights, dropout, dropout > 0), value)


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
