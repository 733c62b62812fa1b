"""Texts to tensors: tokenise with character offsets, group texts by length, pad them into a batch.

torch is imported only where tensors are made, as processes that just count tokens do without it.

A *word* is what the tokenizer splits a text into before it looks for word pieces ("Acme", ".", "O", "'", "Brien").
Tags are per word, predicted at its first piece, because words do not depend on how a text is spaced.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mtl.stopping import ask
from mtl.text.words import SHAPES, shape, words_of

if TYPE_CHECKING:
    import torch
    from tokenizers import Encoding, Tokenizer

# Longer texts are cut before they are tokenised: no model here reads nearly as much, and a line may be megabytes long.
MAX_CHARACTERS = 100_000
# Texts that are tokenised at a time: a tenth of a second.
_AT_ONCE = 1024

# Tokenizers refuse unpaired surrogates.
_UNPAIRED = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Tokens:
    """One tokenised text.

    `ids` includes the special tokens. `words` are (start, end, position): characters of `text`, end exclusive, and the
    index in `ids` of the word's first piece. `truncated`: the text was longer. `unread`: nothing in it is in the
    vocabulary. `others`: the further texts of a row that has two or three.
    """

    text: str
    ids: list[int]
    words: list[tuple[int, int, int]]
    truncated: bool
    unread: bool = False
    others: tuple[Tokens, ...] = ()

    @property
    def length(self) -> int:
        """The number of tokens of the longest of its texts."""
        return max(len(tokens.ids) for tokens in (self, *self.others))


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded texts: `ids` (texts, tokens) int64, `mask` (texts, tokens) bool, True for real tokens.

    `places` has the indices of each row's texts among them: one, two or three. A text that stands in several rows of
    a batch with pairs is there once. `first` selects the first text of each row; a slice where they all come first.

    The words of all texts are concatenated: `word_rows` and `word_positions` (words,) index the token vectors,
    `word_shapes` (words,) index `SHAPES`; `word_counts` has the number of words of each text.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    word_rows: torch.Tensor
    word_positions: torch.Tensor
    word_shapes: torch.Tensor
    word_counts: tuple[int, ...]
    places: tuple[tuple[int, ...], ...]

    @property
    def rows(self) -> int:
        return len(self.places)

    @property
    def paired(self) -> list[int]:
        """The rows that have more than one text."""
        return [row for row, places in enumerate(self.places) if len(places) > 1]

    @property
    def first(self) -> slice | list[int]:
        firsts = [places[0] for places in self.places]
        return slice(len(firsts)) if firsts == [*range(len(firsts))] else firsts

    def pairs(self, vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of vectors (texts, dim), those of the first and of the second text of the rows in `paired`."""
        pairs = [places[:2] for places in self.places if len(places) > 1]
        return vectors[[one for one, _ in pairs]], vectors[[other for _, other in pairs]]

    @property
    def words_of_rows(self) -> slice | list[int]:
        """Selects the words of each row's first text, row by row."""
        if isinstance(self.first, slice):
            return slice(sum(self.word_counts[: self.rows]))
        ends = [*itertools.accumulate(self.word_counts, initial=0)]
        return [word for text in self.first for word in range(ends[text], ends[text + 1])]

    @property
    def row_word_counts(self) -> tuple[int, ...]:
        return tuple(self.word_counts[places[0]] for places in self.places)

    def shapes_around(self, window: int) -> torch.Tensor:
        """Shapes (words, 1 + 2 `window`) of each word and its neighbours in the text; `len(SHAPES)` beyond its ends."""
        import torch

        count = len(self.word_shapes)
        place = torch.arange(count, device=self.word_shapes.device)[:, None]
        around = place + torch.arange(-window, window + 1, device=place.device)
        inside = around.clamp(0, max(count - 1, 0))
        same_text = (inside == around) & (self.word_rows[inside] == self.word_rows[:, None])
        return self.word_shapes[inside].masked_fill(~same_text, len(SHAPES))

    def to(self, device: str | torch.device) -> Batch:
        if str(device) == "cpu":
            return self
        tensors = (self.ids, self.mask, self.word_rows, self.word_positions, self.word_shapes)
        return Batch(*(t.to(device) for t in tensors), self.word_counts, self.places)


