"""Estimates a run before it starts: weights that learn, steps, seconds on this machine, memory.

The seconds are extrapolated from one layer of the backbone, timed in the background, once per process. Heavy imports
stay inside functions, as the page imports this module at its start.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mtl.config import KINDS, TaskSpec, TrainConfig
from mtl.groups import Groups

if TYPE_CHECKING:
    from mtl.encoder.backbone import Backbone
    from mtl.model import MultiTaskModel

_log = logging.getLogger(__name__)

# Rows and tokens of the batch that is timed, and how often.
_ROWS, _TOKENS, _TIMES = 32, 32, 5
# Overhead in seconds: of a step, of an epoch (scores, movement), of a run (starting, saving). And the memory of a
# process without a model, in bytes. All measured on whole runs.
_PER_STEP, _PER_EPOCH, _PER_RUN, _PROCESS = 0.012, 0.1, 1.2, 540e6
# Tokens of the probe set, which the models before and after a run answer at its end.
_PROBE_TOKENS = 2_700
# Padded tokens per token.
_PADDING = 1.15
# Numbers that a layer stores per token for the backward pass, in widths of a token vector.
_STORED_PER_TOKEN = 22
# Words per token, for heads that read words.
_WORDS = 0.8


@dataclass(frozen=True)
class Estimate:
    """`trainable` and `frozen` count weights; `memory_mb` is the peak of the run's process. `rows` are trained on,
    `validation_rows` held out. `learns`: whether each group does. `seconds` is None while this machine's speed is still
    being measured."""

    trainable: int
    frozen: int
    steps: int
    seconds: float | None
    memory_mb: float
    rows: int
    validation_rows: int
    learns: Mapping[str, bool]


@dataclass(frozen=True)
class Speed:
    """Seconds on this machine: of one layer per token, `forward` alone and in `training` (forward and backward), and
    of the optimiser per weight (`update`)."""

    forward: float
    training: float
    update: float


def estimate(
    model: MultiTaskModel,
    tasks: Mapping[str, TaskSpec],
    learns: Collection[str],
    rows: int,
    held_out: int,
    tokens: int,
    config: TrainConfig,
    wait: float = 1.0,
) -> Estimate:
    """Estimate a run that starts from `model` and ends with these `tasks`, of which `learns` have labels.

    `rows` and `tokens` count the whole table, of which so many rows are `held_out`. Waits at most `wait` seconds for
    the measurement of this machine.
    """
    shape = replace(model.config, tasks=tuple(tasks.values())).shaped_by(config, learns)
    if learns and all(KINDS[tasks[name].kind].moves_embedding for name in learns):
        config = replace(config, anchor=0.0)  # no row is held by it
    groups = Groups.of(model.backbone, shape)
    groups = groups.under(groups.fitted(config), learns)
    train_rows = rows - held_out
    steps = config.epochs * math.ceil(train_rows / config.batch_size)
    speed = speed_of(model.backbone, config.precision, wait)
    share = train_rows / rows if rows else 0.0
    work = _Work(model, groups, steps, tokens * share, tokens * (1 - share))
    return Estimate(
        work.trainable,
        work.weights - work.trainable,
        steps,
        work.seconds(speed) if speed else None,
        work.memory(tokens / rows if rows else 0.0) / 1e6,
        train_rows,
        held_out,
        {group.name: not group.frozen for group in groups},
    )


class _Work:
    """What a run computes and stores; `train` and `held_out` are numbers of tokens."""

    def __init__(self, model: MultiTaskModel, groups: Groups, steps: int, train: float, held_out: float) -> None:
        self.model, self.groups, self.config = model, groups, groups.config
        self.steps, self.train, self.held_out = steps, train, held_out
        self.layers = groups.layers
        self.weights = sum(groups.sizes.values())
        self.trainable = sum(group.size for group in groups if not group.frozen)
        # A weight of a head costs as much as one of a layer; heads that read sentences cost next to nothing.
        heads = [g.size for g in groups.tops if g.kind == "head" and not g.frozen and g.size > 10 * model.dim]
        # In layers: not the last one, which includes the pooler.
        self.word_heads = sum(heads) / self.layers[1].size
        # The outputs of the frozen groups in half precision (see `mtl.training.frozen_cache`), and whether they fit.
        self.cache_bytes = (train + held_out) * model.backbone.dim * 2
        self.caches = self.cache_bytes <= self.config.cache_mb * 1e6

    def seconds(self, speed: Speed) -> float:
        """The time of a warm process of its own on an otherwise idle machine."""
        config, tokens = self.config, self.train + self.held_out
        total = _PER_RUN + config.epochs * _PER_EPOCH + self.steps * _PER_STEP
        total += 2 * _PROBE_TOKENS * (len(self.layers) - 1) * speed.forward
        anchored = cached_depth = None
        for epoch in range(1, config.epochs + 1):
            depth = self.groups.depth(epoch)
            below, above = max(depth - 1, 0), len(self.layers) - max(depth, 1)
            if not (self.caches and cached_depth == depth):
                total += tokens * below * speed.forward
            cached_depth = depth
            total += above * (_PADDING * self.train * speed.training + self.held_out * speed.forward)
            if config.anchor and above and anchored is None:
                anchored, total = depth, total + self.train * above * speed.forward
            total += _WORDS * self.word_heads * (self.train * speed.training + self.held_out * speed.forward)
            moving = sum(g.size for g in self.groups if g.learns(epoch))
            # Per epoch two more: the movement, and the copy of the best weights.
            total += (self.steps / config.epochs + 2) * moving * speed.update
        return total

    def memory(self, tokens_per_row: float) -> float:
        """Peak bytes of the run's process; `tokens_per_row` on average."""
        config, dim = self.config, self.model.backbone.dim
        # Per trainable weight: itself, its gradient, two moments, its start, the best epoch's value.
        copies = 6 + bool(config.average)
        depth = min(self.groups.depth(epoch) for epoch in range(1, config.epochs + 1))
        above = len(self.layers) - max(depth, 1)
        # Batches are sorted by length: texts of the longest are about twice the average.
        batch = config.batch_size * min(2 * tokens_per_row, self.model.most_tokens(config.max_tokens))
        activations = batch * above * dim * 4 * _STORED_PER_TOKEN
        cache = self.cache_bytes if depth and self.caches else 0
        return _PROCESS + 4 * self.weights + 4 * copies * self.trainable + activations + cache


