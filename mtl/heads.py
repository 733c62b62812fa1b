"""The heads: small networks that read the shared backbone's vectors, one class per kind of task.

Each has `forward` (vectors to logits), `target` (a label to what the loss wants), `loss` (on logits) and `decode`
(logits to an answer in the user's terms).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from mtl.config import TaskSpec, UserError
from mtl.encoder.dropout import Dropout
from mtl.text.batches import SHAPES


@dataclass(frozen=True)
class Classes:
    """A classification's answer: the likeliest label, and every label's probability."""

    label: str
    probabilities: dict[str, float]


@dataclass(frozen=True)
class Entity:
    """A span of a text, `text[start:end]` in characters, with its type and a score from 0 to 1."""

    start: int
    end: int
    label: str
    text: str
    score: float


def _mlp(inputs: int, spec: TaskSpec) -> nn.Sequential:
    if spec.hidden == 0:
        return nn.Sequential(Dropout(spec.dropout), nn.Linear(inputs, spec.outputs))
    return nn.Sequential(
        Dropout(spec.dropout),
        nn.Linear(inputs, spec.hidden),
        nn.GELU(),
        Dropout(spec.dropout),
        nn.Linear(spec.hidden, spec.outputs),
    )


class _SentenceHead(nn.Module):
    """A head that reads sentence vectors (batch, dim)."""

    def __init__(self, spec: TaskSpec, dim: int) -> None:
        super().__init__()
        self.spec = spec
        self.network = _mlp(dim, spec)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.network(vectors)


class ClassificationHead(_SentenceHead):
    """Sentence vector (batch, dim) to one logit per label (batch, labels)."""

    def target(self, label: str) -> int:
        try:
            return self.spec.labels.index(label)
        except ValueError:
            raise UserError(
                f"Task {self.spec.name!r} has no label {label!r}; its labels are {', '.join(self.spec.labels)}."
            ) from None

    def loss(self, logits: torch.Tensor, targets: Sequence[int] | torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of logits (batch, labels) against label indices, or probabilities of the same shape."""
        return F.cross_entropy(logits.float(), torch.as_tensor(targets, device=logits.device))

    def decode(self, logits: torch.Tensor) -> list[Classes]:
        return [
            Classes(self.spec.labels[int(np.argmax(row))], dict(zip(self.spec.labels, row, strict=True)))
            for row in torch.softmax(logits.float(), -1).tolist()
        ]


class RegressionHead(_SentenceHead):
    """Sentence vector (batch, dim) to one number (batch, 1) on a scale where the task's low is -1 and its high 1."""

    def target(self, value: float) -> float:
        return 2 * (float(value) - self.spec.low) / (self.spec.high - self.spec.low) - 1

    def loss(self, logits: torch.Tensor, targets: Sequence[float] | torch.Tensor) -> torch.Tensor:
        """Mean squared error of logits (batch, 1) on the -1 to 1 scale."""
        return F.mse_loss(logits.float().flatten(), torch.as_tensor(targets, device=logits.device).flatten())

    def decode(self, logits: torch.Tensor) -> list[float]:
        low, high = self.spec.low, self.spec.high
        return (low + (logits.float().squeeze(-1).clamp(-1, 1) + 1) / 2 * (high - low)).tolist()


