"""The page's HTML and SVG as Jinja2 templates. They escape what they are given, unless it is `Markup`: HTML that was
made here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, nodes
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup

from mtl.data.rows import place
from mtl.text.values import plural
from mtl.ui import words
from mtl.ui.widgets.colours import colours, ink, shorten


class _LineBreaks(Extension):
    """Line breaks lay out a template only: beside a tag they would be nodes that the page's scripts do not expect. One
    between words, or before an attribute, is a space."""

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        for token in stream:
            if token.type == "data":
                value = re.sub(r"(?<=[^>\s])\n\s*(?=[^<\s])|\n\s*(?=[\w-]+=)", " ", token.value)
                token = Token(token.lineno, token.type, re.sub(r"\n\s*", "", value))
            yield token


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    extensions=[_LineBreaks],
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
)
_ENVIRONMENT.globals |= {"page": words, "colours": colours, "ink": ink, "place": place}
_ENVIRONMENT.globals |= {"plural": plural, "shorten": shorten}
_ENVIRONMENT.filters |= {"json": partial(json.dumps, ensure_ascii=False), "repr": repr}


def render(name: str, **values: Any) -> Markup:
    """The template of this name, filled with plain values."""
    return Markup(_ENVIRONMENT.get_template(name).render(values))


def macros(name: str) -> Any:
    """The macros of the template of this name: functions from plain values to `Markup`."""
    return _ENVIRONMENT.get_template(name).module


def parse(name: str) -> nodes.Template:
    """What the template of this name consists of."""
    return _ENVIRONMENT.parse(_ENVIRONMENT.loader.get_source(_ENVIRONMENT, name)[0], name)
