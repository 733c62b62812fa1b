"""Errors in messages and in the log: a short sentence for the visitor, the kind of exception and its place for the log.

Messages of exceptions contain what visitors wrote, such as a value that could not be parsed. Neither the log nor an
answer to anybody else may show it, so the log never gets an exception's message.
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
    """An exception's kind and its innermost frames, outermost first, without its message."""
    frames = traceback.extract_tb(problem.__traceback__)[-4:]
    # The last parts of a path are enough to find the file, and say nothing about this machine.
    places = [f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno} {frame.name}" for frame in frames]
    return f"{type(problem).__name__} in {' > '.join(places) or 'an unknown place'}"


class WithoutTexts(logging.Filter):
    """Removes messages of exceptions, and all but the first line of the message, from every log record."""

    def filter(self, record: logging.LogRecord) -> bool:
        lines = record.getMessage().strip().split("\n", 1)
        message = short(lines[0])
        if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
            message += ": " + where(record.exc_info[1])
        record.msg, record.args, record.exc_info, record.exc_text = message, (), None, None
        return True


def keep_texts_out_of_the_log() -> None:
    """Filter the root logger's handlers, and the web server's logger, which has its own."""
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        root.addHandler(handler)
    for filterer in (*root.handlers, logging.getLogger("uvicorn.error")):
        if not any(isinstance(f, WithoutTexts) for f in filterer.filters):
            filterer.addFilter(WithoutTexts())
