"""One vector for a sentence from the vectors of its tokens, never counting padding."""

from __future__ import annotations

import torch


def mean(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean of the real tokens' vectors (Reimers & Gurevych 2019)."""
    weights = mask.unsqueeze(-1).to(tokens.dtype)
    # Summed in float32: in bfloat16 a long sum loses digits.
    return ((tokens * weights).sum(1, dtype=torch.float32) / weights.sum(1, dtype=torch.float32)).to(tokens.dtype)


def maximum(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The largest value of each dimension over the real tokens."""
    return tokens.masked_fill(~mask.unsqueeze(-1), torch.finfo(tokens.dtype).min).amax(1)


def cls(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The first token's vector ([CLS], <s>)."""
    return tokens[:, 0]


POOL = {"mean": mean, "max": maximum, "cls": cls}


def pool(how: str, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """`how` is a key of `POOL`; `tokens` (batch, tokens, dim) and `mask` (batch, tokens) bool give (batch, dim)."""
    return POOL[how](tokens, mask)
