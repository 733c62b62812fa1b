"""The order in which runs of several owners are carried out, and how long each has to wait."""

from __future__ import annotations

import heapq
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtl.training.runs.folder import Run, Ticket

# Each second that a run is expected to take counts as so many that it has waited less: short ones come first, and yet
# none starves.
_AGEING = 4.0
# What a run takes in the order of the line if nothing is known.
_UNKNOWN = 60.0
# Who has had a turn within so many seconds lets everybody go first who has not, for at most so many.
_LESSON, _POLITE = 3600.0, 120.0
# A run gives way to one that needs less than half the seconds that it has left, unless that are so few.
_SOON = 5.0


class Times:
    """How many seconds runs still take.

    As many times the estimate as the last eight of like size that were done, as others may use this machine, too, and
    without what these computed for all; without an estimate as long as the median of the last twenty."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._now = time.time()
        done = [run for run in runs if run.state == "done" and run.started]
        took = [max(0.0, run.ticket.spent + run.ended - run.started - run.encoding) for run in done]
        past = [*zip(took, (run.ticket.estimate for run in done), strict=True)]
        self._typical = statistics.median([took for took, _ in past[-20:]] or [math.inf])
        self._past = [(took, expected) for took, expected in past if expected]

    def left(self, run: Run) -> float:
        """Seconds of training until its end; infinite if nothing is known."""
        if run.stopping:
            return 0.0
        if run.eta is not None:
            return run.eta
        estimate, spent = run.ticket.estimate, run.ticket.spent + (self._now - run.started if run.started else 0.0)
        return max(0.0, (self._typical if estimate is None else self._slower(estimate) * estimate) - spent)

    def epoch_left(self, run: Run) -> float:
        """Seconds until the end of its epoch; by the estimate, where it has just begun."""
        if run.epoch_eta is not None:
            return run.epoch_eta
        left, estimate = self.left(run), run.ticket.estimate
        if estimate is None or not run.ticket.epochs:
            return left
        epoch = self._slower(estimate) * estimate / run.ticket.epochs
        return min(left, max(0.0, epoch - (self._now - (run.started or self._now))))

    def _slower(self, estimate: float) -> float:
        """How many times their estimates runs of like size have taken lately."""
        if not estimate:
            return 1.0
        alike = [took / expected for took, expected in self._past if 0.5 <= expected / estimate <= 2]
        return statistics.median((alike or [took / expected for took, expected in self._past])[-8:] or [1.0])


@dataclass(frozen=True)
class _Candidate:
    """A run that may be next: when its owner (or address) was last served, and since when that one has waited."""

    run: Run
    served: float
    since: float


def order(runs: Sequence[Run]) -> list[Run]:
    """The queued runs, next one first.

    Network addresses take turns, then the owners at an address; an owner's runs stay in order. Owners alone would not
    do: anyone can become a new owner and keep everybody else waiting. Of those whose turn it may be, the shortest run
    is next, or one that has waited so much longer (see `_AGEING`). Whose turn it may not be: who was served since
    another began to wait, and for some time (see `_POLITE`) who has had a turn before another's first.
    """
    now, times = time.time(), Times(runs)
    # Of an address, and of (address, owner).
    served: dict[Hashable, float] = defaultdict(float)

    def serve(run: Run, when: float) -> None:
        for key in (run.ticket.address, _owner(run)):
            served[key] = max(served[key], when)

    for run in runs:
        if run.state == "running" or run.paused or (run.state != "queued" and run.started is not None):
            serve(run, run.paused or run.ended or now)
    waiting = sorted((run for run in runs if run.state == "queued"), key=lambda run: (run.queued, run.id))
    line = [run for run in waiting if run.stopping]
    waiting = [run for run in waiting if not run.stopping]

    def next_of(runs: Sequence[Run], key_of: Callable[[Run], Hashable], oldest: Mapping[Hashable, Run]) -> Run:
        """The next of runs of different owners (or addresses)."""
        keys = [key_of(run) for run in runs]
        candidates = [
            _Candidate(run, served[key], max(oldest[key].queued, served[key]))
            for run, key in zip(runs, keys, strict=True)
        ]
        first = min(each.since for each in candidates)
        may = [each for each in candidates if each.served <= first or each.since == first]
        polite = [each for each in may if each.served < now - _LESSON or now - each.since > _POLITE]
        return min(polite or may, key=rank).run

    def rank(each: _Candidate) -> tuple[float, float, str]:
        left = times.left(each.run)
        return each.since + _AGEING * (left if left < math.inf else _UNKNOWN), each.run.queued, each.run.id

    while waiting:
        # An address is ranked by the run there that has waited longest.
        oldest = {key: run for run in reversed(waiting) for key in (run.ticket.address, _owner(run))}
        owners: dict[str, list[Run]] = {}
        for key, run in oldest.items():
            if key == _owner(run):
                owners.setdefault(run.ticket.address, []).append(run)
        here = [next_of(each, _owner, oldest) for each in owners.values()]
        line.append(next_of(here, lambda run: run.ticket.address, oldest))
        waiting.remove(line[-1])
        serve(line[-1], now + len(line))  # as if it had its turn then
    return line


def _owner(run: Run) -> tuple[str, str]:
    return run.ticket.address, run.ticket.owner


def giving_way(runs: Sequence[Run], at_once: int = 1) -> Run | None:
    """The running one that should give way at the end of its epoch, as the next in line is so much shorter; or None."""
    running, times = [run for run in runs if run.state == "running"], Times(runs)
    waiting = order(runs)
    if not waiting or len(running) < at_once or min(map(times.left, running)) < _SOON:
        return None
    longest = max(running, key=times.left)
    return longest if times.left(longest) > _SOON + 2 * times.left(waiting[0]) else None


def line(runs: Sequence[Run], at_once: int = 1) -> dict[str, tuple[int, float | None]]:
    """Each queued run's place (1: next) and the seconds until it begins, None if unknown (see `Times`)."""
    times, paused = Times(runs), giving_way(runs, at_once)

    def free_in(run: Run) -> float:
        return times.epoch_left(run) if run is paused else times.left(run)

    free = sorted(free_in(run) for run in runs if run.state == "running")
    free = [0.0] * (at_once - len(free)) + free
    places = {}
    for place, run in enumerate(order(runs), 1):
        begins = heapq.heappop(free)
        places[run.id] = (place, _known(begins))
        heapq.heappush(free, begins + times.left(run))
    return places


def before(ticket: Ticket, runs: Sequence[Run], at_once: int = 1) -> tuple[int, float | None]:
    """How many runs would come before one with this ticket, and the seconds until it would begin, None if unknown."""
    run = Run(Path("new"), ticket, "queued")
    place, wait = line([*runs, run], at_once)[run.id]
    return place - 1 + sum(run.state == "running" for run in runs), wait


def _known(seconds: float) -> float | None:
    return seconds if seconds < math.inf else None
