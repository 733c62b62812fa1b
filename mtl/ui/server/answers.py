"""What every answer carries, security headers, and what errors are cut to: one short sentence."""

from __future__ import annotations

import contextlib
import json

from gradio.route_utils import Headers, Message, MutableHeaders, Send, StarletteRequest
from gradio.routes import JSONResponse, Response, fastapi

from mtl.faults import short

# Where the page for shared links finds Gradio's scripts.
_SHARED_FILES = "https://gradio.s3-us-west-2.amazonaws.com"
# Longer errors than this are cut; shorter ones were written by somebody.
_LONG_ERROR = 1_000


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


class Answer:
    """`send` with the security headers on every answer and with errors that are short.

    `started`: the browser has the status already; `streams`: it waits for more."""

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
            body = json.dumps({"detail": short(_detail(body))}).encode()
            MutableHeaders(scope=start).update({"content-type": "application/json", "content-length": str(len(body))})
        self.started = True
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _detail(body: bytes) -> str:
    """What a long error says: its `detail` or `error` where it has one, else its beginning."""
    with contextlib.suppress(ValueError, AttributeError):
        given = json.loads(body)
        return str(given.get("detail") or given.get("error") or given)
    return body.decode("utf-8", "replace")


def error(message: str, status: int) -> Response:
    """An answer as Gradio's page reads it: it shows what `detail` says."""
    return JSONResponse({"detail": message}, status)


def program_error(message: str, status: int) -> Response:
    """An error as the clients of OpenAI's API read it."""
    kinds = {429: "rate_limit_error", 404: "not_found_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    content = {"error": {"message": short(message), "type": kind, "param": None, "code": None}}
    return JSONResponse(content, status)


async def malformed(_: StarletteRequest, problem: fastapi.exceptions.RequestValidationError) -> Response:
    """A body of the wrong shape: what FastAPI says of the first thing wrong, without what was sent."""
    first = problem.errors()[0]
    place = [short(str(part), 80) for part in first["loc"][:5]]
    return JSONResponse({"detail": [{"type": first["type"], "loc": place, "msg": short(first["msg"])}]}, 422)
