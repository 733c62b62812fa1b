"""The training loop: a generator of events, which the command line, the page and the tests all follow."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mtl.config import TrainConfig, UserError
from mtl.data.dataset import Dataset, Part
from mtl.model import MultiTaskModel, quickest_dtype, slow_format
from mtl.stopping import Stop, Stopped, ask
from mtl.training import optim
from mtl.training.adam import Schedule
from mtl.training.calibration import calibrate
from mtl.training.distillation import Teachers
from mtl.training.frozen_cache import Prefix
from mtl.training.losses import Anchor, batch_losses, weigh
from mtl.training.metrics import evaluate
from mtl.training.pace import Pace
from mtl.training.plan import Plan
from mtl.training.processes import Processes
from mtl.training.scores import Scores, by_set, headlines
from mtl.training.state import Position, State
from mtl.training.variations import with_variations

Event = dict[str, Any]
Losses = dict[str, float]
# Seconds between two looks at how far the weights have moved: measuring it takes as long as a tenth of a large step.
_MOVED_EVERY = 0.4
# Weights are added to the running average at every this many steps.
_AVERAGE_EVERY = 5


def fit(
    model: MultiTaskModel,
    dataset: Dataset,
    config: TrainConfig,
    stop: Stop | None = None,
    state: Path | None = None,
) -> Iterator[Event]:
    """Train `model` in place and yield events: start, step ..., epoch ..., end (see docs/how-a-run-travels.md).

    `model` is float32 and its own (see `mtl.checkpoint.derive`); groups that learn get weights of their own, frozen
    ones stay shared. When `stop` says so the run ends within seconds with status "stopped": with the weights of that
    step, or of the last whole epoch if it shall end at once. What could not be measured in that time is `unmeasured` in
    the end event; an epoch that could not be scored has neither scores nor a claim to be the best.
    After every epoch all that is needed to go on is written to the folder `state`, and then its event is given; if it
    is there already, from the same settings and data, training goes on after its last epoch, as if it had never been
    interrupted, and the event of that epoch is given once more. An epoch in which it was stopped is not `whole`: it is
    not in `state`, and safe only when the caller has saved the model, which it may at the end event.
    Under `accelerate launch` every process calls this, and all get the same events.
    Raises `UserError` when nothing can be trained with these settings and data, and `Stopped` when there is no model to
    keep: it was stopped before the first step, or at once before the end of the first epoch.
    """
    return _Training(model, dataset, config, stop or Stop(), state).events()


class _Training:
    def __init__(
        self,
        model: MultiTaskModel,
        dataset: Dataset,
        config: TrainConfig,
        stop: Stop,
        state: Path | None,
    ) -> None:
        self.model, self.stop = model, stop
        self.processes = Processes()
        with self._working():
            self.dataset = dataset = with_variations(dataset, model.backbone)
        self.trained = _trained_tasks(model, dataset)
        # A head that no row teaches would be called trainable and yet not move.
        idle = tuple(name for name in model.tasks if name not in self.trained)
        self.balance = balance_of(dataset.parts, self.trained, config.balance)
        self.config = config = replace(config, freeze_heads=(*config.freeze_heads, *idle))
        if (heads := model.config.on_projection) and heads.isdisjoint(self.trained):  # which nothing teaches, either
            self.config = config = replace(config, freeze_projection=True)
        original = model.backbone.fork()
        self.groups = optim.unfreeze(model, config)
        for name in self.trained if config.positive_weights else ():
            values = [row.labels[name] for part in dataset.parts for row in part.rows if name in row.labels]
            weigh(model.head(name), values, config.positive_weights)
        self.learning = [p for g in self.groups if not g.frozen for p in g.parameters.values()]
        self.rows = optim.RowGradients(self.learning)
        self.plan = Plan(dataset.parts, config, self.processes.count)
        self.movement = optim.Movement(self.groups)
        self.adam = optim.optimizer(self.groups, config.weight_decay)
        self.schedule = Schedule(self.adam, self.plan.steps, config.warmup)
        self.average = optim.Average(self.learning)
        self.average_from = self.plan.steps - math.ceil(self.plan.steps * config.average)
        self.best = optim.Best(self.learning)
        self.anchor = Anchor(original, model.config.pooling)
        self.teachers = Teachers(model, self.trained, dataset.parts)
        self.validation = {name: Part(name, rows) for name, rows in dataset.validation.items()}
        self.position = Position()
        self.depth = -1
        self.state = State(state, config, dataset.fingerprint) if state is not None else None
        # From here on one of the two, so that a run resumed elsewhere goes on as it began.
        chosen = chosen_precision(model.device, config.precision)
        if self.state and (saved := self.state.restore(self.learning, self.adam, self.average, self.best)):
            self.position = saved
            self.schedule.go_to(saved.step)
            chosen = saved.precision or chosen
        self.config = replace(config, precision=chosen)

    # --- the run ---

    def events(self) -> Iterator[Event]:
        self.began = time.perf_counter() - self.position.seconds
        self.pace = Pace()
        self.moved_at = -math.inf
        self._freeze_for(min(self.position.epochs_done + 1, self.config.epochs))
        yield self._start_event()
        if last := self.position.last_epoch:
            if self.validation and not last["validation"]:  # it was stopped while they were scored
                last |= self._scored(self.position.epochs_done)
                self._save_state(last)
            yield last
        status = "done"
        for epoch in range(self.position.epochs_done + 1, self.config.epochs + 1):
            if self.config.patience and self.position.stale >= self.config.patience:
                break
            if any(self.processes.gather(self.stop())):
                status = "stopped"
                break
            if self._freeze_for(epoch):
                yield {"event": "freeze", "epoch": epoch, "frozen_groups": self.depth, **self._cache_fields()}
            stopped, losses = yield from self._steps(epoch)
            if not stopped:
                if epoch == self.config.epochs:
                    self._finish_weights()
                event = self._epoch_event(epoch, losses, whole=True)
                self.position.epochs_done = epoch
                # Before the event: a process that is killed from here on has not lost what the event says.
                self._save_state(event)
                yield event
                continue
            status = "stopped"
            if losses and not self._ends_at_once():
                self._finish_weights()
                event = self._epoch_event(epoch, losses, whole=False)
            if losses and self._ends_at_once():
                self._go_back()
            elif losses:
                yield event
            break
        if not self.position.step:
            raise Stopped
        if self.config.keep_best:
            self.best.apply()
        temperatures = self.processes.from_main(self._calibrate())
        yield {
            "event": "end",
            "status": "stopped" if self.stop.unmeasured else status,
            "seconds": self.seconds(),
            "steps": self.position.step,
            "best": self.best.epoch,
            "moved": self.movement(),
            "temperatures": temperatures,
            "unmeasured": [*self.stop.unmeasured],
        }

    def _working(self) -> AbstractContextManager[None]:
        """Around work that has no use once the run ends. Several processes end together, after a step."""
        return self.stop.working() if self.processes.count == 1 else nullcontext()

    def _ends_at_once(self) -> bool:
        return self.processes.from_main(self.stop.at_once())

    def _finish_weights(self) -> None:
        """The weights that the run ends with, from those of its last steps."""
        self.average.apply()
        if self.config.blend:
            self.movement.take_back(self.config.blend)

    def _save_state(self, event: Event) -> None:
        """Write all that it takes to go on after the whole epoch of this event."""
        self.position.last_epoch = event
        if self.state is not None and self.processes.is_main:
            now = replace(self.position, seconds=self.seconds(), precision=self.config.precision)
            self.state.save(now, self.learning, self.adam, self.average, self.best)

    def _go_back(self) -> None:
        """Go back to the end of the last whole epoch, or to the beginning."""
        saved = None
        if self.state is not None and self.processes.is_main:
            saved = self.state.restore(self.learning, self.adam, self.average, self.best)
        self.position = self.processes.from_main(saved) or Position()

    def _calibrate(self) -> dict[str, float]:
        """Fit what is fitted after training; the temperature of each head that was calibrated."""
        parts = list(self.validation.values())
        rows = [row for part in parts for row in part.rows]
        # With gradual unfreezing the weights of the best epoch may not be those that the cache was made with.
        usable = len(parts) == 1 and parts[0] in self.prefix and not self.config.unfreeze
        cached = self.prefix.all_batches(parts[0]) if usable else None
        tasks = [task for task in self._learning_heads() if self.config.calibrate or self.model.head(task).fits_always]
        temperatures: dict[str, float] = {}
        with self._precision(), self.stop.measuring("calibration"):
            for task in tasks:
                temperatures |= calibrate(self.model.eval(), rows, [task], cached)
        return temperatures

    def _steps(self, epoch: int) -> Generator[Event, None, tuple[bool, list[Losses]]]:
        """The steps of an epoch; returns whether it was stopped within it, and the losses of each step."""
        history: list[Losses] = []
        ends = False
        # Seeded by epoch, so that a resumed run draws the same dropout as one that was never interrupted.
        torch.manual_seed(self.config.seed * 1009 + epoch + 7919 * self.processes.rank)
        self._set_training_mode()
        for part, indices, seed in self.processes.share(self.plan.epoch(epoch)):
            if ends:
                return True, history
            try:
                with self._precision(), self._working():
                    ask()
                    losses = batch_losses(
                        self.model,
                        part,
                        indices,
                        self.prefix,
                        self.anchor,
                        random.Random(seed),
                        self.config,
                        self.teachers,
                        trust=self.config.label_trust * self.position.step / self.plan.steps,
                    )
            except Stopped:
                return True, history
            used = self._update(losses, epoch)
            self.pace.step(self._lap())
            everyone = self.processes.gather(({name: loss.item() for name, loss in losses.items()}, self.stop()))
            history.append(_mean_by_name([values for values, _ in everyone]))
            seconds = self.seconds()
            yield self._moved_by_now(seconds) | {
                "event": "step",
                "step": self.position.step,
                "epoch": epoch,
                "seconds": seconds,
                "eta": self._time_left(self.config.epochs - epoch + 1),
                "epoch_eta": self._epoch_left(epoch),
                "lr": used,
                "loss": history[-1],
            }
            ends = any(stop for _, stop in everyone)
        return False, history

    def _moved_by_now(self, seconds: float) -> Event:
        """How far the weights have moved, after some of the steps."""
        if seconds - self.moved_at < _MOVED_EVERY:
            return {}
        self.moved_at = seconds
        return {"moved": self.movement()}

    # --- the time left ---

    def _lap(self) -> float:
        """Seconds since the last lap, without those in which outputs of frozen groups were computed."""
        now, before = (self.seconds(), self.prefix.seconds), self.lap
        self.lap = now
        return now[0] - before[0] - (now[1] - before[1])

    def _time_left(self, epochs: int) -> float | None:
        """Seconds until the end of the run, in which so many epochs will still be scored."""
        held_out = sum(len(part.rows) for part in self.validation.values())
        return self.pace.left(
            self.plan.steps - self.position.step,
            epochs,
            held_out / self.config.batch_size,
            self.prefix.seconds_left,
            self.prefix.seconds_for(held_out),
        )

    def _epoch_left(self, epoch: int) -> float | None:
        """Seconds until the end of an epoch that has begun or is next."""
        held_out = sum(len(part.rows) for part in self.validation.values())
        steps = self.plan.steps * epoch // self.config.epochs - self.position.step
        return self.pace.epoch(steps, held_out / self.config.batch_size)

    def _update(self, losses: dict[str, torch.Tensor], epoch: int) -> dict[str, float]:
        """One step of the optimiser; returns the rate of each group that it used."""
        total = sum(self._weight(name) * loss for name, loss in losses.items())
        if not all(self.processes.gather(math.isfinite(float(total.detach()) if losses else 0.0))):
            raise UserError(
                f"The loss is no longer a number at step {self.position.step + 1}: training has diverged. "
                f"Use lower rates (lr is {self.config.lr:g}, head_lr {self.config.head_lr:g})."
            )
        self.adam.zero_grad()
        if losses and total.requires_grad:
            total.backward()
            self.rows.spread()
        self.processes.average_gradients(self.learning)
        if self.config.clip:
            torch.nn.utils.clip_grad_norm_(self.learning, self.config.clip)
        rates = {g["name"]: g["lr"] for g in self.adam.param_groups}
        self.adam.step()
        self.position.step += 1
        self.schedule.go_to(self.position.step)
        if self.position.step > self.average_from and self.position.step % _AVERAGE_EVERY == 0:
            self.average.add()
        return {g.name: rates[g.name] if g.learns(epoch) else 0.0 for g in self.groups}

    def _judge(self, epoch: int, scores: dict[str, Scores]) -> float | None:
        """The mean headline score of an epoch, whose weights are remembered if it is the best so far.

        Without validation rows the score is None, and the last epoch counts as the best."""
        kinds = {name: spec.kind for name, spec in self.model.tasks.items()}
        means = [np.mean([*headlines(own, kinds).values()]) for own in scores.values() if own]
        score = float(np.mean(means)) if means else float(epoch)
        better = self.best.epoch is None or score > self.best.score
        self.position.stale = 0 if better else self.position.stale + 1
        if better:
            self.best.keep(epoch, score, copy=self.config.keep_best)
        return round(score, 6) if means else None

    # --- events ---

    def _start_event(self) -> Event:
        slow = slow_format(self.model.device, getattr(torch, self.config.precision))
        return {
            "event": "start",
            "trainable": {g.name: g.size for g in self.groups if not g.frozen},
            "frozen": {g.name: g.size for g in self.groups if g.frozen},
            "rates": {g.name: 0.0 if g.frozen else g.rate for g in self.groups},
            "steps": self.plan.steps,
            "rows": sum(len(part.rows) for part in self.dataset.parts),
            "validation_rows": {name: len(rows) for name, rows in self.dataset.validation.items()},
            "held_out": {task: self.dataset.held_out(task) for task in self.trained},
            "tasks": self.trained,
            "notes": [*self.dataset.notes, *([slow] if slow else [])],
            "resumed_after_epoch": self.position.epochs_done or None,
            "frozen_groups": self.depth,
            "precision": self.config.precision,
            **self._cache_fields(),
        }

    def _cache_fields(self) -> Event:
        return {"cache_mb": round(self.prefix.bytes / 1e6, 1), "cache_note": self.cache_note}

    def _epoch_event(self, epoch: int, losses: list[Losses], whole: bool) -> Event:
        scored = self._scored(epoch)
        self.pace.scoring = self._lap()
        return {
            "event": "epoch",
            "epoch": epoch,
            "whole": whole,
            "seconds": self.seconds(),
            "train": {name: {"loss": loss} for name, loss in _mean_by_name(losses).items()},
            "moved": self.movement(),
            "eta": self._time_left(self.config.epochs - epoch) if whole else None,
            "epoch_eta": self._epoch_left(epoch + 1) if whole and epoch < self.config.epochs else None,
            **scored,
        }

    def _scored(self, epoch: int) -> Event:
        """What the event of an epoch says of held-out rows: of none if the run was stopped before all were scored."""
        scores = self.processes.from_main(self._scores() if self.processes.is_main else {})
        return {
            "validation": by_set(scores or {}),
            "score": None if scores is None else self._judge(epoch, scores),
        }

    def _scores(self) -> dict[str, Any] | None:
        """The scores of each set of held-out rows; None if the run was stopped before all were scored."""
        self.model.eval()
        scores = {}
        with self._precision(), self.stop.measuring("scores"):
            for name, part in self.validation.items():
                cached = self.prefix.all_batches(part) if part in self.prefix else None
                scores[name] = evaluate(self.model, part.rows, self.trained, cached, learning=True)
            return scores
        return None

    def seconds(self) -> float:
        return round(time.perf_counter() - self.began, 3)

    # --- freezing and modes ---

    def _freeze_for(self, epoch: int) -> bool:
        """Freeze the groups that are frozen in `epoch` and cache what they give; returns whether anything changed."""
        depth = self.groups.depth(epoch)
        if depth == self.depth:
            return False
        self.depth = depth
        optim.set_frozen(self.groups, epoch)
        self.prefix = Prefix(self.model, depth, half=self.config.precision == "bfloat16")
        self.cache_note = ""
        with suppress(Stopped), self._working():  # which ends before the next step
            self.cache_note = self._cache_parts()
        self.lap = (self.seconds(), 0.0)
        return True

    def _cache_parts(self) -> str:
        """Let the prefix cache all parts that it can; returns why it cannot, if that is for lack of memory."""
        if not self.depth or not self.config.cache_mb:
            return ""
        parts = [p for p in self.dataset.parts if not (p.lower or p.upper or p.mask)]
        parts += self.validation.values()
        needed = self.prefix.estimate(parts) / 1e6
        if needed > self.config.cache_mb:
            return (
                f"The outputs of the frozen groups would take about {needed:,.0f} MB, more than the "
                f"{self.config.cache_mb:,} MB allowed (cache_mb): they are computed anew in every step."
            )
        for part in parts:
            self.prefix.keep(part)
        return ""

    def _set_training_mode(self) -> None:
        """Dropout on in heads that learn, and in the backbone where the settings say so; off in frozen parts."""
        self.model.eval()
        for name in self._learning_heads():
            self.model.head(name).train()
        if self.config.backbone_dropout:
            self.model.backbone.train_from(self.depth)

    def _learning_heads(self) -> list[str]:
        return [g.label for g in self.groups if g.kind == "head" and not g.frozen]

    def _precision(self) -> torch.autocast:
        return precision(self.model.device, self.config.precision)

    def _weight(self, loss: str) -> float:
        if loss == "anchor":
            return self.config.anchor
        if loss == "projection":
            return 1.0
        return self.config.task_weights.get(loss, self.model.tasks[loss].loss_weight) * self.balance.get(loss, 1.0)


def balance_of(parts: Sequence[Part], tasks: Sequence[str], balance: str) -> dict[str, float]:
    """The weight of each task by `TrainConfig.balance`; their mean is 1."""
    if balance == "even":
        return {}
    labels = Counter(name for part in parts for row in part.rows for name in row.labels)
    shares = {name: float(labels[name]) if balance == "labels" else 1 / labels[name] for name in tasks}
    mean = sum(shares.values()) / len(shares)
    return {name: share / mean for name, share in shares.items()}


def chosen_precision(device: torch.device, wanted: str) -> str:
    """ "float32" or "bfloat16": what is wanted, or the quicker one where that is "auto"."""
    if wanted != "auto":
        return wanted
    return "bfloat16" if device.type == "cuda" or quickest_dtype() == torch.bfloat16 else "float32"


def precision(device: torch.device, wanted: str) -> torch.autocast:
    """A context that computes in bfloat16 where that is wanted or quicker (see `TrainConfig.precision`)."""
    return torch.autocast(device.type, torch.bfloat16, enabled=chosen_precision(device, wanted) == "bfloat16")


def _mean_by_name(values: list[Losses]) -> Losses:
    names = dict.fromkeys(name for losses in values for name in losses)
    return {name: float(np.mean([losses[name] for losses in values if name in losses])) for name in names}


def _trained_tasks(model: MultiTaskModel, dataset: Dataset) -> list[str]:
    found = {name for part in dataset.parts for row in part.rows for name in row.labels}
    tasks = [name for name in model.tasks if name in found]
    if not tasks:
        needed = "A table needs a text column and at least one column of labels."
        if any(part.teacher for part in dataset.parts):
            needed = "A teacher answers for the tasks that are learnt from labels: name a file that has some, too."
        raise UserError(
            f"No row has a label for any task of the model ({', '.join(model.tasks) or 'it has none'}). {needed}"
        )
    return tasks
