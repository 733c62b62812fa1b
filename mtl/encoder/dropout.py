"""Dropout that is quick on a CPU.

torch draws 53 random bits per element, sequentially, and on some processors that takes longer than the layers around
it. Sixteen bits are enough, and one draw of 64 gives four times sixteen. This saves 11 % of the time it takes to train
heads alone: make bench ARGS="--only own".
"""

from __future__ import annotations

import torch
from torch import nn

_LEVELS = 2**16


class Dropout(nn.Dropout):
    """`nn.Dropout` (Srivastava et al. 2014) with `p` rounded to 1/65536, drawn from torch's default generator."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        dropped = round(self.p * _LEVELS)
        if not self.training or not 0 < dropped < _LEVELS or inputs.device.type != "cpu":
            return super().forward(inputs)
        draws = torch.empty(-(-inputs.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        levels = draws.view(torch.int16)[: inputs.numel()].view(inputs.shape)
        mask = (levels >= dropped - _LEVELS // 2).to(inputs.dtype)
        return inputs * mask.mul_(_LEVELS / (_LEVELS - dropped))
