"""One visitor's share of the calls: how many may be under way, and how long an answer waits to be read."""

from __future__ import annotations

import contextlib
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import httpx
import pytest
from gradio_client import Client
from hypothesis import given
from hypothesis import strategies as st

from mtl.ui.server.calls import KINDS, LEFT_SECONDS, UNREAD_SECONDS, Calls
from mtl.ui.server.door import ANSWERS_AT_ONCE
from mtl.ui.server.limits import Limits, Refused
from tests.ui.server.small_page import serving, small, wait_until


class Queue:
    """What Gradio knows of its calls: those under way by name, and of each session those whose answer is unread."""

    def __init__(self) -> None:
        self.event_ids_to_events: dict = {}
        self.pending_event_ids_session: dict = {}
        self.pending_messages_per_session: dict = {}
        self._numbers = itertools.count()

    def join(self, session: str) -> str:
        name = f"event{next(self._numbers)}"
        self.event_ids_to_events[name] = SimpleNamespace(session_hash=session)
        self.pending_event_ids_session.setdefault(session, set()).add(name)
        self.pending_messages_per_session.setdefault(session, [])
        return name

    def end(self, name: str) -> None:
        del self.event_ids_to_events[name]

    def read(self, name: str) -> None:
        for names in self.pending_event_ids_session.values():
            names.discard(name)


@pytest.fixture
def line():
    """Calls with small limits, Gradio's queue, and a clock that the test moves."""
    clock = SimpleNamespace(now=0.0)
    limits = Limits(session_calls=2, address_calls=12, unread_calls=4, session_mb=1e-4, address_mb=2.5e-4)
    calls, queue = Calls(limits, lambda: clock.now), Queue()

    def join(session="s", address="here", kind="k", size=0) -> str:
        call = calls.enter(session, address, kind, queue, size)
        name = queue.join(session or f"own{len(calls)}")
        calls.joined(call, name)
        return name

    return SimpleNamespace(calls=calls, queue=queue, join=join, clock=clock)


def test_one_session_has_so_many_calls_of_a_kind_and_so_many_of_all(line):
    with line.calls.connected("s", line.queue, reads=False):
        for kind in range(KINDS):
            for _ in range(2):
                line.join(kind=kind)
            with pytest.raises(Refused, match="Read those first") as refusal:
                line.join(kind=kind)
            assert refusal.value.status == 429
        with pytest.raises(Refused):
            line.join(kind="another")


def test_of_one_session_and_of_one_address_so_much_text_waits(line):
    first = line.join(size=80)
    with pytest.raises(Refused, match="More text waits .* Read the answers"):
        line.join(size=30, kind="another")
    line.join("t", size=90)
    with pytest.raises(Refused, match="More text waits .* your network address"):
        line.join("u", size=90)
    line.join("u", address="elsewhere", size=90)
    line.queue.end(first)
    line.queue.read(first)
    line.join("v", size=90)


def test_an_answer_that_was_read_makes_room(line):
    first, _ = line.join(), line.join()
    line.queue.end(first)
    with pytest.raises(Refused):
        line.join()
    line.queue.read(first)
    line.join()


@pytest.mark.parametrize(("reads", "seconds"), [(True, LEFT_SECONDS), (False, UNREAD_SECONDS)])
def test_answers_that_nobody_reads_are_forgotten_after_a_time(line, reads, seconds):
    names = [line.join(), line.join()]
    if reads:
        with line.calls.connected("s", line.queue, reads=True):
            pass
    for name in names:
        line.queue.end(name)
    with pytest.raises(Refused):
        line.join()
    line.clock.now += seconds + 1
    line.join()
    assert names[0] not in line.queue.pending_event_ids_session["s"]


def test_two_calls_that_are_alike_are_not_taken_for_each_other(line):
    first, second = (line.calls.enter("s", "here", "k", line.queue) for _ in range(2))
    line.calls.leave(second)
    name = line.queue.join("s")
    line.calls.joined(first, name)
    line.queue.end(name)
    line.queue.read(name)
    line.join("another")
    assert len(line.calls) == 1


def test_a_call_that_is_still_worked_on_counts_however_long_it_takes(line):
    line.join(), line.join()
    line.clock.now += 10_000
    with pytest.raises(Refused):
        line.join()


def test_who_reads_again_at_once_loses_nothing(line):
    with line.calls.connected("s", line.queue, reads=True):
        name = line.join()
    line.queue.end(name)
    with line.calls.connected("s", line.queue, reads=True):
        line.clock.now += LEFT_SECONDS + 1
        line.join()
        assert name in line.queue.pending_event_ids_session["s"]


def test_made_up_sessions_share_what_their_address_has_and_open_pages_have_their_own(line):
    names = [line.join(f"made up {i}") for i in range(4)]
    with pytest.raises(Refused, match="nobody is connected"):
        line.join("made up 5")
    line.join("made up 6", address="elsewhere")
    with line.calls.connected("page", line.queue, reads=False):
        line.join("page")
    line.queue.end(names[0])  # an answer that waits gives way to a call that comes
    line.join("made up 7")
    assert not line.queue.pending_event_ids_session.get("made up 0")


