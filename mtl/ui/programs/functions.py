"""What other programs may ask of the page's own model: each function once, from plain values to JSON data.

The endpoints of Gradio, the addresses below /v1/, the tools of MCP and the page's examples are all made of `FUNCTIONS`.
Nothing is remembered of a call.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mtl.config import KINDS, UserError, listed
from mtl.ui.models import SharedModel
from mtl.ui.sentences import MAX_SENTENCES, from_list

# Counts up when a field goes or changes its meaning; a new field does not change it.
VERSION = 1
# So many texts at a time, so that many long ones are not all in memory as tokens together.
PART = 256
# Texts are compared each with each in one answer of at most so many.
MOST_COMPARED = 500
MOST_PAIRS = MAX_SENTENCES // 2


def analyze(model: SharedModel, texts: list[str], tasks: list[str] | None = None) -> dict[str, Any]:
    return {"answers": [answer.to_json() for answer in answers(model, texts, _chosen(model, tasks))]}


def predict(model: SharedModel, texts: list[str], tasks: list[str] | None = None) -> dict[str, Any]:
    chosen = _chosen(model, tasks)
    if not chosen:
        raise UserError("This model has no heads that read one text, so it predicts nothing: ask embed or similarity.")
    found = []
    for answer in answers(model, texts, chosen):
        data = answer.to_json()
        del data["embedding"]
        of_heads = {name: data.pop(name) for name in answer.results}
        found.append({**data, "answers": of_heads})
    return {"answers": found}


def embed(model: SharedModel, texts: list[str], pooling: str | None = None) -> dict[str, Any]:
    found = list(answers(model, texts, [], pooling or None))
    return {"embeddings": [answer.embedding.tolist() for answer in found], "truncated": _truncated(found)}


def similarity(
    model: SharedModel, texts: list[str] | None = None, pairs: list[list[str]] | None = None
) -> dict[str, Any]:
    if (texts is None) == (pairs is None):
        raise UserError("Give either texts, which are compared each with each, or pairs of texts.")
    if texts is None:
        return {"pairs": [pair.to_json() for pair in model.compare(_pairs(pairs))]}
    if isinstance(texts, (list, tuple)) and len(texts) > MOST_COMPARED:
        raise UserError(
            f"{len(texts):,} texts are too many to compare each with each; send at most {MOST_COMPARED:,}, or pairs."
        )
    found = list(answers(model, texts, []))
    vectors = np.stack([answer.embedding for answer in found])
    return {"cosines": (vectors @ vectors.T).clip(-1, 1).round(6).tolist(), "truncated": _truncated(found)}


@dataclass(frozen=True)
class Function:
    """A function of this module as programs see it. `call(model, **arguments)` gives JSON data; it `gives` what is said
    there, and `takes` what is said of each argument; `example` holds arguments to try it with. Lengths have limits in
    the server's settings, too (see `mtl.ui.server.limits`)."""

    call: Callable[..., dict[str, Any]]
    gives: str
    takes: Mapping[str, str]
    example: Mapping[str, Any] = field(hash=False)

    @property
    def name(self) -> str:
        return self.call.__name__

    @property
    def parameters(self) -> list[inspect.Parameter]:
        """Its arguments with their types, without the model."""
        return list(inspect.signature(self.call, eval_str=True).parameters.values())[1:]

    @property
    def documentation(self) -> str:
        """As a docstring, of which Gradio makes the descriptions of its endpoints and tools."""
        return "\n".join([self.gives, "", "Parameters:", *(f"    {name}: {what}" for name, what in self.takes.items())])

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Raise `UserError` where arguments have other names than this function's, or one is missing."""
        if unknown := [name for name in arguments if name not in self.takes]:
            raise UserError(f"{self.name} takes {listed(self.takes)}; {str(unknown[0])[:80]!r} is something else.")
        needed = [each.name for each in self.parameters if each.default is each.empty]
        if missing := [name for name in needed if name not in arguments]:
            raise UserError(f"{missing[0]} is missing: {self.name} needs {listed(needed)}.")


