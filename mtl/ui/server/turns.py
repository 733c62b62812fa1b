"""Visitors share the server evenly: the least recently served one comes next, however much another asks for.

`FairQueue` decides which event of the page begins next, `Turns` who may use the model for its next batch.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator

from gradio import Blocks
from gradio.queueing import Event, Queue

# How many events of one visitor run at the same time, and how many of those with the same concurrency_id.
MOST_AT_ONCE, MOST_ALIKE = 6, 2


class Served:
    """When each visitor was last served, as a number that grows. Visitors not served for long are forgotten."""

    def __init__(self, most: int = 10_000) -> None:
        self._last: OrderedDict[str, int] = OrderedDict()
        self._most = most
        self._numbers = itertools.count(1)

    def last(self, visitor: str) -> int:
        return self._last.get(visitor, 0)

    def note(self, visitor: str) -> None:
        self._last[visitor] = next(self._numbers)
        self._last.move_to_end(visitor)
        if len(self._last) > self._most:
            self._last.popitem(last=False)


class Turns:
    """Lets `at_once` threads compute at the same time. Thread safe."""

    def __init__(self, at_once: int = 2) -> None:
        self._free = at_once
        self._lock = threading.Lock()
        # In the order in which they came.
        self._waiting: list[tuple[str, threading.Event]] = []
        self._served = Served()

    @contextlib.contextmanager
    def turn(self, visitor: str) -> Iterator[None]:
        """Wait for a place, and hold it inside the block."""
        self._wait(visitor)
        try:
            yield
        finally:
            self._leave()

    def give_way(self, visitor: str) -> None:
        """Inside a turn: let others go first if any wait, then go on."""
        if self._waiting:
            self._leave()
            self._wait(visitor)

    def _wait(self, visitor: str) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                self._served.note(visitor)
                return
            mine = threading.Event()
            self._waiting.append((visitor, mine))
        mine.wait()

    def _leave(self) -> None:
        """Hand the place over. Only the next visitor is woken: waking all would cost more the more of them wait."""
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            chosen = min(self._waiting, key=lambda waiting: self._served.last(waiting[0]))
            self._waiting.remove(chosen)
            self._served.note(chosen[0])
        chosen[1].set()


def fair_queue(demo: Blocks) -> FairQueue:
    """The queue for a page. `mtl.ui.server.calls` limits how many calls of one visitor wait in it."""
    return FairQueue(
        blocks=demo,
        concurrency_count=demo.max_threads,
        default_concurrency_limit=8,
        max_size=5000,
        # The page does not show places in this queue, so they are not sent with every event to everybody who waits.
        live_updates=False,
        update_intervals=5,
    )


class FairQueue(Queue):
    """Gradio's queue of events, which by itself starts them in the order in which they came."""

    def __init__(self, *arguments, **named) -> None:
        super().__init__(*arguments, **named)
        self._served = Served()

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """The event to begin next, of the visitor served least recently who has few others running."""
        running = [event for job in self.active_jobs if job for event in job]
        busy = Counter(visitor_of(event) for event in running)
        alike = Counter((visitor_of(event), event.concurrency_id) for event in running)
        queues = [*self.event_queue_per_concurrency_id.values()]
        random.shuffle(queues)
        for queue in queues:
            if queue.concurrency_limit is not None and queue.current_concurrency >= queue.concurrency_limit:
                continue
            free = [
                event
                for event in queue.queue
                if busy[visitor := visitor_of(event)] < MOST_AT_ONCE
                and alike[visitor, queue.concurrency_id] < MOST_ALIKE
            ]
            if free:
                event = min(free, key=lambda event: self._served.last(visitor_of(event)))
                queue.queue.remove(event)
                self._served.note(visitor_of(event))
                return [event], False, queue.concurrency_id
        return None


def visitor_of(event: Event) -> str:
    """Whose event it is: a session's; programs without one are distinguished by their address."""
    if event.session_hash != event._id:
        return event.session_hash
    client = event.request.client
    return visitor_at(client.host if client else "")


def visitor_at(address: str) -> str:
    """Whose call it is that comes from a network address without a session: no session has such a name."""
    return f"address {address}"
