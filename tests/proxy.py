"""A small reverse proxy, as a school or a lab has one in front of its servers."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import uvicorn


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def proxied(server: str, prefix: str, name: str | None = None, scheme: str = "http") -> Iterator[str]:
    """The address at which everything below `prefix` is answered by `server`, until the block ends.

    `name` is what it tells the server that the page is called, by default its own host and port; `scheme` what browsers
    come to it by."""
    port = free_port()
    upstream = httpx.AsyncClient(base_url=server, timeout=60)
    host = (name or f"127.0.0.1:{port}").encode()

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        path = scope["raw_path"].decode()
        if not path.startswith(f"{prefix}/"):
            status = 204 if path == "/favicon.ico" else 404  # which browsers ask for by themselves
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        # What compression the visitor takes; whoever says nothing of it takes none.
        headers = [(b"accept-encoding", dict(scope["headers"]).get(b"accept-encoding", b"identity"))]
        headers += [(k, v) for k, v in scope["headers"] if k not in (b"host", b"accept-encoding", b"connection")]
        headers += [(b"x-forwarded-host", host), (b"x-forwarded-proto", scheme.encode())]
        url = path.removeprefix(prefix) + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
        request = upstream.build_request(scope["method"], url, headers=headers, content=body)
        answer = await upstream.send(request, stream=True)
        try:
            kept = [(k.lower(), v) for k, v in answer.headers.raw if k.lower() != b"transfer-encoding"]
            await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
            async for part in answer.aiter_raw():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await answer.aclose()

    proxy = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=proxy.run, daemon=True)
    thread.start()
    while not proxy.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}{prefix}/"
    finally:
        proxy.should_exit = proxy.force_exit = True
        thread.join(10)
