"""What stands between the network and Gradio: one ASGI middleware that every request passes.

It answers only requests that name a host of this server (or a web page anywhere could reach a playground on the
reader's own machine, by DNS rebinding), lets nobody make the server fetch an address, bounds what one visitor may
send and ask for, adds security headers to every answer, and cuts errors to one sentence.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import re
import socket
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

# Of the web framework that Gradio brings, what Gradio itself uses.
from gradio.route_utils import (
    ASGIApp,
    Headers,
    Message,
    MultiPartException,
    MutableHeaders,
    PlainTextResponse,
    Receive,
    Scope,
    Send,
    StarletteRequest,
)
from gradio.routes import JSONResponse, Response, fastapi, file_upload_statuses

from mtl.faults import short, where
from mtl.ui.server.limits import Calls, Limits, Refused, Uploads

log = logging.getLogger("mtl.ui")

API = "/gradio_api/"
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Addresses of Gradio's that this page has no use for, and that fetch, run or write something at a stranger's wish.
_CLOSED = re.compile(r"(proxy=|custom_component/|process_recording|deep_link|vibe-|run-history/)")
_FETCHES = re.compile(r"file[=/]\s*(https?:|//)", re.IGNORECASE)
_ADDRESS = re.compile(r"\s*(https?:|//)", re.IGNORECASE)
_JOINS = re.compile(r"(queue/join|call/(?:v2/)?[^/]+|run/[^/]+|api/[^/]+)/?")
_READS = re.compile(r"call/(?:v2/)?[^/]+/([^/]+)/?")
# Where the page for shared links finds Gradio's scripts.
_SHARED_FILES = "https://gradio.s3-us-west-2.amazonaws.com"
# Headers by which a proxy tells what the page is called.
_NAMING = (b"x-forwarded-host", b"x-gradio-server")
_WITH_BODY = ("POST", "PUT", "PATCH")
_SESSION_PATHS = re.compile(r"(?:heartbeat|stream)/([^/]*)")
# An upload whose sender is silent for so many seconds is broken off.
_SILENCE = 60.0
# Longer errors than this are cut; shorter ones were written by somebody.
_LONG_ERROR = 1_000


class Hosts:
    """Which names in a request's Host header are this server's.

    `named` are those given by `--allow-host`; the environment's MTL_ALLOW_HOSTS (with commas between) adds to them.
    `*.example.org` stands for every name below that one, and `*` for all names.
    """

    def __init__(self, named: Iterable[str] = (), environment: Mapping[str, str] = os.environ) -> None:
        given = [*named, *environment.get("MTL_ALLOW_HOSTS", "").split(",")]
        # Where it is served below another server's address, that one's name is what browsers ask for.
        given.append(_netloc(environment.get("GRADIO_ROOT_PATH", "")))
        self.on_a_space = bool(environment.get("SPACE_ID") or environment.get("SPACE_HOST"))
        if self.on_a_space:
            given += [*environment.get("SPACE_HOST", "").split(","), "*.hf.space"]
        self._names = {name.strip() if "*" in name else host_name(name.strip()) for name in given} - {""}
        own = socket.gethostname().lower()
        self._own = {own, own.partition(".")[0], own.partition(".")[0] + ".local"}

    def admit(self, host: str, served_on: str | None = None, share_url: str | None = None) -> bool:
        """Whether `host` (name or name:port) is one of this server's.

        `served_on` is the address it listens on. Listening beyond this machine, any numeric address is fine: only a
        name can be pointed at somebody else's machine."""
        name = host_name(host)
        if not name:
            return False
        if "*" in self._names or name in self._names:
            return True
        if any(name.endswith(known[1:]) for known in self._names if known.startswith("*.")):
            return True
        if name == "localhost" or (share_url and name == host_name(_netloc(share_url))):
            return True
        number = _number(name)
        if number is not None and number.is_loopback:
            return True
        served = host_name(served_on or "127.0.0.1")
        if name == served:
            return True
        listening = _number(served)
        if served == "localhost" or (listening is not None and listening.is_loopback):
            return False
        return number is not None or name in self._own


