"""What a session took is let go after its page was closed, and only then."""

from __future__ import annotations

import asyncio
import contextlib
import datetime

import gradio as gr
import pytest

from mtl.ui.server import presence
from mtl.ui.server.presence import AFTER, Heartbeats, Presence
from mtl.ui.visitors import Registry


@pytest.fixture
def demo(monkeypatch):
    """A page whose sessions were made as Gradio makes them, and a clock: `demo.later(seconds)`."""
    with gr.Blocks() as demo:
        demo.words = gr.Textbox("a default")
        demo.revision = gr.State(0)
    demo.queue()
    demo.registry = Registry()
    demo.presence = Presence(demo.registry)
    answered = []

    async def app(scope, receive, send):
        answered.append(scope["path"])

    demo.door = Heartbeats(app)
    demo.passes = lambda path: asyncio.run(demo.door({"type": "http", "path": path, "app": demo.app}, None, None))
    demo.passes("/")
    now = [datetime.datetime.now().timestamp()]
    monkeypatch.setattr(presence.time, "time", lambda: now[0])

    def later(seconds):
        now[0] += seconds
        demo.presence.let_go(demo)

    demo.later, demo.answered = later, answered
    return demo


def arrive(demo, session):
    """What an event of this session leaves behind."""
    demo.app.state_holder[session][demo.revision._id] = 7
    demo._queue.pending_event_ids_session[session] = set()
    demo.registry.recognise(session, f"owner of {session}").work = object()


def is_kept(demo, session):
    kept = {
        session in demo.app.state_holder,
        session in demo._queue.pending_event_ids_session,
        demo.registry.work(session) is not None,
    }
    assert len(kept) == 1
    return kept.pop()


def test_a_closed_page_is_let_go_and_an_open_one_is_not(demo):
    async def visit():
        with demo.presence.here("ada", demo):
            arrive(demo, "ada")
            demo.later(10 * AFTER)
            assert is_kept(demo, "ada")
        demo.later(AFTER / 2)
        assert is_kept(demo, "ada")
        demo.later(AFTER)
        assert not is_kept(demo, "ada")

    asyncio.run(visit())
    assert demo.registry.visit("ada").owner == "owner of ada"


def test_a_page_that_comes_back_in_time_loses_nothing(demo):
    async def visit():
        with demo.presence.here("ada", demo):
            arrive(demo, "ada")
        demo.later(AFTER / 2)
        with demo.presence.here("ada", demo):
            demo.later(10 * AFTER)
            assert is_kept(demo, "ada")

    asyncio.run(visit())


def test_a_program_without_a_page_is_let_go_when_it_asks_no_more(demo):
    arrive(demo, "program")
    demo.later(AFTER / 2)
    assert is_kept(demo, "program")
    demo.later(AFTER)
    assert not is_kept(demo, "program")


def test_what_waits_is_not_let_go(demo):
    arrive(demo, "patient")
    demo._queue.active_jobs = [[type("Event", (), {"session_hash": "patient"})()]]
    demo.later(2 * AFTER)
    assert is_kept(demo, "patient")


def test_of_pages_that_only_came_and_went_nothing_grows(demo):
    async def visits():
        for number in range(500):
            with demo.presence.here(f"visitor {number}", demo):
                pass

    asyncio.run(visits())
    demo.later(2 * AFTER)
    assert not demo.presence._left
    assert not demo.presence._open


def test_a_session_is_no_copy_of_the_page(demo):
    session = demo.app.state_holder["ada"]
    assert session.config_values == {}
    session._update_value_in_config(demo.words._id, "a long figure")
    assert session.config_values == {}
    assert session[demo.words._id].value == "a default"


def test_a_heartbeat_is_a_page_that_is_open(demo):
    seen = []
    demo.presence.here = lambda session, page: seen.append(session) or contextlib.nullcontext()
    demo.passes("/gradio_api/heartbeat/ada")
    demo.passes("/gradio_api/queue/join")
    assert seen == ["ada"]
    assert demo.answered[-2:] == ["/gradio_api/heartbeat/ada", "/gradio_api/queue/join"]
