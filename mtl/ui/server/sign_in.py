"""Signing in by Hugging Face, on a Space that asks for it (`hf_oauth` in its settings).

Gradio brings the addresses that lead to the Hub and back, and the cookie that says who came back (`gradio.oauth`). Here
stands that nothing else is answered before.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import Any

from gradio.route_utils import ASGIApp, Receive, Scope, Send
from gradio.routes import HTMLResponse

from mtl.ui.server.hosts import on_a_space
from mtl.ui.server.limits import Refused
from mtl.ui.server.requests import own_path

# The last is what Gradio itself asks when it starts.
_OPEN = re.compile(r"/(login/huggingface|login/callback|logout|gradio_api/startup-events)/?")


def is_asked(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a Space that people sign in to: the Hub tells it how."""
    return on_a_space(environment) and bool(environment.get("OAUTH_CLIENT_ID"))


def person(session: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Who has signed in, as the Hub tells it (`sub`, `preferred_username` and others); None if nobody has.

    `session`: what the cookie holds, which Gradio has signed."""
    found = session.get("oauth_info") or {}
    is_over = found.get("expires_at", 0) < time.time()
    return None if is_over else found.get("userinfo")


class SignIn:
    """Answers `page` (HTML) to those who have not signed in, and refuses all else that they ask for."""

    def __init__(self, app: ASGIApp, page: str) -> None:
        self._app, self._page = app, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _OPEN.fullmatch(own_path(scope)) or person(scope["session"]):
            await self._app(scope, receive, send)
        elif scope["method"] in ("GET", "HEAD") and own_path(scope) == "/":
            await HTMLResponse(self._page)(scope, receive, send)
        else:
            raise Refused(401, "Sign in first: open this Space in a browser, where it says how.")
