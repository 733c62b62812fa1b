"""The losses of one batch, by task and for the anchor, from one backbone pass."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F

from mtl.config import KINDS, TrainConfig
from mtl.data.dataset import Part
from mtl.data.rows import Row
from mtl.encoder.backbone import Backbone
from mtl.heads import Head
from mtl.model import Encoded, MultiTaskModel
from mtl.text.batches import Batch, collate
from mtl.training.distillation import Teachers, mixed
from mtl.training.frozen_cache import Prefix


def _in_other_case(part: Part, rows: list[Row], chance: random.Random) -> list[Row] | None:
    """The rows in lower or upper case, in the shares that the part specifies, else None. Spans stay valid."""
    draw = chance.random()
    if draw >= part.lower + part.upper:
        return None
    change = str.lower if draw < part.lower else str.upper
    changed = [tuple(map(change, row.texts)) for row in rows]
    # Some letters ("ß") change length with their case, which would shift spans.
    return [
        replace(row, texts=texts) if [*map(len, texts)] == [*map(len, row.texts)] else row
        for texts, row in zip(changed, rows, strict=True)
    ]


def batch_losses(
    model: MultiTaskModel,
    part: Part,
    indices: list[int],
    prefix: Prefix,
    anchor: Anchor,
    chance: random.Random,
    config: TrainConfig,
    teachers: Teachers,
    trust: float,
) -> dict[str, torch.Tensor]:
    """One backbone pass, and the loss of every task that rows of this batch have labels or a teacher for.

    `prefix` are the frozen groups, with their outputs for the parts it caches. `trust` (0 to 1) weighs labels against
    the answers of `teachers`. There are two more losses: "anchor", and "projection" for a projection that no head
    reads.
    """
    rows, depth = [part.rows[i] for i in indices], prefix.depth
    disturbed = False
    cached_targets: dict[tuple[str, int], Any] = {}
    if part in prefix:
        tokens, batch, hidden, encoded = prefix.batch(part, indices)
        cached_targets = prefix.targets(part)
    else:
        changed = _in_other_case(part, rows, chance)
        rows = changed or rows
        tokens = model.tokenise([row.texts for row in rows])
        batch = collate(tokens, model.backbone.pad_id).to(model.device)
        disturbed = _mask_words(part, batch, model, chance) or changed is not None
        with torch.no_grad():
            hidden = model.backbone.run(batch.ids, batch.mask, 0, depth) if depth else None
        encoded = model.encode_batch(batch, hidden, depth)
    answers = teachers(part, indices)
    losses = {}
    for name in model.tasks:
        head = model.head(name)
        labelled = [i for i, row in enumerate(rows) if name in row.labels]
        if name in answers:
            labelled = range(len(rows))  # a teacher answers every row
            targets = mixed(head, [row.labels.get(name) for row in rows], answers[name], trust)
        else:
            for i in labelled:
                if (name, indices[i]) not in cached_targets:
                    value = rows[i].labels[name]
                    cached_targets[name, indices[i]] = head.target(value, tokens[i].words, part.unlabelled)
            targets = [cached_targets[name, indices[i]] for i in labelled]
        if not labelled:
            continue
        logits = head.of_rows(model.logits(encoded, batch, name), batch, labelled)
        if len(logits):  # none for texts without words
            losses[name] = head.losses(logits, targets).mean()
    projects = model.projection is not None and not model.config.on_projection
    movers = {name for name, spec in model.tasks.items() if KINDS[spec.kind].moves_embedding}
    anchored = [i for i, row in enumerate(rows) if not movers & row.labels.keys()]
    if anchored and (config.anchor or projects) and not disturbed:
        # Of rows with two texts, the first.
        pooled = encoded.pooled(model.config.pooling)[batch.first]
        learns = depth < len(model.backbone.groups)
        target = anchor(part, indices, batch, hidden, depth) if learns else pooled.detach().float()
        if len(anchored) < len(rows):
            pooled, target = pooled[anchored], target[anchored]
        if config.anchor and learns:
            losses["anchor"] = 1 - F.cosine_similarity(pooled.float(), target, dim=-1).mean()
        if projects:  # by preserving similarities (Tung & Mori 2019)
            losses["projection"] = F.mse_loss(_cosines(model.projection(pooled)), _cosines(target))
    return losses


def _cosines(vectors: torch.Tensor) -> torch.Tensor:
    unit = F.normalize(vectors.float(), dim=-1)
    return unit @ unit.T


def _mask_words(part: Part, batch: Batch, model: MultiTaskModel, chance: random.Random) -> bool:
    """Mask some words in half of the batches, so that a head learns from the context of names as well."""
    mask_id = model.backbone.tokenizer.token_to_id("[MASK]") or model.backbone.tokenizer.token_to_id("<mask>")
    if not part.mask or mask_id is None or chance.random() < 0.5:
        return False
    hidden = torch.tensor([chance.random() < 2 * part.mask for _ in range(len(batch.word_rows))], dtype=torch.bool)
    hidden = hidden.to(batch.ids.device)
    batch.ids[batch.word_rows[hidden], batch.word_positions[hidden]] = mask_id
    return True


# --- the weights of labels ---


def weigh(head: Head, values: Sequence[Any], strength: float) -> None:
    """Let rare labels count for more in a head's losses, given all values to learn from: not at all with a `strength`
    of 0, as often as they are rare with 1."""
    if (counts := head.tally(values)) is not None:
        have, lack = counts
        head.label_weights = class_weights(have, strength) if head.one_label else positive_weights(*counts, strength)


def class_weights(rows: torch.Tensor, strength: float) -> torch.Tensor:
    """The weight of a row by its label, (labels,), where labels have so many rows: their mean over all rows is 1."""
    weights = rows.clamp_min(1).float() ** -strength
    return weights * rows.sum() / (weights * rows).sum()


def positive_weights(have: torch.Tensor, lack: torch.Tensor, strength: float) -> torch.Tensor:
    """How much more each label, (labels,), counts in rows that have it than in those that lack it, given how many rows
    do."""
    return (lack.clamp_min(1) / have.clamp_min(1)) ** strength


# --- the anchor ---


class Anchor:
    """The backbone's sentence vectors before training, computed when first needed and cached."""

    def __init__(self, original: Backbone, pooling: str) -> None:
        self._original = original
        self._pooling = pooling
        # Those of each part's rows, NaN where they have not been needed yet.
        self._vectors: dict[Part, torch.Tensor] = {}

    @torch.no_grad()
    def __call__(
        self, part: Part, indices: list[int], batch: Batch, hidden: torch.Tensor | None, depth: int
    ) -> torch.Tensor:
        """Vectors (batch, dim) in float32. `hidden`: the output of the frozen groups, which are the original's too."""
        if part not in self._vectors:
            self._vectors[part] = torch.full((len(part.rows), self._original.dim), torch.nan, dtype=torch.float16)
        vectors = self._vectors[part]
        if vectors[indices].isnan().any():
            inputs = batch.ids if hidden is None else hidden
            tokens = self._original.run(inputs, batch.mask, depth)
            pooled = Encoded(tokens, batch.mask, self._original).pooled(self._pooling)[batch.first].float()
            vectors[indices] = F.normalize(pooled, dim=-1).cpu().half()
        return vectors[indices].float().to(batch.mask.device)
