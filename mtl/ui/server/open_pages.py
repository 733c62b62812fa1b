"""Which pages are open. A session's memory is freed soon after its page was closed.

Gradio itself keeps a copy of the whole page for every session, up to a number of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gradio.state_holder import SessionState, StateHolder

if TYPE_CHECKING:
    from gradio import Blocks

    from mtl.ui.visitors import Registry

# Seconds between two sweeps, and for how long a page may be away, as wifi drops and comes back.
EVERY, AFTER = 5.0, 15.0
# Gradio's page keeps a connection to this address.
_HEARTBEAT = re.compile(r".*/heartbeat/([^/]{1,64})/?")


class OpenPages:
    """The sessions whose page is open. Runs in the server's event loop, which owns what is freed."""

    def __init__(self, demo: Blocks, registry: Registry) -> None:
        self._demo, self._registry = demo, registry
        self._open = registry.open_pages = Counter()
        self._left: dict[str, float] = {}
        self._sweeper: asyncio.Task | None = None

    @contextlib.contextmanager
    def opened(self, session: str) -> Iterator[None]:
        """Inside the block a page of this session is open."""
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().create_task(self._sweep())
        self._open[session] += 1
        try:
            yield
        finally:
            self._open[session] -= 1
            if not self._open[session]:
                del self._open[session]
                self._left[session] = time.time()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            self.release_closed()

    def release_closed(self) -> None:
        """Forget the sessions whose page has been closed for a while, and that wait for nothing."""
        demo, queue, now = self._demo, self._demo._queue, time.time()
        sessions = demo.app.state_holder
        waiting = [event for line in queue.event_queue_per_concurrency_id.values() for event in line.queue]
        running = [event for job in queue.active_jobs if job for event in job]
        busy = {event.session_hash for event in (*waiting, *running)}
        for session in [*sessions.session_data]:
            # A program has no page: its last call counts.
            used = sessions.time_last_used.get(session)
            left = max(self._left.get(session, 0.0), used.timestamp() if used else 0.0)
            if session in self._open or session in busy or now - left < AFTER:
                continue
            for memory in (
                self._left,
                sessions.session_data,
                sessions.time_last_used,
                queue.pending_messages_per_session,
                queue.pending_event_ids_session,
                demo.pending_streams,
                demo.pending_diff_streams,
            ):
                memory.pop(session, None)
            self._registry.release(session)
        # A page that never made a call has left nothing else.
        self._left = {session: left for session, left in self._left.items() if now - left < AFTER}


class _Session(SessionState):
    """Gradio's, without its copy of every component's properties: 0.3 MB, and 70 ms of the server's main thread for
    every page that opens. Only deep links read it, which this page does not offer."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks=()))

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


class _Sessions(StateHolder):
    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = _Session(self.blocks)
        return super().__getitem__(session_id)


class Heartbeats:
    """ASGI middleware that reports every heartbeat to the page's `open_pages`, and gives Gradio its lean sessions."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not isinstance(scope["app"].state_holder, _Sessions):
            scope["app"].state_holder = _Sessions()
            scope["app"].state_holder.set_blocks(scope["app"].get_blocks())
        match = _HEARTBEAT.fullmatch(scope.get("path", ""))
        open_pages = match and getattr(scope["app"].get_blocks(), "open_pages", None)
        with open_pages.opened(match[1]) if open_pages else contextlib.nullcontext():
            await self._app(scope, receive, send)
