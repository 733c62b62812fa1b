"""The functions for programs as named endpoints of Gradio, for its clients, and as the tools of its MCP server."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import gradio as gr

from mtl.ui.page import ASKS_A_MODEL, in_plain_words
from mtl.ui.programs.functions import FUNCTIONS, Function
from mtl.ui.programs.service import Programs
from mtl.ui.server.turns import visitor_at


def build(programs: Programs) -> None:
    for function in FUNCTIONS.values():
        gr.api(endpoint(programs, function), api_name=function.name, **ASKS_A_MODEL)


def endpoint(programs: Programs, function: Function) -> Callable[..., dict[str, Any]]:
    """What Gradio calls: a function with the name, the arguments and the description of `function`."""
    names = [parameter.name for parameter in function.parameters]

    def answer(request: gr.Request, *values: Any) -> dict[str, Any]:
        try:
            visitor = request.session_hash or visitor_at(request.client.host)
            return programs.answer(function, dict(zip(names, values, strict=True)), visitor)
        except Exception as problem:
            raise gr.Error(in_plain_words(problem), print_exception=False) from problem

    asker = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)
    answer.__signature__ = inspect.Signature([asker, *function.parameters], return_annotation=dict[str, Any])
    answer.__annotations__ = {each.name: each.annotation for each in (asker, *function.parameters)}
    answer.__name__, answer.__doc__ = function.name, function.documentation
    return answer
