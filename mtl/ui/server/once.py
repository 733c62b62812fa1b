"""A call that comes again, because its sender got no answer to it, is done once and answered as the first time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from gradio.route_utils import Headers, Message, Scope, Send

from mtl.ui.server.requests import check_name

# The page gives each call an id of its own (`assets/network.js`).
_HEADER = "x-mtl-call"


class Once:
    """The answers to the last calls, by their ids. Used on the server's event loop alone."""

    def __init__(self, most: int = 5_000) -> None:
        self._answers: OrderedDict[str, asyncio.Future[list[Message]]] = OrderedDict()
        self._most = most

    async def answer(self, scope: Scope, send: Send, call: Callable[[Send], Awaitable[None]]) -> None:
        """Let `call(send)` answer, unless a call with this id has been answered or is about to be."""
        name = Headers(scope=scope).get(_HEADER)
        if name is None:
            await call(send)
            return
        check_name(name)
        first = self._answers.get(name)
        if first is None:
            await self._first(name, send, call)
            return
        try:
            messages = await asyncio.shield(first)
        except asyncio.CancelledError:
            if not first.cancelled():
                raise
            await self.answer(scope, send, call)  # the first came to nothing
            return
        for message in messages:
            await send(message)

    async def _first(self, name: str, send: Send, call: Callable[[Send], Awaitable[None]]) -> None:
        answer = self._answers[name] = asyncio.get_running_loop().create_future()
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)
            await send(message)

        try:
            await call(keep)
            if messages[0]["status"] < 500:
                answer.set_result(messages)
        finally:
            if not answer.done():  # it may be tried again
                self._answers.pop(name, None)
                answer.cancel()
