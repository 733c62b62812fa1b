"""How much of the server one visitor may take: calls that wait for an answer, and files that were uploaded.

Gradio has one limit for everybody's calls together and none for uploads, so one visitor could take all there is. Both
classes here keep count of who took what; they are used by `mtl.ui.server.door` alone, on the server's event loop.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mtl.config import UserError

# An answer that nobody has read counts for so many seconds; if its reader has gone, for less.
UNREAD_SECONDS, LEFT_SECONDS = 120.0, 10.0
# Of all kinds together, so many times as many: a page has some 20 under way while it loads, at most two of a kind.
KINDS = 2
# What an upload that failed left behind is deleted after so many seconds.
LEFTOVER_SECONDS = 900.0

_TOO_MUCH_TEXT = "More text waits to be read than is taken."


class Refused(Exception):
    """What one visitor asks for is more than their share. `status` is the HTTP status to answer with."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True)
class Limits:
    """The settings of the page that are numbers above 0. Each may be set by the environment variable of its name in
    capitals after MTL_, such as MTL_LINE; the README says what they mean.

    The defaults suit 100 learners behind one address who open the page in the same second. `session_calls` is what one
    `gradio_client.Client` has under way at most, so a program never meets it.
    """

    runs_days: float = 14.0
    runs_gb: float = 10.0
    line: float = 300
    run_hours: float = 2.0
    free_gb: float = 1.0
    session_calls: float = 40
    address_calls: float = 3000
    unread_calls: float = 200
    session_mb: float = 16.0
    address_mb: float = 200.0
    post_mb: float = 8.0
    uploads_gb: float = 10.0
    address_uploads_gb: float = 4.0

    @classmethod
    def from_environment(cls) -> Limits:
        """What the environment says. Raises `UserError` where that is not a number above 0."""
        return cls(**{f.name: _positive(f"MTL_{f.name.upper()}", f.default) for f in fields(cls)})


def _positive(name: str, default: float) -> float:
    value = os.environ.get(name) or default
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not number > 0:
        raise UserError(f"{name} must be a number above 0; it is {value!r}.")
    return number


@dataclass(eq=False)  # two calls that are alike are still two
class _Call:
    session: str
    address: str
    kind: str
    size: int
    event: str | None = None  # Gradio's name for it, once it has one
    ended: float | None = None  # when it was first seen to have ended without its answer being read
    left: bool = False  # whoever was connected to read the answer has gone


