"""Starts a server as a process of its own, and ends it."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

# What each server that runs has printed so far.
_logs: list[BinaryIO] = []


def last_printed(most: int = 4000) -> list[str]:
    """The end of what each server has printed that runs now, of so many bytes."""
    return [
        os.pread(log.fileno(), most, max(os.fstat(log.fileno()).st_size - most, 0)).decode(errors="replace")
        for log in _logs
    ]


def free_port(wanted: int = 0) -> int:
    """A port of this machine that nobody listens at; `wanted`, unless that is 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", wanted))
        return probe.getsockname()[1]


@contextmanager
def started(command: Sequence[str | Path], address: str, seconds: float = 300, **process: Any) -> Iterator[None]:
    """From when `command` answers at `address` until the block ends. `process`: options of `subprocess.Popen`.

    Raises `RuntimeError`, with what it printed, where it ends or does not answer in so many seconds."""
    with tempfile.TemporaryFile() as log:
        _logs.append(log)
        server = subprocess.Popen(command, stdout=log, stderr=log, **process)
        try:
            until = time.monotonic() + seconds
            while not _answers(address):
                if server.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise RuntimeError(f"The server did not start:\n{log.read().decode(errors='replace')}")
                time.sleep(0.2)
            yield
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
            _logs.remove(log)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status == 200
    except OSError:  # as is any error of HTTP
        return False