def test_one_address_has_so_many_calls_whoever_makes_them(line):
    with contextlib.ExitStack() as open_pages:
        for i in range(6):
            open_pages.enter_context(line.calls.connected(f"page {i}", line.queue, reads=False))
            line.join(f"page {i}"), line.join(f"page {i}")
        open_pages.enter_context(line.calls.connected("page 7", line.queue, reads=False))
        with pytest.raises(Refused, match="your network address"):
            line.join("page 7")
        line.join("page 7", address="elsewhere")


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["join", "end", "read", "leave", "wait"])), max_size=40))
def test_whatever_happens_no_more_than_the_limits_is_kept_and_all_of_it_ends(steps):
    clock = SimpleNamespace(now=0.0)
    calls, queue = Calls(Limits(session_calls=2, unread_calls=5), lambda: clock.now), Queue()
    names = []
    for session, step in steps:
        if step == "join":
            with contextlib.suppress(Refused):
                call = calls.enter(str(session), "here", "k", queue)
                names.append(queue.join(str(session)))
                calls.joined(call, names[-1])
        elif step == "leave":
            with calls.connected(str(session), queue, reads=True):
                pass
        elif step == "wait":
            clock.now += 50
        elif names and step == "read":
            queue.read(names[session % len(names)])
        elif names:
            queue.event_ids_to_events.pop(names[session % len(names)], None)
        assert len(calls) <= 5
    queue.event_ids_to_events.clear()
    for _ in range(2):  # they are seen to have ended, and later to have waited long enough
        calls.leave(calls.enter("last", "here", "k", queue))
        clock.now += UNREAD_SECONDS + 1
    calls.leave(calls.enter("last", "here", "k", queue))
    assert len(calls) == 0 and not any(queue.pending_event_ids_session.values())


# --- a whole server ---


@pytest.fixture
def held(monkeypatch):
    """A server whose endpoint "wait" answers once the gate is open."""
    monkeypatch.setenv("MTL_SESSION_CALLS", "3")
    monkeypatch.setenv("MTL_UNREAD_CALLS", "8")
    gate = threading.Event()
    with serving(small(gate)) as server:
        server.gate = gate
        yield server
        gate.set()


def test_four_thousand_unread_calls_leave_room_for_others(held):
    of_one = [held.join("wait").status_code for _ in range(20)]
    assert of_one == [200] * 3 + [429] * 17
    refused = held.join("wait").json()["detail"]
    assert "3 answers" in refused and "Read those first" in refused
    made_up = [held.join("wait", session=f"s{i}").status_code for i in range(20)]
    assert made_up == [200] * 5 + [429] * 15
    # Somebody whose page is open.
    with held.http.stream("GET", "/gradio_api/heartbeat/page"):
        assert held.call(session="page")["success"]
    held.gate.set()
    assert {m["msg"] for m in held.read("one")} >= {"process_completed", "close_stream"}
    assert held.join("wait").status_code == 200


def test_calls_without_the_queue_are_counted_while_they_last(held):
    url = f"{held.http.base_url}gradio_api/run/wait"
    body = {"data": ["hi"], "session_hash": "direct"}
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(httpx.post(url, json=body, timeout=60))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answers) == 3, 30)
    assert [answer.status_code for answer in answers] == [429] * 3
    held.gate.set()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 3
    assert httpx.post(url, json=body).status_code == 200


def test_all_that_a_program_sends_at_once_through_one_client_is_answered(served):
    client = Client(str(served.http.base_url), verbose=False)
    jobs = [client.submit(str(i), api_name="/echo") for i in range(100)]
    assert [job.result(60) for job in jobs] == [str(i) for i in range(100)]


def test_calls_by_name_are_counted_and_read_by_their_event(held):
    held.gate.set()
    for _ in range(20):
        event = held.http.post("/gradio_api/call/wait", json={"data": ["hi"]}).json()["event_id"]
        assert '["hi"]' in held.http.get(f"/gradio_api/call/wait/{event}").text


def test_sessions_that_have_gone_leave_nothing_in_the_queue(held):
    held.gate.set()
    for i in range(30):
        held.call(session=f"s{i}")
    queue = held.demo._queue
    wait_until(lambda: not queue.pending_event_ids_session)
    assert not list(queue.pending_messages_per_session)


def test_a_page_asks_at_most_so_many_questions_at_a_time(held):
    with ThreadPoolExecutor(8) as pool:
        mine = [pool.submit(held.ask) for _ in range(ANSWERS_AT_ONCE + 2)]
        wait_until(lambda: sum(answer.done() for answer in mine) == 2)
        other = pool.submit(held.ask, session="another")
        held.gate.set()
        assert sorted(answer.result().status_code for answer in mine) == [200] * ANSWERS_AT_ONCE + [429] * 2
        assert other.result().json() == "hello"
    assert held.ask().status_code == 200
