"""The training loop: a generator of events, which the command line, the page and the tests all follow."""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from mtl.backbone import Backbone
from mtl.config import TrainConfig, UserError
from mtl.data.batches import Batch, Tokens, collate
from mtl.data.dataset import Dataset, Part
from mtl.data.entities import spans_to_tags
from mtl.data.rows import Row
from mtl.model import Encoded, MultiTaskModel, quickest_dtype
from mtl.training import optim
from mtl.training.metrics import evaluate

Event = dict[str, Any]
# Rows are shuffled, and batches of like length are made within blocks of this many batches.
_BLOCK = 50
# Weights are added to the running average at every this many steps.
_AVERAGE_EVERY = 5


def fit(
    model: MultiTaskModel,
    dataset: Dataset,
    config: TrainConfig,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Train `model` in place and yield events: start, step ..., epoch ..., end (see the README for their fields).

    `model` is float32 and its own (see `mtl.checkpoint.derive`); groups that learn get weights of their own, frozen
    ones stay shared. `stop` is asked after every step; when it says True the run ends there with status "stopped".
    Raises `UserError` when nothing can be trained with these settings and data.
    """
    trained = _trained_tasks(model, dataset)
    # A head that no row teaches would be called trainable and yet not move.
    idle = tuple(name for name in model.tasks if name not in trained)
    config = replace(config, freeze_heads=(*config.freeze_heads, *idle))
    torch.manual_seed(config.seed)
    original = model.backbone.fork()
    groups = optim.unfreeze(model, config)
    prefix = optim.lowest_trained(model.backbone, groups)
    plan = Plan(dataset.parts, config)
    movement = optim.Movement(groups)
    adam = optim.optimizer(groups, config.weight_decay)
    schedule = optim.schedule(adam, plan.steps, config.warmup)
    average = optim.Average(groups)
    average_from = plan.steps - math.ceil(plan.steps * config.average)
    learning = [p for g in groups if not g.frozen for p in g.parameters.values()]
    has_backbone_loss = config.anchor > 0 and prefix < len(model.backbone.groups)
    anchor = _Anchor(original, dataset.parts, prefix) if has_backbone_loss or model.projection is not None else None

    yield {
        "event": "start",
        "trainable": {g.name: g.size for g in groups if not g.frozen},
        "frozen": {g.name: g.size for g in groups if g.frozen},
        "rates": {g.name: 0.0 if g.frozen else g.rate for g in groups},
        "steps": plan.steps,
        "rows": sum(len(part.rows) for part in dataset.parts),
        "validation_rows": {name: len(rows) for name, rows in dataset.validation.items()},
        "tasks": list(trained),
        "notes": list(dataset.notes),
    }
    began, step, stopped = time.perf_counter(), 0, False
    for epoch in range(1, config.epochs + 1):
        _set_training_mode(model, groups, config)
        sums: dict[str, list[float]] = {}
        for part, indices, seed in plan.epoch(epoch):
            with _precision(config, model.device):
                losses = _losses(model, part, indices, prefix, anchor, random.Random(seed), config)
            if not losses:
                continue
            total = sum(_weight(name, model, config) * loss for name, loss in losses.items())
            if not math.isfinite(total.item()):
                raise UserError(
                    f"The loss is no longer a number at step {step + 1}: training has diverged. Use lower rates "
                    f"(lr is {config.lr:g}, head_lr {config.head_lr:g})."
                )
            adam.zero_grad(set_to_none=True)
            total.backward()
            if config.clip:
                torch.nn.utils.clip_grad_norm_(learning, config.clip)
            used = {g["name"]: g["lr"] for g in adam.param_groups}
            adam.step()
            schedule.step()
            step += 1
            if step > average_from and step % _AVERAGE_EVERY == 0:
                average.add()
            seconds = time.perf_counter() - began
            for name, loss in losses.items():
                sums.setdefault(name, []).append(loss.item())
            yield {
                "event": "step",
                "step": step,
                "epoch": epoch,
                "seconds": round(seconds, 3),
                "eta": round(seconds / step * (plan.steps - step), 1),
                "lr": {g.name: 0.0 if g.frozen else used[g.name] for g in groups},
                "loss": {name: loss.item() for name, loss in losses.items()},
            }
            if stop():
                stopped = True
                break
        if epoch == config.epochs or stopped:
            average.apply()
        model.eval()
        with _precision(config, model.device):
            validation = {name: evaluate(model, rows, trained) for name, rows in dataset.validation.items()}
        yield {
            "event": "epoch",
            "epoch": epoch,
            "seconds": round(time.perf_counter() - began, 3),
            "train": {name: {"loss": float(np.mean(values))} for name, values in sums.items()},
            "validation": _merged(validation),
            "moved": movement(),
        }
        if stopped:
            break
    yield {
        "event": "end",
        "status": "stopped" if stopped else "done",
        "seconds": round(time.perf_counter() - began, 3),
        "steps": step,
    }


# --- the order of things ---


@dataclass(frozen=True)
class Plan:
    """Which rows make up which batch of which epoch: fixed by the seed, the same however often it is asked."""

    parts: Sequence[Part]
    config: TrainConfig

    def _take(self, part: Part) -> int:
        return max(1, round(len(part.rows) * part.weight))

    @property
    def steps(self) -> int:
        size = self.config.batch_size
        return self.config.epochs * sum(math.ceil(self._take(part) / size) for part in self.parts)

    def epoch(self, epoch: int) -> list[tuple[Part, list[int], str]]:
        """The batches of an epoch (1, 2 ...) in their order: the part, the rows' indices in it, and a seed."""
        batches = []
        for number, part in enumerate(self.parts):
            shuffle = random.Random(f"{self.config.seed} {number} {epoch}")
            taken = self._stream(number, part, epoch)
            shuffle.shuffle(taken)
            block = _BLOCK * self.config.batch_size
            for at in range(0, len(taken), block):
                like = sorted(taken[at : at + block], key=lambda i: len(part.rows[i].text))
                for start in range(0, len(like), self.config.batch_size):
                    indices = like[start : start + self.config.batch_size]
                    batches.append((part, indices, f"{self.config.seed} {epoch} {number} {at + start}"))
        random.Random(f"{self.config.seed} order {epoch}").shuffle(batches)
        return batches

    def _stream(self, number: int, part: Part, epoch: int) -> list[int]:
        """This epoch's stretch of an endless line of permutations: with weight 0.5 two epochs see each row once."""
        n, take = len(part.rows), self._take(part)
        first, last = (epoch - 1) * take, epoch * take
        result: list[int] = []
        for cycle in range(first // n, (last - 1) // n + 1):
            order = list(range(n))
            random.Random(f"{self.config.seed} {number} cycle {cycle}").shuffle(order)
            result += order[max(first - cycle * n, 0) : last - cycle * n]
        return result


def _trained_tasks(model: MultiTaskModel, dataset: Dataset) -> list[str]:
    found = {name for part in dataset.parts for row in part.rows for name in row.labels}
    tasks = [name for name in model.tasks if name in found]
    if not tasks:
        raise UserError(
            f"No row has a label for any task of the model ({', '.join(model.tasks) or 'it has none'}). "
            "A table needs a text column and at least one column of labels."
        )
    return tasks


def _weight(name: str, model: MultiTaskModel, config: TrainConfig) -> float:
    if name == "anchor":
        return config.anchor
    if name == "projection":
        return 1.0
    return config.task_weights.get(name, model.tasks[name].loss_weight)


def _set_training_mode(model: MultiTaskModel, groups: list[optim.Group], config: TrainConfig) -> None:
    """Dropout on in heads that learn, and in the backbone where asked for; a frozen part stays as it answers."""
    learning = {g.name for g in groups if not g.frozen}
    model.eval()
    for name in model.tasks:
        model.head(name).train(f"head {name}" in learning)
    if config.backbone_dropout and learning & set(model.backbone.groups):
        model.backbone.train()


@contextlib.contextmanager
def _precision(config: TrainConfig, device: torch.device) -> Iterator[None]:
    low = config.precision == "bfloat16" or (
        config.precision == "auto" and (device.type == "cuda" or quickest_dtype() == torch.bfloat16)
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.autocast(device.type, torch.bfloat16, enabled=low))
        if device.type == "cpu":
            # On a CPU the fused kernel's backward pass takes about ten times as long as the plain one's.
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        yield


def _merged(validation: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Scores by task where there is one set of validation rows, as usual; otherwise by set, then task."""
    return next(iter(validation.values())) if len(validation) == 1 else validation


# --- one batch ---


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


def _losses(
    model: MultiTaskModel,
    part: Part,
    indices: list[int],
    prefix: int,
    anchor: _Anchor | None,
    chance: random.Random,
    config: TrainConfig,
) -> dict[str, torch.Tensor]:
    """One backbone pass and the loss of every task that rows of this batch are labelled for."""
    rows = [part.rows[i] for i in indices]
    changed = _in_other_case(part, rows, chance)
    rows = changed or rows
    tasks = [name for name in model.tasks if any(name in row.labels for row in rows)]
    tagging = any(model.tasks[name].kind == "tagging" for name in tasks)
    tokens = model.tokenise([row.text for row in rows], words=tagging)
    batch = collate(tokens, model.backbone.pad_id).to(model.device)
    disturbed = _mask_words(part, batch, model, chance) or changed is not None
    with torch.no_grad():
        hidden = model.backbone.run(batch.ids, batch.mask, 0, prefix) if prefix else None
    encoded = model.encode_batch(batch, hidden, prefix)
    losses = {name: _task_loss(model, name, part, rows, tokens, batch, encoded) for name in tasks}
    losses = {name: loss for name, loss in losses.items() if loss is not None}
    if anchor is not None and not disturbed:
        pooled = encoded.pooled(model.config.pooling)
        target = anchor(part, indices, batch, hidden, model.config.pooling)
        if config.anchor and prefix < len(model.backbone.groups):
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
    rows: list[Row],
    tokens: list[Tokens],
    batch: Batch,
    encoded: Encoded,
) -> torch.Tensor | None:
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
    targets = [
        head.target(spans_to_tags(rows[i].labels[task], [(s, e) for s, e, _ in tokens[i].words]), part.unlabelled)
        for i in labelled
    ]
    return head.loss(torch.cat([parts[i] for i in labelled]), targets)


class _Anchor:
    """What the backbone's sentence vectors were before training, computed when first needed and kept."""

    def __init__(self, original: Backbone, parts: Sequence[Part], prefix: int) -> None:
        self._original = original
        self._prefix = prefix
        self._kept = {id(part): np.zeros((len(part.rows), original.dim), np.float16) for part in parts}
        self._known = {id(part): np.zeros(len(part.rows), bool) for part in parts}

    @torch.no_grad()
    def __call__(
        self, part: Part, indices: list[int], batch: Batch, hidden: torch.Tensor | None, pooling: str
    ) -> torch.Tensor:
        """Vectors (batch, dim) in float32. `hidden` is what the frozen groups gave, which are the original's too."""
        kept, known = self._kept[id(part)], self._known[id(part)]
        if not known[indices].all():
            inputs = batch.ids if hidden is None else hidden
            tokens = self._original.run(inputs, batch.mask, self._prefix)
            vectors = Encoded(tokens, batch.mask, self._original).pooled(pooling).float()
            kept[indices] = F.normalize(vectors, dim=-1).cpu().numpy()
            known[indices] = True
        return torch.from_numpy(kept[indices].astype(np.float32)).to(batch.ids.device)
