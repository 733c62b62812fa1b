"""Read JSON objects, and write files atomically, so that no other process reads half of one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from mtl.config import UserError


class NotThere(UserError, FileNotFoundError):
    """There is no such file."""


def read_json(path: str | PathLike, name: str = "") -> dict[str, Any]:
    """The JSON object in a file. Raises `UserError` (`NotThere` if it does not exist), which calls it `name`."""
    name = name or str(path)
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        kind = NotThere if isinstance(error, FileNotFoundError) else UserError
        raise kind(f"{name} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name} cannot be read: it is not JSON: {error}.") from error
    if not isinstance(data, dict):
        raise UserError(f"{name} must hold a JSON object.")
    return data


def json_or_nothing(path: str | PathLike) -> dict[str, Any]:
    """The JSON object in a file, {} if it cannot be read."""
    try:
        return read_json(path)
    except UserError:
        return {}


def json_bytes(data: Any) -> bytes:
    """Indented JSON. Lone surrogates, which other people's files may contain, are escaped."""
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def write_json(path: Path, data: Any) -> None:
    write_bytes(path, json_bytes(data))


def write_bytes(path: Path, data: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to, which replaces `path` on success."""
    # The pid keeps processes that write the same file apart.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