def host_name(host: str) -> str:
    """`name:port` without its port, in lower case; "" where it is no host."""
    host = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    match = _HOST.fullmatch(host)
    return match[1].strip("[]").rstrip(".").lower() if match else ""


def _subscriber(address: str) -> str:
    """Whoever has one address of IPv6 has the other 2**64 of its network too."""
    number = _number(address)
    if isinstance(number, ipaddress.IPv6Address) and number.ipv4_mapped is None and not number.is_loopback:
        return str(ipaddress.ip_network((number, 64), strict=False).network_address)
    return address


def _number(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def security_headers(on_a_space: bool = False, shared: bool = False) -> dict[str, str]:
    """The headers of every answer.

    Gradio's page has scripts and styles in its HTML and makes functions of strings, the three-dimensional map runs
    workers from blobs, and files that were chosen are shown from blobs; all else comes from this server alone.
    """
    # On a Space the page stands in the Hub's, and shows whose Space it is.
    hub = " https://huggingface.co https://*.huggingface.co" if on_a_space else ""
    # With --share, Gradio's page takes its own scripts and styles from Gradio's servers.
    gradio = f" {_SHARED_FILES}" if shared else ""
    policy = {
        "default-src": "'self'",
        "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:" + gradio,
        "style-src": "'self' 'unsafe-inline'" + gradio,
        "img-src": "'self' data: blob:" + hub + gradio,
        "media-src": "'self' data: blob:",
        "font-src": "'self' data:" + gradio,
        "connect-src": "'self' data: blob:" + hub + gradio,
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'self'" + hub + (" https://*.hf.space" if on_a_space else ""),
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }


def settings(allow_hosts: Iterable[str] = (), behind: Iterable[type] = ()) -> dict[str, Any]:
    """The `app_kwargs` of Gradio's `launch` that put the door in front of it.

    `allow_hosts` are names of this server besides those in the environment, `behind` is middleware that sees only what
    was let in. Raises `UserError` where a setting in the
    environment cannot be understood.
    """
    hosts, limits = Hosts(allow_hosts), Limits.from_environment()
    return {
        "middleware": [(Door, (hosts, limits), {}), *((inner, (), {}) for inner in behind)],
        "exception_handlers": {fastapi.exceptions.RequestValidationError: _misfit},
    }


async def _misfit(_: StarletteRequest, problem: fastapi.exceptions.RequestValidationError) -> Response:
    """A body of the wrong shape: what FastAPI says of the first thing wrong, without what was sent."""
    first = problem.errors()[0]
    place = [short(str(part), 80) for part in first["loc"][:5]]
    return JSONResponse({"detail": [{"type": first["type"], "loc": place, "msg": short(first["msg"])}]}, 422)


class Door:
    """See the module. `hosts` and `limits` say who is let in, and how much one of them may take."""

    def __init__(self, app: ASGIApp, hosts: Hosts, limits: Limits) -> None:
        self._app, self._hosts, self._limits = app, hosts, limits
        self._headers = {shared: security_headers(hosts.on_a_space, shared) for shared in (False, True)}
        self._calls = Calls(limits)
        self._uploads: Uploads | None = None
        self._named: deque[str] = deque()
        self._dropped: set[str] = set()
        # Behind a Space's proxies, or others that the setting says are there, the peer is never the visitor.
        self._proxied = hosts.on_a_space or os.environ.get("MTL_TRUST_PROXY", "") not in ("", "0")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = self._headers[bool(scope["app"].get_blocks().share)]
        answer, incoming, began = _Answer(send, headers), _Incoming(receive), time.monotonic()
        try:
            await self._let_in(scope, incoming, answer)
        except Refused as refusal:
            if scope["method"] in _WITH_BODY:
                await incoming.drain()
            # Gradio's page shows what an upload is answered as it is, and of other answers what "detail" says.
            respond = _plain if _path(scope) == "upload" else _error
            await respond(refusal.status, str(refusal))(scope, receive, answer)
        except Exception as problem:
            route, seconds = getattr(scope.get("route"), "path", "(no route)"), time.monotonic() - began
            words = "%s %s, %d bytes, %.1f s: %s"
            log.error(words, scope["method"], route, incoming.bytes, seconds, where(problem))
            if answer.streams:
                await send({"type": "http.response.body", "body": b""})
            elif not answer.started:
                response = _error(500, "The server could not answer this: it may not be what this address expects.")
                await response(scope, receive, answer)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        blocks = scope["app"].get_blocks()
        headers = Headers(scope=scope)
        own = self._check_host(scope, headers, blocks)
        path = _path(scope)
        if _CLOSED.match(path) or _FETCHES.match(path):
            raise Refused(403, "This server fetches nothing for its visitors, and keeps this address closed.")
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        for name in ("session_hash", "upload_id", "event_id"):
            for value in query.get(name, ()):
                _check_session(value)
        for upload in query.get("upload_id", ()):
            self._forget_uploads(upload)
        if session := _SESSION_PATHS.match(path):
            _check_session(session[1])
        queue, address = blocks._queue, self._address(scope, headers)
        scope["client"] = (address, 0)  # from here on everybody knows the visitor's own
        if scope["method"] == "POST" and path == "upload":
            await self._upload(scope, receive, send, address, headers)
        elif scope["method"] in _WITH_BODY and "multipart/" in headers.get("content-type", "").lower():
            raise Refused(415, "This address takes JSON; files are uploaded first, at /gradio_api/upload.")
        elif scope["method"] in _WITH_BODY:
            content = await self._body(receive, headers)
            given = _understood(content, own)
            again = _Replay(content, receive)
            if _JOINS.fullmatch(path):
                await self._join(scope, again, send, given, address, path, queue, len(content))
            else:
                await self._app(scope, again, send)
        elif path.startswith("heartbeat/"):
            with self._calls.connected(path.removeprefix("heartbeat/"), queue, reads=False):
                await self._app(scope, receive, send)
        elif path == "queue/data":
            with self._calls.connected(query.get("session_hash", [""])[-1], queue, reads=True):
                await self._app(scope, receive, send)
        elif reads := _READS.fullmatch(path):
            _check_session(reads[1])
            event = queue.event_ids_to_events.get(reads[1])
            with self._calls.connected(event.session_hash if event else reads[1], queue, reads=True):
                await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    # --- who ---

    def _check_host(self, scope: Scope, headers: Headers, blocks: Any) -> set[str]:
        """Refuse requests for other servers, and drop the headers that would put another's name into the page.

        Returns what this server is called in this request, as host or host:port."""
        root = _netloc(blocks.root_path or "")

        def ours(host: str) -> bool:
            below_root = bool(root) and host_name(host) == host_name(root)
            return below_root or self._hosts.admit(host, blocks.server_name, blocks.share_url)

        host = headers.get("host", "")
        if not ours(host):
            raise Refused(
                421,
                f"This server does not answer for the host {short(host, 80)!r}. If that is its name, start it with "
                "--allow-host NAME, or set MTL_ALLOW_HOSTS=NAME.",
            )
        origin = headers.get("origin")
        # On a Space, pages elsewhere may use the API, as Gradio's own client for browsers does.
        if origin is not None and not self._hosts.on_a_space and not ours(_netloc(origin)):
            raise Refused(
                403,
                "A page of another server may not use this one. If it should, start this one with --allow-host NAME, "
                "or set MTL_ALLOW_HOSTS=NAME, with that page's host as NAME.",
            )
        names, kept = {host, root}, []
        for name, value in scope["headers"]:
            if name in _NAMING:
                named = value.decode("latin-1").split(",")[0].strip()
                named = _netloc(named) if name == b"x-gradio-server" else named
                if not ours(named):
                    self._say_dropped(host_name(named))
                    continue
                names.add(named)
            kept.append((name, value))
        scope["headers"] = kept
        return {name.lower() for name in names if name}

    def _say_dropped(self, name: str) -> None:
        """Tell whoever runs this behind a proxy why the page does not work there; once for each name."""
        if name and name not in self._dropped and len(self._dropped) < 20:
            self._dropped.add(name)
            words = "A proxy calls this page %s. If that is its name, start it with --allow-host %s."
            log.warning(words, short(name, 80), short(name, 80))

    def _address(self, scope: Scope, headers: Headers) -> str:
        """The visitor's network address. A proxy appends whom it heard from to X-Forwarded-For, so its end is true."""
        peer = (scope.get("client") or ("unknown",))[0]
        if not self._proxied:
            return _subscriber(peer)
        for address in reversed(headers.get("x-forwarded-for", "").split(",")):
            number = _number(address.strip())
            # On a Space several proxies of its own come last.
            if number is not None and (number.is_global or not self._hosts.on_a_space):
                return _subscriber(str(number))
        return _subscriber(peer)

    def _forget_uploads(self, upload: str) -> None:
        """Gradio remembers every upload that a page asked the progress of; let it remember the last ones."""
        self._named.append(upload)
        while len(self._named) > 1_000:
            oldest = self._named.popleft()
            file_upload_statuses.stop_tracking(oldest)
            file_upload_statuses._signals.pop(oldest, None)

    # --- what is sent ---

    async def _body(self, receive: Receive, headers: Headers) -> bytes:
        """The body of a request, whole. Raises `Refused` where it is longer than the page ever sends."""
        limit = self._limits.post_mb * 1e6
        too_long = Refused(413, f"This is too much at once: up to {limit / 1e6:g} MB are taken. Send it in parts.")
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > limit:
            raise too_long
        content = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "The connection was closed before all had been sent.")
            content += message.get("body", b"")
            more = message.get("more_body", False)
            if len(content) > limit:
                raise too_long
        return bytes(content)

    async def _join(
        self, scope: Scope, receive: Receive, send: Send, given: dict, address: str, path: str, queue: Any, size: int
    ) -> None:
        session = given.get("session_hash")
        kind = str(given.get("fn_index", path))[:80]
        call = self._calls.enter(session if isinstance(session, str) else "", address, kind, queue, size)
        answer = bytearray()

        async def keep(message: Message) -> None:
            if len(answer) < 1_000:
                answer.extend(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, keep)
        finally:
            event = None
            if not path.startswith(("run/", "api/")):
                with contextlib.suppress(ValueError, TypeError, AttributeError):
                    event = json.loads(bytes(answer)).get("event_id")
            if isinstance(event, str):
                self._calls.joined(call, event)
            else:
                self._calls.leave(call)

    async def _upload(self, scope: Scope, receive: Receive, send: Send, address: str, headers: Headers) -> None:
        blocks = scope["app"].get_blocks()
        if self._uploads is None:
            self._uploads = Uploads(self._limits, Path(scope["app"].uploaded_file_dir))
        length = headers.get("content-length", "")
        size = int(length) if length.isdigit() else blocks.max_file_size or self._limits.free_gb * 1e9
        came = 0

        async def watched() -> Message:
            """Gradio's reader deletes what it has written when it is told that the form is faulty, and only then."""
            nonlocal came
            try:
                message = await asyncio.wait_for(receive(), _SILENCE)
            except TimeoutError:
                raise MultiPartException("The upload was broken off: nothing came for a minute.") from None
            came += len(message.get("body", b""))
            if message["type"] == "http.disconnect":
                raise MultiPartException("The upload was broken off.")
            if came > size:
                raise MultiPartException("The upload is larger than the maximum allowed size.")
            return message

        answer = bytearray()

        async def keep(message: Message) -> None:
            answer.extend(message.get("body", b""))
            await send(message)

        with self._uploads.arriving(address, size):
            await self._app(scope, watched, keep)
            with contextlib.suppress(ValueError):
                paths = json.loads(bytes(answer))
                if isinstance(paths, list):
                    self._uploads.arrived(address, [path for path in paths if isinstance(path, str)])


