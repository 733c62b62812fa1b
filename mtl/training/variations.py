"""More texts for a teacher to answer: pieces of two texts put together, and words put in the place of like words.

A student copies its teacher better from many texts than from many looks at the same few (Tang et al. 2019; TinyBERT,
Jiao et al. 2020). That such a text reads oddly does no harm: the teacher is asked what it makes of it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F

from mtl.config import UserError
from mtl.data.dataset import Dataset, without
from mtl.data.rows import Row
from mtl.encoder.backbone import Backbone

# The share of texts that begin as one and go on as another, and the share of words that give way to like ones: most
# words stay, so that most of what a text means does.
_CROSSED = 0.5
_REPLACED = 0.15
# How many words: at least in a text that is varied, and from here to there in what two of them make.
_FEWEST, _MOST = 5, 30
# How many of the likest words may stand in for one.
_LIKE = 8


def with_variations(dataset: Dataset, backbone: Backbone) -> Dataset:
    """The dataset with the rows of every part that asks for `variations` replaced by texts made of them, unlabelled.

    The same ones in every run from the same rows and embeddings, and none that is validated on. Raises `UserError`
    for a part whose texts are too short to be varied."""
    asked = [part for part in dataset.parts if part.variations]
    if not asked:
        return dataset
    like = like_words(backbone)
    held_out = [row for rows in dataset.validation.values() for row in rows]
    parts, notes = list(dataset.parts), list(dataset.notes)
    for part in asked:
        texts = varied([row.text for row in part.rows], part.variations, like, part.name)
        rows = without([Row(text, {}, line) for line, text in enumerate(texts, 1)], held_out)
        if not rows:
            raise UserError(
                f"{part.name}: no text has the {_FEWEST} words that variations are made of. Leave them out."
            )
        parts[parts.index(part)] = replace(part, rows=rows)
        notes.append(f"{part.name}: {len(rows):,} texts made of its {len(part.rows):,} rows for the teacher to answer.")
    return replace(dataset, parts=tuple(parts), notes=tuple(notes))


def varied(texts: Sequence[str], count: int, like: Mapping[str, Sequence[str]], seed: str) -> list[str]:
    """`count` new texts made of `texts`, the same for the same seed; none where no text has five words.

    Half of them begin as one text and go on as another, from a word that both have. In all of them, one in seven of
    the words that have `like` words gives way to one of those.
    """
    chance = random.Random(seed)
    whole = [words for text in dict.fromkeys(texts) if len(words := text.split()) >= _FEWEST]
    if not whole:
        return []
    places: dict[str, list[tuple[int, int]]] = {}
    for i, words in enumerate(whole):
        for at, word in enumerate(words):
            places.setdefault(word, []).append((i, at))
    made = []
    for _ in range(count):
        words = chance.choice(whole)
        if chance.random() < _CROSSED:
            at = chance.randrange(1, len(words) - 1)
            other, there = chance.choice(places[words[at]])
            crossed = words[:at] + whole[other][there:]
            words = crossed if _FEWEST <= len(crossed) <= _MOST else words
        made.append(
            " ".join(
                chance.choice(like[word]) if word in like and chance.random() < _REPLACED else word for word in words
            )
        )
    return made


@torch.no_grad()
def like_words(backbone: Backbone) -> dict[str, list[str]]:
    """Word -> the words whose vectors in the backbone's table of embeddings are nearest (cosine), nearest first.

    For lower-case words of three letters or more that are one token, and only those are given."""
    tokenizer = backbone.tokenizer
    known = {tokenizer.decode([token]).strip() for token in range(tokenizer.get_vocab_size())}
    names = sorted(name for name in known if len(name) > 2 and name.isalpha() and name.islower())
    # With a space before it, as most words have: byte-level vocabularies know such words as other tokens.
    inside = [f" {name}" for name in names]
    ids = [encoding.ids for encoding in tokenizer.encode_batch(inside, add_special_tokens=False)]
    single = {name: own[0] for name, own in zip(names, ids, strict=True) if len(own) == 1}
    names = [*single]
    table = backbone.encoder.embeddings.word_embeddings.weight
    vectors = F.normalize(table[[*single.values()]].float(), dim=-1)
    found: dict[str, list[str]] = {}
    for start in range(0, len(names), 1024):
        nearest = (vectors[start : start + 1024] @ vectors.T).topk(min(_LIKE + 1, len(names))).indices.tolist()
        for name, places in zip(names[start : start + 1024], nearest, strict=True):
            found[name] = [names[i] for i in places if names[i] != name][:_LIKE]
    return {name: others for name, others in found.items() if others}
