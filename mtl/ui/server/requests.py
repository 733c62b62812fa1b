"""What a request may ask for and send: nothing that makes the server fetch an address, no long names, no huge body."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import parse_qs

from gradio.route_utils import Headers, Message, Receive, Scope

from mtl.ui.server.hosts import netloc
from mtl.ui.server.limits import Refused

# A sender who is silent for so many seconds is not waited for.
SILENCE = 60.0
_API = "/gradio_api/"
# Below this address other programs ask the model without Gradio (see `mtl.ui.programs.routes`).
PROGRAMS = "/v1/"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Addresses of Gradio's that this page has no use for, and that fetch, run or write something at a stranger's wish.
_CLOSED = re.compile(r"(proxy=|custom_component/|process_recording|deep_link|vibe-|run-history/|mcp/(?:sse|messages))")
_FETCHES = re.compile(r"file[=/]\s*(https?:|//)", re.IGNORECASE)
_URL = re.compile(r"\s*(https?:|//)", re.IGNORECASE)
_OF_A_SESSION = re.compile(r"(?:heartbeat|stream)/([^/]*)")


def own_path(scope: Scope) -> str:
    """The path below the root path, which a proxy may leave in front."""
    root, path = scope.get("root_path", "").rstrip("/"), scope["path"]
    return path.removeprefix(root) if path.startswith(f"{root}/") else path


def api_path(scope: Scope) -> str:
    """What comes behind /gradio_api/ in the path; "" elsewhere."""
    path = own_path(scope)
    return path.removeprefix(_API) if path.startswith(_API) else ""


def is_a_programs(scope: Scope) -> bool:
    """Whether a program asks for something below /v1/."""
    return own_path(scope).startswith(PROGRAMS)


def checked_query(scope: Scope, path: str) -> dict[str, list[str]]:
    """The query of a request for `path` (see `api_path`). Raises `Refused` for closed addresses and bad names."""
    if _CLOSED.match(path) or _FETCHES.match(path):
        raise Refused(403, "This server fetches nothing for its visitors, and keeps this address closed.")
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    for name in ("session_hash", "upload_id", "event_id"):
        for value in query.get(name, ()):
            check_name(value)
    if session := _OF_A_SESSION.match(path):
        check_name(session[1])
    return query


def check_name(value: str) -> None:
    """Raises `Refused` where `value` is no name of a session, an event or an upload."""
    if not _NAME.fullmatch(value):
        raise Refused(400, "A session or event is named by at most 64 letters, digits, _ and -.")


def checked_object(content: bytes, own: Collection[str]) -> dict[str, Any]:
    """The object that a JSON body holds; {} where it is something else, which Gradio answers for.

    `own` are the hosts at which the page may say that its uploads are. Raises `Refused`."""
    try:
        given = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(given, dict):
        return {}
    for name in ("session_hash", "event_id"):
        if isinstance(given.get(name), str):
            check_name(given[name])
    for file in _files(given):
        for name in ("path", "url"):
            value = file.get(name)
            elsewhere = isinstance(value, str) and _URL.match(value)
            if elsewhere and (name == "path" or netloc(value).lower() not in own):
                raise Refused(400, "This server fetches nothing for its visitors: upload the file instead.")
    return given


def _files(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in `value` that Gradio would take for a file."""
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if "path" in value and isinstance(value.get("meta"), dict):
                yield value
            left.extend(v for v in value.values() if isinstance(v, (dict, list)))
        elif isinstance(value, list):
            left.extend(v for v in value if isinstance(v, (dict, list)))


def content_length(scope: Scope) -> int | None:
    """How many bytes the request says it sends; None where it does not say."""
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdigit() else None


class Incoming:
    """`receive` that counts the bytes that have come, and can give a body that was read once more."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._complete = False
        self._again: Message | None = None
        self.bytes = 0

    async def __call__(self) -> Message:
        if self._again is not None:
            message, self._again = self._again, None
            return message
        message = await self._receive()
        self.bytes += len(message.get("body", b""))
        self._complete |= message["type"] == "http.disconnect" or not message.get("more_body")
        return message

    async def body(self, scope: Scope, limit: float) -> bytes:
        """The whole body; whoever reads next gets it again. Raises `Refused` beyond `limit` bytes."""
        too_long = Refused(413, f"This is too much at once: up to {limit / 1e6:g} MB are taken. Send it in parts.")
        if (content_length(scope) or 0) > limit:
            raise too_long
        content = bytearray()
        while not self._complete:
            message = await self()
            if message["type"] == "http.disconnect":
                raise Refused(400, "The connection was closed before all had been sent.")
            content += message.get("body", b"")
            if len(content) > limit:
                raise too_long
        self._again = {"type": "http.request", "body": bytes(content), "more_body": False}
        return bytes(content)

    async def drain(self, most: int = 200_000_000) -> None:
        """Read what a refused visitor still sends: a browser shows the answer only when it has sent all."""
        with contextlib.suppress(TimeoutError):
            while not self._complete and most > 0:
                most -= len((await asyncio.wait_for(self(), SILENCE)).get("body", b""))
