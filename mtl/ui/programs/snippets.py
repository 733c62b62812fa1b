"""The place on the page that shows how another program asks the same: snippets to copy, made of `FUNCTIONS`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from mtl.ui import templates
from mtl.ui.page import Session, html
from mtl.ui.programs.functions import FUNCTIONS, MOST_COMPARED, Function
from mtl.ui.programs.routes import EMBEDDINGS
from mtl.ui.programs.service import DEFAULT
from mtl.ui.sentences import MAX_SENTENCES
from mtl.ui.server.requests import PROGRAMS

# What the browser replaces by the address that the page is open at.
ADDRESS = "ADDRESS"
LANGUAGES = ("Python", "JavaScript", "curl")
_OPENAI = "Embed texts in the shape of OpenAI's API, for programs that are written for it."
_PYTHON = """from gradio_client import Client  # pip install gradio_client

client = Client("{address}/")
print(client.predict({arguments}, api_name="/{name}"))
"""
_PYTHON_OPENAI = """from openai import OpenAI  # pip install openai

client = OpenAI(base_url="{address}/v1", api_key="none")
print(client.embeddings.create({arguments}).data[0].embedding)
"""
_JAVASCRIPT = """const answer = await fetch("{address}{path}", {{
  method: "POST",
  headers: {{ "Content-Type": "application/json" }},
  body: JSON.stringify({arguments}),
}});
console.dir(await answer.json(), {{ depth: null }});
"""
_CURL = """curl {address}{path} \\
  -H "Content-Type: application/json" \\
  -d {arguments}
"""


def build(session: Session) -> None:
    """The fold with the snippets, into the tab that is open."""
    shown = [(name, about, snippets) for name, (about, snippets) in all_snippets(ADDRESS).items()]
    page = templates.render(
        "programs.html",
        shown=shown,
        languages=LANGUAGES,
        most=MAX_SENTENCES,
        compared=MOST_COMPARED,
        megabytes=session.limits.post_mb,
        address=ADDRESS,
    )
    html(page, elem_id="programs", js_on_load="mtl.programs(element)")


def all_snippets(address: str) -> dict[str, tuple[str, dict[str, str]]]:
    """By name: what is asked for, and a program that asks for it in each of `LANGUAGES`."""
    found = {name: (_first(function), _of(function, address)) for name, function in FUNCTIONS.items()}
    example = {"model": DEFAULT, **FUNCTIONS["embed"].example}
    example["input"] = example.pop("texts")
    return {**found, EMBEDDINGS: (_OPENAI, _in_all_languages(_PYTHON_OPENAI, EMBEDDINGS, example, address))}


def _of(function: Function, address: str) -> dict[str, str]:
    return _in_all_languages(_PYTHON, function.name, function.example, address)


def _first(function: Function) -> str:
    """The sentence that says what a function gives."""
    return function.gives.partition(". ")[0] + "."


def _in_all_languages(python: str, name: str, arguments: Mapping[str, Any], address: str) -> dict[str, str]:
    filled = {"address": address, "path": PROGRAMS + name, "name": name}
    named = ", ".join(f"{key}={_json(value)}" for key, value in arguments.items())
    return {
        "Python": python.format(arguments=named, **filled),
        "JavaScript": _JAVASCRIPT.format(arguments=_json(arguments), **filled),
        "curl": _CURL.format(arguments=shlex.quote(_json(arguments)), **filled),
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
