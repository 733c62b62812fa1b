"""Several processes that train one model together, as `accelerate launch -m mtl train ...` starts them.

Each takes its share of the batches; gradients are averaged after every step, so that all keep the same weights. They
share the work of `embed` too. One process alone goes through the same calls, which then do nothing.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch

T = TypeVar("T")


class Processes:
    """This process among its fellows: `rank` of `count`. The first one, `is_main`, writes and prints.

    Made before a model is loaded, it also sees to it that each process takes a graphics card of its own.
    """

    def __init__(self) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = 0
        if self.count > 1:
            from accelerate import PartialState

            # Without a graphics card accelerate has to be told, or else each process takes itself for the only one.
            state = PartialState(cpu=not torch.cuda.is_available())
            self.rank, self.count = state.process_index, state.num_processes
            self._device = state.device
            # Threads of the connection that outlive the interpreter now and then end the process with SIGABRT.
            atexit.register(state.destroy_process_group)

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def share(self, batches: Sequence[T]) -> list[T]:
        """This process's batches, as many as every other has: the first ones fill up an uneven last round."""
        rounds = -(-len(batches) // self.count)
        return [batches[(i * self.count + self.rank) % len(batches)] for i in range(rounds)]

    def gather(self, value: T) -> list[T]:
        """The values of all processes, in the order of their ranks."""
        if self.count == 1:
            return [value]
        from accelerate.utils import gather_object

        return gather_object([value])

    def from_main(self, value: T) -> T:
        """The value that the first process has."""
        if self.count == 1:
            return value
        from accelerate.utils import broadcast_object_list

        box: list[Any] = [value]
        broadcast_object_list(box)
        return box[0]

    def to_main(self, rows: np.ndarray) -> list[np.ndarray]:
        """The float32 arrays of all processes, of one shape, in the order of their ranks; [] but for the first one."""
        if self.count == 1:
            return [rows]
        mine = torch.from_numpy(rows).to(self._device)
        parts = [torch.empty_like(mine) for _ in range(self.count)] if self.is_main else None
        torch.distributed.gather(mine, parts)
        return [part.cpu().numpy() for part in parts or []]

    @torch.no_grad()
    def average_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Make every gradient the mean over all processes. One that no process has stays missing."""
        if self.count == 1:
            return
        learning = [p for p in parameters if p.requires_grad]
        has = torch.tensor([float(p.grad is not None) for p in learning], device=learning[0].device)
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in learning] + [has])
        torch.distributed.all_reduce(flat)
        *gradients, has = flat.split([p.numel() for p in learning] + [len(learning)])
        for parameter, gradient, count in zip(learning, gradients, has.tolist(), strict=True):
            parameter.grad = (gradient / self.count).view_as(parameter) if count else None
