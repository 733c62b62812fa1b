"""What a session took is let go after its page was closed, and only then."""

from __future__ import annotations

import asyncio
import contextlib
import datetime

import gradio as gr
import pytest

from mtl.ui.server import open_pages
from mtl.ui.server.open_pages import AFTER, Heartbeats, OpenPages
from mtl.ui.visitors import Registry


@pytest.fixture
def demo(monkeypatch):
    """A page whose sessions were made as Gradio makes them, and a clock: `demo.later(seconds)`."""
    with gr.Blocks() as demo:
        demo.words = gr.Textbox("a default")
        demo.revision = gr.State(0)
    demo.queue()
    demo.registry = Registry()
    demo.open_pages = OpenPages(demo, demo.registry)
    answered = []

    async def app(scope, receive, send):
        answered.append(scope["path"])

    demo.door = Heartbeats(app)
    demo.passes = lambda path: asyncio.run(demo.door({"type": "http", "path": path, "app": demo.app}, None, None))
    demo.passes("/")
    now = [datetime.datetime.now().timestamp()]
    monkeypatch.setattr(open_pages.time, "time", lambda: now[0])

    def later(seconds):
        now[0] += seconds
        demo.open_pages.release_closed()

    demo.later, demo.answered = later, answered
    return demo


def arrive(demo, session):
    """What an event of this session leaves behind."""
    demo.app.state_holder[session][demo.revision._id] = 7
    demo._queue.pending_event_ids_session[session] = set()
    demo.registry.identify(session, f"owner of {session}").work = object()


def is_kept(demo, session):
    kept = {
        session in demo.app.state_holder,
        session in demo._queue.pending_event_ids_session,
        demo.registry.visit(session).work is not None,
    }
    assert len(kept) == 1
    return kept.pop()


def test_a_closed_page_is_let_go_and_an_open_one_is_not(demo):
    async def visit():
        with demo.open_pages.opened("ada"):
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
        with demo.open_pages.opened("ada"):
            arrive(demo, "ada")
        demo.later(AFTER / 2)
        with demo.open_pages.opened("ada"):
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
            with demo.open_pages.opened(f"visitor {number}"):
                pass

    asyncio.run(visits())
    demo.later(2 * AFTER)
    assert not demo.open_pages._left
    assert not demo.open_pages._open


def test_a_session_is_no_copy_of_the_page(demo):
    session = demo.app.state_holder["ada"]
    assert session.config_values == {}
    session._update_value_in_config(demo.words._id, "a long figure")
    assert session.config_values == {}
    assert session[demo.words._id].value == "a default"


def test_a_heartbeat_is_a_page_that_is_open(demo):
    seen = []
    demo.open_pages.opened = lambda session: seen.append(session) or contextlib.nullcontext()
    demo.passes("/gradio_api/heartbeat/ada")
    demo.passes("/gradio_api/queue/join")
    assert seen == ["ada"]
    assert demo.answered[-2:] == ["/gradio_api/heartbeat/ada", "/gradio_api/queue/join"]
