"""What a run will take before it starts: weights that learn, steps, seconds on this machine, memory.

The seconds come from one layer of the real backbone, timed for a moment in the background, once per process. Heavy
imports stay inside functions: the page reads this module as it starts.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtl.config import TaskSpec, TrainConfig
from mtl.groups import Groups

if TYPE_CHECKING:
    from mtl.encoder.backbone import Backbone
    from mtl.model import MultiTaskModel

_log = logging.getLogger(__name__)

# Rows and tokens of the batch that is timed, and how often.
_ROWS, _TOKENS, _TIMES = 32, 32, 5
# Seconds beside the sums: of a step, of an epoch (scores, how far weights moved), of a run (starting, saving). What a
# process takes in memory before it has a model, in bytes. All measured on whole runs.
_PER_STEP, _PER_EPOCH, _PER_RUN, _PROCESS = 0.012, 0.1, 1.2, 540e6
# At the end the model before and the model after answer the probe set, of so many tokens.
_PROBE_TOKENS = 2_700
# Texts are padded to the longest of their batch.
_PADDING = 1.15
# Numbers that a layer keeps of each token until the way back, in widths of a token vector.
_KEPT_PER_TOKEN = 22
# Of the tokens so many are the first of a word, which is what a head that reads words does.
_WORDS = 0.8


@dataclass(frozen=True)
class Estimate:
    """`trainable` and `frozen` count weights; `memory_mb` is the run's own process at its fullest. `rows` are learnt
    from, `validation_rows` held out. `seconds` is None while this machine's speed is still being measured."""

    trainable: int
    frozen: int
    steps: int
    seconds: float | None
    memory_mb: float
    rows: int
    validation_rows: int


@dataclass(frozen=True)
class Speed:
    """Seconds of this machine: of one layer per token, `forward` alone and in `training` (there and back), and of the
    optimiser per weight (`update`)."""

    forward: float
    training: float
    update: float


def estimate(
    model: MultiTaskModel,
    tasks: Mapping[str, TaskSpec],
    learns: Collection[str],
    rows: int,
    tokens: int,
    config: TrainConfig,
    wait: float = 1.0,
) -> Estimate:
    """What a run will take that starts from `model` and ends with these `tasks`, of which `learns` have labels.

    `rows` and `tokens` count the whole table. Waits at most `wait` seconds for the measurement of this machine.
    """
    groups = Groups.of(model.backbone, tasks, model.config.projection)
    groups = groups.under(groups.fitted(config), learns)
    trainable = sum(group.size for group in groups if not group.frozen)
    held_out = min(round(rows * config.validation), max(rows - 1, 0))
    if config.validation and rows > 1:
        held_out = max(held_out, 1)
    learnt = rows - held_out
    steps = config.epochs * math.ceil(learnt / config.batch_size)
    speed = speed_of(model.backbone, config.precision, wait)
    share = learnt / rows if rows else 0.0
    work = _Work(model, groups, steps, tokens * share, tokens * (1 - share))
    return Estimate(
        trainable,
        sum(groups.sizes.values()) - trainable,
        steps,
        work.seconds(speed) if speed else None,
        work.memory(tokens / rows if rows else 0.0) / 1e6,
        learnt,
        held_out,
    )


