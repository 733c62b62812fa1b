"""How alike two texts are by their words alone."""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+")
# Of a longer text only the beginning is looked at.
_LOOKED_AT = 2_000


def shared(one: str, other: str) -> float:
    """The share of their words, 0 to 1, that two texts have in common."""
    some, others = words(one), words(other)
    every = len(some | others)
    return len(some & others) / every if every else 0.0


def contained(one: str, other: str) -> float:
    """The share of the words of the shorter text, 0 to 1, that the other one has too."""
    some, others = words(one), words(other)
    shorter = min(len(some), len(others))
    return len(some & others) / shorter if shorter else 0.0


def words(text: str) -> set[str]:
    """The words of a text in lower case; of a script without spaces, each two characters that stand together."""
    text = text[:_LOOKED_AT].casefold()
    if " " in text.strip() or text.isascii():
        return set(_WORD.findall(text))
    return {text[i : i + 2] for i in range(max(len(text) - 1, 1))}
