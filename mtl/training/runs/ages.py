"""Ages of files on a computer whose clock may be set.

When the clock jumps a fortnight forward (an empty battery, a resumed virtual machine), everything would look old. So
the time between two updates counts only as far as the monotonic clock confirms it, and the time without a server as at
most one day; the excess is recorded as a jump and subtracted from every age.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from mtl.files import json_or_nothing, write_json
from mtl.training.runs import records

# The most that may have passed, in seconds, before a process first looks at the clock.
_UNSEEN = 86400.0
# Clocks that are read one after the other differ a little.
_TOLERANCE = 60.0
_MOST_JUMPS = 100


class Ages:
    """Ages by the record in the file `path`, which several servers may share. Call `look` first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._looked: float | None = None
        self._now = time.time()
        self._jumps: list[list[float]] = []

    def look(self) -> None:
        """Read the clock. Hold a lock that everyone who shares the file takes."""
        record = json_or_nothing(self._path)
        if not records.clock(record):
            record = {}
        self._now, monotonic = time.time(), time.monotonic()
        most = _UNSEEN if self._looked is None else monotonic - self._looked + _TOLERANCE
        self._looked = monotonic
        last, self._jumps = record.get("seen", self._now), record.get("jumps", [])
        passed = self._now - last
        if passed > most:
            self._jumps.append([self._now, passed - most])
        elif passed < 0 and self._jumps:  # set back: undo as much of the last jump
            self._jumps[-1][1] += passed
        self._jumps = [jump for jump in self._jumps if jump[1] > 0][-_MOST_JUMPS:]
        with contextlib.suppress(OSError):  # nothing can be deleted from a read-only folder anyway
            write_json(self._path, {"seen": self._now, "jumps": self._jumps})

    def of(self, when: float) -> float:
        """Seconds since a Unix time, as of the last look, less the jumps of the clock since."""
        jumped = sum(min(seconds, max(0.0, at - when)) for at, seconds in self._jumps)
        return self._now - when - jumped
