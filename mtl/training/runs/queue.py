"""The order in which runs of several owners are carried out, and how long each has to wait."""

from __future__ import annotations

import heapq
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from mtl.training.runs.folder import Run


def order(runs: Sequence[Run]) -> list[Run]:
    """The queued runs, next one first. Network addresses take turns, then the owners at an address; an owner's runs
    stay in order. Owners alone would not do: anyone can become a new owner and keep everybody else waiting.

    Least recently served first, by the time the last run ended or, if that is later, the waiting began.
    """
    now = time.time()
    # Of an address, and of (address, owner).
    served: dict[Hashable, float] = defaultdict(float)

    def serve(run: Run, when: float) -> None:
        for key in (run.ticket.address, (run.ticket.address, run.ticket.owner)):
            served[key] = max(served[key], when)

    def rank(first: Run, key: Hashable) -> tuple[float, float, str]:
        return max(first.queued, served[key]), first.queued, first.id

    for run in runs:
        if run.state != "queued" and run.started is not None:
            serve(run, run.ended or now)
    waiting = sorted((run for run in runs if run.state == "queued"), key=lambda run: (run.queued, run.id))
    line: list[Run] = []
    while waiting:
        # An address is ranked by the run that has waited longest, so that places do not get worse.
        longest = {run.ticket.address: run for run in reversed(waiting)}
        address = min(longest, key=lambda address: rank(longest[address], address))
        here = [run for run in waiting if run.ticket.address == address]
        line.append(min(here, key=lambda run: rank(run, (address, run.ticket.owner))))
        waiting.remove(line[-1])
        serve(line[-1], now + len(line))  # as if it had its turn then
    return line


@dataclass(frozen=True)
class Line:
    """Each queued run's place (1: next) and the seconds until it begins, None if unknown; how many runs are queued or
    run, and the seconds until another one would begin that is queued now."""

    places: Mapping[str, tuple[int, float | None]]
    length: int
    wait: float | None


def line(runs: Sequence[Run], at_once: int = 1) -> Line:
    """Who waits, and for how long.

    A run is assumed to take as many times its estimate as the last eight that were done, since others may use this
    machine, too; and without an estimate as long as the median of the last twenty.
    """
    now = time.time()
    past = [(run.ended - run.started, run.ticket.estimate) for run in runs if run.state == "done" and run.started]
    typical = statistics.median([took for took, _ in past[-20:]] or [math.inf])
    slower = statistics.median([took / expected for took, expected in past if expected][-8:] or [1.0])

    def left(run: Run) -> float:
        if run.eta is not None:
            return run.eta
        expected = typical if run.ticket.estimate is None else slower * run.ticket.estimate
        return max(0.0, expected - (now - run.started if run.started else 0.0))

    free = sorted(left(run) for run in runs if run.state == "running")
    free = [0.0] * (at_once - len(free)) + free
    found = {}
    for place, run in enumerate(order(runs), 1):
        begins = heapq.heappop(free)
        found[run.id] = (place, _known(begins))
        heapq.heappush(free, begins + left(run))
    return Line(found, sum(run.unfinished for run in runs), _known(free[0]))


def _known(seconds: float) -> float | None:
    return seconds if seconds < math.inf else None
