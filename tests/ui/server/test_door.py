"""What stands between the network and Gradio: whom it lets in, how much of the server one may take, what is said of
errors, and what the log keeps to itself."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from gradio_client import Client
from hypothesis import given
from hypothesis import strategies as st
from proxy import free_port, proxied

from mtl import faults
from mtl.config import UserError
from mtl.ui import app as page
from mtl.ui.server.answers import security_headers
from mtl.ui.server.calls import KINDS, LEFT_SECONDS, UNREAD_SECONDS, Calls
from mtl.ui.server.hosts import Hosts, host_name
from mtl.ui.server.limits import Limits, Refused
from mtl.ui.server.uploads import Uploads

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module", autouse=True)
def _log():
    """The tests' own log stays as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(faults, "keep_texts_out_of_the_log", lambda: None)
        yield


class Served:
    """A page on a port of this machine, and whoever calls it."""

    def __init__(self, demo: gr.Blocks, url: str) -> None:
        self.demo = demo
        self.http = httpx.Client(base_url=url, timeout=30)

    def join(self, name: str = "echo", data=("hello",), session: str | None = "one", **body) -> httpx.Response:
        number = next(fn._id for fn in self.demo.fns.values() if fn.api_name == name)
        body = {"data": list(data), "fn_index": number, "session_hash": session, **body}
        return self.http.post("/gradio_api/queue/join", json=body)

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
        file, choice, size = gr.File(), gr.Dropdown(["a", "b"]), gr.Textbox()
        file.upload(lambda path: str(os.path.getsize(path)), file, size, api_name="size")
        choice.change(lambda picked: picked, choice, size, api_name="pick")
    demo.queue(default_concurrency_limit=40)
    return demo


@pytest.fixture(scope="module")
def served():
    with serving(small(threading.Event())) as server:
        yield server


# --- hosts ---


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:80", "[::1]:7860", "127.0.0.1:9", "localhost."])
def test_the_names_of_this_machine_are_let_in(served, host):
    assert served.http.get("/config", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "10.0.0.7:7860", "127.0.0.1.evil.example", "a b", "", "[::1"]
)
@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info", "/gradio_api/heartbeat/abc", "/theme.css"])
def test_other_names_are_refused_in_words_that_say_what_admits_them(served, host, path):
    answer = served.http.get(path, headers={"Host": host})
    assert answer.status_code == 421
    assert "--allow-host" in answer.json()["detail"] and "MTL_ALLOW_HOSTS" in answer.json()["detail"]


HOSTS = ("laptop.example", "*.lab.example")


@pytest.mark.parametrize(
    ("host", "served_on", "admitted"),
    [
        ("laptop.example:7860", "127.0.0.1", True),
        ("a.lab.example", "127.0.0.1", True),
        ("lab.example", "127.0.0.1", False),
        ("192.168.1.5:7860", "0.0.0.0", True),
        ("[2001:db8::1]:7860", "::", True),
        (socket.gethostname(), "0.0.0.0", True),
        (socket.gethostname().partition(".")[0] + ".local", "0.0.0.0", True),
        ("other.local", "0.0.0.0", False),
        ("0.0.0.0:7860", "0.0.0.0", True),
        ("192.168.1.5", "192.168.1.5", True),
        ("board.school.example", "board.school.example", True),
        ("192.168.1.5", "127.0.0.1", False),
        ("abc.gradio.live", "127.0.0.1", True),
        ("abd.gradio.live", "127.0.0.1", False),
    ],
)
def test_which_hosts_are_this_servers_own(host, served_on, admitted):
    assert Hosts(HOSTS, {}).admit(host, served_on, "https://abc.gradio.live") is admitted


def test_hosts_come_from_the_environment_too():
    named = Hosts((), {"MTL_ALLOW_HOSTS": "one.example, two.example:8000"})
    assert named.admit("one.example") and named.admit("two.example") and not named.admit("three.example")
    assert Hosts((), {"MTL_ALLOW_HOSTS": "*"}).admit("anything.example")
    assert Hosts((), {"GRADIO_ROOT_PATH": "https://lab.example/play"}).admit("lab.example")
    space = Hosts((), {"SPACE_ID": "ada/play", "SPACE_HOST": "ada-play.hf.space"})
    assert space.on_a_space and space.admit("ada-play.hf.space") and not space.admit("evil.example")
    assert not Hosts((), {}).on_a_space


