"""The loss of one batch: every task that its rows are labelled for, and the anchor, from one backbone pass."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from mtl.config import TrainConfig
from mtl.data.dataset import Part
from mtl.data.rows import Row
from mtl.encoder.backbone import Backbone
from mtl.model import Encoded, MultiTaskModel
from mtl.text.batches import Batch, Tokens, collate
from mtl.text.spans import spans_to_tags
from mtl.training.distillation import Teachers, targets
from mtl.training.frozen_cache import Prefix


def _in_other_case(part: Part, rows: list[Row], chance: random.Random) -> list[Row] | None:
    """The rows in lower or upper case, as often as the part asks for, else None. Spans stay where they are."""
    draw = chance.random()
    if draw >= part.lower + part.upper:
        return None
    texts = [row.text.lower() if draw < part.lower else row.text.upper() for row in rows]
    # Some letters change length with their case ("ß"), and spans would no longer fit.
    return [
        Row(text, row.labels, row.line) if len(text) == len(row.text) else row
        for text, row in zip(texts, rows, strict=True)
    ]


def batch_losses(
    model: MultiTaskModel,
    part: Part,
    indices: list[int],
    depth: int,
    prefix: Prefix | None,
    anchor: Anchor | None,
    chance: random.Random,
    config: TrainConfig,
    teachers: Teachers | None = None,
    trust: float = 1.0,
) -> dict[str, torch.Tensor]:
    """One backbone pass, and the loss of every task that rows of this batch are labelled for, or have a teacher for.

    The lowest `depth` groups are frozen; `prefix` has their outputs, for the parts that it keeps. `anchor` adds the
    losses "anchor" and, for a model with a projection, "projection". `trust` (0 to 1) is how much labels count against
    what `teachers` say.
    """
    rows = [part.rows[i] for i in indices]
    disturbed = False
    known: dict[tuple[str, int], torch.Tensor] = {}
    if prefix is not None and part in prefix:
        tokens, batch, hidden, encoded = prefix.batch(part, indices)
        known = prefix.tags(part)
    else:
        changed = _in_other_case(part, rows, chance)
        rows = changed or rows
        tokens = model.tokenise([row.text for row in rows])
        batch = collate(tokens, model.backbone.pad_id).to(model.device)
        disturbed = _mask_words(part, batch, model, chance) or changed is not None
        with torch.no_grad():
            hidden = model.backbone.run(batch.ids, batch.mask, 0, depth) if depth else None
        encoded = model.encode_batch(batch, hidden, depth)
    taught = teachers(part, indices) if teachers is not None else {}
    tasks = [name for name in model.tasks if name in taught or any(name in row.labels for row in rows)]
    losses = {
        name: _taught_loss(model, name, rows, batch, encoded, taught[name], trust)
        if name in taught
        else _task_loss(model, name, part, indices, rows, tokens, batch, encoded, known)
        for name in tasks
    }
    losses = {name: loss for name, loss in losses.items() if loss is not None}
    if anchor is not None and not disturbed:
        pooled = encoded.pooled(model.config.pooling)
        learns = depth < len(model.backbone.groups)
        target = anchor(part, indices, batch, hidden, depth) if learns else pooled.detach().float()
        if config.anchor and learns:
            losses["anchor"] = 1 - F.cosine_similarity(pooled.float(), target, dim=-1).mean()
        if model.projection is not None:
            # Nothing else trains the projection: it keeps who is near whom (Tung & Mori 2019).
            losses["projection"] = F.mse_loss(_cosines(model.projection(pooled)), _cosines(target))
    return losses


def _cosines(vectors: torch.Tensor) -> torch.Tensor:
    unit = F.normalize(vectors.float(), dim=-1)
    return unit @ unit.T


def _mask_words(part: Part, batch: Batch, model: MultiTaskModel, chance: random.Random) -> bool:
    """Hide some words of half of the batches, so that a head learns from what stands around a name as well."""
    mask_id = model.backbone.tokenizer.token_to_id("[MASK]") or model.backbone.tokenizer.token_to_id("<mask>")
    if not part.mask or mask_id is None or chance.random() < 0.5:
        return False
    hidden = torch.tensor([chance.random() < 2 * part.mask for _ in range(len(batch.word_rows))], dtype=torch.bool)
    hidden = hidden.to(batch.ids.device)
    batch.ids[batch.word_rows[hidden], batch.word_positions[hidden]] = mask_id
    return True


def _task_loss(
    model: MultiTaskModel,
    task: str,
    part: Part,
    indices: list[int],
    rows: list[Row],
    tokens: list[Tokens],
    batch: Batch,
    encoded: Encoded,
    known: dict[tuple[str, int], torch.Tensor],
) -> torch.Tensor | None:
    """One task's loss, None where no row has a label. `known` keeps what words should be tagged as, by task and row."""
    head = model.head(task)
    labelled = [i for i, row in enumerate(rows) if task in row.labels]
    logits = model.logits(encoded, batch, task)
    if head.spec.kind != "tagging":
        chosen = logits if len(labelled) == len(rows) else logits[labelled]
        return head.loss(chosen, [head.target(rows[i].labels[task]) for i in labelled])
    labelled = [i for i in labelled if tokens[i].words]
    if not labelled:
        return None
    parts = logits.split(batch.word_counts)
    for i in labelled:
        if (task, indices[i]) not in known:
            tags = spans_to_tags(rows[i].labels[task], [(s, e) for s, e, _ in tokens[i].words])
            known[task, indices[i]] = head.target(tags, part.unlabelled)
    return head.loss(torch.cat([parts[i] for i in labelled]), [known[task, indices[i]] for i in labelled])


def _taught_loss(
    model: MultiTaskModel,
    task: str,
    rows: list[Row],
    batch: Batch,
    encoded: Encoded,
    answers: torch.Tensor,
    trust: float,
) -> torch.Tensor:
    """The loss of a task against the rows' labels and a teacher's `answers` (rows, outputs)."""
    head = model.head(task)
    return head.loss(
        model.logits(encoded, batch, task), targets(head, [row.labels.get(task) for row in rows], answers, trust)
    )


class Anchor:
    """What the backbone's sentence vectors were before training, computed when first needed and kept."""

    def __init__(self, original: Backbone, pooling: str, parts: Sequence[Part]) -> None:
        self._original = original
        self._pooling = pooling
        self._kept = {id(part): np.zeros((len(part.rows), original.dim), np.float16) for part in parts}
        self._known = {id(part): np.zeros(len(part.rows), bool) for part in parts}

    @torch.no_grad()
    def __call__(
        self, part: Part, indices: list[int], batch: Batch, hidden: torch.Tensor | None, depth: int
    ) -> torch.Tensor:
        """Vectors (batch, dim) in float32. `hidden` is what the frozen groups gave, which are the original's too."""
        kept, known = self._kept[id(part)], self._known[id(part)]
        if not known[indices].all():
            inputs = batch.ids if hidden is None else hidden
            tokens = self._original.run(inputs, batch.mask, depth)
            vectors = Encoded(tokens, batch.mask, self._original).pooled(self._pooling).float()
            kept[indices] = F.normalize(vectors, dim=-1).cpu().numpy()
            known[indices] = True
        return torch.from_numpy(kept[indices].astype(np.float32)).to(batch.mask.device)
