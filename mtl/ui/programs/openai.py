"""Embeddings as OpenAI's API gives them: what its clients send and read at /v1/embeddings and /v1/models."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtl.config import UserError, listed
from mtl.ui.models import SharedModel
from mtl.ui.programs import functions
from mtl.ui.programs.service import DEFAULT
from mtl.ui.server.limits import Refused

FORMATS = ("float", "base64")
_LITTLE = np.dtype(np.float32).newbyteorder("little")
_FIELDS = ("input", "model", "encoding_format", "dimensions", "user")


def embeddings(model: SharedModel, model_id: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request for embeddings. Raises `UserError`, and `Refused` for another model than `model_id`.

    Unlike the program's own functions it refuses texts that are too long, as its answer has no place to say so."""
    if unknown := [name for name in asked if name not in _FIELDS]:
        raise UserError(f"embeddings takes {listed(_FIELDS)}; {str(unknown[0])[:80]!r} is something else.")
    named, given, form = asked.get("model"), asked.get("input"), asked.get("encoding_format") or FORMATS[0]
    if not isinstance(named, str):
        raise UserError(f"Name the model: {model_id!r}.")
    if named not in (model_id, DEFAULT):
        raise Refused(404, f"There is no model {named[:80]!r} here; there is {model_id!r}.")
    if form not in FORMATS:
        raise UserError(f"encoding_format is {listed(FORMATS, 'or')}.")
    if asked.get("dimensions") not in (None, model.dim):
        raise UserError(f"Embeddings of this model have {model.dim} dimensions: leave dimensions out.")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise UserError("Give input as a text or a list of texts; tokens are not taken, as those of models differ.")
    data, tokens = [], 0
    for place, answer in enumerate(functions.answers(model, texts, [])):
        if answer.truncated:
            raise UserError(
                f"Text {place + 1} is longer than the {model.max_tokens} tokens that this model reads: shorten it."
            )
        tokens += answer.tokens
        vector = answer.embedding
        written = base64.b64encode(vector.astype(_LITTLE).tobytes()).decode() if form == "base64" else vector.tolist()
        data.append({"object": "embedding", "index": place, "embedding": written})
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": model_id, "usage": usage}


def models(model_id: str) -> dict[str, Any]:
    """The list of the one model there is."""
    return {"object": "list", "data": [{"id": model_id, "object": "model", "created": 0, "owned_by": "mtl"}]}
