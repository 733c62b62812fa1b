"""Gathers the statistics that say how familiar a text is (see `mtl.familiarity`) from the rows of a run."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from mtl.data.dataset import Dataset
from mtl.familiarity import Familiarity, Moments, levels
from mtl.model import MultiTaskModel
from mtl.pooling import Encoded, mean
from mtl.text.batches import Batch, Tokens

# Rows of each part of the data: more hardly change the statistics.
ROWS_PER_PART = 250
# With fewer texts there is nothing to estimate a covariance from.
FEWEST = 30
# Texts made from the rows: short pieces of them, and the background.
_CROPS, _NAMES, _BACKGROUND = 1500, 650, 2400
# The share of training texts that may be called unfamiliar.
_BEYOND = 0.011
# The share of the new rows in the statistics of a fine-tuned model, at least.
_LEAST_SHARE = 0.25
# About how often each letter stands in texts of languages that use the Latin alphabet.
_LETTERS = "eeeeeeeaaaaaaiiiiiooooouuuunnnnrrrrsssstttllldddmmmkkkpgbvzhjfcywxq"
# What lines of code look like in the commonest languages: K is a keyword or a command, N a name or a number.
_STATEMENTS = """
K N(N, N) {
N = N(N, N)
N.N(N);
K N N = N;
K N, N K N;
K N K N K N = N
<N N="N">N</N>
K "N"
K -N N/N
N: N;
K N:
K (N < N) N++;
N[N] = N + N;
K N K N
{"N": "N", "N": N}
K N = N => N.N(N);
@N("N")
K -N -N N | K N
N -> N
# N N
K N
K N;
N != N
} K {
""".strip().splitlines()
_KEYWORDS = (
    *("if", "else", "for", "while", "return", "import", "from", "def", "class", "var", "let", "const", "int"),
    *("void", "public", "static", "function", "print", "select", "where", "insert", "update", "drop", "table"),
    *("set", "and", "or", "not", "in", "new", "null", "true", "try", "except", "catch", "break", "echo", "sudo"),
    *("git", "run", "push", "include", "fn", "func", "package", "private", "struct", "type", "async", "await"),
    *("end", "then", "do"),
)
_NAME = re.compile(r"\b[A-Z][a-z'-]+(?: [A-Z][a-z'-]+){0,2}\b")


def gather(model: MultiTaskModel, dataset: Dataset) -> Familiarity | None:
    """The statistics of a model that was trained on `dataset`, together with those that it began with.

    None for a model without statistics if the rows are too few.
    """
    chance = random.Random(1)
    texts = _texts(dataset, chance)
    if model.familiarity is not None:
        return _joined(model, model.familiarity, texts) if texts else model.familiarity
    if len(texts) < FEWEST:
        return None
    held_out = texts[::5]
    kept = [text for i, text in enumerate(texts) if i % 5]
    crops, names = min(_CROPS, len(texts)), min(_NAMES, len(texts) // 7)
    scrambled = min(_BACKGROUND, 2 * len(texts))
    taken = levels(len(model.backbone.groups))
    familiar = [*kept, *_crops(kept, crops, chance), *_names(dataset, names, chance)]
    known = Moments.of(_vectors(model, familiar, taken))
    others = [*_scrambled(kept, scrambled, chance), *_pieces(model, scrambled // 3, chance)]
    background = Moments.of(_vectors(model, others, taken))
    first = Familiarity(known, background, 0.0, 1.0, taken)
    scores = first.scores(_vectors(model, [*held_out, *_crops(held_out, crops // 5, chance)], taken))
    return replace(first, threshold=_limit(scores), scale=float(scores.std()) / 4)


def _joined(model: MultiTaskModel, before: Familiarity, texts: Sequence[str]) -> Familiarity:
    """Statistics before training and of the texts of the run, which are all familiar afterwards."""
    vectors = _vectors(model, texts, before.levels)
    own = Moments.of(vectors)
    share = max(own.count / (own.count + before.known.count), _LEAST_SHARE)
    joined = replace(before, known=before.known.mixed(own, share))
    return replace(joined, threshold=max(before.threshold, _limit(joined.scores(vectors))))


def _limit(scores: torch.Tensor) -> float:
    return float(scores.quantile(1 - _BEYOND))


def _texts(dataset: Dataset, chance: random.Random) -> list[str]:
    """Some distinct texts of every part, shuffled."""
    texts: dict[str, None] = {}
    for part in dataset.parts:
        own = [*dict.fromkeys(text for row in part.rows for text in row.texts if text.strip())]
        texts |= dict.fromkeys(chance.sample(own, min(ROWS_PER_PART, len(own))))
    return chance.sample([*texts], len(texts))


def _vectors(model: MultiTaskModel, texts: Sequence[str | list[int]], taken: Sequence[int]) -> torch.Tensor:
    """The vectors (texts, dim) of texts, or of token ids, taken at these levels."""
    plain = [text for text in texts if isinstance(text, str)]
    tokenised = iter(model.tokenise(plain, words=False))
    rows = [next(tokenised) if isinstance(text, str) else Tokens("", text, [], False) for text in texts]
    vectors = torch.empty(len(rows), model.backbone.dim)

    def keep(indices: list[int], batch: Batch, encoded: Encoded) -> None:
        vectors[indices] = mean(encoded.lower, encoded.mask).float().cpu()

    model.each_batch(rows, keep, keep_lower=taken)
    return vectors


# --- made of training texts ---


def _crops(texts: Sequence[str], count: int, chance: random.Random) -> list[str]:
    """Pieces of one to five words, and names wherever a text has some: as short as what people type first."""
    crops = []
    for text in chance.choices(texts, k=count):
        names = _NAME.findall(text)
        words = text.split()
        length = min(len(words), chance.choice((1, 1, 2, 2, 3, 4, 5)))
        start = chance.randint(0, len(words) - length)
        crop = " ".join(words[start : start + length])
        crops.append(max(names, key=len) if names and chance.random() < 0.7 else crop)
    return [crop for crop in crops if any(c.isascii() and c.isalpha() for c in crop)]


def _names(dataset: Dataset, count: int, chance: random.Random) -> list[str]:
    """Names of two or three words: those that are rare in English look like another language."""
    texts = (text for part in dataset.parts for row in part.rows for text in row.texts)
    names = sorted({name for text in texts for name in _NAME.findall(text) if " " in name})
    return chance.sample(names, min(count, len(names)))


def _scrambled(texts: Sequence[str], count: int, chance: random.Random) -> list[str]:
    """Words of random letters, words with their letters shuffled, and words in statements of code."""
    makers: tuple[Callable[[list[str], random.Random], str], ...] = (_random_letters, _shuffled_letters, _code)
    made = []
    for i, text in enumerate(chance.choices(texts, k=count)):
        words = text.split()[: chance.randint(1, 10)]
        made.append(makers[i % len(makers)](words, chance))
    return made


def _random_letters(words: list[str], chance: random.Random) -> str:
    return " ".join("".join(chance.choice(_LETTERS) if c.isalpha() else c for c in word) for word in words)


def _shuffled_letters(words: list[str], chance: random.Random) -> str:
    return " ".join("".join(chance.sample(word, len(word))) for word in words)


def _code(words: list[str], chance: random.Random) -> str:
    plain = re.findall("[a-z]+", " ".join(words).lower()) or ["x"]

    def word(place: re.Match) -> str:
        if place[0] == "K":
            return chance.choice(_KEYWORDS)
        one, other = chance.choices(plain, k=2)
        forms = (one, one, one, f"{one}_{other}", f"{one}.{other}", one + other.title())
        return chance.choice((*forms, chance.choice("abcfijknpxy"), str(chance.randint(0, 99))))

    statements = chance.choices(_STATEMENTS, k=chance.choice((1, 1, 1, 2)))
    return " ".join(re.sub(r"\b[NK]\b", word, statement) for statement in statements)


def _pieces(model: MultiTaskModel, count: int, chance: random.Random) -> list[list[int]]:
    """Token ids drawn from the whole vocabulary, from neighbours in it (one script), and unknown ones."""
    tokenizer = model.backbone.tokenizer
    start, end = tokenizer.encode("a").ids[:1], tokenizer.encode("a").ids[-1:]
    size = tokenizer.get_vocab_size()
    unknown = tokenizer.encode("\U0010fffd", add_special_tokens=False).ids[:1] or [size - 1]
    rows = []
    for _ in range(count):
        length, here = chance.randint(1, 14), chance.randrange(size)
        near = chance.choice((60, 300, size))
        some = [min(size - 1, here + chance.randrange(near)) for _ in range(length)]
        if near == size:
            some = [chance.randrange(size) for _ in range(length)]
        gaps = chance.choice((0, 0, 0.3, 0.6, 0.9))
        rows.append([*start, *(unknown[0] if chance.random() < gaps else piece for piece in some), *end])
    return rows
