"""A linear layer that answers sooner on a processor: its weight stays in the order in which oneDNN multiplies.

torch puts a bfloat16 weight in that order anew at every call, which costs about a tenth of a pass; and what follows
a layer (a GELU, the sum with what came in) is taken along while its numbers are still at hand.
"""

from __future__ import annotations

import torch
from torch import nn


class Linear(nn.Linear):
    """`nn.Linear`, followed by a GELU (`gelu`) or a sum with `plus`, a tensor of its output's shape."""

    def forward(self, inputs: torch.Tensor, gelu: bool = False, plus: torch.Tensor | None = None) -> torch.Tensor:
        if self._can_be_ordered(inputs):
            weight = _ordered(self.weight)
            if plus is not None:
                return torch.ops.mkldnn._linear_pointwise.binary(inputs, plus, weight, self.bias, "add")
            return torch.ops.mkldnn._linear_pointwise(inputs, weight, self.bias, "gelu" if gelu else "none", [], "none")
        outputs = super().forward(inputs)
        if plus is not None:
            return outputs + plus
        return nn.functional.gelu(outputs) if gelu else outputs

    def _can_be_ordered(self, inputs: torch.Tensor) -> bool:
        """Whether this is an answer, not a step of training, in a precision that the kernel has."""
        return (
            inputs.dtype == self.weight.dtype == torch.bfloat16
            and inputs.device.type == "cpu"
            and not (torch.is_grad_enabled() and (inputs.requires_grad or self.weight.requires_grad))
            and torch.backends.mkldnn.is_available()
        )


def _ordered(weight: nn.Parameter) -> torch.Tensor:
    """The weight in oneDNN's order, kept with the weight: models that share the one share the other."""
    state = (weight.data_ptr(), weight._version)
    kept = getattr(weight, "ordered", None)
    if kept is None or kept[0] != state:
        kept = weight.ordered = (state, torch.ops.mkldnn._reorder_linear_weight(weight.detach()))
    return kept[1]
