"""What a request may ask for and send: nothing is fetched, names are short, and so are bodies."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import SimpleNamespace

import pytest

from tests.ui.server.small_page import META


@pytest.fixture
def stranger():
    """A server that nobody may be sent to, and what it was asked."""
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        ended = threading.Event()

        def listen() -> None:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, _ = listener.accept()
                    asked.append(connection.recv(100))
                    connection.close()

        thread = threading.Thread(target=listen)
        thread.start()
        yield SimpleNamespace(url=f"http://127.0.0.1:{listener.getsockname()[1]}/secret", asked=asked)
        ended.set()
        thread.join()


@pytest.mark.parametrize("route", ["file=", "file/", "proxy=", "file=%20", "file=/"])
def test_no_address_makes_the_server_fetch_another(served, stranger, route):
    for url in (stranger.url, stranger.url.upper(), stranger.url.removeprefix("http:")):
        answer = served.http.get(f"/gradio_api/{route}{url}", follow_redirects=False)
        assert answer.status_code in (403, 404)
    assert stranger.asked == []


@pytest.mark.parametrize("how", ["path", "url"])
@pytest.mark.parametrize("where", ["queue/join", "call/size", "run/size", "api/size"])
def test_no_file_of_another_server_is_taken(served, stranger, how, where):
    file = {"path": "/tmp/x", "meta": META, how: stranger.url}
    body = {"data": [file], "session_hash": "one"}
    answer = served.http.post(f"/gradio_api/{where}", json=body)
    assert answer.status_code == 400 and "upload the file instead" in answer.json()["detail"]
    assert stranger.asked == []


@pytest.mark.parametrize(
    "path", ["deep_link?session_hash=one", "custom_component/SECRET/client/a/b", "vibe-starter-queries/"]
)
def test_addresses_that_the_page_never_uses_are_closed(served, path):
    assert served.http.get(f"/gradio_api/{path}").status_code == 403
    assert served.http.post("/gradio_api/process_recording", files={"video": b"x"}).status_code == 403


# --- names of sessions, and sizes ---

LONG = ["x" * 65, "x" * 1_000_000, "a b", "../up", "é"]


@pytest.mark.parametrize("name", LONG, ids=lambda name: name[:8])
def test_a_session_has_a_short_name_wherever_it_comes_in(served, name):
    for path in ("queue/join", "call/echo", "run/echo", "cancel", "component_server", "reset", "stream/abc"):
        for key in ("session_hash", "event_id"):
            body = {"data": ["hi"], "fn_index": 0, "session_hash": "one", "event_id": "two", key: name}
            assert served.http.post(f"/gradio_api/{path}", json=body).status_code == 400
    if len(name) < 100:
        for path in ("queue/data", "deep_link", "upload_progress"):
            for key in ("session_hash", "upload_id"):
                answer = served.http.get(f"/gradio_api/{path}", params={key: name})
                assert answer.status_code in (400, 403)
        for path in ("heartbeat/{}", "call/echo/{}", "stream/{}/1/2/playlist.m3u8"):
            answer = served.http.get("/gradio_api/" + path.format(name))
            assert answer.status_code in (400, 404, 405)
        upload = served.http.post("/gradio_api/upload", params={"upload_id": name}, files={"files": b"x"})
        assert upload.status_code == 400
    assert not [key for key in served.demo.app.state_holder.session_data if len(key) > 64]


def test_too_much_at_once_is_refused_before_it_is_read(served):
    for content in (b"x" * 9_000_000, (b"x" * 1_000_000 for _ in range(9))):
        answer = served.http.post(
            "/gradio_api/queue/join", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 413 and "up to 8 MB" in answer.json()["detail"]
    assert served.join(data=["x" * 4_000_000]).status_code == 200
    served.read()
