"""For whom a request is, and from whom: names of other servers are refused, and what a proxy says is checked."""

from __future__ import annotations

import re
import socket
from types import SimpleNamespace
from unittest.mock import Mock

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.__main__ import main
from mtl.ui import app as page
from mtl.ui.server.hosts import Hosts, host_name
from mtl.ui.server.limits import Limits
from tests.proxy import proxied
from tests.ui.server.small_page import META, Served, serving, small


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
        hosts = settings["hosts"]
        assert hosts.admit("one.example") and hosts.admit("two.example") and not hosts.admit("three.example")
        raise Launched

    built = SimpleNamespace(launch=launch, limits=Limits(), runs=Mock())
    monkeypatch.setattr(page, "build", lambda **options: built)
    with pytest.raises(Launched):
        main(["serve", "--allow-host", "one.example", "--allow-host", "two.example"])


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
