"""How a table is read, as options of the command line: `to_arguments` writes them, `from_options` reads them.

A mark that joins names (a colon, an equals sign, a comma) or a backslash has a backslash before it where it is part of
a name. A backslash before anything else stands for itself.
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Mapping
from typing import Any

from mtl.config import UserError

_MARKS = r"[\\:=,]"


def to_arguments(reading: Mapping[str, Any]) -> list[str]:
    """The options that choose this `reading`: arguments of `read_table`, and `mapping` of `match_tasks`."""
    arguments = []
    for name in ("text", "text_b"):
        if reading.get(name):
            arguments += option(f"--{name}".replace("_", "-"), reading[name])
    for column, role in (reading.get("roles") or {}).items():
        arguments += option("--role", f"{column}={role}")
    for column, labels in (reading.get("mapping") or {}).items():
        for label, meaning in labels.items():
            arguments += option("--label", f"{_escaped(column)}:{_escaped(label)}={_escaped(meaning or '')}")
    for column, names in (reading.get("names") or {}).items():
        arguments += option("--names", f"{_escaped(column)}={','.join(map(_escaped, names))}")
    if reading.get("header") is not None:
        arguments.append("--header" if reading["header"] else "--no-header")
    return arguments


def in_a_shell(**reading: Any) -> str:
    """The same as a POSIX shell reads it."""
    return shlex.join(to_arguments(reading))


def option(flag: str, value: str) -> list[str]:
    """An option and its value; one that begins with a dash would be taken for an option itself."""
    return [f"{flag}={value}"] if value.startswith("-") else [flag, value]


def from_options(options: argparse.Namespace) -> dict[str, Any]:
    """The reading that options choose. Raises `UserError` where one cannot be read."""
    roles, mapping, names = {}, {}, {}
    for text in options.roles or ():
        column, equals, kind = text.rpartition("=")  # no kind has that in its name
        if not equals:
            raise UserError(f"{text!r} should be a column, = and a kind, such as stars=regression.")
        roles[column] = kind
    for text in options.mapping or ():
        *source, meaning = _split(text, "=")
        column, *label = _split("=".join(source), ":")
        if not (source and label):
            raise UserError(f"{text!r} should be a column, :, a label, = and a label, such as mood:happy=positive.")
        mapping.setdefault(_plain(column), {})[_plain(":".join(label))] = _plain(meaning) or None
    for text in options.names or ():
        column, *given = _split(text, "=")
        chosen = [_plain(name.strip()) for name in _split("=".join(given), ",")]
        if not all(chosen):
            raise UserError(f"{text!r} should be a column, = and names, such as ner_tags=O,B-PER,I-PER.")
        names[_plain(column)] = chosen
    texts = {"text": options.text, "text_b": options.text_b}
    reading = {**texts, "roles": roles, "mapping": mapping, "names": names, "header": options.header}
    return {name: value for name, value in reading.items() if value not in (None, {})}


def _escaped(name: str) -> str:
    return re.sub(_MARKS, r"\\\g<0>", name)


def _plain(name: str) -> str:
    return re.sub(rf"\\({_MARKS})", r"\1", name)


def _split(text: str, mark: str) -> list[str]:
    """The parts between marks that are not part of a name; each is still escaped."""
    parts = [""]
    for piece in re.findall(rf"\\{_MARKS}|.", text, re.DOTALL):
        if piece == mark:
            parts.append("")
        else:
            parts[-1] += piece
    return parts
