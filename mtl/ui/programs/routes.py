"""The functions for programs by plain HTTP: POST /v1/NAME takes the arguments as a JSON object, and answers with JSON.

/v1/embeddings and /v1/models speak as OpenAI's API does. The door (`mtl.ui.server.door`) bounds what is sent, and how
many calls of one address wait.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

from gradio.routes import Response, fastapi

from mtl.config import UserError, listed
from mtl.ui.page import in_plain_words
from mtl.ui.programs import openai
from mtl.ui.programs.functions import FUNCTIONS
from mtl.ui.programs.service import Programs
from mtl.ui.server.answers import program_error
from mtl.ui.server.limits import Refused
from mtl.ui.server.requests import PROGRAMS
from mtl.ui.server.turns import visitor_at

EMBEDDINGS, MODELS = "embeddings", "models"
_WITH_BODY = (*FUNCTIONS, EMBEDDINGS)


async def respond(request: fastapi.Request) -> Response:
    programs: Programs = request.app.get_blocks().programs
    name, visitor = request.path_params["name"].rstrip("/"), visitor_at(request.client.host)
    try:
        if name == MODELS and request.method == "GET":
            return _written(openai.models(programs.model_id))
        if name not in _WITH_BODY:
            raise Refused(404, f"There is no {PROGRAMS}{name[:80]} here; there are {listed(_WITH_BODY)}.")
        if request.method != "POST":
            raise Refused(405, f"{PROGRAMS}{name} takes a POST with a JSON object.")
        answer = partial(_answer, programs, name, visitor, await request.body())
        return await asyncio.get_running_loop().run_in_executor(programs.waiting, answer)
    except Refused as refusal:
        return program_error(str(refusal), refusal.status)
    except Exception as problem:
        return program_error(in_plain_words(problem), 400 if isinstance(problem, UserError) else 500)


def _answer(programs: Programs, name: str, visitor: str, content: bytes) -> Response:
    try:
        asked = json.loads(content)
    except (ValueError, RecursionError):
        raise UserError("What was sent is not JSON.") from None
    if not isinstance(asked, dict):
        raise UserError('Send a JSON object, such as {"texts": ["A sentence."]}.')
    try:
        model = programs.model(visitor)
    except UserError as problem:
        raise Refused(503, str(problem)) from problem
    if name == EMBEDDINGS:
        return _written(openai.embeddings(model, programs.model_id, asked))
    return _written(programs.answer(FUNCTIONS[name], asked, visitor))


def _written(data: Any) -> Response:
    # In a lone surrogate, which a text may have, UTF-8 has a question mark.
    content = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(content, media_type="application/json")


ROUTES = [
    fastapi.routing.APIRoute(
        PROGRAMS + "{name:path}", respond, methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False
    )
]