_TEXTS = f"1 to {MAX_SENTENCES:,} texts, none of them empty."
_TASKS = "The names of the heads to run; left out: all of them."
_CUT = "A text longer than the model reads is cut, which truncated says."
_SENTENCE = "Marie Curie worked in Paris and loved it."
_SENTENCES = ["A dog barks.", "A dog is barking outside.", "It is raining again."]
FUNCTIONS: Mapping[str, Function] = {
    function.name: function
    for function in (
        Function(
            predict,
            "Every head's answer to each text: labels with their probabilities, numbers, and names with their places, "
            f"in characters (Unicode code points) from 0. {_CUT}",
            {"texts": _TEXTS, "tasks": _TASKS},
            {"texts": [_SENTENCE]},
        ),
        Function(
            analyze,
            f"Every head's answer to each text, and its embedding, from one pass. {_CUT}",
            {"texts": _TEXTS, "tasks": _TASKS},
            {"texts": [_SENTENCE]},
        ),
        Function(
            embed,
            f"The embedding of each text, a vector of length 1. {_CUT}",
            {
                "texts": _TEXTS,
                "pooling": "How token vectors become one (mean, max, cls); left out: the model's own.",
            },
            {"texts": _SENTENCES[:2]},
        ),
        Function(
            similarity,
            "The cosines of texts' embeddings, from -1 to 1: of each with each; or of pairs, with the answers of the "
            f"heads for two texts. {_CUT}",
            {
                "texts": f"1 to {MOST_COMPARED:,} texts, of which cosines has a row and a column each.",
                "pairs": f"In place of texts: 1 to {MOST_PAIRS:,} lists of two texts.",
            },
            {"texts": _SENTENCES},
        ),
    )
}


# --- from what a program sends to what a model is asked ---


def answers(model: SharedModel, texts: list[str], tasks: list[str], pooling: str | None = None) -> Iterator[Any]:
    """The `Analysis` of each text. Raises `UserError` for no texts, too many, or one that is empty or no text."""
    given = from_list(texts).texts
    for start in range(0, len(given), PART):
        yield from model.analyze(given[start : start + PART], tasks, pooling)


def _chosen(model: SharedModel, tasks: Any) -> list[str]:
    """The heads to run: those that read one text, or some of them."""
    alone = [name for name, spec in model.tasks.items() if KINDS[spec.kind].texts == 1]
    if tasks is None or tasks == []:
        return alone
    if not isinstance(tasks, (list, tuple)) or not all(isinstance(name, str) for name in tasks):
        raise UserError("Give tasks as a list of the names of heads, or leave it out for all of them.")
    for name in tasks:
        if name in model.tasks and name not in alone:
            raise UserError(f"Task {name!r} reads two texts: similarity has its answers to pairs.")
        if name not in alone:
            raise UserError(f"This model has no task {name[:80]!r}; it has {listed(alone)}.")
    return list(dict.fromkeys(tasks))


def _pairs(pairs: Any) -> list[tuple[str, str]]:
    if not isinstance(pairs, (list, tuple)) or not all(isinstance(pair, (list, tuple)) for pair in pairs):
        raise UserError("Give a list of pairs of texts.")
    if uneven := [number for number, pair in enumerate(pairs, 1) if len(pair) != 2]:
        raise UserError(f"Pair {uneven[0]} is not two texts.")
    if len(pairs) > MOST_PAIRS:
        raise UserError(f"{len(pairs):,} pairs are too many for one call; send at most {MOST_PAIRS:,}.")
    texts = iter(from_list([text for pair in pairs for text in pair]).texts)
    return list(zip(texts, texts, strict=True))


def _truncated(found: list[Any]) -> list[int]:
    """The places of the texts that are longer than what the model read of them."""
    return [place for place, answer in enumerate(found) if answer.truncated]