class _Work:
    """All that a run computes and keeps; `learnt` and `held_out` are tokens."""

    def __init__(self, model: MultiTaskModel, groups: Groups, steps: int, learnt: float, held_out: float) -> None:
        self.model, self.groups, self.config = model, groups, groups.config
        self.steps, self.learnt, self.held_out = steps, learnt, held_out
        self.layers = groups.layers
        # The pooler counts to the last layer and does not run.
        self.layer_size = self.layers[1].size if len(self.layers) > 1 else 1

    def seconds(self, speed: Speed) -> float:
        """How long a process of its own takes, ready to begin, on a machine that does nothing else."""
        config, everything = self.config, self.learnt + self.held_out
        total = _PER_RUN + config.epochs * _PER_EPOCH + self.steps * _PER_STEP
        total += 2 * _PROBE_TOKENS * (len(self.layers) - 1) * speed.forward
        per_epoch = self.steps / config.epochs
        anchored = kept = None
        for epoch in range(1, config.epochs + 1):
            depth = self.groups.depth(epoch)
            below, above = max(depth - 1, 0), len(self.layers) - max(depth, 1)
            cached = depth > 0 and self._cache(depth) <= config.cache_mb * 1e6
            if not cached:
                total += everything * below * speed.forward
            elif kept != depth:
                kept, total = depth, total + everything * below * speed.forward
            total += above * (_PADDING * self.learnt * speed.training + self.held_out * speed.forward)
            if config.anchor and above and anchored is None:
                anchored, total = depth, total + self.learnt * above * speed.forward
            # A head's sums are like a layer's, as many as it has weights; those of sentences are next to nothing.
            heads = [g.size for g in self.groups.tops if g.kind == "head" and not g.frozen]
            words = sum(size for size in heads if size > 10 * self.model.dim) / self.layer_size
            total += _WORDS * words * (self.learnt * speed.training + self.held_out * speed.forward)
            moving = sum(g.size for g in self.groups if g.learns(epoch))
            total += (per_epoch + 2) * moving * speed.update  # twice more: how far it moved, the best epoch's copy
        return total

    def memory(self, tokens_per_row: float) -> float:
        """Bytes of the run's process at its fullest; `tokens_per_row` on average."""
        config, dim = self.config, self.model.backbone.dim
        weights = 4 * sum(self.groups.sizes.values())
        trainable = sum(g.size for g in self.groups if not g.frozen)
        # Of each weight that learns: itself, its gradient, two moments, where it began, the best epoch's.
        copies = 6 + bool(config.average)
        depth = min(self.groups.depth(epoch) for epoch in range(1, config.epochs + 1))
        above = len(self.layers) - max(depth, 1)
        # Batches are of like length: the longest has about twice the average.
        batch = config.batch_size * min(2 * tokens_per_row, self.model.max_tokens)
        kept = batch * above * dim * 4 * _KEPT_PER_TOKEN
        cache = self._cache(depth) if depth else 0
        return _PROCESS + weights + 4 * copies * trainable + kept + (cache if cache <= config.cache_mb * 1e6 else 0)

    def _cache(self, depth: int) -> float:
        """Bytes of the lowest `depth` groups' outputs in half precision (see `mtl.training.frozen_cache`)."""
        return (self.learnt + self.held_out) * self.model.backbone.dim * 2


# --- this machine ---

_speeds: dict[tuple[str, str], Speed] = {}
_measuring: dict[tuple[str, str], threading.Thread] = {}
_lock = threading.Lock()


def speed_of(backbone: Backbone, precision: str = "auto", wait: float = 1.0) -> Speed | None:
    """How fast this machine trains `backbone`: measured once, in the background. None where `wait` seconds are not
    enough for it."""
    key = (backbone.source.sha256, precision)
    with _lock:
        if key in _speeds:
            return _speeds[key]
        if key not in _measuring:
            # No daemon: a process that ends in the middle of torch's work is aborted, whatever it came to.
            _measuring[key] = thread = threading.Thread(target=_keep, args=(key, backbone))
            thread.start()
        else:
            thread = _measuring[key]
    thread.join(wait)
    return _speeds.get(key)


def _keep(key: tuple[str, str], backbone: Backbone) -> None:
    try:
        _speeds[key] = measure(backbone, key[1])
    except Exception:  # no memory just now, say: whoever asks next has it tried again
        _log.warning("The speed of this machine could not be measured", exc_info=True)
    finally:
        _measuring.pop(key, None)


def measure(backbone: Backbone, precision: str = "auto") -> Speed:
    """Time one layer of `backbone` and the optimiser, for a few tenths of a second."""
    import torch

    from mtl.encoder.backbone import replace_parameter
    from mtl.training import loop
    from mtl.training.adam import AdamW

    copy = backbone.fork()
    weights = [name for name, _ in copy.named_parameters() if copy.group_of(name) == 1]
    for name in weights:  # a run trains in float32, whatever the page answers in
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
    """Seconds that `work` takes when nothing comes between: other programs may take the processor away at any time."""
    best = math.inf
    for _ in range(_TIMES):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best
