"""How fast it trains, beside Trainer and beside itself without the cache. Everything runs in this process."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

import torch

import mtl
from mtl import checkpoint
from mtl.config import TrainConfig
from mtl.encoder.backbone import DEFAULT
from mtl.model import multiplies_in_bfloat16
from mtl.training.jobs import Job, prepare
from mtl.training.loop import fit
from tests.bench import measure
from tests.bench.startup import WORKSHOP
from tests.bench.table import Row, kind_of_processor, seconds
from tests.bench.trainer import trainer

# Training alone is compared, at Trainer's one rate: no rows held out for scores, no best epoch, no anchor in the loss.
ALONE = TrainConfig(
    epochs=5, batch_size=32, lr=1e-4, lr_decay=1.0, head_lr=1e-4, anchor=0.0, validation=0.0, keep_best=False
)
# Lowest layer groups frozen: how many times as fast as Trainer in float32 training has to be, on a processor that
# multiplies in bfloat16 and on another.
TARGETS = {0: (2.5, 1.8), 5: (5.0, 4.0), 7: (15.0, 8.0)}


def against_trainer(rounds: int) -> tuple[list[Row], str]:
    """Rows for each of `TARGETS`, and a note. Beside Trainer with `bf16=True`, too, where the processor has it."""
    rows, losses, has_bfloat16 = [], [], multiplies_in_bfloat16()
    for frozen, targets in TARGETS.items():
        target = targets[0 if has_bfloat16 else 1]
        job = prepare(WORKSHOP, replace(ALONE, freeze=frozen), DEFAULT)
        [part] = job.dataset.parts
        model = checkpoint.derive(mtl.load(DEFAULT, dtype="float32"), job.model)
        formats = {"float32": False, **({"bfloat16": True} if has_bfloat16 else {})}
        peers = {name: trainer(model, part.rows, job.config, frozen, bf16) for name, bf16 in formats.items()}
        kept: dict[str, tuple[int, float]] = {}
        contenders = {"here": lambda job=job: train(job), **peers}
        times = measure.side_by_side(
            {name: lambda name=name, do=do, kept=kept: _keep(kept, name, do()) for name, do in contenders.items()},
            rounds,
        )
        assert len({steps for steps, _ in kept.values()}) == 1, "not the same number of steps"
        losses.append(f"{kept['here'][1]:.2f} here and {kept['float32'][1]:.2f} there with {frozen} frozen")
        for name in peers:
            ratio = measure.ratio(times[name], times["here"])
            rows.append(
                Row(
                    f"5 epochs of workshop.csv, {_which(frozen)}, on {kind_of_processor()}",
                    f"Hugging Face Trainer {'with bf16=True' if formats[name] else 'in float32'}, the same frozen ³",
                    seconds(median(times["here"])),
                    seconds(median(times[name])),
                    f"{ratio:.1f}x faster",
                    "" if formats[name] else f"at least {target:g}x",
                    formats[name] or ratio >= target,
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
