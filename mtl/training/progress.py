"""A run as it stands, folded from its events: the one place that gives them a meaning.

Free of torch, so that the page can show a run before it has loaded a model.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mtl.config import KINDS, TrainConfig
from mtl.groups import Groups

if TYPE_CHECKING:
    from mtl.training.runs.folder import Run

# A curve never has more points: twice what can be told apart on a screen, as it is halved when it is full.
MOST_POINTS = 480

Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """A line that grows point by point and stays short: each of its points is the mean of `width` values, of which
    `total` is the sum of the `count` last ones, up to `x`, that do not make a point yet. Iterating gives (x, y)."""

    points: tuple[Point, ...] = ()
    width: int = 1
    count: int = 0
    total: float = 0.0
    x: float = 0.0

    def add(self, x: float, y: float) -> Curve:
        count, total = self.count + 1, self.total + y
        if count < self.width:
            return Curve(self.points, self.width, count, total, x)
        points = (*self.points, (x, total / count))
        if len(points) < MOST_POINTS:
            return Curve(points, self.width)
        pairs = zip(points[::2], points[1::2], strict=True)
        return Curve(tuple((right, (a + b) / 2) for (_, a), (right, b) in pairs), 2 * self.width)

    def until(self, x: float) -> Curve:
        """The curve without what lies beyond `x`."""
        return Curve(tuple(point for point in self if point[0] <= x), self.width)

    def __iter__(self) -> Iterator[Point]:
        yield from self.points
        if self.count:
            yield self.x, self.total / self.count


@dataclass(frozen=True)
class Epoch:
    """An epoch that is over, after `step` steps; not `whole`: the run was stopped within it.

    `train` and `held_out`: loss by task, the latter of the held-out rows. `scores`: the headline score by task (0 to 1,
    or -1 to 1), `score` the mean of them, None without held-out rows. `validation`: all scores, as the event has them;
    {} where another epoch is kept for certain. `moved`: relative change of each group's weights since the run began.
    """

    number: int
    step: int
    whole: bool
    score: float | None
    train: Mapping[str, float]
    held_out: Mapping[str, float]
    scores: Mapping[str, float]
    validation: Mapping[str, Any]
    moved: Mapping[str, float]


@dataclass(frozen=True)
class Progress:
    """A run as it stands.

    From its events (see `fold`): `config` and `start_from`, the model that it began with. `kinds`: task -> kind, of
    those that are trained. `sizes`: parameters of each group, layers lowest first. `rows`: how many are learnt from.
    `seconds`: how long it has trained; `eta`: seconds left as of the last step. `losses`: (step, loss) by name: tasks,
    and "anchor". `past`: the epochs that are over. `moved`: relative change of each group's weights so far. `before`:
    all scores by task of the model that it began with, and `forgetting` (see `mtl.training.forgetting.measure`), both
    known at the end. `status`: how it ended: done, stopped, failed, or "". `checkpoint`: whether it left a model.
    `best_epoch`: the best one, as its end says. `damaged`: events that could not be read. `milestones` counts what
    changes more than the curves: starts, epochs, ends.

    From its folder and the line (see `Runs.progress`): `number`, counted from 1 among its owner's runs where all of
    them are asked for; `file`: the name of its data. `place` in the line (1: next) and `wait`, the seconds until it
    begins as far as that can be told, are None unless it waits. `message` says in plain words why a run failed, was
    killed or is silent. `stopping`: it was asked to end, and has not yet.
    """

    config: TrainConfig | None = None
    start_from: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    rows: int = 0
    held_out: int = 0
    steps: int = 0
    step: int = 0
    epoch: int = 0
    seconds: float = 0.0
    eta: float | None = None
    losses: Mapping[str, Curve] = field(default_factory=dict)
    past: tuple[Epoch, ...] = ()
    moved: Mapping[str, float] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    forgetting: Mapping[str, Any] = field(default_factory=dict)
    status: str = ""
    checkpoint: bool = False
    best_epoch: int | None = None
    damaged: int = 0
    milestones: int = 0

    run: Run | None = None
    number: int = 0
    file: str = ""
    place: int | None = None
    wait: float | None = None
    message: str = ""
    stopping: bool = False

    @property
    def begun(self) -> bool:
        """Whether it trains or has trained; a run that was resumed first has its turn again."""
        return self.steps > 0 and (self.run is None or self.run.begun)

    @property
    def share(self) -> float:
        """How much of its steps is done, 0 to 1."""
        return self.step / self.steps if self.begun else 0.0

    @property
    def epochs(self) -> int:
        return self.config.epochs if self.config else 0

    @property
    def whole_epochs(self) -> int:
        """The last epoch that was finished: resuming goes on after it."""
        return max((epoch.number for epoch in self.past if epoch.whole), default=0)

    def in_epochs(self, step: float) -> float:
        """Where a step lies on an axis of epochs: 1.0 is the end of the first."""
        return step * self.epochs / self.steps if self.steps else 0.0

    def points(self, measure: str, task: str) -> list[Point]:
        """(epochs, value) of a task, or of "anchor". `measure`: "train", the loss of each step, or else a field of
        `Epoch`, "held_out" or "scores"."""
        if measure == "train":
            values = self.losses.get(task, ())
        else:
            found = [(epoch.step, getattr(epoch, measure)) for epoch in self.past]
            values = [(step, by_task[task]) for step, by_task in found if task in by_task]
        return [(self.in_epochs(step), value) for step, value in values]

    # --- scores ---

    @property
    def kept(self) -> Epoch | None:
        """The epoch whose weights the run left, or would leave now: where its settings say so the one with the best
        mean score, otherwise, or without held-out rows, the last."""
        last = self.past[-1] if self.past else None
        if self.config is None or not self.config.keep_best:
            return last
        if self.best_epoch is not None:
            return next((epoch for epoch in self.past if epoch.number == self.best_epoch), None)
        return _best(self.past, lambda epoch: epoch.score) or last

    @property
    def scores(self) -> Mapping[str, float]:
        """The headline scores of the weights that are kept."""
        return self.kept.scores if self.kept else {}

    @property
    def validation(self) -> Mapping[str, Any]:
        """All scores of the weights that are kept."""
        return self.kept.validation if self.kept else {}

    @property
    def scored(self) -> bool:
        """Whether rows are held out to score it."""
        return any(epoch.scores for epoch in self.past)

    @property
    def scores_before(self) -> dict[str, float]:
        """The headline scores of the model that it began with."""
        return _pick(self.before, self.kinds)

    @property
    def best_of_task(self) -> dict[str, Epoch]:
        """The best epoch of each task, whatever the mean over all says."""
        found = {task: _best(self.past, lambda epoch, task=task: epoch.scores.get(task)) for task in self.kinds}
        return {task: epoch for task, epoch in found.items() if epoch is not None}

    @property
    def better_elsewhere(self) -> dict[str, Epoch]:
        """The best epoch of each task that scored higher in it than in the one that is kept."""
        best, kept = self.best_of_task, self.scores
        return {task: epoch for task, epoch in best.items() if task in kept and epoch.scores[task] > kept[task]}

    # --- what it forgot ---

    @property
    def cosine(self) -> float | None:
        """The mean cosine of sentence embeddings to what they were before the run."""
        return self.forgetting.get("cosine")

    @property
    def lost(self) -> dict[str, tuple[str, float]]:
        """(metric, change) of each task that the run did not train."""
        tasks = self.forgetting.get("tasks") or {}
        measured = {name: t for name, t in tasks.items() if {"metric", "before", "after", "trained"} <= t.keys()}
        return {name: (t["metric"], t["after"] - t["before"]) for name, t in measured.items() if not t["trained"]}

    @property
    def groups(self) -> Groups:
        """Its layer groups, heads and projection, as its settings treat them; none before it has begun."""
        groups = Groups(self.sizes)
        return groups.under(groups.fitted(self.config), self.kinds) if self.config else groups


def fold(progress: Progress, events: Iterable[Mapping[str, Any]]) -> Progress:
    """The progress after these events, which follow those that `progress` was folded from.

    An event of a kind that is not known here changes nothing, nor do fields that are not; one that lacks what its kind
    has counts as damaged. The time it takes depends on the number of `events` alone, not on those before.
    """
    for event in events:
        take = _TAKE.get(event.get("event", ""))
        if take is None:
            continue
        try:
            progress = take(progress, event)
        except (KeyError, TypeError, ValueError, AttributeError):
            progress = _damaged(progress, event)
        if take is not _step:
            progress = replace(progress, milestones=progress.milestones + 1)
    return progress


def _start(now: Progress, event: Mapping[str, Any]) -> Progress:
    config = event["config"]
    kinds = {task["name"]: KINDS[task["kind"]].name for task in config["model"]["tasks"]}
    sizes = {**event["trainable"], **event["frozen"]}
    train, steps = TrainConfig.from_json(config["train"]), event["steps"]
    if steps < 1:
        raise ValueError("a run has at least one step")
    # What came after this epoch did not count: the run goes on from there.
    epoch = event.get("resumed_after_epoch") or 0
    step = steps * epoch // train.epochs
    past = tuple(e for e in now.past if e.number <= epoch)
    return replace(
        now,
        config=train,
        start_from=config.get("start_from") or now.start_from,
        kinds={name: kinds[name] for name in event["tasks"]},
        sizes={name: sizes[name] for name in event["rates"]},
        notes=tuple(event["notes"]),
        rows=event.get("rows", 0),
        held_out=sum(event.get("validation_rows", {}).values()),
        steps=steps,
        step=step,
        epoch=epoch,
        eta=None,
        losses={name: curve.until(step) for name, curve in now.losses.items()},
        past=past,
        moved=past[-1].moved if past else {},
        before={},
        forgetting={},
        status="",
        checkpoint=False,
        best_epoch=None,
    )


def _step(now: Progress, event: Mapping[str, Any]) -> Progress:
    step, losses = event["step"], dict(now.losses)
    for name, loss in event["loss"].items():
        losses[name] = losses.get(name, Curve()).add(step, loss)
    return replace(now, step=step, epoch=event["epoch"], seconds=event["seconds"], eta=event["eta"], losses=losses)


def _epoch(now: Progress, event: Mapping[str, Any]) -> Progress:
    number, validation = event["epoch"], event["validation"]
    scores = _pick(validation, now.kinds)
    epoch = Epoch(
        number,
        now.step,
        # Earlier versions do not say it.
        event.get("whole", now.step * now.epochs == number * now.steps),
        event["score"] if "score" in event else statistics.fmean(scores.values()) if scores else None,
        {name: values["loss"] for name, values in event["train"].items()},
        {name: validation[name]["loss"] for name in now.kinds if "loss" in validation.get(name, ())},
        scores,
        validation,
        event["moved"],
    )
    past = tuple(e for e in now.past if e.number < number)
    if epoch.whole:  # no resuming goes back behind it, so of those before only the best may still be kept
        best = max((e.score for e in past if e.score is not None), default=None)
        past = tuple(e if e.score == best or not e.validation else replace(e, validation={}) for e in past)
    return replace(now, seconds=event["seconds"], moved=epoch.moved, past=(*past, epoch))


def _end(now: Progress, event: Mapping[str, Any]) -> Progress:
    return replace(
        now,
        status=event["status"],
        best_epoch=event["best"],
        seconds=event["seconds"] or now.seconds,
        checkpoint=bool(event.get("checkpoint")),
        moved=event.get("moved") or now.moved,
        before=event.get("before") or {},
        forgetting=event.get("forgetting") or {},
        eta=None,
    )


def _error(now: Progress, event: Mapping[str, Any]) -> Progress:
    return replace(now, status="failed", checkpoint=False, eta=None)


def _damaged(now: Progress, event: Mapping[str, Any]) -> Progress:
    return replace(now, damaged=now.damaged + 1)


_TAKE = {"start": _start, "step": _step, "epoch": _epoch, "end": _end, "error": _error, "damaged": _damaged}


def _pick(scores: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, float]:
    """The headline score of each task that has one."""
    wanted = {name: KINDS[kind].headline for name, kind in kinds.items()}
    return {name: scores[name][metric] for name, metric in wanted.items() if metric in scores.get(name, ())}


def _best(epochs: Iterable[Epoch], score: Callable[[Epoch], float | None]) -> Epoch | None:
    """The first of those that score highest; None where none is scored."""
    scored = [epoch for epoch in epochs if score(epoch) is not None]
    return max(scored, key=score, default=None)
