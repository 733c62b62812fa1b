"""Deletes old runs while the page is served, by age and by size; never one that waits, trains or is in use."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Collection

from mtl.training.runs.service import Runs
from mtl.ui.server.limits import Limits

log = logging.getLogger("mtl.ui")

EVERY = 600.0


def begin(
    runs: Runs, limits: Limits, in_use: Callable[[], Collection[str]], every: float = EVERY
) -> Callable[[], None]:
    """Clean up every so many seconds, in the background. `in_use` gives the ids of the runs to keep.

    The first pass deletes nothing: a computer that has just started may have the wrong time, and the page does not
    know yet which runs its visitors look at. Returns the function that ends it.
    """
    limit = limits.runs_days * 86400, limits.runs_gb * 1e9
    ended = threading.Event()

    def forever() -> None:
        allowed = math.inf, math.inf
        while not ended.is_set():
            try:
                if deleted := runs.clean_up(*allowed, in_use()):
                    log.info("Deleted %d old runs: %s", len(deleted), ", ".join(deleted))
            except Exception:  # a disk that does not answer, say: the next time may be better
                log.exception("Old runs could not be deleted")
            allowed = limit
            ended.wait(every)

    threading.Thread(target=forever, name="cleanup", daemon=True).start()
    return ended.set
