"""Errors in the log and in answers: one short line, never what an exception says."""

from __future__ import annotations

import io
import logging
import re

from hypothesis import given
from hypothesis import strategies as st

from mtl import faults

SECRET = "MY-SECRET-SENTENCE"


def test_exceptions_are_logged_without_what_they_say():
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(faults.WithoutTexts())
    own = logging.Logger("own")
    own.addHandler(handler)
    try:
        raise ValueError(SECRET)
    except ValueError as problem:
        own.error("A handler failed", exc_info=problem)
    own.error("Task exception was never retrieved\nfuture: <Task exception=ValueError('%s')>", SECRET)
    own.error("Deleted %d runs", 3)
    first, second, third = written.getvalue().splitlines()
    assert re.fullmatch(r"A handler failed: ValueError in \S*tests/test_faults.py:\d+ test_\w+", first)
    assert second == "Task exception was never retrieved" and third == "Deleted 3 runs"


@given(st.text(max_size=2_000))
def test_what_is_said_of_an_error_is_one_short_line(text):
    said = faults.short(text)
    assert len(said) <= 300 and said.isprintable() or "\n" not in said
    assert said.rstrip("…") in " ".join(text.split())
