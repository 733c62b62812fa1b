"""Texts as they are shown and kept: on one line, without characters that cannot be seen."""

from __future__ import annotations

import re
import unicodedata

# Halves of characters, which no file in UTF-8 can hold.
SURROGATE = re.compile("[\ud800-\udfff]")
_SPACING = re.compile("[\t\n\v\f\r\u2028\u2029]+")
# Unicode's category Cc, and without the characters that are spaces.
_ANY_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_TO_SPACE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def clean(value: str) -> str:
    """`value` on one line, without control characters and with broken surrogates replaced."""
    value = _SPACING.sub(" ", SURROGATE.sub("\ufffd", value))
    return _ANY_CONTROL.sub("", value).strip()


def is_blank(value: str) -> bool:
    """Whether nothing of `value` can be seen: spaces and invisible format characters alone."""
    return all(c.isspace() or unicodedata.category(c) in ("Cc", "Cf") for c in value)


def clean_in_place(value: str) -> str:
    """`value` on one line, each character that cannot be shown replaced by one that can, so that spans of it hold."""
    return _TO_SPACE.sub(" ", SURROGATE.sub("\ufffd", value))
