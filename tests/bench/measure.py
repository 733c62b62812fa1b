"""Timing: contenders take turns, so that whatever else the machine does meets all of them alike."""

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter


def side_by_side(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call, by name: one warm-up round that does not count, then `rounds` rounds.

    Every round starts with another contender, so that none always follows the same neighbour. A contender that also
    has to prepare or to tidy up measures itself: where it gives a float, that is its seconds.
    """
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            start = perf_counter()
            own = contenders[name]()
            took = own if isinstance(own, float) else perf_counter() - start
            if turn:
                seconds[name].append(took)
    return seconds


def ratio(numerator: list[float], denominator: list[float]) -> float:
    """The median of the rounds' own ratios: a slow moment of the machine slows both sides of a round."""
    return median(a / b for a, b in zip(numerator, denominator, strict=True))