class Calls:
    """The calls that wait, run, or were answered without anybody having read the answer yet."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._clock = limits, clock
        self._calls: list[_Call] = []
        # Open connections of each session: those it reads answers from, and those that show that it is there.
        self._reading: Counter[str] = Counter()
        self._present: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._calls)

    def enter(self, session: str, address: str, kind: str, queue: Any, size: int = 0) -> _Call:
        """Count a call of `kind` (any word for what is called) by `session`, "" if it gives none, from `address`.

        `size` is what it sends, in bytes: nearly all of that is text that waits for the model.

        `queue` is Gradio's, which knows what has ended. Raises `Refused` where the limits are reached.
        """
        self._drop_ended(queue)
        own = [call for call in self._calls if call.session == session] if session else []
        limit = self._limits.session_calls
        if sum(call.kind == kind for call in own) >= limit or len(own) >= limit * KINDS:
            raise Refused(
                429,
                f"This page or program already waits for {len(own)} answers, and no more are taken from one at a time. "
                "Read those first, then send the next; several sentences fit into one call.",
            )
        if own and sum(call.size for call in own) + size > self._limits.session_mb * 1e6:
            raise Refused(429, f"{_TOO_MUCH_TEXT} Read the answers to what you sent before, then send this again.")
        near = [call for call in self._calls if call.address == address]
        if not self._present[session]:
            unread = [call for call in near if not self._present[call.session]]
            if len(unread) >= self._limits.unread_calls and not self._forget_oldest(unread, queue):
                raise Refused(
                    429,
                    f"{len(unread)} calls from your network address wait for answers that nobody is connected for. "
                    "Read their answers, or send this again in a minute.",
                )
        if len(near) >= self._limits.address_calls:
            raise Refused(
                429,
                f"{len(near)} calls from your network address wait for answers, which is as many as are taken. "
                "Send this again in a minute.",
            )
        if near and sum(call.size for call in near) + size > self._limits.address_mb * 1e6:
            raise Refused(429, f"{_TOO_MUCH_TEXT} It comes from your network address. Send this again in a minute.")
        call = _Call(session, address, kind, size)
        self._calls.append(call)
        return call

    def joined(self, call: _Call, event: str) -> None:
        """`call` waits in Gradio's queue under the name `event`, which is its session's too where it came without."""
        call.event = event
        call.session = call.session or event

    def leave(self, call: _Call) -> None:
        """`call` was answered or refused at once."""
        self._calls.remove(call)

    @contextmanager
    def connected(self, session: str, queue: Any, reads: bool) -> Iterator[None]:
        """While `session` keeps a connection open, on which it `reads` answers or only shows that it is there."""
        self._present[session] += 1
        self._reading[session] += reads
        if reads:
            self._mark(session, left=False)
        try:
            yield
        finally:
            self._present[session] -= 1
            self._reading[session] -= reads
            self._present, self._reading = +self._present, +self._reading
            if reads and not self._reading[session]:
                self._mark(session, left=True)
            if not self._present[session]:
                _forget_messages(session, queue)

    def _mark(self, session: str, left: bool) -> None:
        for call in self._calls:
            if call.session == session:
                call.left = left

    def _drop_ended(self, queue: Any) -> None:
        now, kept = self._clock(), []
        for call in self._calls:
            unread = call.event in queue.pending_event_ids_session.get(call.session, ())
            if call.event is not None and not unread:
                continue
            # Gradio counts a call as under way for a moment after its answer has been read, so this comes second.
            if call.event is None or call.event in queue.event_ids_to_events:
                kept.append(call)
                continue
            call.ended = now if call.ended is None else call.ended
            if now - call.ended > (LEFT_SECONDS if call.left else UNREAD_SECONDS):
                self._forget(call, queue)
            else:
                kept.append(call)
        self._calls = kept

    def _forget_oldest(self, unread: list[_Call], queue: Any) -> bool:
        """Drop the oldest answer that nobody is connected for. False where all of them are still being worked on."""
        for call in unread:
            if call.event is not None and call.event not in queue.event_ids_to_events:
                self._calls.remove(call)
                self._forget(call, queue)
                return True
        return False

    def _forget(self, call: _Call, queue: Any) -> None:
        if not self._reading[call.session]:  # or Gradio is just handing it over
            queue.pending_event_ids_session.get(call.session, set()).discard(call.event)
            _forget_messages(call.session, queue)


def _forget_messages(session: str, queue: Any) -> None:
    """Gradio keeps what it had to tell a session until that session reads it, which may be never."""
    if not queue.pending_event_ids_session.get(session):
        queue.pending_event_ids_session.pop(session, None)
        queue.pending_messages_per_session.pop(session, None)


class Uploads:
    """The files that visitors uploaded and that are still there. `folder` is where Gradio keeps them."""

    def __init__(self, limits: Limits, folder: Path) -> None:
        self._limits, self._folder = limits, folder
        self._files: dict[str, tuple[str, int]] = {}  # path: whose, bytes
        self._arriving: list[tuple[str, float]] = []
        self._swept = 0.0

    @contextmanager
    def arriving(self, address: str, size: float) -> Iterator[None]:
        """While an upload of `size` bytes from `address` arrives. Raises `Refused` where there is no room for it."""
        self._files = {path: file for path, file in self._files.items() if os.path.exists(path)}
        there = [*self._files.values(), *self._arriving]
        self._folder.mkdir(parents=True, exist_ok=True)
        # What arrives just now may not have been written yet.
        free = shutil.disk_usage(self._folder).free - sum(size for _, size in self._arriving)
        if free - size < self._limits.free_gb * 1e9:
            raise Refused(507, "The server's disk is nearly full, so it takes no files now. Tell whoever runs it.")
        later = "Files are deleted an hour after they came: try again then, or bring a smaller one."
        if sum(size for _, size in there) + size > self._limits.uploads_gb * 1e9:
            raise Refused(507, f"The server holds as many files as it takes. {later}")
        if sum(size for whose, size in there if whose == address) + size > self._limits.address_uploads_gb * 1e9:
            raise Refused(429, f"The server holds as many files from your network address as it takes. {later}")
        entry = (address, size)
        self._arriving.append(entry)
        try:
            yield
        finally:
            self._arriving.remove(entry)
            self._sweep()

    def arrived(self, address: str, paths: list[str]) -> None:
        """The files of an upload have been written. The same content from several visitors is one file."""
        for path in paths:
            if os.path.isfile(path):
                self._files.setdefault(path, (address, os.path.getsize(path)))

    def _sweep(self) -> None:
        """Delete what uploads that failed have left: files of the folder itself, where only those that arrive are."""
        now = time.time()
        if now - self._swept < 60:
            return
        self._swept = now
        for path in self._folder.glob("tmp*"):
            try:
                if path.is_file() and now - path.stat().st_mtime > LEFTOVER_SECONDS:
                    path.unlink()
            except OSError:  # another server that shares the folder was quicker
                continue
