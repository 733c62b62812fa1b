"""The heads: small networks on the shared backbone's vectors, one class per kind of task.

A head computes logits (`read`), targets (`target`), losses (`losses`) and answers (`decode`). Whatever needs no tensors
is in `mtl.kinds`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from mtl.config import KINDS, TaskSpec, UserError
from mtl.encoder.dropout import Dropout
from mtl.kinds.classification import Classes
from mtl.kinds.multilabel import Labels, LabelSet, best_thresholds, decide, truth_matrix
from mtl.kinds.tagging import Entity, tags_of, word_tags
from mtl.pooling import Encoded
from mtl.text.batches import Batch
from mtl.text.spans import Span
from mtl.text.words import SHAPES, Words, entities

# Where several labels are possible, the log-odds that a new head gives each: 12 %.
_RARE = -2.0


class Head(nn.Module):
    """The interface of heads. `spec` is its task; a row of logits is for a row of data, or for a word.

    `fitted` names parameters that are not trained but set by `fit_values` afterwards. If a checkpoint of an earlier
    version lacks them, they keep the values of a new head. `fits_always`: they are fitted at the end of every run, and
    not only if that is wanted. `fewest_to_fit`: with fewer rows a fit would follow chance. `label_weights`: how much
    each label counts in `losses` (see `mtl.training.losses`), None: all alike. `one_label`: a row has exactly one.
    """

    spec: TaskSpec
    fitted: tuple[str, ...] = ()
    fits_always = False
    fewest_to_fit = 50
    label_weights: torch.Tensor | None = None
    one_label = False

    def read(self, model: nn.Module, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """The logits (rows or words, outputs) of a batch; `model` is the whole `MultiTaskModel`.

        A head of a kind that reads two texts has logits for the rows with two.
        """
        shared = self.spec.reads == "shared"
        vectors = model.shared(encoded) if shared else encoded.pooled(self.spec.pooling)
        return self(vectors[batch.first])

    def of_rows(self, logits: torch.Tensor, batch: Batch, rows: Sequence[int]) -> torch.Tensor:
        """The logits of some rows of a batch."""
        if len(rows) == len(logits):
            return logits
        return logits[rows if len(logits) == batch.rows else [batch.paired.index(row) for row in rows]]

    def target(self, value: Any, words: Words = (), unlabelled: Sequence[str] = ()) -> Any:
        """The target of one row, for `losses`. `unlabelled` names labels that the data never gives."""
        raise NotImplementedError

    def require_fit(self, value: Any) -> None:
        """Raise `UserError` for a value that the task cannot have."""
        if problem := KINDS[self.spec.kind].misfit(value, self.spec):
            raise UserError(problem)

    def losses(self, logits: torch.Tensor, targets: Any) -> torch.Tensor:
        """The loss of each row of logits, given the targets of all rows: (texts or words,)."""
        raise NotImplementedError

    def decode(self, logits: torch.Tensor, texts: Sequence[str] = (), words: Sequence[Words] = ()) -> list:
        """The answer to each row, given the rows' texts and words."""
        raise NotImplementedError

    def outcomes(self, logits: torch.Tensor, texts: Sequence[str] = (), words: Sequence[Words] = ()) -> list:
        """What `Kind.score` takes for each row: its answer, unless rows are scored by each other."""
        return self.decode(logits, texts, words)

    def decoding(self) -> dict[str, Any]:
        """How a program that has the graph of an exported model alone decodes its logits: `decode`, one of the ways of
        assets/onnx/run.py, and the numbers that it takes; {} where there is no such way."""
        return {}

    def as_teacher(self, logits: torch.Tensor) -> torch.Tensor:
        """Targets for a student, (texts, outputs) in float32; only for `teachable` kinds."""
        raise NotImplementedError

    def label_as_teacher(self, value: Any) -> torch.Tensor:
        """A label in the form of `as_teacher`, (outputs,)."""
        raise NotImplementedError

    def tally(self, values: Sequence[Any]) -> tuple[torch.Tensor, torch.Tensor] | None:
        """How many of these values have each label, and how many lack it; None where labels are not weighed."""
        return None

    def fit_values(self, logits: torch.Tensor, targets: Sequence[Any]) -> Mapping[str, torch.Tensor]:
        """New values of the parameters that `fitted` names, from the logits and targets of held-out rows."""
        return {}