class _Incoming:
    """`receive`, how many bytes have come, and whether that was all of the request."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._all = False
        self.bytes = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self.bytes += len(message.get("body", b""))
        self._all |= message["type"] == "http.disconnect" or not message.get("more_body")
        return message

    async def drain(self, most: int = 200_000_000) -> None:
        """Read what a refused visitor still sends: a browser shows the answer only when it has sent all."""
        with contextlib.suppress(TimeoutError):
            while not self._all and most > 0:
                most -= len((await asyncio.wait_for(self(), _SILENCE)).get("body", b""))


class _Replay:
    """A body that has been read, for whoever reads it next; then whatever else the connection has to say."""

    def __init__(self, content: bytes, receive: Receive) -> None:
        self._content: bytes | None = content
        self._receive = receive

    async def __call__(self) -> Message:
        if self._content is None:
            return await self._receive()
        content, self._content = self._content, None
        return {"type": "http.request", "body": content, "more_body": False}


class _Answer:
    """`send` with the security headers on every answer and with errors that are short."""

    def __init__(self, send: Send, headers: dict[str, str]) -> None:
        self._send, self._headers = send, headers
        self.started = self.streams = False
        self._error: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(self._headers)
            self._error = message if message["status"] >= 400 else None
            if self._error is None:
                self.started = True
                self.streams = Headers(scope=message).get("content-type", "").startswith("text/event-stream")
        if self._error is None:
            await self._send(message)
        elif message["type"] == "http.response.body":
            if len(self._body) < 64_000:
                self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._send_error(self._error, bytes(self._body))

    async def _send_error(self, start: Message, body: bytes) -> None:
        if len(body) > _LONG_ERROR:
            body = json.dumps({"detail": short(_words(body))}).encode()
            MutableHeaders(scope=start).update({"content-type": "application/json", "content-length": str(len(body))})
        self.started = True
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _words(body: bytes) -> str:
    """What a long error says: its `detail` or `error` where it has one, else its beginning."""
    with contextlib.suppress(ValueError, AttributeError):
        given = json.loads(body)
        return str(given.get("detail") or given.get("error") or given)
    return body.decode("utf-8", "replace")


def _plain(status: int, words: str) -> Response:
    return PlainTextResponse(words, status)


def _error(status: int, words: str) -> Response:
    return JSONResponse({"detail": words}, status)


def _path(scope: Scope) -> str:
    """What comes behind /gradio_api/ in the path; "" elsewhere. A proxy may leave the root path in front."""
    root, path = scope.get("root_path", "").rstrip("/"), scope["path"]
    path = path.removeprefix(root) if path.startswith(f"{root}/") else path
    return path.removeprefix(API) if path.startswith(API) else ""


def _understood(content: bytes, own: Collection[str]) -> dict[str, Any]:
    """The object that a JSON body holds, checked; {} where it is something else, which Gradio answers for.

    `own` are the hosts at which the page may say that its uploads are. Raises `Refused`."""
    try:
        given = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(given, dict):
        return {}
    for name in ("session_hash", "event_id"):
        if isinstance(given.get(name), str):
            _check_session(given[name])
    for file in _files(given):
        for name in ("path", "url"):
            value = file.get(name)
            elsewhere = isinstance(value, str) and _ADDRESS.match(value)
            if elsewhere and (name == "path" or _netloc(value).lower() not in own):
                raise Refused(400, "This server fetches nothing for its visitors: upload the file instead.")
    return given


def _check_session(value: str) -> None:
    if not _SESSION.fullmatch(value):
        raise Refused(400, "A session or event is named by at most 64 letters, digits, _ and -.")


def _netloc(address: str) -> str:
    with contextlib.suppress(ValueError):
        return urlsplit(address.strip()).netloc
    return ""


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