def tokenise(tokenizer: Tokenizer, texts: Sequence[str], max_tokens: int, words: bool = True) -> list[Tokens]:
    """Tokenise texts, cutting each to `max_tokens` including special tokens. `words=False` leaves the words out."""
    prefix, suffix = _special_ids(tokenizer)
    room = max(max_tokens - len(prefix) - len(suffix), 1)
    unknown = unknown_id(tokenizer)
    result = []
    for text, encoding in zip(texts, _encodings(tokenizer, texts), strict=True):
        ids = encoding.ids
        result.append(
            Tokens(
                text,
                [*prefix, *ids[:room], *suffix],
                words_of(encoding, text, room, len(prefix)) if words else [],
                len(ids) > room or len(text) > MAX_CHARACTERS,
                all(i == unknown for i in ids[:room]),
            )
        )
    return result


def _encodings(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[Encoding]:
    for start in range(0, len(texts), _AT_ONCE):
        ask()
        plain = [_UNPAIRED.sub("\ufffd", text[:MAX_CHARACTERS]) for text in texts[start : start + _AT_ONCE]]
        yield from tokenizer.encode_batch(plain, add_special_tokens=False)


def count_tokens(tokenizer: Tokenizer, texts: Sequence[str]) -> list[int]:
    """The number of tokens of each text, special ones included, without a limit."""
    return [len(tokens.ids) for tokens in tokenise(tokenizer, texts, sys.maxsize, words=False)]


def _special_ids(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    plain = tokenizer.encode("a", add_special_tokens=False).ids
    full = tokenizer.encode("a").ids
    start = next((i for i in range(len(full)) if full[i : i + len(plain)] == plain), 0)
    return full[:start], full[start + len(plain) :]


def unknown_id(tokenizer: Tokenizer) -> int | None:
    """The id of the unknown token; None for byte-level tokenizers, which have none."""
    token = getattr(tokenizer.model, "unk_token", None)
    return tokenizer.token_to_id(token) if token else getattr(tokenizer.model, "unk_id", None)


def collate(rows: Sequence[Tokens], pad_id: int) -> Batch:
    """Pad the texts of tokenised rows to the longest of them."""
    import torch

    rows, places = distinct_texts(rows)
    width = max(len(row.ids) for row in rows)
    ids = torch.tensor([row.ids + [pad_id] * (width - len(row.ids)) for row in rows])
    lengths = torch.tensor([len(row.ids) for row in rows])
    counts = tuple(len(row.words) for row in rows)
    return Batch(
        ids,
        torch.arange(width)[None, :] < lengths[:, None],
        torch.repeat_interleave(torch.arange(len(rows)), torch.tensor(counts)),
        torch.tensor([position for row in rows for _, _, position in row.words], dtype=torch.int64),
        torch.tensor([shape(row.text[s:e]) for row in rows for s, e, _ in row.words], dtype=torch.int64),
        counts,
        places,
    )


def distinct_texts(rows: Sequence[Tokens]) -> tuple[Sequence[Tokens], tuple[tuple[int, ...], ...]]:
    """The texts of rows, and the indices of each row's texts among them. If some rows have two, each text is there
    once."""
    if not any(row.others for row in rows):
        return rows, tuple((place,) for place in range(len(rows)))
    texts: list[Tokens] = []
    known: dict[str, int] = {}

    def place(tokens: Tokens) -> int:
        if tokens.text not in known:
            known[tokens.text] = len(texts)
            texts.append(replace(tokens, others=()))
        return known[tokens.text]

    firsts = [place(row) for row in rows]
    places = tuple((first, *map(place, row.others)) for first, row in zip(firsts, rows, strict=True))
    return texts, places


def by_length(lengths: Sequence[int], tokens_per_batch: int, max_rows: int) -> Iterator[list[int]]:
    """Split 0 .. n-1 into batches of similar length, each of at most `tokens_per_batch` padded tokens.

    The longest come first, so that a batch that does not fit in memory fails at once. Whoever goes through many can be
    stopped between two (see `mtl.stopping`).
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    batch: list[int] = []
    for i in order:
        if batch and (len(batch) >= max_rows or lengths[batch[0]] * (len(batch) + 1) > tokens_per_batch):
            ask()
            yield batch
            batch = []
        batch.append(i)
    if batch:
        ask()
        yield batch
