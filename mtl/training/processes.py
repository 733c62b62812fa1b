"""Data-parallel training in several processes, started by `accelerate launch -m mtl train ...`.

Each process takes its share of the batches; gradients are averaged at every step, so that all have the same weights.
The work of `embed` is shared too. For a single process all of these calls do nothing.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence
from typing import Any, TypeVar

import torch

T = TypeVar("T")


class Processes:
    """This process, number `rank` of `count`. The first one, `is_main`, writes and prints.

    Create it before loading a model, so that each process uses its own GPU.
    """

    def __init__(self) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = 0
        if self.count > 1:
            from accelerate import PartialState

            # Without a GPU, and without `cpu`, accelerate would treat each process as the only one.
            state = PartialState(cpu=not torch.cuda.is_available())
            self.rank, self.count = state.process_index, state.num_processes
            # Otherwise its threads may outlive the interpreter and end the process with SIGABRT.
            atexit.register(state.destroy_process_group)

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def share(self, batches: Sequence[T]) -> list[T]:
        """This process's batches. All get equally many: the first ones fill up the last round."""
        rounds = -(-len(batches) // self.count)
        return [batches[(i * self.count + self.rank) % len(batches)] for i in range(rounds)]

    def gather(self, value: T) -> list[T]:
        """The values of all processes, in the order of their ranks."""
        if self.count == 1:
            return [value]
        from accelerate.utils import gather_object

        return gather_object([value])

    def from_main(self, value: T) -> T:
        """The first process's value."""
        if self.count == 1:
            return value
        from accelerate.utils import broadcast_object_list

        box: list[Any] = [value]
        broadcast_object_list(box)
        return box[0]

    @torch.no_grad()
    def average_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Replace every gradient by its mean over all processes; None where no process has one."""
        if self.count == 1:
            return
        learning = [p for p in parameters if p.requires_grad]
        has = torch.tensor([float(p.grad is not None) for p in learning], device=learning[0].device)
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in learning] + [has])
        torch.distributed.all_reduce(flat)
        *gradients, has = flat.split([p.numel() for p in learning] + [len(learning)])
        for parameter, gradient, count in zip(learning, gradients, has.tolist(), strict=True):
            parameter.grad = (gradient / self.count).view_as(parameter) if count else None