class TaggingHead(nn.Module):
    """Word vectors (words, dim) and shapes (words, 1 + 2 `shape_window`) to one logit per BIO tag (words, tags).

    The shape (upper, title, mixed, digits ...) comes from the raw text, because an uncased backbone never sees it. That
    of the words around tells a name from a headline all in capitals.
    """

    SHAPE_DIM = 16

    def __init__(self, spec: TaskSpec, dim: int) -> None:
        super().__init__()
        self.spec = spec
        read = 1 + 2 * spec.shape_window
        # Beyond either end of a text there is no word: one more shape, where words around are read at all.
        self.shapes = nn.Embedding(len(SHAPES) + (read > 1), self.SHAPE_DIM)
        self.network = _mlp(dim + read * self.SHAPE_DIM, spec)
        self._index = {tag: i for i, tag in enumerate(spec.tags)}

    def forward(self, vectors: torch.Tensor, shapes: torch.Tensor) -> torch.Tensor:
        return self.network(torch.cat((vectors, self.shapes(shapes).flatten(1).to(vectors.dtype)), -1))

    def target(self, tags: Sequence[str], unlabelled: Sequence[str] = ()) -> torch.Tensor:
        """Which tags each word may have, (words, tags) bool.

        `unlabelled` names entity types that the data does not mark at all: there a word without a mark may be O or
        any tag of these, and the loss then asks for no more than that (marginal likelihood of partial annotations,
        Tsuboi et al. 2008).
        """
        if strange := next((tag for tag in tags if tag not in self._index), None):
            raise UserError(
                f"Task {self.spec.name!r} has no entity type {strange[2:]!r}; it has {', '.join(self.spec.labels)}."
            )
        index = torch.tensor([self._index[tag] for tag in tags], dtype=torch.int64)
        allowed = F.one_hot(index, len(self.spec.tags)).bool()
        perhaps = [self._index[f"{part}-{label}"] for label in unlabelled for part in "BI"]
        allowed[:, perhaps] |= allowed[:, :1]  # the first tag is O
        return allowed

    def loss(self, logits: torch.Tensor, targets: Sequence[torch.Tensor]) -> torch.Tensor:
        """Mean over words of -log of the probability that the tag is an allowed one; cross-entropy where one is."""
        allowed = torch.cat(list(targets)).to(logits.device)
        if not len(allowed):
            return logits.sum() * 0.0
        scores = torch.log_softmax(logits.float(), -1)
        return -torch.logsumexp(scores.masked_fill(~allowed, -torch.inf), -1).mean()

    def decode(
        self, logits: torch.Tensor, texts: Sequence[str], words: Sequence[Sequence[tuple[int, int, int]]]
    ) -> list[tuple[Entity, ...]]:
        """Entities of each text from the logits of all texts' words, one after the other."""
        scores = torch.log_softmax(logits.float(), -1).cpu().numpy()
        ends = np.cumsum([len(w) for w in words])[:-1]
        return [
            self._entities(text, word, part)
            for text, word, part in zip(texts, words, np.split(scores, ends), strict=True)
        ]

    def _entities(self, text: str, words: Sequence[tuple[int, int, int]], scores: np.ndarray) -> tuple[Entity, ...]:
        if not len(words):
            return ()
        path = best_legal_path(scores)
        entities: list[Entity] = []
        i = 0
        while i < len(path):
            if path[i] == 0:
                i += 1
                continue
            first = i
            i += 1
            while i < len(path) and path[i] == path[first] + 1:  # I-X stands right after its B-X in `tags`
                i += 1
            limit = words[i][0] if i < len(words) else len(text)
            start, end = words[first][0], _whole_characters(text, words[i - 1][1], limit)
            score = float(np.exp(scores[np.arange(first, i), path[first:i]]).mean())
            label = self.spec.labels[(path[first] - 1) // 2]
            entities.append(Entity(start, end, label, text[start:end], min(score, 1.0)))
        return tuple(entities)


def best_legal_path(scores: np.ndarray) -> np.ndarray:
    """The likeliest legal BIO sequence for log-probabilities (words, tags), tags ordered O, B-X, I-X, B-Y, I-Y ...

    I-X is legal only after B-X or I-X (Viterbi 1967, with transitions that are either free or forbidden).
    """
    path = scores.argmax(-1)
    inside = (path > 0) & (path % 2 == 0)
    before = np.concatenate(([0], path[:-1]))
    if not (inside & (before != path) & (before != path - 1)).any():
        return path  # each word's best tag, and the whole is legal: nothing can be better
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
    """Move `end` past marks that belong to the character before it (accents, vowel signs, joiners)."""
    while end < limit and (unicodedata.category(text[end]) in ("Mn", "Mc", "Me") or text[end] in "\u200d\ufe0f"):
        end += 1
    return end


HEADS = {"classification": ClassificationHead, "regression": RegressionHead, "tagging": TaggingHead}


def build(spec: TaskSpec, dim: int) -> nn.Module:
    """A new head for a task, reading vectors of width `dim`."""
    return HEADS[spec.kind](spec, dim)
