"""How long ago something was, where the clock may have been set meanwhile.

A computer whose clock jumps a fortnight forward (an empty battery, a virtual machine that was woken) would take all
that is there for old. So the time between two looks counts for as much as this process has really lived since, and the
time while no server looked for one day at most; what a jump added is remembered and left out of every age.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from mtl.config import UserError
from mtl.training.runs import folder as folders
from mtl.training.runs import records

# How much of the time before its first look a process believes.
_UNSEEN = 86400.0
# Two clocks that are read one after the other differ a little.
_NEAR = 60.0
_KEPT = 100


class Ages:
    """Ages by the record in the file `path`, which several servers may share. `look` before asking."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._looked: float | None = None
        self._now = time.time()
        self._jumps: list[list[float]] = []

    def look(self) -> None:
        """Take note of the clock. Call it under a lock that all who share the file take."""
        record = self._record()
        self._now, lived = time.time(), time.monotonic()
        believed = _UNSEEN if self._looked is None else lived - self._looked + _NEAR
        self._looked = lived
        last, self._jumps = record.get("seen", self._now), record.get("jumps", [])
        passed = self._now - last
        if passed > believed:
            self._jumps.append([self._now, passed - believed])
        elif passed < 0 and self._jumps:  # set back: the latest jump is undone as far as that goes
            self._jumps[-1][1] += passed
        self._jumps = [jump for jump in self._jumps if jump[1] > 0][-_KEPT:]
        with contextlib.suppress(OSError):  # a folder that cannot be written has nothing that could be deleted
            folders.write_json(self._path, {"seen": self._now, "jumps": self._jumps})

    def of(self, when: float) -> float:
        """Seconds since a Unix time, as of the last look, without what the clock has jumped since."""
        jumped = sum(min(seconds, max(0.0, at - when)) for at, seconds in self._jumps)
        return self._now - when - jumped

    def _record(self) -> dict:
        try:
            record = folders.read_json(self._path)
        except (FileNotFoundError, UserError):
            return {}
        jumps = records.list_of(lambda jump: records.list_of(records.number)(jump) and len(jump) == 2)
        return record if records.fields({"seen": records.time, "jumps": jumps})(record) else {}
