"""What every answer carries, and that errors are one short sentence without paths and without what was sent."""

from __future__ import annotations

import re

import pytest

from mtl.ui.server.answers import security_headers
from tests.ui.server.small_page import MALFORMED, SECRET


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/config", 200), ("/nowhere", 404), ("/gradio_api/file=/etc/passwd", 403), ("/theme.css", 200)],
)
def test_every_answer_has_the_security_headers(served, path, status):
    answer = served.http.get(path)
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    policy = answer.headers["content-security-policy"]
    for rule in ("default-src 'self'", "object-src 'none'", "base-uri 'self'", "frame-ancestors 'self'"):
        assert rule in policy.split("; ")
    assert "http" not in policy


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_the_page_and_streams_of_events_are_compressed(served, encoding):
    headers = {"accept-encoding": encoding}
    assert served.http.get("/", headers=headers).headers["content-encoding"] == encoding
    with served.http.stream("GET", "/gradio_api/queue/data?session_hash=nobody", headers=headers) as events:
        assert events.headers["content-encoding"] == encoding
        assert "data:" in next(events.iter_text())


def test_a_space_may_be_shown_inside_the_hubs_page():
    policy = security_headers(on_a_space=True)["Content-Security-Policy"]
    [ancestors] = [rule for rule in policy.split("; ") if rule.startswith("frame-ancestors")]
    assert "https://huggingface.co" in ancestors.split()


def test_a_shared_page_may_load_the_scripts_that_it_names(served, monkeypatch):
    monkeypatch.setattr(served.demo, "share", True)
    answer = served.http.get("/")
    scripts = re.findall(r'<script[^>]* src="(https://[^/"]+)', answer.text)
    [allowed] = [r for r in answer.headers["content-security-policy"].split("; ") if r.startswith("script-src")]
    assert scripts and set(scripts) <= set(allowed.split())


# --- errors ---


def test_every_error_is_one_short_sentence_without_paths(served):
    for name, data in (("fail", [SECRET]), ("refuse", [SECRET * 10_000]), ("pick", [SECRET * 10_000]), ("size", [3])):
        done = served.call(name, data)
        assert done["success"] is False
        error = done["output"]["error"]
        assert error and len(error) <= 300 and "\n" not in error
        assert "/" not in error and ".py" not in error
        body = {"data": data, "session_hash": "one"}
        direct = served.http.post(f"/gradio_api/run/{name}", json=body)
        assert direct.status_code == 500 and direct.json()["error"] == error


@pytest.mark.parametrize("where", ["queue/join", "run/echo", "call/echo", "cancel", "reset", "component_server"])
@pytest.mark.parametrize(("body", "status"), MALFORMED)
def test_a_malformed_request_is_answered_shortly_and_not_sent_back(served, where, body, status):
    answer = served.http.post(f"/gradio_api/{where}", json=body)
    assert len(answer.content) < 500
    assert SECRET not in answer.text
    if where == "queue/join":
        assert answer.status_code in (status, 400)
        # As FastAPI shapes it, which Gradio's own client reads.
        assert status != 422 or answer.json()["detail"][0]["msg"]
