"""Whoever was served least recently comes next, in the model and in the page's queue, however much another asks for."""

from __future__ import annotations

import threading
import time
from collections import Counter
from types import SimpleNamespace

import pytest

from mtl.ui.server.turns import MOST_ALIKE, MOST_AT_ONCE, FairQueue, Served, Turns, visitor_of


class Line:
    """Threads that each take turns for some batches with one place; `order` is who was served."""

    def __init__(self) -> None:
        self.turns = Turns(at_once=1)
        self.order: list[str] = []
        self._threads: list[threading.Thread] = []

    def join(self, visitor: str, batches: int = 1) -> None:
        def compute() -> None:
            with self.turns.turn(visitor):
                for batch in range(batches):
                    if batch:
                        self.turns.give_way(visitor)
                    self.order.append(visitor)

        waiting = len(self.turns._waiting)
        self._threads.append(threading.Thread(target=compute))
        self._threads[-1].start()
        while len(self.turns._waiting) == waiting:
            time.sleep(0.001)

    def finish(self) -> list[str]:
        for thread in self._threads:
            thread.join(20)
        return self.order


def test_who_asks_for_much_gives_way_after_each_batch():
    line = Line()
    with line.turns.turn("the one before"):
        line.join("heavy", 4)
        line.join("light")
        line.join("lighter")
    assert line.finish() == ["heavy", "light", "lighter", "heavy", "heavy", "heavy"]


def test_many_requests_of_one_visitor_do_not_keep_another_waiting():
    line = Line()
    with line.turns.turn("the one before"):
        for _ in range(20):
            line.join("heavy")
        line.join("light")
    assert line.finish().index("light") == 1


def test_a_turn_that_fails_gives_its_place_back():
    turns = Turns(at_once=1)
    with pytest.raises(ZeroDivisionError), turns.turn("ada"):
        raise ZeroDivisionError
    with turns.turn("bob"):
        pass


def test_visitors_not_served_for_long_are_forgotten():
    served = Served(most=10)
    for number in range(1000):
        served.note(str(number))
    assert [name for name in map(str, range(1000)) if served.last(name)] == [*map(str, range(990, 1000))]


# --- the queue of events ---


def event(session: str, name: str = "model", host: str = "10.0.0.1") -> SimpleNamespace:
    anonymous = not session
    return SimpleNamespace(
        _id="an id" if anonymous else "another",
        session_hash="an id" if anonymous else session,
        concurrency_id=name,
        request=SimpleNamespace(client=SimpleNamespace(host=host)),
    )


@pytest.fixture
def queue():
    queue = FairQueue(
        live_updates=False,
        concurrency_count=40,
        update_intervals=5,
        max_size=None,
        blocks=None,
        default_concurrency_limit=40,
    )
    queue.active_jobs = [None] * 40
    return queue


def join(queue, *events):
    for one in events:
        waiting = SimpleNamespace(
            queue=[], concurrency_id=one.concurrency_id, concurrency_limit=40, current_concurrency=0
        )
        queue.event_queue_per_concurrency_id.setdefault(one.concurrency_id, waiting).queue.append(one)


def begun(queue):
    """Whose event begins next, which then runs; None where none may."""
    found = queue.get_events()
    if found is None:
        return None
    queue.active_jobs[queue.active_jobs.index(None)] = found[0]
    return visitor_of(found[0][0])


def test_events_begin_in_turns(queue):
    join(queue, *[event("heavy") for _ in range(50)], event("light"))
    assert [begun(queue), begun(queue)] == ["heavy", "light"]


def test_one_visitor_never_has_all_the_threads(queue):
    join(queue, *[event("heavy", f"function {i}") for i in range(50)], *[event("heavy") for _ in range(50)])
    began = []
    while visitor := begun(queue):
        began.append(visitor)
    assert len(began) == MOST_AT_ONCE
    join(queue, event("light"))
    assert begun(queue) == "light"


def test_of_one_kind_of_event_a_visitor_has_few_at_once(queue):
    join(queue, *[event("heavy") for _ in range(50)])
    began = Counter()
    while visitor := begun(queue):
        began[visitor] += 1
    assert began == {"heavy": MOST_ALIKE}


def test_programs_without_a_session_count_as_one_visitor_an_address(queue):
    join(queue, *[event("", host="10.0.0.1") for _ in range(5)], event("", host="10.0.0.2"), event("ada"))
    assert [begun(queue) for _ in range(3)] == ["address 10.0.0.1", "address 10.0.0.2", "ada"]
