"""Generates texts for a teacher to answer, by joining parts of two texts and by replacing words with similar ones.

Distillation works better with many texts than with many epochs over few (Tang et al. 2019; TinyBERT, Jiao et al. 2020).
The texts need not make sense, as the targets are the teacher's answers to them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F

from mtl.config import UserError
from mtl.data.dataset import Dataset
from mtl.data.rows import Row
from mtl.data.splits import without
from mtl.encoder.backbone import Backbone
from mtl.stopping import ask

# The share of texts that are joined from two, and the share of words that are replaced: few, so that most of the
# meaning stays.
_CROSSED = 0.5
_REPLACED = 0.15
# The least words of a source text, and the range for a joined one.
_FEWEST, _MOST = 5, 30
# How many of the most similar words may replace one.
_SIMILAR = 8


def with_variations(dataset: Dataset, backbone: Backbone) -> Dataset:
    """The dataset with the rows of every part that has `variations` replaced by unlabelled texts generated from them.

    Deterministic for the same rows and embeddings; none of them is validated on. Raises `UserError` for a part whose
    texts are too short."""
    varying = [part for part in dataset.parts if part.variations]
    if not varying:
        return dataset
    similar = similar_words(backbone)
    held_out = [row for rows in dataset.validation.values() for row in rows]
    parts, notes = list(dataset.parts), list(dataset.notes)
    for part in varying:
        texts = varied([row.text for row in part.rows], part.variations, similar, part.name)
        rows = without([Row(text, {}, line) for line, text in enumerate(texts, 1)], held_out)
        if not rows:
            raise UserError(
                f"{part.name}: no text has the {_FEWEST} words that variations are made of. Leave them out."
            )
        parts[parts.index(part)] = replace(part, rows=rows)
        notes.append(f"{part.name}: {len(rows):,} texts made of its {len(part.rows):,} rows for the teacher to answer.")
    return replace(dataset, parts=tuple(parts), notes=tuple(notes))


def varied(texts: Sequence[str], count: int, similar: Mapping[str, Sequence[str]], seed: str) -> list[str]:
    """`count` texts generated from `texts`, deterministic by the seed; none if no text has five words.

    Half of them are joined from two texts, at a word that both have. In all of them, one in seven of the words that
    have `similar` words is replaced by one of those.
    """
    chance = random.Random(seed)
    sources = [words for text in dict.fromkeys(texts) if len(words := text.split()) >= _FEWEST]
    if not sources:
        return []
    places: dict[str, list[tuple[int, int]]] = {}
    for i, words in enumerate(sources):
        for at, word in enumerate(words):
            places.setdefault(word, []).append((i, at))
    result = []
    for _ in range(count):
        ask()
        words = chance.choice(sources)
        if chance.random() < _CROSSED:
            at = chance.randrange(1, len(words) - 1)
            other, start = chance.choice(places[words[at]])
            crossed = words[:at] + sources[other][start:]
            words = crossed if _FEWEST <= len(crossed) <= _MOST else words
        words = [chance.choice(similar[w]) if w in similar and chance.random() < _REPLACED else w for w in words]
        result.append(" ".join(words))
    return result


@torch.no_grad()
def similar_words(backbone: Backbone) -> dict[str, list[str]]:
    """Word -> the words whose vectors in the backbone's embedding table are nearest (cosine), nearest first.

    Both are lower-case words of three letters or more that are one token."""
    tokenizer = backbone.tokenizer
    vocabulary = {tokenizer.decode([token]).strip() for token in range(tokenizer.get_vocab_size())}
    names = sorted(name for name in vocabulary if len(name) > 2 and name.isalpha() and name.islower())
    # With a space before them, as in a sentence: byte-level vocabularies have other tokens for such words.
    encodings = tokenizer.encode_batch([f" {name}" for name in names], add_special_tokens=False)
    single = {name: e.ids[0] for name, e in zip(names, encodings, strict=True) if len(e.ids) == 1}
    names = [*single]
    table = backbone.word_embeddings
    vectors = F.normalize(table[[*single.values()]].float(), dim=-1)
    similar: dict[str, list[str]] = {}
    for start in range(0, len(names), 1024):
        nearest = (vectors[start : start + 1024] @ vectors.T).topk(min(_SIMILAR + 1, len(names))).indices.tolist()
        for name, places in zip(names[start : start + 1024], nearest, strict=True):
            similar[name] = [names[i] for i in places if names[i] != name][:_SIMILAR]
    return {name: others for name, others in similar.items() if others}
