"""A text's words as its tokenizer splits it: where they are, how they are written, and the entities that they form.

It needs numpy alone: a model that is exported to ONNX takes this file along as it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from tokenizers import Encoding

SHAPES = ("lower", "upper", "title", "mixed", "digits", "punctuation")

# Of each word its first character, the one after its last, and the index of its first piece among the tokens.
Words = Sequence[tuple[int, int, int]]


def words_of(encoding: Encoding, text: str, room: int | None = None, shift: int = 0) -> list[tuple[int, int, int]]:
    """The words among the first `room` tokens of a text; tokens are counted from `shift` on."""
    words: list[tuple[int, int, int]] = []
    last = None
    for position, (word, (start, end)) in enumerate(
        zip(encoding.word_ids[:room], encoding.offsets[:room], strict=True)
    ):
        if word is None or start == end:
            continue
        if word == last:
            first, _, place = words[-1]
            # Unigram tokenizers (DeBERTa) may have the space before a word as a piece of its own.
            words[-1] = (start if text[first].isspace() else first, end, place)
        else:
            # Byte-level tokenizers (RoBERTa) may count the space before a word as part of it.
            while start < end - 1 and text[start].isspace():
                start += 1
            words.append((start, end, position + shift))
            last = word
    return words


def shape(word: str) -> int:
    """The index in `SHAPES` of a word's shape, which an uncased tokenizer loses."""
    if word.islower():
        return 0
    if any(c.isdigit() for c in word):
        return 4
    if not any(c.isalpha() for c in word):
        return 5
    if word.isupper() and len(word) > 1:
        return 1
    if word[0].isupper() and (len(word) == 1 or word[1:].islower()):
        return 2
    # Scripts without capitals count as lower case.
    return 3 if any(c.isupper() for c in word) else 0


def shapes_around(text: str, words: Words, window: int) -> np.ndarray:
    """Shapes (words, 1 + 2 `window`) of each word and its neighbours; `len(SHAPES)` beyond the ends of the text."""
    import numpy as np

    shapes = np.pad([shape(text[start:end]) for start, end, _ in words], window, constant_values=len(SHAPES))
    return np.lib.stride_tricks.sliding_window_view(shapes, 1 + 2 * window)


def entities(
    text: str, words: Words, scores: np.ndarray, labels: Sequence[str]
) -> list[tuple[int, int, str, str, float]]:
    """(start, end, label, text, score) of each entity, from the log-probabilities (words, tags) of the words' tags."""
    import numpy as np

    if not len(words):
        return []
    path, found = best_legal_path(scores), []
    for first in np.flatnonzero(path % 2):  # B-X is odd, and I-X follows it
        after = first + 1
        while after < len(path) and path[after] == path[first] + 1:
            after += 1
        limit = words[after][0] if after < len(words) else len(text)
        start, end = words[first][0], _whole_characters(text, words[after - 1][1], limit)
        score = float(np.exp(scores[np.arange(first, after), path[first:after]]).mean())
        found.append((start, end, labels[(path[first] - 1) // 2], text[start:end], min(score, 1.0)))
    return found


def best_legal_path(scores: np.ndarray) -> np.ndarray:
    """The likeliest legal BIO sequence for log-probabilities (words, tags), tags ordered O, B-X, I-X, B-Y, I-Y ...

    I-X is legal only after B-X or I-X (Viterbi 1967, with transitions that are either allowed or forbidden).
    """
    import numpy as np

    path = scores.argmax(-1)
    inside = (path > 0) & (path % 2 == 0)
    before = np.concatenate(([0], path[:-1]))
    if not (inside & (before != path) & (before != path - 1)).any():
        return path  # the best tags form a legal sequence
    tags = scores.shape[1]
    tag = np.arange(tags)
    is_inside = (tag > 0) & (tag % 2 == 0)
    legal = ~is_inside[None, :] | (tag[:, None] == tag[None, :]) | (tag[:, None] == tag[None, :] - 1)
    forbidden = np.where(legal, 0.0, -np.inf)
    best = np.where(is_inside, -np.inf, scores[0])
    came_from = np.zeros(scores.shape, dtype=int)
    for i in range(1, len(scores)):
        options = best[:, None] + forbidden
        came_from[i] = options.argmax(0)
        best = options.max(0) + scores[i]
    path = np.empty(len(scores), dtype=int)
    path[-1] = best.argmax()
    for i in range(len(scores) - 1, 0, -1):
        path[i - 1] = came_from[i, path[i]]
    return path


def _whole_characters(text: str, end: int, limit: int) -> int:
    """`end`, moved past combining marks of the character before it (accents, vowel signs, joiners)."""
    while end < limit and (unicodedata.category(text[end]) in ("Mn", "Mc", "Me") or text[end] in "\u200d\ufe0f"):
        end += 1
    return end
