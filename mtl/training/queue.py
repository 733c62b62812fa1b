"""Who is next: the order in which runs of several owners are carried out, and how long each has to wait for it."""

from __future__ import annotations

import heapq
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence

from mtl.training.folder import Run


def order(runs: Sequence[Run]) -> list[Run]:
    """The runs that wait, next one first: owners take turns, each owner's own runs come in their order.

    An owner's turn comes the sooner, the longer ago their last run ended, or, if that was before, they began to wait.
    """
    now = time.time()
    waiting: dict[str, list[Run]] = defaultdict(list)
    served: dict[str, float] = {}
    for run in sorted(runs, key=lambda run: (run.queued, run.id)):
        if run.state == "queued":
            waiting[run.owner].append(run)
        elif run.started is not None:
            served[run.owner] = max(served.get(run.owner, 0.0), run.ended or now)
    line: list[Run] = []

    def since(owner: str) -> tuple[float, float, str]:
        first = waiting[owner][0]
        return max(first.queued, served.get(owner, 0.0)), first.queued, first.id

    while waiting:
        owner = min(waiting, key=since)
        line.append(waiting[owner].pop(0))
        if not waiting[owner]:
            del waiting[owner]
        served[owner] = now + len(line)  # as if it had its turn by then
    return line


def places(runs: Sequence[Run], at_once: int = 1) -> dict[str, tuple[int, float | None]]:
    """Each waiting run's place (1: next) and the seconds until it begins; None where nothing tells them.

    A run takes what was estimated for it, or else as long as the middle one of the last twenty that were done.
    """
    now = time.time()
    past = [run.ended - run.started for run in runs if run.state == "done" and run.started is not None]
    typical = statistics.median(past[-20:]) if past else math.inf

    def left(run: Run) -> float:
        if run.eta is not None:
            return run.eta
        expected = typical if run.estimate is None else run.estimate
        return max(0.0, expected - (now - run.started if run.started else 0.0))

    free = sorted(left(run) for run in runs if run.state == "running")
    free = [0.0] * (at_once - len(free)) + free
    result = {}
    for place, run in enumerate(order(runs), 1):
        begins = heapq.heappop(free)
        result[run.id] = (place, begins if begins < math.inf else None)
        heapq.heappush(free, begins + left(run))
    return result
