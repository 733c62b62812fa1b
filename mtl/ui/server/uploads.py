"""How much one visitor may upload. Gradio has no limit for all uploads together.

Used by `mtl.ui.server.door` alone, on the server's event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from gradio.route_utils import ASGIApp, Message, MultiPartException, Receive, Scope, Send
from gradio.routes import file_upload_statuses
from gradio.utils import get_upload_folder

from mtl.ui.server.limits import Limits, Refused
from mtl.ui.server.requests import SILENCE, content_length

# What an upload that failed left behind is deleted after so many seconds.
LEFTOVER_SECONDS = 900.0


class Uploads:
    """The files that visitors uploaded and that are still there. `folder` is where Gradio keeps them."""

    def __init__(self, limits: Limits, folder: Path | None = None) -> None:
        self._limits, self._folder = limits, folder or Path(get_upload_folder())
        self._files: dict[str, tuple[str, int]] = {}  # path: whose, bytes
        self._arriving: list[tuple[str, float]] = []
        self._swept = 0.0
        # The uploads whose progress a page asked for, the newest last.
        self._followed: deque[str] = deque()

    async def take(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, address: str) -> None:
        """Let `app` take an upload from `address`. Raises `Refused` where there is no room for it."""
        size = content_length(scope)
        if size is None:
            size = scope["app"].get_blocks().max_file_size or self._limits.free_gb * 1e9
        received, answer = 0, bytearray()

        async def watched() -> Message:
            """Raises as a faulty form would: only then does Gradio's reader delete what it has written."""
            nonlocal received
            try:
                message = await asyncio.wait_for(receive(), SILENCE)
            except TimeoutError:
                raise MultiPartException("The upload was broken off: nothing came for a minute.") from None
            received += len(message.get("body", b""))
            if message["type"] == "http.disconnect":
                raise MultiPartException("The upload was broken off.")
            if received > size:
                raise MultiPartException("The upload is larger than the maximum allowed size.")
            return message

        async def keep(message: Message) -> None:
            answer.extend(message.get("body", b""))
            await send(message)

        with self.arriving(address, size):
            await app(scope, watched, keep)
            with contextlib.suppress(ValueError):
                paths = json.loads(bytes(answer))
                if isinstance(paths, list):
                    self._add(address, [path for path in paths if isinstance(path, str)])

    def forget_progress_before(self, upload: str) -> None:
        """Gradio remembers every upload that a page asked the progress of; let it remember the last ones."""
        self._followed.append(upload)
        while len(self._followed) > 1_000:
            oldest = self._followed.popleft()
            file_upload_statuses.stop_tracking(oldest)
            file_upload_statuses._signals.pop(oldest, None)

    @contextlib.contextmanager
    def arriving(self, address: str, size: float) -> Iterator[None]:
        """While an upload of `size` bytes from `address` arrives. Raises `Refused` where there is no room for it."""
        self._files = {path: file for path, file in self._files.items() if os.path.exists(path)}
        there = [*self._files.values(), *self._arriving]
        self._folder.mkdir(parents=True, exist_ok=True)
        # What arrives just now may not have been written yet.
        free = shutil.disk_usage(self._folder).free - sum(size for _, size in self._arriving)
        if free - size < self._limits.free_gb * 1e9:
            raise Refused(507, "The server's disk is nearly full, so it takes no files now. Tell whoever runs it.")
        later = "Files are deleted an hour after they came: try again then, or bring a smaller one."
        if sum(size for _, size in there) + size > self._limits.uploads_gb * 1e9:
            raise Refused(507, f"The server holds as many files as it takes. {later}")
        if sum(size for whose, size in there if whose == address) + size > self._limits.address_uploads_gb * 1e9:
            raise Refused(429, f"The server holds as many files from your network address as it takes. {later}")
        entry = (address, size)
        self._arriving.append(entry)
        try:
            yield
        finally:
            self._arriving.remove(entry)
            self._sweep()

    def _add(self, address: str, paths: list[str]) -> None:
        """Count files that have been written. The same content from several visitors is one file."""
        for path in paths:
            if os.path.isfile(path):
                self._files.setdefault(path, (address, os.path.getsize(path)))

    def _sweep(self) -> None:
        """Delete what uploads that failed have left: files of the folder itself, where only those that arrive are."""
        now = time.time()
        if now - self._swept < 60:
            return
        self._swept = now
        for path in self._folder.glob("tmp*"):
            try:
                if path.is_file() and now - path.stat().st_mtime > LEFTOVER_SECONDS:
                    path.unlink()
            except OSError:  # another server that shares the folder was quicker
                continue
