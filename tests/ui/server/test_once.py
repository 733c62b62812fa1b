"""A call whose answer was lost is sent again, and done once."""

from __future__ import annotations

import asyncio

import pytest

from mtl.ui.server.limits import Refused
from mtl.ui.server.once import Once


def scope(name: str | None) -> dict:
    return {"type": "http", "headers": [] if name is None else [(b"x-mtl-call", name.encode())]}


@pytest.mark.parametrize("at_once", [False, True])
def test_a_call_that_comes_again_gets_the_first_answer(at_once):
    once, done = Once(), []

    async def work(send) -> None:
        done.append(None)
        await asyncio.sleep(0.01)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"%d" % len(done)})

    async def one(name):
        told = []

        async def send(message) -> None:
            told.append(message)

        await once.answer(scope(name), send, work)
        return told[1]["body"]

    async def everybody():
        names = ["a", "a", "b", None, None]
        return await asyncio.gather(*map(one, names)) if at_once else [await one(name) for name in names]

    bodies = asyncio.run(everybody())
    assert bodies[0] == bodies[1]
    assert len(done) == 4


def test_a_call_that_failed_is_done_again():
    once, done = Once(), []

    async def ignore(message) -> None:
        pass

    async def refuse(send) -> None:
        done.append(None)
        raise Refused(429, "too much")

    async def busy(send) -> None:
        done.append(None)
        await send({"type": "http.response.start", "status": 503, "headers": []})

    async def twice():
        for _ in range(2):
            with pytest.raises(Refused):
                await once.answer(scope("a"), ignore, refuse)
            await once.answer(scope("b"), ignore, busy)

    asyncio.run(twice())
    assert len(done) == 4


def test_the_queue_takes_a_call_that_comes_again_once(served):
    [number] = [fn._id for fn in served.demo.fns.values() if fn.api_name == "echo"]
    body = {"data": ["hello"], "fn_index": number, "session_hash": "again"}
    answers = [
        served.http.post("/gradio_api/queue/join", json=body, headers={"x-mtl-call": "one-call"}).json()
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert [message["msg"] for message in served.read("again")].count("process_completed") == 1
