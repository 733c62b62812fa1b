"""`mtl space --push OWNER/NAME` asks, and uploads; what the Hub refuses is told in a sentence. The Hub here is a small
server that speaks the calls which huggingface_hub makes."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "hf_aTokenThatNobodyMustSee"


class Hub(ThreadingHTTPServer):
    """Has one user, ada. `spaces`: the files of each Space; `refuses`: the status that a call is answered with instead,
    by its name."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Call)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.spaces: dict[str, dict[str, bytes]] = {}
        self.stored: dict[str, bytes] = {}
        self.made: list[dict] = []
        self.refuses: dict[str, tuple[int, str]] = {}

    def handle_error(self, *_) -> None:
        """Those who hang up in the middle of a refusal."""


class Call(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *_) -> None:
        pass

    def answer(self, status: int, data: object = None, **headers: str) -> None:
        body = b"" if data is None else json.dumps(data).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def handle_call(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, hub = self.path.partition("?")[0], self.server
        calls = {
            r"/api/whoami-v2": self.whoami,
            r"/api/spaces/(\w+/[\w-]+)": self.info,
            r"/api/repos/create": self.create,
            r"/api/validate-yaml": lambda _: self.answer(200, {"errors": [], "warnings": []}),
            r"/api/spaces/(\w+/[\w-]+)/preupload/main": self.preupload,
            r"/spaces/(\w+/[\w-]+)\.git/info/lfs/objects/batch": self.batch,
            r"/stored/(\w+)": self.store,
            r"/api/spaces/(\w+/[\w-]+)/commit/main": self.commit,
        }
        for pattern, call in calls.items():
            if found := re.fullmatch(pattern, path):
                name = pattern.rpartition("/")[2]
                if name in hub.refuses:
                    status, message = hub.refuses[name]
                    self.answer(status, {"error": message}, X_Error_Message=message)
                elif name != r"(\w+)" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    self.answer(401, {"error": "Invalid credentials in Authorization header"})
                else:
                    call(body, *found.groups())
                return
        self.answer(404, {"error": f"not a call of this Hub: {path}"})

    do_GET = do_POST = do_PUT = handle_call

    def whoami(self, _: bytes) -> None:
        self.answer(200, {"name": "ada", "type": "user", "orgs": []})

    def info(self, _: bytes, space: str) -> None:
        if space not in self.server.spaces:
            self.answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        else:
            self.answer(200, {"id": space, "sha": "0" * 40, "siblings": []})

    def create(self, body: bytes) -> None:
        asked = json.loads(body)
        self.server.made.append(asked)
        name = f"{asked['organization']}/{asked['name']}"
        self.server.spaces[name] = {}
        self.answer(200, {"url": f"{self.server.address}/spaces/{name}", "name": name})

    def preupload(self, body: bytes, _: str) -> None:
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                "shouldIgnore": False,
                "oid": None,
            }
            for file in json.loads(body)["files"]
        ]
        self.answer(200, {"files": files})

    def batch(self, body: bytes, _: str) -> None:
        where = f"{self.server.address}/stored"
        objects = [
            {**each, "actions": {"upload": {"href": f"{where}/{each['oid']}", "header": {}}}}
            for each in json.loads(body)["objects"]
        ]
        self.answer(200, {"transfer": "basic", "objects": objects}, Content_Type="application/vnd.git-lfs+json")

    def store(self, body: bytes, digest: str) -> None:
        assert hashlib.sha256(body).hexdigest() == digest
        self.server.stored[digest] = body
        self.answer(200)

    def commit(self, body: bytes, space: str) -> None:
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                self.server.spaces[space][value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.server.spaces[space][value["path"]] = self.server.stored[value["oid"]]
        oid = "1" * 40
        self.answer(200, {"commitUrl": f"{self.server.address}/spaces/{space}/commit/{oid}", "commitOid": oid})


@pytest.fixture
def hub():
    server = Hub()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def pushed(hub, folder, *arguments, token=TOKEN, endpoint=None, said=None):
    """`mtl space --push`, with no terminal, or with one on which somebody says something."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    settings = {"HF_ENDPOINT": endpoint or hub.address, "HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-m", "mtl", "space", *arguments]
    environment = {**ours, **settings, **({"HF_TOKEN": token} if token else {})}
    stdin = subprocess.DEVNULL
    if said is not None:
        terminal, stdin = os.openpty()
        os.write(terminal, said)
    try:
        ended = subprocess.run(command, cwd=ROOT, env=environment, stdin=stdin, capture_output=True, text=True)
    finally:
        if said is not None:
            os.close(terminal)
            os.close(stdin)
    assert TOKEN not in ended.stdout + ended.stderr
    return ended


def test_a_new_space_is_made_and_holds_the_whole_folder(hub, tmp_path):
    ended = pushed(hub, tmp_path, str(tmp_path / "out"), "--zerogpu", "--push", "ada/play-ground", "--yes")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"Uploaded: {hub.address}/spaces/ada/play-ground\n"
    [asked] = hub.made
    assert (asked["type"], asked["sdk"], asked["hardware"]) == ("space", "gradio", "zero-a10g")
    files = {p.relative_to(tmp_path / "out").as_posix(): p for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert hub.spaces["ada/play-ground"].keys() == files.keys()
    for name, path in files.items():
        assert hub.spaces["ada/play-ground"][name] == path.read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="a terminal of one's own")
def test_it_asks_before_it_does_anything(hub, tmp_path):
    refused = pushed(hub, tmp_path, "--push", "ada/play", said=b"\n")
    assert refused.stdout == f"Make the public space ada/play at {hub.address}, as ada? [y/N] "
    assert (refused.returncode, refused.stderr) == (1, "mtl: Nothing was made on the Hub or uploaded.\n")
    assert not hub.made and not hub.spaces
    hub.spaces["ada/play"] = {"notes.md": b"kept"}
    agreed = pushed(hub, tmp_path, "--push", "ada/play", said=b"y\n")
    assert agreed.returncode == 0 and agreed.stdout.startswith("Upload to the space ada/play ")
    assert not hub.made and {"notes.md", "app.py"} <= hub.spaces["ada/play"].keys()


def test_without_a_terminal_it_is_not_done_without_yes(hub, tmp_path):
    ended = pushed(hub, tmp_path, str(tmp_path / "out"), "--push", "ada/play")
    assert ended.returncode == 1 and not hub.made and not (tmp_path / "out").exists()
    assert ended.stderr == "mtl: There is no terminal to ask on: with --yes it is uploaded without a question.\n"


@pytest.mark.parametrize(
    ("call", "status", "said", "words"),
    [
        ("whoami-v2", 401, "Invalid username or password.", "The Hub does not accept the token: run hf auth login, or"),
        ("create", 403, "You don't have the rights", r"The token may not write to ada/play: You don't have the rights"),
        ("create", 402, "A paid plan is needed", "The Hub refused ada/play with status 402: A paid plan is needed"),
        (
            "create",
            404,
            "No such namespace",
            "The Hub does not find ada/play, or its owner, or does not show it to thi",
        ),
        ("create", 409, "You already created this", "Somebody else has just made or changed ada/play: try again in a"),
        ("main", 403, "Pass create_pr=1", "The token may not write to ada/play: .*Pass create_pr=1"),
    ],
)
def test_what_the_hub_refuses_is_told_in_a_sentence(hub, tmp_path, call, status, said, words):
    hub.refuses[call] = (status, said)
    ended = pushed(hub, tmp_path, "--push", "ada/play", "--yes")
    [line] = ended.stderr.splitlines()
    assert ended.returncode == 1 and re.match(f"mtl: {words}", line), ended.stderr
    assert not hub.spaces.get("ada/play")


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("play", {}, "--push takes a Space's owner and name, such as ada/playground; not 'play'"),
        ("ada/two words", {}, "The Hub has no names like 'ada/two words'"),
        ("ada/play", {"token": None}, "No token for the Hub: run hf auth login, or set HF_TOKEN"),
        ("ada/play", {"endpoint": "http://127.0.0.1:9"}, "The Hub cannot be reached: "),
    ],
)
def test_what_cannot_work_is_told_before_anything_is_made(hub, tmp_path, name, options, words):
    ended = pushed(hub, tmp_path, str(tmp_path / "out"), "--push", name, "--yes", **options)
    [line] = ended.stderr.splitlines()
    assert ended.returncode == 1 and line.startswith(f"mtl: {words}"), ended.stderr
    assert not hub.made and not (tmp_path / "out").exists()
