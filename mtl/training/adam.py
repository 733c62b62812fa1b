"""AdamW (Loshchilov & Hutter 2019) by torch's fused kernel, and the schedule of its rates.

torch.optim gives the same numbers, but imports torch's compiler, which is not used here and takes as long to import as
torch itself: make bench ARGS="--only own".
"""

from __future__ import annotations

import math
from typing import Any

import torch

_BETA1, _BETA2, _EPS = 0.9, 0.999, 1e-8


class AdamW:
    """`param_groups` are dictionaries with params, lr, weight_decay and a name; `state` has each parameter's moments.

    A parameter without a gradient stays as it is, and so do its moments.
    """

    def __init__(self, groups: list[dict[str, Any]]) -> None:
        self.param_groups = groups
        self.state: dict[torch.nn.Parameter, dict[str, torch.Tensor]] = {}

    def zero_grad(self) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if not parameters:
                continue
            states = [self._state_of(p) for p in parameters]
            steps = [s["step"] for s in states]
            torch._foreach_add_(steps, 1)
            torch._fused_adamw_(
                parameters,
                [p.grad for p in parameters],
                [s["exp_avg"] for s in states],
                [s["exp_avg_sq"] for s in states],
                [],
                steps,
                lr=group["lr"],
                beta1=_BETA1,
                beta2=_BETA2,
                weight_decay=group["weight_decay"],
                eps=_EPS,
                amsgrad=False,
                maximize=False,
            )

    def _state_of(self, parameter: torch.nn.Parameter) -> dict[str, torch.Tensor]:
        if parameter not in self.state:
            self.state[parameter] = {
                "step": torch.zeros((), device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
        return self.state[parameter]


class Schedule:
    """Rates that rise linearly over the share `warmup` of all steps, then fall linearly to zero."""

    def __init__(self, adam: AdamW, steps: int, warmup: float) -> None:
        self._adam, self._steps, self._rise = adam, steps, math.ceil(steps * warmup)
        self._full = [group["lr"] for group in adam.param_groups]
        self.go_to(0)

    def go_to(self, step: int) -> None:
        """Set the rates of the step after `step` steps."""
        if step < self._rise:
            factor = (step + 1) / self._rise
        else:
            factor = max(self._steps - step, 0) / max(self._steps - self._rise, 1)
        for group, rate in zip(self._adam.param_groups, self._full, strict=True):
            group["lr"] = rate * factor
