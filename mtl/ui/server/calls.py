"""How many calls one visitor may have under way.

Gradio has one limit for everybody's calls together, so one visitor could take all there is. Used by
`mtl.ui.server.door` alone, on the server's event loop.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gradio.route_utils import ASGIApp, Message, Receive, Scope, Send

from mtl.ui.server.limits import Limits, Refused
from mtl.ui.server.requests import api_path

# An answer that nobody has read counts for so many seconds; if its reader has gone, for less.
UNREAD_SECONDS, LEFT_SECONDS = 120.0, 10.0
# Of all kinds together, so many times as many: a page has some 20 under way while it loads, at most two of a kind.
KINDS = 2

_TOO_MUCH_TEXT = "More text waits to be read than is taken."


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

    def enter(
        self, session: str, address: str, kind: str, queue: Any, size: int = 0, most: float | None = None
    ) -> _Call:
        """Count a call of `kind` (any word for what is called) by `session`, "" if it gives none, from `address`.

        `most` of a kind may be under way at a time; None: as many as the settings say. `size` is what it sends, in
        bytes, nearly all of it text that waits for the model. `queue` is Gradio's, which knows what has ended. Raises
        `Refused` where the limits are reached.
        """
        self._drop_ended(queue)
        own = [call for call in self._calls if call.session == session] if session else []
        limit = self._limits.session_calls
        if sum(call.kind == kind for call in own) >= (most or limit) or len(own) >= limit * KINDS:
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

    async def pass_on(self, call: _Call, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let `app` answer `call`, which counts until its answer has been read."""
        answer = bytearray()

        async def keep(message: Message) -> None:
            if len(answer) < 1_000:
                answer.extend(message.get("body", b""))
            await send(message)

        try:
            await app(scope, receive, keep)
        finally:
            event = None
            if not api_path(scope).startswith(("run/", "api/")):  # those are answered at once
                with contextlib.suppress(ValueError, TypeError, AttributeError):
                    event = json.loads(bytes(answer)).get("event_id")
            if isinstance(event, str):
                self.joined(call, event)
            else:
                self.leave(call)

    def joined(self, call: _Call, event: str) -> None:
        """`call` waits in Gradio's queue under the name `event`, which is its session's too where it came without."""
        call.event = event
        call.session = call.session or event

    def leave(self, call: _Call) -> None:
        """`call` was answered or refused at once."""
        self._calls.remove(call)

    @contextlib.contextmanager
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
        now, calls = self._clock(), []
        for call in self._calls:
            unread = call.event in queue.pending_event_ids_session.get(call.session, ())
            if call.event is not None and not unread:
                continue
            # Gradio counts a call as under way for a moment after its answer has been read, so this comes second.
            if call.event is None or call.event in queue.event_ids_to_events:
                calls.append(call)
                continue
            call.ended = now if call.ended is None else call.ended
            if now - call.ended > (LEFT_SECONDS if call.left else UNREAD_SECONDS):
                self._forget(call, queue)
            else:
                calls.append(call)
        self._calls = calls

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
    """Gradio keeps a session's messages until it reads them, which may be never."""
    if not queue.pending_event_ids_session.get(session):
        queue.pending_event_ids_session.pop(session, None)
        queue.pending_messages_per_session.pop(session, None)
