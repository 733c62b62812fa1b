"""What stands between the network and Gradio: one ASGI middleware that every request passes.

Each check has its module: `hosts` (for whom a request is, and from whom), `requests` (what it may ask and send),
`sign_in` (where people have to), `once` (calls that come again), `calls` and `uploads` (one visitor's share), `answers`
(headers and short errors). Here stands their order.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

# Of the web framework that Gradio brings, what Gradio itself uses.
from gradio.route_utils import ASGIApp, Headers, PlainTextResponse, Receive, Scope, Send
from gradio.routes import Response, fastapi
from starlette_compress import CompressMiddleware

from mtl.faults import where
from mtl.ui.server.answers import Answer, error, malformed, program_error, security_headers
from mtl.ui.server.calls import Calls
from mtl.ui.server.first import FirstScript
from mtl.ui.server.hosts import Hosts
from mtl.ui.server.limits import Limits, Refused
from mtl.ui.server.once import Once
from mtl.ui.server.open_pages import Heartbeats
from mtl.ui.server.requests import (
    Incoming,
    api_path,
    check_name,
    checked_object,
    checked_query,
    is_a_programs,
    own_path,
)
from mtl.ui.server.sign_in import SignIn
from mtl.ui.server.turns import visitor_at
from mtl.ui.server.uploads import Uploads

log = logging.getLogger("mtl.ui")

_JOINS = re.compile(r"(queue/join|call/(?:v2/)?[^/]+|run/[^/]+|api/[^/]+)/?")
_READS = re.compile(r"call/(?:v2/)?[^/]+/([^/]+)/?")
# A page asks one question at a time of its sentences, and one of its labels; a third may come while it is loaded again.
ANSWERS_AT_ONCE = 3
# Gradio's MCP server has one session and holds a thread for each call: of 40, which its files need, too.
_TOOLS = re.compile(r"mcp(/http)?/?")
TOOLS_AT_ONCE = 16
_WITH_BODY = ("POST", "PUT", "PATCH")


def settings(
    hosts: Hosts, limits: Limits, first_script: str, routes: Sequence[Any], sign_in: str | None = None
) -> dict[str, Any]:
    """The `app_kwargs` of Gradio's `launch` that put the door in front of it, and the page's own `routes` beside it.

    `first_script`: HTML of the script that runs before Gradio's own; `sign_in`: the page for people who have not signed
    in, None where nobody has to."""
    middleware = [
        # Gradio compresses its own files alone; the page, answers and streams of events are larger than those.
        (CompressMiddleware, (), {"zstd": False}),
        (Door, (hosts, limits), {}),
        *([(SignIn, (sign_in,), {})] if sign_in else []),
        (Heartbeats, (), {}),
        (FirstScript, (first_script,), {}),
    ]
    return {
        "routes": routes,
        "middleware": middleware,
        "exception_handlers": {fastapi.exceptions.RequestValidationError: malformed},
    }


class Door:
    """See the module. `hosts` and `limits` say who is let in, and how much one of them may take."""

    def __init__(self, app: ASGIApp, hosts: Hosts, limits: Limits) -> None:
        self._app, self._hosts, self._limits = app, hosts, limits
        self._headers = {shared: security_headers(hosts.on_a_space, shared) for shared in (False, True)}
        self._calls, self._uploads, self._once = Calls(limits), Uploads(limits), Once()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = self._headers[bool(scope["app"].get_blocks().share)]
        answer, incoming, began = Answer(send, headers), Incoming(receive), time.monotonic()
        try:
            await self._let_in(scope, incoming, answer)
        except Refused as refusal:
            if scope["method"] in _WITH_BODY:
                await incoming.drain()
            # Gradio's page shows the answer to an upload as it is.
            respond = PlainTextResponse if api_path(scope) == "upload" else _error_for(scope)
            await respond(str(refusal), refusal.status)(scope, receive, answer)
        except Exception as problem:
            route, seconds = getattr(scope.get("route"), "path", "(no route)"), time.monotonic() - began
            message = "%s %s, %d bytes, %.1f s: %s"
            log.error(message, scope["method"], route, incoming.bytes, seconds, where(problem))
            if answer.streams:
                await send({"type": "http.response.body", "body": b""})
            elif not answer.started:
                message = "The server could not answer this: it may not be what this address expects."
                await _error_for(scope)(message, 500)(scope, receive, answer)

    async def _let_in(self, scope: Scope, receive: Incoming, send: Send) -> None:
        blocks = scope["app"].get_blocks()
        own, queue, path = self._hosts.check(scope, blocks), blocks._queue, api_path(scope)
        query = checked_query(scope, path)
        for upload in query.get("upload_id", ()):
            self._uploads.forget_progress_before(upload)
        address = self._hosts.visitor(scope)
        scope["client"] = (address, 0)  # from here on everybody knows the visitor's own
        if scope["method"] == "POST" and path == "upload":
            await self._uploads.take(self._app, scope, receive, send, address)
        elif scope["method"] in _WITH_BODY:
            if "multipart/" in Headers(scope=scope).get("content-type", "").lower():
                raise Refused(415, "This address takes JSON; files are uploaded first, at /gradio_api/upload.")
            content = await receive.body(scope, self._limits.post_mb * 1e6)
            given = checked_object(content, own)
            answers = path.rstrip("/") == "component_server"  # the page's own questions, which wait in no queue
            session, kind, most = given.get("session_hash"), str(given.get("fn_index", path))[:80], None
            if is_a_programs(scope):
                session, kind = visitor_at(address), own_path(scope)[:80]
            elif _TOOLS.fullmatch(path):
                session, kind, most = visitor_at("tools"), "tools", TOOLS_AT_ONCE
            elif answers:
                most = ANSWERS_AT_ONCE
            elif not _JOINS.fullmatch(path):
                await self._app(scope, receive, send)
                return
            session = session if isinstance(session, str) else ""

            async def enter(send: Send) -> None:
                call = self._calls.enter(session, address, kind, queue, len(content), most)
                await self._calls.pass_on(call, self._app, scope, receive, send)

            await self._once.answer(scope, send, enter)
        else:
            with self._connection(path, query, queue):
                await self._app(scope, receive, send)

    def _connection(
        self, path: str, query: dict[str, list[str]], queue: Any
    ) -> contextlib.AbstractContextManager[None]:
        """Count a request that stays open as its session's."""
        if path.startswith("heartbeat/"):
            return self._calls.connected(path.removeprefix("heartbeat/"), queue, reads=False)
        if path == "queue/data":
            return self._calls.connected(query.get("session_hash", [""])[-1], queue, reads=True)
        if reads := _READS.fullmatch(path):
            check_name(reads[1])
            event = queue.event_ids_to_events.get(reads[1])
            return self._calls.connected(event.session_hash if event else reads[1], queue, reads=True)
        return contextlib.nullcontext()


def _error_for(scope: Scope) -> Callable[[str, int], Response]:
    """How an error is written for whoever asks."""
    return program_error if is_a_programs(scope) else error
