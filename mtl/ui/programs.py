"""What the endpoints for programs answer: `/analyze`, `/embed` and `/similarity`. Nothing is remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from mtl.config import UserError
from mtl.ui.page import ASKS_A_MODEL, Session, in_plain_words
from mtl.ui.sentences import from_list

if TYPE_CHECKING:
    from mtl.ui.models import SharedModel

# So many texts at a time, so that many long ones are not all in memory as tokens together.
PART = 256


def build(session: Session) -> None:
    def model(request: gr.Request) -> SharedModel:
        return session.models.shared(None, request.session_hash or f"address {request.client.host}")

    def analyze(texts: list[str], request: gr.Request) -> list[dict]:
        """Analyze up to 2,000 texts: the embedding and every head's answer for each, as JSON."""
        return for_program(lambda: as_json(model(request), texts))

    def embed(texts: list[str], request: gr.Request, pooling: str = "") -> list[list[float]]:
        """Embed up to 2,000 texts: one vector of length 1 for each. pooling: empty for the model's own."""
        return for_program(lambda: vectors(model(request), texts, pooling))

    def similarity(pairs: list[list[str]], request: gr.Request) -> list[dict]:
        """Compare up to 1,000 pairs of texts: the cosine of each, and the answer of every head that reads two texts."""
        return for_program(lambda: compared(model(request), pairs))

    for function in (analyze, embed, similarity):
        gr.api(function, api_name=function.__name__, **ASKS_A_MODEL)


def as_json(model: SharedModel, texts: list[str]) -> list[dict[str, Any]]:
    """One JSON object per text, the same as the command line prints."""
    return [analysis.to_json() for part in _parts(texts) for analysis in model.analyze(part)]


def vectors(model: SharedModel, texts: list[str], pooling: str) -> list[list[float]]:
    """One vector per text; an empty `pooling` is the model's own."""
    return [vector for part in _parts(texts) for vector in model.encode(part, pooling or None).tolist()]


def compared(model: SharedModel, pairs: list[list[str]]) -> list[dict[str, Any]]:
    """One JSON object per pair of texts."""
    if not isinstance(pairs, (list, tuple)) or not all(isinstance(pair, (list, tuple)) for pair in pairs):
        raise UserError("Give a list of pairs of texts.")
    if uneven := [number for number, pair in enumerate(pairs, 1) if len(pair) != 2]:
        raise UserError(f"Pair {uneven[0]} is not two texts.")
    texts = iter(from_list([text for pair in pairs for text in pair]).texts)
    return [pair.to_json() for pair in model.compare(list(zip(texts, texts, strict=True)))]


def _parts(texts: list[str]) -> Iterator[tuple[str, ...]]:
    given = from_list(texts).texts
    return (given[start : start + PART] for start in range(0, len(given), PART))


def for_program(answer: Callable[[], Any]) -> Any:
    """`answer()`; whatever goes wrong becomes an error that a client can read."""
    try:
        return answer()
    except Exception as problem:
        raise gr.Error(in_plain_words(problem), print_exception=False) from problem
