"""A small stand-in for the Hugging Face Hub, which speaks the calls that uploads and downloads make; and commands that
take it for the Hub."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "hf_aTokenThatNobodyMustSee"


class Hub:
    """Has one user, ada, whose token is `TOKEN`; all can read. Repositories by "models/owner/name" or
    "spaces/owner/name", each with its files; `made`: what was asked for with each new one. `refusals`: (status, words)
    for calls whose path begins so. `calls`: the method and path of each. `stored`: large files by their SHA-256."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.made: list[dict] = []
        self.refusals: dict[str, tuple[int, str]] = {}
        self.calls: list[tuple[str, str]] = []
        self.stored: dict[str, bytes] = {}
        self.address = ""

    def ask(
        self,
        folder: Path,
        *command: str | Path,
        token: str | None = TOKEN,
        endpoint: str | None = None,
        said: bytes | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """A command of Python's in `folder`, without a terminal, or with one on which somebody has `said` something."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        settings = {"HF_ENDPOINT": endpoint or self.address, "HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_XET": "1"}
        environment = {**ours, **settings, "PYTHONPATH": str(ROOT), **({"HF_TOKEN": token} if token else {})}
        terminal, stdin = (None, subprocess.DEVNULL) if said is None else os.openpty()
        if said is not None:
            os.write(terminal, said)
        try:
            ended = subprocess.run(
                [sys.executable, *command], cwd=folder, env=environment, stdin=stdin, capture_output=True, text=True
            )
        finally:
            if said is not None:
                os.close(terminal)
                os.close(stdin)
        assert TOKEN not in ended.stdout + ended.stderr
        return ended


@contextmanager
def serving() -> Iterator[Hub]:
    hub = Hub()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_) -> None:
        """Those who hang up in the middle of a refusal."""


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(urlsplit(self.path).path)
        self.hub.calls.append((self.command, path))
        writes = self.command == "POST" or path == "/api/whoami-v2"
        if writes and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._json({"error": "Invalid credentials in Authorization header"}, 401)
        for start, (status, words) in self.hub.refusals.items():
            if path.startswith(start):
                return self._json({"error": words}, status, {"X-Error-Message": words})
        match path.strip("/").split("/"):
            case ["api", "whoami-v2"]:
                return self._json({"name": "ada", "type": "user", "orgs": []})
            case ["api", "repos", "create"]:
                return self._create(json.loads(body))
            case ["api", "validate-yaml"]:
                return self._json({"errors": [], "warnings": []})
            case ["api", ("models" | "spaces") as kind, owner, name, *rest]:
                return self._repository(f"{kind}/{owner}/{name}", rest, body)
            case [*_, "info", "lfs", "objects", "batch"]:
                return self._batch(json.loads(body))
            case ["stored", digest]:
                assert hashlib.sha256(body).hexdigest() == digest
                self.hub.stored[digest] = body
                return self._json(None)
            case ["spaces", owner, name, "resolve", _, *file]:
                return self._file(f"spaces/{owner}/{name}", "/".join(file))
            case [owner, name, "resolve", _, *file]:
                return self._file(f"models/{owner}/{name}", "/".join(file))
        self._json({"error": f"no such call: {path}"}, 404)

    def _create(self, wanted: dict) -> None:
        name = f"{wanted['organization']}/{wanted['name']}"
        key = f"{wanted.get('type') or 'model'}s/{name}"
        if key in self.hub.repositories:
            return self._json({"error": "You already created this repo", "url": f"{self.hub.address}/{name}"}, 409)
        self.hub.repositories[key] = {}
        self.hub.made.append(wanted)
        self._json({"url": f"{self.hub.address}/{name}", "name": name})

    def _batch(self, asked: dict) -> None:
        where = f"{self.hub.address}/stored"
        objects = [
            {**each, "actions": {"upload": {"href": f"{where}/{each['oid']}", "header": {}}}}
            for each in asked["objects"]
        ]
        answer = {"transfer": "basic", "objects": objects}
        self._json(answer, headers={"Content-Type": "application/vnd.git-lfs+json"})

    def _repository(self, key: str, rest: list[str], body: bytes) -> None:
        files, (_, name) = self.hub.repositories.get(key), key.split("/", 1)
        if files is None:
            self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        elif not rest or rest[0] == "revision":
            siblings = [{"rfilename": file} for file in sorted(files)]
            self._json({"id": name, "modelId": name, "sha": _sha(files), "siblings": siblings, "private": False})
        elif rest[0] == "tree":
            entries = [(file, len(data), _oid(data)) for file, data in sorted(files.items())]
            self._json([{"type": "file", "path": file, "size": size, "oid": oid} for file, size, oid in entries])
        elif rest[0] == "preupload":
            modes = {
                file["path"]: "lfs" if file["path"].endswith(".safetensors") else "regular"
                for file in json.loads(body)["files"]
            }
            files = [{"path": path, "uploadMode": mode, "shouldIgnore": False} for path, mode in modes.items()]
            self._json({"files": files})
        elif rest[0] == "commit":
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    files[value["path"]] = self.hub.stored[value["oid"]]
            self._json({"commitOid": _sha(files), "commitUrl": f"{self.hub.address}/{name}/commit/{_sha(files)}"})
        else:
            self._json({"error": f"no such call: {rest}"}, 404)

    def _file(self, key: str, file: str) -> None:
        files = self.hub.repositories.get(key, {})
        if file not in files:
            return self._json({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
        about = {"ETag": f'"{_oid(files[file])}"', "X-Repo-Commit": _sha(files)}
        self._send(files[file], 200, {**about, "Content-Type": "application/octet-stream"})

    def _json(self, data, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(json.dumps(data).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def _send(self, data: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _oid(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def _sha(files: dict[str, bytes]) -> str:
    return hashlib.sha1("".join(f"{name} {_oid(data)}" for name, data in sorted(files.items())).encode()).hexdigest()
