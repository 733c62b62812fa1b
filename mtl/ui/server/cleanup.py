"""Old runs are deleted while the page is served, by age and by size; never one that waits, trains or is in use."""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Callable, Collection

from mtl.config import UserError
from mtl.training.runs.service import Runs

log = logging.getLogger("mtl.ui")

EVERY = 600.0
# What is kept unless the environment says otherwise.
DAYS, GIGABYTES = 14.0, 10.0
# What suits a hundred learners behind one server.
LINE, HOURS, FREE_GIGABYTES = 300.0, 2.0, 1.0


def limits() -> tuple[float, float]:
    """(seconds, bytes): how old runs may grow, and how large all of them together, by MTL_RUNS_DAYS and MTL_RUNS_GB."""
    return positive("MTL_RUNS_DAYS", DAYS) * 86400, positive("MTL_RUNS_GB", GIGABYTES) * 1e9


def line() -> dict[str, float]:
    """What `Runs` takes: how many may wait, how long one may take (seconds), and how many bytes of the disk stay free,
    by MTL_LINE, MTL_RUN_HOURS and MTL_FREE_GB."""
    return {
        "most_in_line": positive("MTL_LINE", LINE),
        "longest": positive("MTL_RUN_HOURS", HOURS) * 3600,
        "least_free": positive("MTL_FREE_GB", FREE_GIGABYTES) * 1e9,
    }


def begin(runs: Runs, in_use: Callable[[], Collection[str]], every: float = EVERY) -> Callable[[], None]:
    """Clean up every so many seconds, in the background. `in_use` gives the ids of the runs to keep.

    The first look, now, deletes nothing: a computer that has just started may not know the time yet, nor the page
    which runs its visitors still look at.

    Returns what ends it. Raises `UserError` where the limits cannot be understood.
    """
    max_age, max_bytes = limits()
    ended = threading.Event()

    def forever() -> None:
        allowed = (math.inf, math.inf)
        while not ended.is_set():
            try:
                if deleted := runs.clean_up(*allowed, in_use()):
                    log.info("Deleted %d old runs: %s", len(deleted), ", ".join(deleted))
            except Exception:  # a disk that does not answer, say: the next time may be better
                log.exception("Old runs could not be deleted")
            allowed = (max_age, max_bytes)
            ended.wait(every)

    threading.Thread(target=forever, name="cleanup", daemon=True).start()
    return ended.set


def positive(name: str, default: float) -> float:
    """The number in an environment variable, or `default` where it is not set. Raises `UserError` unless above 0."""
    value = os.environ.get(name) or default
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not number > 0:
        raise UserError(f"{name} must be a number above 0; it is {value!r}.")
    return number
