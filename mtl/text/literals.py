"""Values written as Python literals, made readable as JSON."""

from __future__ import annotations

import json
import re
import sys

# Where Python's notation differs from JSON: strings, tuples, trailing commas, comments, three names. Escapes outside of
# strings are passed over, as each quote in them would otherwise be searched for its end.
_PYTHON = re.compile(
    r"""u?+'(?P<single>(?:[^'\\\n]++|\\.)*+)'|u?+"(?P<double>(?:[^"\\\n]++|\\.)*+)\""""
    r"""|(?P<stray>\\.)|[()]|,(?=(?:\s|\#[^\n]*+)*+[\])}])|\#[^\n]*+|\b(?:None|True|False|nan)\b"""
)
_AS_JSON = {"(": "[", ")": "]", ",": "", "None": "null", "True": "true", "False": "false", "nan": "null"}
# JSON has the same escapes, but for these.
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|U([0-9a-fA-F]{8})|(u[0-9a-fA-F]{4}|[\\\"/bfnrt])|(.))")


def python_to_json(literal: str) -> str:
    """The JSON for a Python literal, on the same lines. What is no literal is left as it is, and is no JSON either.

    `ast.literal_eval` takes 400 times the memory of its argument.
    """
    return _PYTHON.sub(_as_json, literal)


def _as_json(match: re.Match[str]) -> str:
    inner = match["single"] if match["double"] is None else match["double"]
    if inner is None:
        return match["stray"] or _AS_JSON.get(match[0], "")
    if "\\" in inner:
        inner = _ESCAPE.sub(_unescape, inner)
    return json.dumps(inner, ensure_ascii=False)


def _unescape(match: re.Match[str]) -> str:
    short, long, known, other = match.groups()
    if short or long:
        code = int(short or long, 16)
        return chr(code) if code <= sys.maxunicode else match[0]
    if known:
        return json.loads(f'"\\{known}"')
    return other if other == "'" else match[0]