def _mlp(inputs: int, spec: TaskSpec) -> nn.Sequential:
    layers = [Dropout(spec.dropout), nn.Linear(inputs, spec.hidden or spec.outputs)]
    if spec.hidden:
        activation = nn.ReLU() if spec.hidden_activation == "relu" else nn.GELU()
        layers += [activation, Dropout(spec.dropout), nn.Linear(spec.hidden, spec.outputs)]
    return nn.Sequential(*layers)


class SentenceHead(Head):
    """A head that reads sentence vectors (batch, dim)."""

    def __init__(self, spec: TaskSpec, dim: int) -> None:
        super().__init__()
        self.spec = spec
        self.network = _mlp(dim, spec)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.network(vectors)


class ClassificationHead(SentenceHead):
    """Sentence vector (batch, dim) to one logit per label (batch, labels).

    The logits are divided by a temperature, fitted after training to calibrate the probabilities (Guo et al. 2017). It
    does not change which label is the likeliest.
    """

    fitted = ("temperature",)
    one_label = True

    def __init__(self, spec: TaskSpec, dim: int) -> None:
        super().__init__(spec, dim)
        self.temperature = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.network(vectors).float() / self.temperature

    def target(self, value: str, words: Words = (), unlabelled: Sequence[str] = ()) -> int:
        self.require_fit(value)
        return self.spec.labels.index(value)

    def losses(self, logits: torch.Tensor, targets: Sequence[int] | torch.Tensor) -> torch.Tensor:
        """Cross-entropy of logits (batch, labels) with label indices, or probabilities of the same shape."""
        targets = torch.as_tensor(targets, device=logits.device)
        weights = None if self.label_weights is None else self.label_weights.to(logits.device)
        return F.cross_entropy(logits.float(), targets, weights, reduction="none")

    def tally(self, values: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        have = torch.bincount(torch.tensor([self.target(value) for value in values]), minlength=len(self.spec.labels))
        return have, len(values) - have

    def decode(self, logits: torch.Tensor, texts: Sequence[str] = (), words: Sequence[Words] = ()) -> list[Classes]:
        return [
            Classes(self.spec.labels[int(np.argmax(row))], dict(zip(self.spec.labels, row, strict=True)))
            for row in torch.softmax(logits.float(), -1).tolist()
        ]

    def decoding(self) -> dict[str, Any]:
        return {"decode": "softmax", "temperature": float(self.temperature)}

    def as_teacher(self, logits: torch.Tensor) -> torch.Tensor:
        return torch.softmax(logits.float(), -1)

    def label_as_teacher(self, value: str) -> torch.Tensor:
        return F.one_hot(torch.tensor(self.target(value)), len(self.spec.labels)).float()

    def fit_values(self, logits: torch.Tensor, targets: Sequence[int]) -> Mapping[str, torch.Tensor]:
        return {"temperature": self.temperature * best_temperature(logits, torch.tensor(targets))}


def best_temperature(logits: torch.Tensor, targets: torch.Tensor) -> float:
    """The temperature, from 0.05 to 20, that minimises the loss of logits (n, labels) on label indices (n,)."""
    from scipy.optimize import minimize_scalar

    logits = logits.double()
    # The loss is convex in the inverse temperature.
    found = minimize_scalar(lambda inverse: float(F.cross_entropy(logits * inverse, targets)), bounds=(1 / 20, 20))
    return float(1 / found.x)


class MultilabelHead(SentenceHead):
    """Sentence vector (batch, dim) to one logit per label (batch, labels), each by itself.

    A label is answered where its probability reaches its threshold. The thresholds are fitted after training: labels
    that few rows have would hardly ever reach 0.5.
    """

    fitted = ("thresholds",)
    fits_always = True
    fewest_to_fit = 1

    def __init__(self, spec: TaskSpec, dim: int) -> None:
        super().__init__(spec, dim)
        self.thresholds = nn.Parameter(torch.full((len(spec.labels),), 0.5), requires_grad=False)
        # Most rows have few of the labels, so a head that begins at a half spends its first steps on unlearning that;
        # and with random weights some labels would begin with a lead in some rows.
        nn.init.constant_(self.network[-1].bias, _RARE)
        nn.init.zeros_(self.network[-1].weight)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.network(vectors).float()

    def target(self, value: LabelSet, words: Words = (), unlabelled: Sequence[str] = ()) -> torch.Tensor:
        """1 for each label of the row, 0 for the others, NaN where that is unknown: (labels,)."""
        self.require_fit(value)
        return torch.from_numpy(truth_matrix(self.spec, [LabelSet(value.labels, (*value.unknown, *unlabelled))])[0])

    def tally(self, values: Sequence[LabelSet]) -> tuple[torch.Tensor, torch.Tensor]:
        truth = truth_matrix(self.spec, values)
        have, lack = (torch.from_numpy((truth == number).sum(0)) for number in (1, 0))
        return have, lack

    def losses(self, logits: torch.Tensor, targets: Sequence[torch.Tensor] | torch.Tensor) -> torch.Tensor:
        """Binary cross-entropy of logits (batch, labels), the mean over the labels of which something is known."""
        if not isinstance(targets, torch.Tensor):
            targets = torch.stack(list(targets))
        targets = targets.to(logits.device)
        known = ~targets.isnan()
        weights = None if self.label_weights is None else self.label_weights.to(logits.device)
        each = F.binary_cross_entropy_with_logits(
            logits.float(), targets.nan_to_num(), reduction="none", pos_weight=weights
        )
        return (each * known).sum(-1) / known.sum(-1).clamp_min(1)

    def decode(self, logits: torch.Tensor, texts: Sequence[str] = (), words: Sequence[Words] = ()) -> list[Labels]:
        thresholds = self.thresholds.tolist()
        return [decide(self.spec, row, thresholds) for row in torch.sigmoid(logits.float()).tolist()]

    def decoding(self) -> dict[str, Any]:
        return {"decode": "sigmoid", "thresholds": self.thresholds.tolist()}

    def as_teacher(self, logits: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(logits.float())

    def label_as_teacher(self, value: LabelSet) -> torch.Tensor:
        return self.target(value)

    def fit_values(self, logits: torch.Tensor, targets: Sequence[torch.Tensor]) -> Mapping[str, torch.Tensor]:
        probabilities = torch.sigmoid(logits.float()).numpy()
        return {"thresholds": torch.from_numpy(best_thresholds(probabilities, torch.stack(list(targets)).numpy()))}


class RegressionHead(SentenceHead):
    """Sentence vector (batch, dim) to one number (batch, 1) on a scale where the task's low is -1 and its high 1."""

    def target(self, value: float, words: Words = (), unlabelled: Sequence[str] = ()) -> float:
        return 2 * (float(value) - self.spec.low) / (self.spec.high - self.spec.low) - 1

    def losses(self, logits: torch.Tensor, targets: Sequence[float] | torch.Tensor) -> torch.Tensor:
        """Squared error of logits (batch, 1) on the -1 to 1 scale."""
        targets = torch.as_tensor(targets, device=logits.device).flatten()
        return F.mse_loss(logits.float().flatten(), targets, reduction="none")

    def decode(self, logits: torch.Tensor, texts: Sequence[str] = (), words: Sequence[Words] = ()) -> list[float]:
        low, high = self.spec.low, self.spec.high
        return (low + (logits.float().squeeze(-1).clamp(-1, 1) + 1) / 2 * (high - low)).tolist()

    def decoding(self) -> dict[str, Any]:
        return {"decode": "number", "low": self.spec.low, "high": self.spec.high}

    def as_teacher(self, logits: torch.Tensor) -> torch.Tensor:
        return logits.float()

    def label_as_teacher(self, value: float) -> torch.Tensor:
        return torch.tensor([self.target(value)])


class PairClassificationHead(ClassificationHead):
    """The vectors u and v of two sentences to one logit per label: reads u, v, |u - v| (Reimers & Gurevych 2019)."""

    def __init__(self, spec: TaskSpec, dim: int) -> None:
        super().__init__(spec, 3 * dim)

    def read(self, model: nn.Module, encoded: Encoded, batch: Batch) -> torch.Tensor:
        u, v = batch.pairs(encoded.pooled(self.spec.pooling))
        return self(torch.cat((u, v, (u - v).abs()), -1))


# What cosines are multiplied by in a softmax, as in sentence-transformers.
_COSINE_SCALE = 20.0


class SimilarityHead(Head):
    """The cosine (pairs, 1) of two embeddings. It has no weights: the embedding itself learns."""

    def __init__(self, spec: TaskSpec, dim: int) -> None:
        super().__init__()
        self.spec = spec

    def read(self, model: nn.Module, encoded: Encoded, batch: Batch) -> torch.Tensor:
        u, v = batch.pairs(model.embeddings(encoded))
        return (u * v).sum(-1, keepdim=True)

    def target(self, value: float, words: Words = (), unlabelled: Sequence[str] = ()) -> float:
        """The score as a cosine: 0 for the task's low, 1 for its high."""
        return (float(value) - self.spec.low) / (self.spec.high - self.spec.low)

    def losses(self, logits: torch.Tensor, targets: Sequence[float] | torch.Tensor) -> torch.Tensor:
        """CoSENT's or the squared error, as the spec says."""
        cosines, targets = logits.float().flatten(), torch.as_tensor(targets, device=logits.device).float().flatten()
        if self.spec.pair_loss == "cosine":
            return F.mse_loss(cosines, targets, reduction="none")
        return cosent(cosines, targets)

    def decode(self, logits: torch.Tensor, texts: Sequence[str] = (), words: Sequence[Words] = ()) -> list[float]:
        """The cosine on the scale of the scores; a negative one counts as 0."""
        return self.outcomes(logits.clamp(0, 1))

    def decoding(self) -> dict[str, Any]:
        return {"decode": "cosine", "low": self.spec.low, "high": self.spec.high}

    def outcomes(self, logits: torch.Tensor, texts: Sequence[str] = (), words: Sequence[Words] = ()) -> list[float]:
        """The same of the cosine as it is, so that scores are those of the cosine."""
        return (self.spec.low + logits.float().flatten() * (self.spec.high - self.spec.low)).tolist()


def cosent(cosines: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """CoSENT (Su 2022), (pairs,): log(1 + sum of exp(20 (cos_i - cos_j)) over all i, j where target_i < target_j).

    It compares pairs with each other, so it is one number per batch. Each pair gets the share of it that the
    comparisons with it have in that sum, times the number of pairs: the mean, and its gradient, are those of the loss.
    """
    steps = _COSINE_SCALE * (cosines[:, None] - cosines[None, :])
    steps = steps.masked_fill(targets[:, None] >= targets[None, :], -torch.inf)
    loss = torch.logsumexp(torch.cat((steps.new_zeros(1), steps.flatten())), 0)
    # Softmax without the 1: a batch of equal targets has nothing to compare, and no loss.
    shares = torch.softmax(steps.detach().flatten(), 0).nan_to_num(1 / steps.numel()).view_as(steps)
    return loss * len(cosines) * (shares.sum(0) + shares.sum(1)) / 2


class ContrastiveHead(Head):
    """The embeddings (pairs, 3, dim) of two texts that belong together and of one that does not, zeros if none is
    given. It has no weights: the embedding itself learns."""

    def __init__(self, spec: TaskSpec, dim: int) -> None:
        super().__init__()
        self.spec = spec

    def read(self, model: nn.Module, encoded: Encoded, batch: Batch) -> torch.Tensor:
        vectors = model.embeddings(encoded)
        anchors, partners = batch.pairs(vectors)
        negatives = torch.zeros_like(anchors)
        triplets = [places for places in batch.places if len(places) > 1]
        given = [i for i, places in enumerate(triplets) if len(places) > 2]
        negatives[given] = vectors[[triplets[i][2] for i in given]]
        return torch.stack((anchors, partners, negatives), 1)

    def target(self, value: bool, words: Words = (), unlabelled: Sequence[str] = ()) -> bool:
        return value

    def losses(self, logits: torch.Tensor, targets: Sequence[bool]) -> torch.Tensor:
        """-log of the probability that each anchor's own partner has among all partners and negatives of the batch
        (multiple negatives ranking, Henderson et al. 2017).

        A text that stands in several rows is no wrong answer to a row where it is the anchor or the partner, nor is
        the partner of the same anchor in another row."""
        anchors, partners, negatives = logits.float().unbind(1)
        negatives = negatives[negatives.any(-1)]
        with torch.autocast(logits.device.type, enabled=False):
            scores = _COSINE_SCALE * anchors @ torch.cat((partners, negatives)).T
        # A text is encoded once, so the same text has the same vector to the last bit.
        same_anchor, same_partner = _same(anchors, anchors), _same(partners, partners)
        right = same_partner | (same_anchor.float() @ same_partner.float()).bool() | _same(anchors, partners)
        right = right & ~torch.eye(len(right), dtype=torch.bool, device=right.device)
        scores[:, : len(partners)].masked_fill_(right, -torch.inf)
        return F.cross_entropy(scores, torch.arange(len(scores), device=scores.device), reduction="none")

    def decode(self, logits: torch.Tensor, texts: Sequence[str] = (), words: Sequence[Words] = ()) -> list[float]:
        """The cosine of each pair."""
        return (logits[:, 0] * logits[:, 1]).float().sum(-1).tolist()

    def decoding(self) -> dict[str, Any]:
        return {"decode": "cosine"}

    def outcomes(self, logits: torch.Tensor, texts: Sequence[str] = (), words: Sequence[Words] = ()) -> list:
        """The three embeddings, as an anchor's partner is looked for among those of all rows."""
        return [*logits.float().cpu().numpy()]


def _same(some: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Which vectors are equal, (some, others)."""
    return torch.stack([(others == vector).all(-1) for vector in some.detach()])


class TaggingHead(Head):
    """Word vectors (words, dim) and shapes (words, 1 + 2 `shape_window`) to one logit per BIO tag (words, tags).

    The shape (upper, title, mixed, digits ...) comes from the raw text, as an uncased backbone does not see it. The
    shapes of neighbouring words tell a name from a headline in capitals.
    """

    SHAPE_DIM = 16

    def __init__(self, spec: TaskSpec, dim: int) -> None:
        super().__init__()
        self.spec = spec
        read = 1 + 2 * spec.shape_window
        # If neighbours are read, one more shape stands for the places beyond the ends of a text.
        self.shapes = nn.Embedding(len(SHAPES) + (read > 1), self.SHAPE_DIM)
        self.network = _mlp(dim + read * self.SHAPE_DIM, spec)
        self._index = {tag: i for i, tag in enumerate(tags_of(spec))}

    def forward(self, vectors: torch.Tensor, shapes: torch.Tensor) -> torch.Tensor:
        return self.network(torch.cat((vectors, self.shapes(shapes).flatten(1).to(vectors.dtype)), -1))

    def read(self, model: nn.Module, encoded: Encoded, batch: Batch) -> torch.Tensor:
        words = batch.words_of_rows
        return self(encoded.words(batch)[words], batch.shapes_around(self.spec.shape_window)[words])

    def of_rows(self, logits: torch.Tensor, batch: Batch, rows: Sequence[int]) -> torch.Tensor:
        if len(rows) == batch.rows:
            return logits
        parts = logits.split(batch.row_word_counts)
        return torch.cat([parts[row] for row in rows])

    def target(self, value: Sequence[Span], words: Words = (), unlabelled: Sequence[str] = ()) -> torch.Tensor:
        """The allowed tags of each word, (words, tags) bool.

        `unlabelled` names entity types that the data does not mark: an unmarked word may then be O or any tag of these
        (marginal likelihood of partial annotations, Tsuboi et al. 2008).
        """
        self.require_fit(tuple(value))
        index = torch.tensor([self._index[tag] for tag in word_tags(value, words)], dtype=torch.int64)
        allowed = F.one_hot(index, len(self._index)).bool()
        possible = [self._index[f"{part}-{label}"] for label in unlabelled for part in "BI"]
        allowed[:, possible] |= allowed[:, :1]  # the first tag is O
        return allowed

    def losses(self, logits: torch.Tensor, targets: Sequence[torch.Tensor]) -> torch.Tensor:
        """-log of the probability that each word's tag is allowed; cross-entropy if only one is."""
        allowed = torch.cat(list(targets)).to(logits.device)
        scores = torch.log_softmax(logits.float(), -1)
        return -torch.logsumexp(scores.masked_fill(~allowed, -torch.inf), -1)

    def decode(
        self, logits: torch.Tensor, texts: Sequence[str] = (), words: Sequence[Words] = ()
    ) -> list[tuple[Entity, ...]]:
        scores = torch.log_softmax(logits.float(), -1).cpu().numpy()
        ends = np.cumsum([len(w) for w in words])[:-1]
        return [
            tuple(Entity(*entity) for entity in entities(text, word, part, self.spec.labels))
            for text, word, part in zip(texts, words, np.split(scores, ends), strict=True)
        ]

    def decoding(self) -> dict[str, Any]:
        return {"decode": "tags", "tags": tags_of(self.spec)}
