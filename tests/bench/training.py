"""How fast it trains, beside Trainer and beside itself without the cache. Everything runs in this process."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

import torch

import mtl
from mtl import checkpoint
from mtl.config import TrainConfig
from mtl.encoder.backbone import DEFAULT
from mtl.training.jobs import Job, prepare
from mtl.training.loop import fit
from tests.bench import measure
from tests.bench.startup import WORKSHOP
from tests.bench.table import Row, seconds
from tests.bench.trainer import trainer

# Training alone is compared, at Trainer's one rate: no rows held out for scores, no best epoch, no anchor in the loss.
ALONE = TrainConfig(
    epochs=5, batch_size=32, lr=1e-4, lr_decay=1.0, head_lr=1e-4, anchor=0.0, validation=0.0, keep_best=False
)
# Lowest layer groups frozen: how many times as fast as Trainer training has to be.
TARGETS = {0: 2.5, 5: 5.0, 7: 15.0}


def against_trainer(rounds: int) -> tuple[list[Row], str]:
    """Rows for each of `TARGETS`, and a note."""
    rows, losses = [], []
    for frozen, target in TARGETS.items():
        job = prepare(WORKSHOP, replace(ALONE, freeze=frozen), DEFAULT)
        [part] = job.dataset.parts
        model = checkpoint.derive(mtl.load(DEFAULT, dtype="float32"), job.model)
        peer = trainer(model, part.rows, job.config, frozen)
        kept: dict[str, tuple[int, float]] = {}
        times = measure.side_by_side(
            {"here": lambda job=job, kept=kept: _keep(kept, "here", train(job)),
             "there": lambda peer=peer, kept=kept: _keep(kept, "there", peer())},
            rounds,
        )  # fmt: skip
        assert kept["here"][0] == kept["there"][0], "not the same number of steps"
        losses.append(f"{kept['here'][1]:.2f} here and {kept['there'][1]:.2f} there with {frozen} frozen")
        ratio = measure.ratio(times["there"], times["here"])
        rows.append(
            Row(
                f"5 epochs of workshop.csv, {_which(frozen)}",
                "Hugging Face Trainer in float32, the same frozen ³",
                seconds(median(times["here"])),
                seconds(median(times["there"])),
                f"{ratio:.1f}x faster",
                f"at least {target:g}x",
                ratio >= target,
            )
        )
    note = (
        f"³ {len(part.rows)} rows in batches of {ALONE.batch_size}, the same heads, losses and steps, without scores "
        "after epochs; the peer's texts are tokenised before its time begins. Mean loss over all steps: "
        f"{', '.join(losses)}."
    )
    return rows, note


def with_and_without_cache(rounds: int) -> tuple[list[Row], str]:
    """The same run with five groups frozen, with the cache and without."""
    job = prepare(WORKSHOP, replace(ALONE, freeze=5, precision="float32"), DEFAULT)
    without = replace(job, config=replace(job.config, cache_mb=0))
    curves: dict[str, list[float]] = {}
    times = measure.side_by_side(
        {
            "cached": lambda: _keep(curves, "cached", _curve(job)),
            "uncached": lambda: _keep(curves, "uncached", _curve(without)),
        },
        rounds,
    )
    apart = max(abs(a - b) for a, b in zip(curves["cached"], curves["uncached"], strict=True))
    ratio = measure.ratio(times["uncached"], times["cached"])
    what, against = f"5 epochs of workshop.csv in float32, {_which(5)}", "the same without the cache, same seed"
    middle = seconds(median(times["cached"])), seconds(median(times["uncached"]))
    rows = [
        Row(what, against, *middle, f"{ratio:.2f}x faster", "at least 1.8x", ratio >= 1.8),
        Row("its loss, step by step", against, "", "", f"{apart:.1e} apart at most", "at most 1e-4", apart <= 1e-4),
    ]
    return rows, ""


def train(job: Job) -> tuple[int, float]:
    """(steps, mean over all of them of the tasks' losses together)."""
    curve = _curve(job)
    return len(curve), sum(curve) / len(curve)


def _curve(job: Job) -> list[float]:
    """The tasks' losses together, step by step."""
    torch.manual_seed(job.config.seed)
    model = checkpoint.derive(mtl.load(job.start_from, dtype="float32"), job.model)
    events = fit(model, job.dataset, job.config)
    return [sum(event["loss"].values()) for event in events if event["event"] == "step"]


def _keep(place: dict, name: str, value: object) -> None:
    place[name] = value


def _which(frozen: int) -> str:
    groups = max(TARGETS)
    return "nothing frozen" if not frozen else f"{'all' if frozen == groups else f'lowest {frozen} of'} {groups} frozen"
