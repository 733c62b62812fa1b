"""What has happened in a run so far, gathered from its events: the curves, the moved weights, how it ended."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mtl.config import KINDS, TrainConfig, UserError
from mtl.training.runs.service import Following, Runs
from mtl.ui.widgets.curves import Growing

# How much a running mean of losses weighs the values before.
SMOOTHING = 0.85
# How many runs are kept read; another one is read again from its folder.
_KEPT = 64


@dataclass(frozen=True)
class Epoch:
    """One epoch that is over, at `step`. `train` and `held_out`: loss by task, the latter of the held-out rows, whose
    headline scores (0 to 1, or -1 to 1) are `scores`. `moved`: relative change of each group's weights."""

    number: int
    step: int
    train: Mapping[str, float]
    held_out: Mapping[str, float]
    scores: Mapping[str, float]
    moved: Mapping[str, float]


@dataclass
class Story:
    """A run's events, taken in one by one with `add`.

    `config` is None until it has begun. `kinds`: task -> kind, of those that are taught. `sizes`: parameters of each
    group, layers lowest first, then heads ("head NAME"). `losses`: (step, loss) by name: tasks, and "anchor", thinned
    when there are many; `trends`: the same, smoothed. `eta`: seconds left as of the last step. `moved`: relative change
    of each group's weights so far. `before`: the scores by task of the model that it began with, and `forgetting` (see
    `mtl.training.forgetting.measure`), both known at the end. `waits`: it was put into the line again and has not gone
    on yet. `chapters` counts what changes more than the curves: starts, epochs, ends.
    """

    config: TrainConfig | None = None
    steps: int = 0
    kinds: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    step: int = 0
    epoch: int = 0
    seconds: float = 0.0
    eta: float | None = None
    losses: dict[str, Growing] = field(default_factory=dict)
    trends: dict[str, Growing] = field(default_factory=dict)
    past: list[Epoch] = field(default_factory=list)
    moved: dict[str, float] = field(default_factory=dict)
    before: dict[str, float] = field(default_factory=dict)
    best: int | None = None
    forgetting: dict[str, Any] = field(default_factory=dict)
    status: str = ""
    waits: bool = False
    damaged: int = 0
    chapters: int = 0

    @property
    def epochs(self) -> int:
        return self.config.epochs if self.config else 0

    @property
    def whole_epochs(self) -> int:
        """The last epoch that was finished; one that was stopped half way does not count."""
        past = self.past[:-1] if self.status == "stopped" else self.past
        return past[-1].number if past else 0

    def in_epochs(self, step: int) -> float:
        """Where a step lies on an axis of epochs: 1.0 is the end of the first."""
        return step * self.epochs / self.steps if self.steps else 0.0

    def add(self, event: Mapping[str, Any]) -> None:
        """Take in an event; one of a kind that is not known here, or that lacks what its kind has, changes nothing."""
        take = {
            "start": self._start,
            "step": self._step,
            "epoch": self._epoch,
            "end": self._end,
            "error": self._error,
            "damaged": self._damaged,
        }.get(event["event"])
        if take is not None:
            try:
                take(event)
            except (KeyError, TypeError, ValueError, UserError):
                self.damaged += 1
            self.chapters += event["event"] != "step"

    def _start(self, event: Mapping[str, Any]) -> None:
        config = TrainConfig.from_json(event["config"]["train"])
        known = {task["name"]: task["kind"] for task in event["config"]["model"]["tasks"]}
        kinds = {name: known[name] for name in event["tasks"]}
        sizes = {**event["trainable"], **event["frozen"]}
        sizes = {name: sizes[name] for name in event["rates"]}
        steps, notes = event["steps"], list(event["notes"])
        if steps < 1:
            raise ValueError("a run has at least one step")
        self.config, self.kinds, self.sizes, self.steps, self.notes = config, kinds, sizes, steps, notes
        self.eta, self.status, self.waits, self.before = None, "", False, {}
        self._go_back(event.get("resumed_after_epoch") or 0)

    def _go_back(self, epoch: int) -> None:
        """A resumed run goes on after this epoch: what came later did not count."""
        self.past = [e for e in self.past if e.number <= epoch]
        self.step, self.epoch = (self.past[-1].step, epoch) if self.past else (0, 0)
        self.moved = dict(self.past[-1].moved) if self.past else {}
        for line in (*self.losses.values(), *self.trends.values()):
            line.cut(self.step)

    def _step(self, event: Mapping[str, Any]) -> None:
        loss, seconds, eta = event["loss"], event["seconds"], event["eta"]
        self.step, self.epoch, self.seconds, self.eta = event["step"], event["epoch"], seconds, eta
        for name, value in loss.items():
            if name not in self.losses:
                self.losses[name], self.trends[name] = Growing(), Growing(SMOOTHING)
            self.losses[name].add(self.step, value)
            self.trends[name].add(self.step, value)

    def _epoch(self, event: Mapping[str, Any]) -> None:
        held_out, scores = self._scored(event["validation"], "loss"), self._scored(event["validation"])
        train = {name: values["loss"] for name, values in event["train"].items()}
        number, moved, seconds = event["epoch"], dict(event["moved"]), event["seconds"]
        self.moved, self.seconds = moved, seconds
        self.past.append(Epoch(number, self.step, train, held_out, scores, moved))

    def _scored(self, scores: Mapping[str, Any], what: str = "") -> dict[str, float]:
        """One number by task, the headline score if `what` does not name another."""
        wanted = {name: what or KINDS[kind].headline for name, kind in self.kinds.items()}
        return {name: scores[name][key] for name, key in wanted.items() if key in scores.get(name, ())}

    def _end(self, event: Mapping[str, Any]) -> None:
        self.status, self.best, self.seconds = event["status"], event["best"], event["seconds"]
        self.moved = dict(event.get("moved") or self.moved)
        self.before = self._scored(event.get("before") or {})
        self.forgetting = event.get("forgetting") or {}

    def _error(self, event: Mapping[str, Any]) -> None:
        self.status = "failed"

    def _damaged(self, event: Mapping[str, Any]) -> None:
        self.damaged += 1


class Stories:
    """The stories of the runs that are looked at, each read on from where the last look ended. Thread safe."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def look(self, run_id: str, owner: str) -> Iterator[tuple[Following, Story]]:
        """What is new about a run, and its story up to now, which nobody changes within the block.

        Raises `UserError` where `owner` has no such run."""
        with self._lock:
            kept = self._kept.setdefault(run_id, _Kept())
            self._kept.move_to_end(run_id)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        with kept.lock:
            following = self.runs.follow(run_id, kept.after, owner)
            for event in following.events:
                kept.story.add(event)
            kept.after = following.after
            kept.story.waits |= following.run.state == "queued"
            yield following, kept.story


@dataclass
class _Kept:
    story: Story = field(default_factory=Story)
    after: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
