"""Sentence vectors from token vectors, ignoring padding."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import nn

from mtl.config import ModelConfig
from mtl.encoder.backbone import Backbone
from mtl.text.batches import Batch


def mean(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean of the real tokens' vectors (Reimers & Gurevych 2019)."""
    weights = mask.unsqueeze(-1).to(tokens.dtype)
    # Summed in float32, as long sums lose precision in bfloat16.
    return ((tokens * weights).sum(1, dtype=torch.float32) / weights.sum(1, dtype=torch.float32)).to(tokens.dtype)


def maximum(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The largest value of each dimension over the real tokens."""
    return tokens.masked_fill(~mask.unsqueeze(-1), torch.finfo(tokens.dtype).min).amax(1)


def cls(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The first token's vector ([CLS], <s>)."""
    return tokens[:, 0]


# From tokens (batch, tokens, dim) and mask (batch, tokens), True for real tokens, to (batch, dim).
POOL = {"mean": mean, "max": maximum, "cls": cls}


@dataclass(frozen=True)
class Encoded:
    """The result of one backbone pass: token vectors (batch, tokens, dim), and pooled vectors, computed on demand.

    `lower`: the mean of the token vectors of some lower layers, where they were kept.
    From cached vectors (see `mtl.training.frozen_cache`) it has pooled and word vectors, but no token vectors.
    """

    tokens: torch.Tensor
    mask: torch.Tensor
    backbone: Backbone
    lower: torch.Tensor | None = None
    _pooled: dict[str, torch.Tensor] = field(default_factory=dict)
    _words: torch.Tensor | None = None

    def words(self, batch: Batch) -> torch.Tensor:
        """The vectors (words, dim) of all words of a batch, each of its first piece."""
        return self.tokens[batch.word_rows, batch.word_positions] if self._words is None else self._words

    def pooled(self, how: str) -> torch.Tensor:
        """The sentence vectors (batch, dim), pooled by "mean", "max", "cls" or the encoder's own "pooler"."""
        if how not in self._pooled:
            if how == "pooler":
                self._pooled[how] = self.backbone.pooler(self.tokens)
            else:
                self._pooled[how] = POOL[how](self.tokens, self.mask)
        return self._pooled[how]


class Projection(nn.Linear):
    """Sentence vectors (batch, dim) to (batch, `config.projection`): the layer that heads may share."""

    def __init__(self, dim: int, config: ModelConfig) -> None:
        super().__init__(dim, config.projection, bias=False)
        self.activation, self.normalised = config.projection_activation, config.projection_norm
        # Orthogonal rows preserve the angles between sentences best.
        nn.init.orthogonal_(self.weight)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        projected = super().forward(vectors)
        if self.activation == "tanh":
            projected = torch.tanh(projected)
        return F.normalize(projected.float(), dim=-1).to(projected.dtype) if self.normalised else projected
