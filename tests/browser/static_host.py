"""A page without a server, exported and put on a static host, for its tests and screenshots."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mtl.npm import PACKAGES
from tests.browser.serving import ROOT

# The page's address on its host: not the root, as most static hosts serve many.
PLACE = "some/class"


def export(model: str, folder: Path, *options: str) -> str:
    """Export a page into `folder`, to be served from there at `PLACE`; what the command says."""
    return _run([sys.executable, "-m", "mtl", "export", model, str(folder / PLACE), "--web", *options], ROOT)


def install(folder: Path) -> None:
    """Put the packages of npm that such a page needs into `folder`."""
    _run(["npm", "install", *(package.release for package in PACKAGES)], folder)


def _run(command: list[str], folder: Path) -> str:
    # npm comes with the packages of the tests.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path}
    ended = subprocess.run(
        [shutil.which(command[0], path=path), *command[1:]], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


class Host:
    """A host of the files in a folder, at the address `url`, until it is stopped. It tells what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, format: str, *arguments: object) -> None:
                asked.append(self.path)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
        self.url = f"http://127.0.0.1:{self._server.server_port}/{PLACE}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def hosted(folder: Path) -> Iterator[Host]:
    host = Host(folder)
    try:
        yield host
    finally:
        host.stop()
