"""Values written as Python literals, made readable as JSON."""

from __future__ import annotations

import json
import re

# Where Python's notation differs from JSON: strings, tuples, trailing commas, comments, three names.
_PYTHON = re.compile(
    r"""u?+'(?P<single>(?:[^'\\\n]++|\\.)*+)'|u?+"(?P<double>(?:[^"\\\n]++|\\.)*+)\""""
    r"""|[()]|,(?=(?:\s|\#[^\n]*+)*+[\])}])|\#[^\n]*+|\b(?:None|True|False|nan)\b"""
)
_AS_JSON = {"(": "[", ")": "]", ",": "", "None": "null", "True": "true", "False": "false", "nan": "null"}
# JSON has the same escapes, but for these.
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|(u[0-9a-fA-F]{4}|[\\\"/bfnrt])|(.))")


def python_to_json(literal: str) -> str:
    """The JSON for a Python literal, on the same lines. What is no literal is left as it is, and is no JSON either.

    `ast.literal_eval` takes 400 times the memory of its argument.
    """
    return _PYTHON.sub(_as_json, literal)


def _as_json(match: re.Match[str]) -> str:
    inner = match["single"] if match["double"] is None else match["double"]
    if inner is None:
        return _AS_JSON.get(match[0], "")
    if "\\" in inner:
        inner = _ESCAPE.sub(_unescape, inner)
    return json.dumps(inner, ensure_ascii=False)


def _unescape(match: re.Match[str]) -> str:
    by_code, known, other = match.groups()
    if by_code:
        return chr(int(by_code, 16))
    if known:
        return json.loads(f'"\\{known}"')
    return other if other == "'" else match[0]
