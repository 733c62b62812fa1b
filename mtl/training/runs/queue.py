"""Who is next: the order in which runs of several owners are carried out, and how long each has to wait for it."""

from __future__ import annotations

import heapq
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence

from mtl.training.runs.folder import Run


def order(runs: Sequence[Run]) -> list[Run]:
    """The runs that wait, next one first. Network addresses take turns, at each of them its owners do, and each
    owner's own runs come in their order: a new owner costs nothing, so owners alone could keep everybody else waiting.

    Least recently served first: what counts is when the last run ended or, if that was before, the wait began.
    """
    now = time.time()
    waiting: dict[str, dict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
    # By address alone, and by address and owner.
    served: dict[tuple[str, ...], float] = {}

    def serve(run: Run, when: float) -> None:
        for key in ((run.address,), (run.address, run.owner)):
            served[key] = max(served.get(key, 0.0), when)

    for run in sorted(runs, key=lambda run: (run.queued, run.id)):
        if run.state == "queued":
            waiting[run.address][run.owner].append(run)
        elif run.started is not None:
            serve(run, run.ended or now)

    def rank(first: Run, *key: str) -> tuple[float, float, str]:
        return max(first.queued, served.get(key, 0.0)), first.queued, first.id

    line: list[Run] = []
    while waiting:
        # The run of each address that has waited longest stands for it, so that a place once gained is kept.
        address = min(waiting, key=lambda a: rank(min((r[0] for r in waiting[a].values()), key=_since), a))
        owners = waiting[address]
        owner = min(owners, key=lambda o: rank(owners[o][0], address, o))
        line.append(owners[owner].pop(0))
        if not owners[owner]:
            del owners[owner]
        if not owners:
            del waiting[address]
        serve(line[-1], now + len(line))  # as if it had its turn by then
    return line


def _since(run: Run) -> tuple[float, str]:
    return run.queued, run.id


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
