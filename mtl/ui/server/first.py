"""The script that must run before Gradio's own, in the page's HTML.

What Gradio takes as `head` it adds after it has connected: too late for a script that watches over its connections.
"""

from __future__ import annotations

from gradio.route_utils import ASGIApp, Headers, Message, MutableHeaders, Receive, Scope, Send

from mtl.ui.server.requests import api_path


class FirstScript:
    """Puts `html` at the top of the head of the page."""

    def __init__(self, app: ASGIApp, html: str) -> None:
        self._app, self._html = app, html.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or api_path(scope):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = bytearray()

        async def insert(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                page = Headers(scope=message).get("content-type", "").startswith("text/html")
                start = message if page else None
            if start is None:
                await send(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    whole = bytes(body).replace(b"<head>", b"<head>" + self._html, 1)
                    MutableHeaders(scope=start)["content-length"] = str(len(whole))
                    await send(start)
                    await send({"type": "http.response.body", "body": whole})

        await self._app(scope, receive, insert)