# --- this machine ---

_speeds: dict[tuple[str, str], Future[Speed]] = {}
_lock = threading.Lock()
# Its thread is no daemon: a process that ends in the middle of torch's work is aborted.
_background = ThreadPoolExecutor(1)


def speed_of(backbone: Backbone, precision: str = "auto", wait: float = 1.0) -> Speed | None:
    """The speed at which this machine trains `backbone`: measured once, in the background. None if that takes longer
    than `wait` seconds."""
    key = (backbone.source.sha256, precision)
    with _lock:
        if key not in _speeds:
            _speeds[key] = _background.submit(measure, backbone, precision)
        future = _speeds[key]
    try:
        return future.result(wait)
    except TimeoutError:
        return None
    except Exception:  # such as too little memory: the next call tries again
        _log.warning("The speed of this machine could not be measured", exc_info=True)
        _speeds.pop(key, None)
        return None


def measure(backbone: Backbone, precision: str = "auto") -> Speed:
    """Time one layer of `backbone` and the optimiser, which takes a few tenths of a second."""
    import torch

    from mtl.encoder.backbone import replace_parameter
    from mtl.training import loop
    from mtl.training.adam import AdamW

    copy = backbone.fork()
    weights = [name for name, _ in copy.named_parameters() if copy.group_of(name) == 1]
    for name in weights:  # a run trains in float32, whatever the page's own precision
        replace_parameter(copy, name, copy.get_parameter(name).detach().float().clone(), trainable=True)
    parameters = [copy.get_parameter(name) for name in weights]
    device = parameters[0].device
    hidden = torch.ones(_ROWS, _TOKENS, copy.dim, device=device)
    mask = torch.ones(_ROWS, _TOKENS, dtype=torch.bool, device=device)
    adam = AdamW([{"params": parameters, "lr": 0.0, "weight_decay": 0.0, "name": "measure"}])
    tokens, size = _ROWS * _TOKENS, sum(p.numel() for p in parameters)

    def forward() -> None:
        with torch.no_grad(), loop.precision(device, precision):
            copy.run(hidden, mask, 1, 2)

    def train() -> None:
        with loop.precision(device, precision):
            copy.run(hidden.clone().requires_grad_(), mask, 1, 2).float().mean().backward()

    def update() -> None:
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        adam.step()

    return Speed(_quickest(forward) / tokens, _quickest(train) / tokens, _quickest(update) / size)


def _quickest(work: Callable[[], None]) -> float:
    """The least seconds that `work` takes: other programs may interrupt it at any time."""
    best = math.inf
    for _ in range(_TIMES):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best
