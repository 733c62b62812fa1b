"""The functions for programs by plain HTTP, and what wrong calls are told."""

from __future__ import annotations

import threading
import types
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from mtl.ui.models import Models
from mtl.ui.programs.functions import FUNCTIONS
from mtl.ui.programs.service import Programs
from mtl.ui.server.limits import Limits
from tests.ui.server.small_page import serving, small, wait_until


@pytest.fixture(scope="module")
def http(address):
    with httpx.Client(base_url=f"{address}v1/", timeout=60) as client:
        yield client


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_every_function_answers_a_post(http, function):
    answer = http.post(function.name, json=function.example)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json()["version"] == 1
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_offsets_count_characters(http):
    text = "😀😀 Marie Curie lived in Paris."
    [answer] = http.post("predict", json={"texts": [text]}).json()["answers"]
    person = answer["answers"]["entities"][0]
    assert text[person["start"] : person["end"]] == person["text"] == "Marie Curie"


@pytest.mark.parametrize(
    ("name", "sent", "status", "said"),
    [
        ("predict", b"", 400, "What was sent is not JSON."),
        ("predict", b"{", 400, "What was sent is not JSON."),
        ("predict", b"[" * 100_000, 400, "What was sent is not JSON."),
        ("predict", b'["a"]', 400, "Send a JSON object"),
        ("predict", b"{}", 400, "texts is missing: predict needs texts."),
        ("predict", b'{"texts": ["a"], "text": "b"}', 400, "predict takes texts and tasks; 'text' is something else."),
        ("predict", b'{"texts": "a"}', 400, "Give a list of texts."),
        ("predict", b'{"texts": ["a"], "tasks": ["\\ud800"]}', 400, r"This model has no task '\ud800'"),
        ("mood", b'{"texts": ["a"]}', 404, "There is no /v1/mood here; there are predict, analyze"),
        ("embed", b'{"texts": ["%s"]}' % (b"a" * 8_000_000), 413, "This is too much at once: up to 8 MB are taken."),
    ],
)
def test_what_is_wrong_is_one_sentence(http, name, sent, status, said):
    answer = http.post(name, content=sent, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["error"]["message"].startswith(said)


def test_a_lone_surrogate_is_answered(http):
    sent = b'{"texts": ["a\\ud800b"]}'
    answer = http.post("predict", content=sent, headers={"content-type": "application/json"})
    assert answer.json()["answers"][0]["text"] == "a\ufffdb"


def test_other_methods_and_other_hosts_are_refused(http):
    assert http.get("predict").json()["error"]["message"] == "/v1/predict takes a POST with a JSON object."
    assert http.get("predict").status_code == http.delete("predict").status_code == 405
    elsewhere = http.post("predict", json={"texts": ["a"]}, headers={"origin": "http://example.org"})
    assert elsewhere.status_code == 403 and "--allow-host" in elsewhere.json()["error"]["message"]


def test_calls_that_wait_are_bounded_and_keep_nothing_from_the_page(model):
    """While the model is being loaded, all calls wait."""
    loaded, waiting = threading.Event(), []

    def load():
        waiting.append(1)
        assert loaded.wait(30)
        return model

    demo = small()
    demo.programs = Programs(Models(types.SimpleNamespace(model=load, name=None)), None)
    most = int(Limits().session_calls)
    with serving(demo) as served, ThreadPoolExecutor(most) as pool:

        def ask():
            return served.http.post("/v1/embed", json={"texts": ["A sentence."]})

        calls = [pool.submit(ask) for _ in range(most)]
        wait_until(lambda: len(waiting) == most)
        refused = ask()
        assert refused.status_code == 429 and refused.json()["error"]["type"] == "rate_limit_error"
        assert served.call("echo")["success"]
        loaded.set()
        assert {call.result().status_code for call in calls} == {200}
        assert ask().status_code == 200
