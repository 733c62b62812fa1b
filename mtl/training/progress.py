"""The progress of a run, folded from its events: the only module that interprets them.

Free of torch, so that the page can show a run before it has loaded a model.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mtl.config import KINDS, TrainConfig, caution
from mtl.groups import Groups
from mtl.training.held_out import Verdict
from mtl.training.scores import headlines

if TYPE_CHECKING:
    from mtl.training.runs.folder import Run

# The most points of a curve: twice what a screen can show, as a full curve is halved.
MOST_POINTS = 480

Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """A curve of bounded length. Each point is the mean of `width` values; `total` is the sum of the last `count`
    values, up to `x`, that do not fill a point yet. Iterating gives (x, y)."""

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
        """The curve up to `x`."""
        return Curve(tuple(point for point in self if point[0] <= x), self.width)

    def __iter__(self) -> Iterator[Point]:
        yield from self.points
        if self.count:
            yield self.x, self.total / self.count


@dataclass(frozen=True)
class Epoch:
    """A finished epoch, after `step` steps; not `whole`: the run was stopped within it.

    `train` and `held_out`: loss by task, on training and held-out rows. `scores`: headline score by task (0 to 1, or
    -1 to 1), `score` their mean, None without held-out rows. `validation`: all scores, as in the event; {} once another
    epoch is certain to be kept. `moved`: relative change of each group's weights since the start.
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
    """The progress of a run.

    From its events (see `fold`): `config`; `start_from`, the start model; `kinds`, task -> kind of the trained tasks;
    `cautions`, what is to be known of the answers of some of them (see `mtl.config.caution`);
    `sizes`, parameters of each group, layers lowest first; `rows` and `held_out`, numbers of rows; `data`, a digest of
    all of them; `scored_on`, one of those held out for each task, which earlier versions do not say. `seconds`:
    trained so far; `eta`: seconds left. `losses`: (step, loss) by task, and "anchor". `past`: the
    finished epochs. `moved`: relative change of each group's weights so far. `before` (all scores of the start model),
    `verdicts` (see `mtl.training.held_out`) and `forgetting` (see `mtl.training.forgetting.measure`) are known at the
    end. `status`: done, stopped, failed, or "". `checkpoint`: whether it left a model. `best_epoch`: the best one, as
    its end says. `damaged`: the number of unreadable events. `milestones`: the number of starts, epochs and ends.
    `unmeasured`: what it left out because it was stopped: "scores" of its last epoch, "calibration", "comparison" with
    the start model, "forgetting", "familiarity", "limits".

    From its folder and the queue (see `Runs.progress`): `number`, from 1 among its owner's runs, if all of them are
    requested; `file`, the name of its data. `place` in the queue (1: next) and `wait`, the seconds until it begins if
    known, are None unless it is queued. `message`: why it failed, was killed or is silent. `stopping`: it was asked to
    stop and has not yet; `at_once`: without measuring anything.
    """

    config: TrainConfig | None = None
    start_from: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict)
    cautions: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    rows: int = 0
    held_out: int = 0
    data: str = ""
    scored_on: Mapping[str, str] = field(default_factory=dict)
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
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    status: str = ""
    checkpoint: bool = False
    best_epoch: int | None = None
    damaged: int = 0
    milestones: int = 0
    unmeasured: tuple[str, ...] = ()

    run: Run | None = None
    number: int = 0
    file: str = ""
    place: int | None = None
    wait: float | None = None
    message: str = ""
    stopping: bool = False
    at_once: bool = False

    @property
    def begun(self) -> bool:
        """Whether it trains or has trained; False for a resumed run that is queued again."""
        return self.steps > 0 and (self.run is None or self.run.begun)

    @property
    def share(self) -> float:
        """The share of its steps that is done, 0 to 1."""
        return self.step / self.steps if self.begun else 0.0

    @property
    def scoring(self) -> bool:
        """Whether an epoch has taken all its steps, and is not scored yet."""
        steps = self.steps // self.epochs if self.epochs else 0
        return self.begun and bool(steps) and self.step == self.epoch * steps > self.whole_epochs * steps

    @property
    def epochs(self) -> int:
        return self.config.epochs if self.config else 0

    @property
    def whole_epochs(self) -> int:
        """The last whole epoch, after which resuming goes on."""
        return max((epoch.number for epoch in self.past if epoch.whole), default=0)

    def in_epochs(self, step: float) -> float:
        """A step in epochs: 1.0 is the end of the first."""
        return step * self.epochs / self.steps if self.steps else 0.0

    def points(self, measure: str, task: str) -> list[Point]:
        """(epochs, value) of a task, or of "anchor". `measure`: "train", the loss of each step, or else a field of
        `Epoch`, "held_out" or "scores"."""
        if measure == "train":
            values = self.losses.get(task, ())
        else:
            values = [(e.step, getattr(e, measure)[task]) for e in self.past if task in getattr(e, measure)]
        return [(self.in_epochs(step), value) for step, value in values]

    # --- scores ---

    @property
    def kept(self) -> Epoch | None:
        """The epoch whose weights the run left, or would leave now: with `keep_best` the one with the best mean score;
        otherwise, or without held-out rows, the last."""
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
        """Whether rows are held out."""
        return any(epoch.scores for epoch in self.past)

    @property
    def scores_before(self) -> dict[str, float]:
        """The headline scores of the start model."""
        return headlines(self.before, self.kinds)

    @property
    def best_of_task(self) -> dict[str, Epoch]:
        """The best epoch of each task by its own score."""
        best = {task: _best(self.past, lambda epoch, task=task: epoch.scores.get(task)) for task in self.kinds}
        return {task: epoch for task, epoch in best.items() if epoch is not None}

    @property
    def better_elsewhere(self) -> dict[str, Epoch]:
        """The best epoch of each task that scored higher in it than in the kept one."""
        best, kept = self.best_of_task, self.scores
        return {task: epoch for task, epoch in best.items() if task in kept and epoch.scores[task] > kept[task]}

    # --- what it forgot ---

    @property
    def cosine(self) -> float | None:
        """The mean cosine of sentence embeddings before and after the run."""
        return self.forgetting.get("cosine")

    @property
    def lost(self) -> dict[str, tuple[str, float]]:
        """(metric, change) of each task that the run did not train."""
        tasks = self.forgetting.get("tasks") or {}
        measured = {name: t for name, t in tasks.items() if {"metric", "before", "after", "trained"} <= t.keys()}
        return {name: (t["metric"], t["after"] - t["before"]) for name, t in measured.items() if not t["trained"]}

    @property
    def groups(self) -> Groups:
        """Its layer groups, heads and projection under its settings; none before it has begun."""
        groups = Groups(self.sizes)
        return groups.under(groups.fitted(self.config), self.kinds) if self.config else groups


