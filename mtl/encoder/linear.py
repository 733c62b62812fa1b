"""A linear layer that is quicker on CPUs, as its bfloat16 weight is stored in oneDNN's own layout.

torch converts the weight at every call; and a following GELU or sum is fused. On processors with bfloat16 this saves
about a tenth of a forward pass: make bench ARGS="--only own". Processors without the instructions (x86 with AVX2 only),
and builds of torch without oneDNN (Apple silicon), use the plain layer.
"""

from __future__ import annotations

import functools

import torch
from torch import nn

# Without oneDNN the namespace exists, but its members do not.
_onednn = torch.ops.mkldnn


class Linear(nn.Linear):
    """`nn.Linear`, followed by a GELU (`gelu`) or a sum with `plus`, a tensor of its output's shape."""

    def forward(self, inputs: torch.Tensor, gelu: bool = False, plus: torch.Tensor | None = None) -> torch.Tensor:
        if self._can_be_ordered(inputs):
            return _multiply(inputs, _ordered(self.weight), self.bias, gelu, plus)
        outputs = super().forward(inputs)
        if plus is not None:
            return outputs + plus
        return nn.functional.gelu(outputs) if gelu else outputs

    def _can_be_ordered(self, inputs: torch.Tensor) -> bool:
        """Whether this is inference, in a precision that the kernel has."""
        return (
            inputs.dtype == self.weight.dtype == torch.bfloat16
            and inputs.device.type == "cpu"
            and not (torch.is_grad_enabled() and (inputs.requires_grad or self.weight.requires_grad))
            and has_kernel()
        )


@functools.cache
def has_kernel() -> bool:
    """Whether oneDNN takes bfloat16 weights in its own layout on this processor, tried once: each of these operations
    refuses some processors."""
    weight, inputs = torch.ones(16, 16, dtype=torch.bfloat16), torch.ones(2, 16, dtype=torch.bfloat16)
    try:
        with torch.no_grad():
            ordered = _onednn._reorder_linear_weight(weight)
            for gelu, plus in ((False, None), (True, None), (False, inputs)):
                _multiply(inputs, ordered, weight[0], gelu, plus)
    except (RuntimeError, AttributeError):  # AttributeError: torch was built without oneDNN
        return False
    return True


def _multiply(
    inputs: torch.Tensor, ordered: torch.Tensor, bias: torch.Tensor | None, gelu: bool, plus: torch.Tensor | None
) -> torch.Tensor:
    if plus is not None:
        return _onednn._linear_pointwise.binary(inputs, plus, ordered, bias, "add")
    return _onednn._linear_pointwise(inputs, ordered, bias, "gelu" if gelu else "none", [], "none")


def _ordered(weight: nn.Parameter) -> torch.Tensor:
    """The weight in oneDNN's layout, cached on the weight, so that models that share it share this too."""
    state = (weight.data_ptr(), weight._version)
    cached = getattr(weight, "ordered", None)
    if cached is None or cached[0] != state:
        cached = weight.ordered = (state, _onednn._reorder_linear_weight(weight.detach()))
    return cached[1]
