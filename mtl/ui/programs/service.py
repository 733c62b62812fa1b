"""Answers programs, whichever way they come: by Gradio's endpoints, by plain HTTP, or by MCP."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mtl.ui import names
from mtl.ui.models import Models, SharedModel
from mtl.ui.programs.functions import VERSION, Function

DEFAULT = "default"


class Programs:
    """Programs are answered by the page's own model alone, called `model_id`: a visitor's belongs to a session, which
    nobody else may look into. They wait in `waiting`, so that the page's own questions never wait for a thread."""

    def __init__(self, models: Models, name: str | None) -> None:
        self._models = models
        self.model_id = DEFAULT if name is None else names.own_name(name)
        self.waiting = ThreadPoolExecutor(100, "programs")

    def answer(self, function: Function, arguments: Mapping[str, Any], visitor: str) -> dict[str, Any]:
        """The JSON data that a program gets; `visitor` is whose turn with the model it takes. Raises `UserError`."""
        function.check(arguments)
        return {"version": VERSION, "model": self.model_id, **function.call(self.model(visitor), **arguments)}

    def model(self, visitor: str) -> SharedModel:
        """Waits until it is loaded. Raises `UserError` where it cannot be."""
        return self._models.shared(None, visitor)