def fold(progress: Progress, events: Iterable[Mapping[str, Any]]) -> Progress:
    """The progress after these events, which follow those that `progress` was folded from.

    Unknown events and fields are ignored; an event that lacks a field counts as damaged. The time this takes depends
    on the number of `events` only.
    """
    for event in events:
        handle = _HANDLERS.get(event.get("event", ""))
        if handle is None:
            continue
        try:
            progress = handle(progress, event)
        except (KeyError, TypeError, ValueError, AttributeError):
            progress = _damaged(progress, event)
        if handle is not _step:
            progress = replace(progress, milestones=progress.milestones + 1)
    return progress


def _start(now: Progress, event: Mapping[str, Any]) -> Progress:
    config = event["config"]
    tasks = {task["name"]: task for task in config["model"]["tasks"]}
    kinds = {name: KINDS[task["kind"]].name for name, task in tasks.items()}
    cautions = {name: caution(name, tasks[name].get("only_where", "")) for name in event["tasks"]}
    sizes = {**event["trainable"], **event["frozen"]}
    train, steps = TrainConfig.from_json(config["train"]), event["steps"]
    if steps < 1:
        raise ValueError("a run has at least one step")
    # The run continues after this epoch; what followed it is dropped.
    epoch = event.get("resumed_after_epoch") or 0
    step = steps * epoch // train.epochs
    past = tuple(e for e in now.past if e.number <= epoch)
    return replace(
        now,
        config=train,
        start_from=config.get("start_from") or now.start_from,
        kinds={name: kinds[name] for name in event["tasks"]},
        cautions={name: said for name, said in cautions.items() if said},
        sizes={name: sizes[name] for name in event["rates"]},
        notes=tuple(event["notes"]),
        rows=event.get("rows", 0),
        held_out=sum(event.get("validation_rows", {}).values()),
        data=str(config.get("data", "")),
        scored_on=event.get("held_out", {}),
        steps=steps,
        step=step,
        epoch=epoch,
        eta=None,
        losses={name: curve.until(step) for name, curve in now.losses.items()},
        past=past,
        moved=past[-1].moved if past else {},
        before={},
        forgetting={},
        verdicts={},
        status="",
        checkpoint=False,
        best_epoch=None,
        unmeasured=(),
    )


def _step(now: Progress, event: Mapping[str, Any]) -> Progress:
    step, losses = event["step"], dict(now.losses)
    for name, loss in event["loss"].items():
        losses[name] = losses.get(name, Curve()).add(step, loss)
    return replace(
        now,
        step=step,
        epoch=event["epoch"],
        seconds=event["seconds"],
        eta=event["eta"],
        losses=losses,
        moved=event.get("moved") or now.moved,
    )


def _epoch(now: Progress, event: Mapping[str, Any]) -> Progress:
    number, validation = event["epoch"], event["validation"]
    scores = headlines(validation, now.kinds)
    epoch = Epoch(
        number,
        now.step,
        # Events of earlier versions lack it.
        event.get("whole", now.step * now.epochs == number * now.steps),
        event["score"] if "score" in event else statistics.fmean(scores.values()) if scores else None,
        {name: values["loss"] for name, values in event["train"].items()},
        {name: validation[name]["loss"] for name in now.kinds if "loss" in validation.get(name, ())},
        scores,
        validation,
        event["moved"],
    )
    past = tuple(e for e in now.past if e.number < number)
    if epoch.whole:  # resuming never goes back before it, so of the earlier ones only the best may still be kept
        best = max((e.score for e in past if e.score is not None), default=None)
        past = tuple(e if e.score == best or not e.validation else replace(e, validation={}) for e in past)
    eta = event.get("eta", now.eta)
    return replace(now, seconds=event["seconds"], eta=eta, moved=epoch.moved, past=(*past, epoch))


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
        verdicts={task: Verdict.from_json(data) for task, data in event.get("verdicts", {}).items()},
        unmeasured=tuple(event.get("unmeasured", ())),
        notes=(*now.notes, *event.get("notes", ())),
        eta=None,
    )


def _error(now: Progress, event: Mapping[str, Any]) -> Progress:
    return replace(now, status="failed", checkpoint=False, eta=None)


def _damaged(now: Progress, event: Mapping[str, Any]) -> Progress:
    return replace(now, damaged=now.damaged + 1)


_HANDLERS = {"start": _start, "step": _step, "epoch": _epoch, "end": _end, "error": _error, "damaged": _damaged}


def _best(epochs: Iterable[Epoch], score: Callable[[Epoch], float | None]) -> Epoch | None:
    """The first epoch with the highest score, or None."""
    scored = [epoch for epoch in epochs if score(epoch) is not None]
    return max(scored, key=score, default=None)
