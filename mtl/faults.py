"""What is said and logged of an error: one short sentence to the visitor, and to the log what failed and where.

Messages of exceptions hold what visitors wrote: it is in the value that could not be understood. Neither the log nor
anybody else's answer may show it, so the log gets an exception's kind and place, and never its message.
"""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

log = logging.getLogger("mtl.ui")

_LENGTH = 300


def short(words: str, length: int = _LENGTH) -> str:
    """`words` on one line of at most `length` characters."""
    words = " ".join(words[: 4 * length].split())
    return words if len(words) <= length else words[: length - 1] + "…"


def where(problem: BaseException) -> str:
    """An exception's kind and the innermost places it passed, outermost first, without its message."""
    frames = traceback.extract_tb(problem.__traceback__)[-4:]
    places = [f"{_relative(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
    return f"{type(problem).__name__} in {' > '.join(places) or 'an unknown place'}"


def _relative(file: str) -> str:
    """The last folders of a file's path: enough to find it, and nothing of where this machine keeps it."""
    return "/".join(Path(file).parts[-3:])


class WithoutTexts(logging.Filter):
    """Takes the messages of exceptions, and all but the first line of what is logged, out of every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        lines = record.getMessage().strip().split("\n", 1)
        message = short(lines[0])
        if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
            message += ": " + where(record.exc_info[1])
        record.msg, record.args, record.exc_info, record.exc_text = message, (), None, None
        return True


def keep_texts_out_of_the_log() -> None:
    """From now on: all loggers that have no handlers of their own, and the web server's, which has."""
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        root.addHandler(handler)
    for handler in root.handlers:
        if not any(isinstance(f, WithoutTexts) for f in handler.filters):
            handler.addFilter(WithoutTexts())
    server = logging.getLogger("uvicorn.error")
    if not any(isinstance(f, WithoutTexts) for f in server.filters):
        server.addFilter(WithoutTexts())
