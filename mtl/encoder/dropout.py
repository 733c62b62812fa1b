"""Dropout that does not hold up a processor.

torch draws a random number of 53 bits for every number that may be dropped, one after the other, and on some processors
that takes longer than the layers on both sides. Sixteen bits say as well whether a number is dropped, and one draw has
four times sixteen. This saves 11 % of training heads alone: make bench ARGS="--only own".
"""

from __future__ import annotations

import torch
from torch import nn

_LEVELS = 2**16


class Dropout(nn.Dropout):
    """`nn.Dropout` (Srivastava et al. 2014), its share `p` rounded to 1/65536; from the same generator and seed."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        dropped = round(self.p * _LEVELS)
        if not self.training or not 0 < dropped < _LEVELS or inputs.device.type != "cpu":
            return super().forward(inputs)
        draws = torch.empty(-(-inputs.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        levels = draws.view(torch.int16)[: inputs.numel()].view(inputs.shape)
        kept = (levels >= dropped - _LEVELS // 2).to(inputs.dtype)
        return inputs * kept.mul_(_LEVELS / (_LEVELS - dropped))
