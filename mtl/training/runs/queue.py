"""The order in which runs of several owners are carried out, and how long each has to wait."""

from __future__ import annotations

import heapq
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence

from mtl.training.runs.folder import Run


def order(runs: Sequence[Run]) -> list[Run]:
    """The queued runs, next one first. Network addresses take turns, then the owners at an address; an owner's runs
    stay in order. Owners alone would not do: anyone can become a new owner and keep everybody else waiting.

    Least recently served first, by the time the last run ended or, if that is later, the waiting began.
    """
    now = time.time()
    waiting: dict[str, dict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
    # Keys are (address,) and (address, owner).
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
        # An address is ranked by the run that has waited longest, so that places do not get worse.
        longest = {
            a: min((r[0] for r in owners.values()), key=lambda r: (r.queued, r.id)) for a, owners in waiting.items()
        }
        address = min(waiting, key=lambda a: rank(longest[a], a))
        owners = waiting[address]
        owner = min(owners, key=lambda o: rank(owners[o][0], address, o))
        line.append(owners[owner].pop(0))
        if not owners[owner]:
            del owners[owner]
        if not owners:
            del waiting[address]
        serve(line[-1], now + len(line))  # as if it had its turn then
    return line


def places(runs: Sequence[Run], at_once: int = 1) -> dict[str, tuple[int, float | None]]:
    """Each queued run's place (1: next) and the seconds until it begins, None if unknown.

    A run without an estimate is assumed to take the median of the last twenty that were done.
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
