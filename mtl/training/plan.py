"""Assigns rows to the batches of every epoch."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from mtl.config import TrainConfig
from mtl.data.dataset import Part

# Shuffled rows are sorted by length within blocks of this many batches.
_BLOCK = 50


@dataclass(frozen=True)
class Plan:
    """The batches of every epoch, determined by the seed alone."""

    parts: Sequence[Part]
    config: TrainConfig
    processes: int = 1

    def _take(self, part: Part) -> int:
        return max(1, round(len(part.rows) * part.weight))

    @property
    def steps(self) -> int:
        """The number of steps of the run; one step takes a batch per process."""
        batches = sum(math.ceil(self._take(part) / self.config.batch_size) for part in self.parts)
        return self.config.epochs * math.ceil(batches / self.processes)

    def epoch(self, epoch: int) -> list[tuple[Part, list[int], str]]:
        """The batches of an epoch (1, 2 ...) in their order: the part, the rows' indices in it, and a seed."""
        batches = []
        for number, part in enumerate(self.parts):
            shuffle = random.Random(f"{self.config.seed} {number} {epoch}")
            rows = self._stream(number, part, epoch)
            shuffle.shuffle(rows)
            block = _BLOCK * self.config.batch_size
            for at in range(0, len(rows), block):
                by_length = sorted(rows[at : at + block], key=lambda i: max(map(len, part.rows[i].texts)))
                for start in range(0, len(by_length), self.config.batch_size):
                    indices = by_length[start : start + self.config.batch_size]
                    batches.append((part, indices, f"{self.config.seed} {epoch} {number} {at + start}"))
        random.Random(f"{self.config.seed} order {epoch}").shuffle(batches)
        return batches

    def _stream(self, number: int, part: Part, epoch: int) -> list[int]:
        """This epoch's slice of an endless sequence of permutations: with weight 0.5 two epochs use each row once."""
        n, take = len(part.rows), self._take(part)
        first, last = (epoch - 1) * take, epoch * take
        result: list[int] = []
        for cycle in range(first // n, (last - 1) // n + 1):
            order = list(range(n))
            random.Random(f"{self.config.seed} {number} cycle {cycle}").shuffle(order)
            result += order[max(first - cycle * n, 0) : last - cycle * n]
        return result
