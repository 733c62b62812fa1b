"""A page of this program's kind without its model, on a port of this machine, and whoever calls it."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable

import gradio as gr
import httpx
import pytest

from mtl import faults
from mtl.ui import app as page
from tests.proxy import free_port

SECRET = "MY-SECRET-SENTENCE"
# Bodies of calls that are wrong, and how the queue answers them.
MALFORMED = [
    ({"data": SECRET}, 422),
    ({"data": [SECRET], "fn_index": SECRET * 10_000}, 422),
    ({"data": [SECRET], "fn_index": 10_000}, 500),
    ({"data": [SECRET], "fn_index": 0, "trigger_id": [SECRET]}, 422),
    ([SECRET], 422),
    (SECRET, 422),
]
META = {"_type": "gradio.FileData"}


class Served:
    """A page on a port of this machine, and whoever calls it."""

    def __init__(self, demo: gr.Blocks, url: str) -> None:
        self.demo = demo
        self.http = httpx.Client(base_url=url, timeout=30)

    def join(self, name: str = "echo", data=("hello",), session: str | None = "one", **body) -> httpx.Response:
        number = next(fn._id for fn in self.demo.fns.values() if fn.api_name == name)
        body = {"data": list(data), "fn_index": number, "session_hash": session, **body}
        return self.http.post("/gradio_api/queue/join", json=body)

    def ask(self, words: str = "hello", session: str = "one") -> httpx.Response:
        """A question of the page's own, which waits in no queue."""
        [component] = [block._id for block in self.demo.blocks.values() if block.elem_id == "asks"]
        body = {"data": words, "component_id": component, "fn_name": "wait", "session_hash": session}
        return self.http.post("/gradio_api/component_server/", json=body)

    def read(self, session: str = "one") -> list[dict]:
        """What the session is told until Gradio closes its stream."""
        told = []
        with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    told.append(json.loads(line[5:]))
        return told

    def call(self, name: str = "echo", data=("hello",), session: str = "one") -> dict:
        answer = self.join(name, data, session)
        assert answer.status_code == 200, answer.text
        [done] = [message for message in self.read(session) if message["msg"] == "process_completed"]
        return done


@contextlib.contextmanager
def serving(demo: gr.Blocks, **settings):
    with pytest.MonkeyPatch.context() as patch:
        # The tests' own log stays as it is.
        patch.setattr(faults, "keep_texts_out_of_the_log", lambda: None)
        _, url, _ = demo.launch(server_port=free_port(), prevent_thread_lock=True, quiet=True, **settings)
    try:
        yield Served(demo, url)
    finally:
        demo.close()


def small(gate: threading.Event | None = None) -> page.Page:
    """A page of this program's kind without its model."""

    def echo(words: str) -> str:
        return words

    def wait(words: str) -> str:
        gate.wait(30)
        return words

    def fail(words: str) -> str:
        raise ValueError(f"{words} cannot be read in {__file__}")

    def refuse(words: str) -> str:
        raise gr.Error(f"No such thing: {words}")

    with page.Page(analytics_enabled=False) as demo:
        for function in (echo, wait, fail, refuse):
            gr.api(function, api_name=function.__name__)
        gr.HTML(elem_id="asks", server_functions=[wait])
        file, choice, size = gr.File(), gr.Dropdown(["a", "b"]), gr.Textbox()
        file.upload(lambda path: str(os.path.getsize(path)), file, size, api_name="size")
        choice.change(lambda picked: picked, choice, size, api_name="pick")
    demo.queue(default_concurrency_limit=40)
    return demo


def wait_until(condition: Callable[[], object], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "This has not come about."
        time.sleep(0.02)