@given(st.text(max_size=30))
def test_no_host_is_admitted_but_by_its_whole_name(text):
    assert not Hosts((), {}).admit(text + ".example")
    assert re.fullmatch(r"[a-z0-9._:-]*", host_name(text))


def test_the_command_line_names_more_hosts(monkeypatch):
    class Launched(Exception):
        pass

    def launch(**settings):
        (_, (hosts, _), _), *_ = settings["app_kwargs"]["middleware"]
        assert hosts.admit("one.example") and hosts.admit("two.example") and not hosts.admit("three.example")
        raise Launched

    arguments = ["app.py", "--allow-host", "one.example", "--allow-host", "two.example"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(Launched):
        page.serve(SimpleNamespace(launch=launch, limits=Limits()))


def test_what_a_proxy_says_the_page_is_called_is_believed_only_of_own_names(served):
    for header in ("X-Forwarded-Host", "X-Gradio-Server"):
        for name in ("evil.example", "evil.example, localhost", "http://evil.example"):
            for path in ("/", "/config", "/gradio_api/info", "/logout", "/gradio_api/openapi.json"):
                answer = served.http.get(path, headers={header: name})
                assert "evil.example" not in answer.text + str(answer.headers)
    assert (
        served.http.get("/config", headers={"X-Forwarded-Host": "localhost:99"}).json()["root"] == "http://localhost:99"
    )


def test_whoever_runs_it_behind_a_proxy_is_told_what_is_missing(served, caplog):
    for _ in range(3):
        served.http.get("/config", headers={"X-Forwarded-Host": "play.lab.example"})
    [line] = [record.getMessage() for record in caplog.records if "play.lab.example" in record.getMessage()]
    assert "--allow-host play.lab.example" in line


def test_a_page_of_another_server_may_not_use_this_one(served):
    for origin in ("http://evil.example", "null", "https://127.0.0.1.evil.example"):
        answer = served.http.post("/gradio_api/queue/join", headers={"Origin": origin}, json={})
        assert answer.status_code == 403 and "--allow-host" in answer.json()["detail"]
    assert served.http.get("/config", headers={"Origin": "http://localhost:7860"}).status_code == 200


def test_the_page_works_behind_a_proxy_with_a_root_path(monkeypatch, tmp_path):
    monkeypatch.setenv("MTL_ALLOW_HOSTS", "lab.example")
    with serving(small(), root_path="/play") as server:
        with proxied(str(server.http.base_url), "/play", "lab.example", "https") as url:
            outside = Served(server.demo, url.rstrip("/"))
            assert outside.http.get("/").status_code == 200
            assert outside.http.get("/config").json()["root"] == "https://lab.example/play"
            assert outside.call()["output"]["data"] == ["hello"]
            [path] = outside.http.post("/gradio_api/upload", files={"files": ("a.txt", b"abc")}).json()
            file = {"path": path, "url": f"https://lab.example/play/gradio_api/file={path}", "meta": META}
            assert outside.call("size", [file])["output"]["data"] == ["3"]
            assert outside.http.get(f"/gradio_api/file={path}").content == b"abc"
        # A proxy may leave the root path where it is.
        assert "fetches nothing" in server.http.get("/play/gradio_api/file=http://127.0.0.1:9/x").text
        assert server.http.get(f"/play/gradio_api/heartbeat/{'x' * 65}").status_code == 400
        with proxied(str(server.http.base_url), "/play", "evil.example") as url:
            assert httpx.get(f"{url}config").json()["root"] == str(server.http.base_url).rstrip("/") + "/play"


META = {"_type": "gradio.FileData"}


# --- what every answer says ---


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


# --- nothing is fetched ---


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


# --- names of sessions ---

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


# --- fair shares ---


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
    until = time.monotonic() + 30
    while len(answers) < 3 and time.monotonic() < until:
        time.sleep(0.05)
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
    until = time.monotonic() + 10
    while queue.pending_event_ids_session and time.monotonic() < until:
        time.sleep(0.05)
    assert not queue.pending_event_ids_session and not list(queue.pending_messages_per_session)


def test_too_much_at_once_is_refused_before_it_is_read(served):
    for content in (b"x" * 9_000_000, (b"x" * 1_000_000 for _ in range(9))):
        answer = served.http.post(
            "/gradio_api/queue/join", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 413 and "up to 8 MB" in answer.json()["detail"]
    assert served.join(data=["x" * 4_000_000]).status_code == 200
    served.read()


def test_settings_that_are_no_numbers_are_said(monkeypatch):
    monkeypatch.setenv("MTL_UNREAD_CALLS", "many")
    with pytest.raises(UserError, match="MTL_UNREAD_CALLS"):
        page.build("a folder that does not exist")


# --- uploads ---


def loose(server) -> list[str]:
    """Files that uploads have left beside those that were taken."""
    folder = server.demo.app.uploaded_file_dir
    if not os.path.isdir(folder):
        return []
    return [entry.name for entry in os.scandir(folder) if entry.is_file()]


@pytest.fixture
def uploading(monkeypatch, tmp_path):
    """`uploading(**settings)` serves a page with an upload folder of its own."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "files"))
    with contextlib.ExitStack() as stack:

        def start(**settings: str):
            for name, value in settings.items():
                monkeypatch.setenv(name, value)
            return stack.enter_context(serving(small(), max_file_size=3_000_000))

        yield start


def send(server, content: bytes, name: str = "a.bin", **options) -> httpx.Response:
    return server.http.post("/gradio_api/upload", files={"files": (name, content)}, **options)


def test_every_upload_counts_whatever_it_calls_itself(uploading):
    server = uploading(MTL_UPLOADS_GB="0.000001")
    for kind in ("multipart/form-data", "Multipart/Form-Data", "text/plain", ""):
        headers = {"Content-Type": f"{kind}; boundary=xx"}
        answer = server.http.post("/gradio_api/upload", content=b"x" * 5_000, headers=headers)
        assert answer.status_code == 507


def test_uploads_that_break_off_leave_no_files(uploading):
    server = uploading()
    host, port = server.http.base_url.host, server.http.base_url.port
    head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2000000\r\n"
    head += "Content-Type: multipart/form-data; boundary=xx\r\n\r\n"
    part = b'--xx\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n\r\n' + b"y" * 500_000
    with socket.create_connection((host, port)) as connection:
        connection.sendall(head.encode() + part)
        until = time.monotonic() + 10
        while not loose(server) and time.monotonic() < until:
            time.sleep(0.02)
        assert len(loose(server)) == 1
    until = time.monotonic() + 10
    while loose(server) and time.monotonic() < until:
        time.sleep(0.02)
    assert loose(server) == []
    assert send(server, bytes(4_000_000)).status_code == 413 and loose(server) == []
    assert send(server, b"whole").status_code == 200 and loose(server) == []


def test_one_address_may_keep_so_much_and_the_same_file_counts_once(uploading):
    server = uploading(MTL_ADDRESS_UPLOADS_GB="0.003")
    for _ in range(5):
        assert send(server, b"x" * 1_000_000).status_code == 200
    assert send(server, b"y" * 1_000_000).status_code == 200
    refused = send(server, b"z" * 1_500_000)
    assert refused.status_code == 429
    assert "from your network address" in refused.text and "an hour" in refused.text
    for path in (server.demo.app.uploaded_file_dir,):
        for folder, _, files in os.walk(path):
            for name in files:
                os.unlink(os.path.join(folder, name))
    assert send(server, b"z" * 1_500_000).status_code == 200


def test_all_uploads_together_have_a_limit(uploading):
    server = uploading(MTL_UPLOADS_GB="0.001")
    assert send(server, b"x" * 900_000).status_code == 200
    refused = send(server, b"y" * 900_000)
    assert refused.status_code == 507 and "as many files as it takes" in refused.text


def test_a_disk_that_is_nearly_full_takes_no_files_and_says_so(uploading):
    server = uploading(MTL_FREE_GB="1000000")
    refused = send(server, b"x" * 2_000_000)
    assert refused.status_code == 507 and "disk is nearly full" in refused.text
    assert loose(server) == [] and server.http.get("/config").status_code == 200


def test_what_arrives_at_the_same_time_counts(tmp_path):
    uploads = Uploads(Limits(address_uploads_gb=1e-7, free_gb=1e-9), tmp_path)
    both = (uploads.arriving("here", 60), uploads.arriving("there", 60))
    with both[0], both[1], pytest.raises(Refused), uploads.arriving("here", 60):
        pass
    with uploads.arriving("here", 60):
        pass


def test_what_failed_uploads_left_is_deleted_later(tmp_path):
    old, young, taken = tmp_path / "tmpold", tmp_path / "tmpyoung", tmp_path / "tmpfolder" / "a.csv"
    taken.parent.mkdir()
    for path in (old, young, taken):
        path.write_bytes(b"x")
    for path in (old, taken):
        os.utime(path, (time.time() - 5_000,) * 2)
    with Uploads(Limits(free_gb=1e-9), tmp_path).arriving("here", 1):
        pass
    assert not old.exists() and young.exists() and taken.exists()


# --- errors and the log ---

SECRET = "MY-SECRET-SENTENCE"


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


MALFORMED = [
    ({"data": SECRET}, 422),
    ({"data": [SECRET], "fn_index": SECRET * 10_000}, 422),
    ({"data": [SECRET], "fn_index": 10_000}, 500),
    ({"data": [SECRET], "fn_index": 0, "trigger_id": [SECRET]}, 422),
    ([SECRET], 422),
    (SECRET, 422),
]


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


SERVER = "import sys; from test_door import small; small().launch(server_port=int(sys.argv[1]), quiet=True)"


def test_the_log_holds_no_texts():
    port = free_port()
    path = os.pathsep.join(map(str, [ROOT, ROOT / "tests", Path(__file__).parent]))
    command = [sys.executable, "-c", SERVER, str(port)]
    process = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        server = Served(small(), f"http://127.0.0.1:{port}")
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(httpx.TransportError):
                server.http.get("/config")
                break
            time.sleep(0.1)
        for name, data in (("fail", [SECRET]), ("refuse", [SECRET]), ("pick", [SECRET]), ("size", [{"path": SECRET}])):
            server.call(name, data)
            server.http.post(f"/gradio_api/run/{name}", json={"data": data})
        for body, _ in MALFORMED:
            for where in ("queue/join", "run/echo", f"run/{SECRET}", f"call/{SECRET}", "component_server", "cancel"):
                server.http.post(f"/gradio_api/{where}", json=body)
        server.http.get(f"/gradio_api/custom_component/{SECRET}/client/a/b")
        server.http.get(f"/gradio_api/call/echo/{SECRET}")
    finally:
        process.terminate()
        written, _ = process.communicate(timeout=20)
    assert SECRET not in written
    assert "ValueError in " in written and "test_door.py" in written
    assert max(len(line) for line in written.splitlines()) < 1_000


def test_exceptions_are_logged_without_what_they_say():
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(faults.WithoutTexts())
    own = logging.Logger("own")
    own.addHandler(handler)
    try:
        raise ValueError(SECRET)
    except ValueError as problem:
        own.error("A handler failed", exc_info=problem)
    own.error("Task exception was never retrieved\nfuture: <Task exception=ValueError('%s')>", SECRET)
    own.error("Deleted %d runs", 3)
    first, second, third = written.getvalue().splitlines()
    assert re.fullmatch(r"A handler failed: ValueError in \S*ui/server/test_door.py:\d+ test_\w+", first)
    assert second == "Task exception was never retrieved" and third == "Deleted 3 runs"


@given(st.text(max_size=2_000))
def test_what_is_said_of_an_error_is_one_short_line(text):
    said = faults.short(text)
    assert len(said) <= 300 and said.isprintable() or "\n" not in said
    assert said.rstrip("…") in " ".join(text.split())
