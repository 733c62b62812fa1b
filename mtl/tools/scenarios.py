"""Trains with every preset on workshop.csv and measures the result: the figures of the page's Learn tab.

Every preset starts from the bare backbone with new heads, because the default model was trained on rows of this file.
The held-out rows are the same for all presets.
"""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl.config import KINDS, TrainConfig
from mtl.groups import Groups
from mtl.places import ASSETS
from mtl.training.forgetting import probe
from mtl.training.metrics import evaluate
from mtl.training.presets import PRESETS
from mtl.training.progress import Progress, fold
from mtl.training.scores import headlines

if TYPE_CHECKING:
    from mtl.training.jobs import Job

COMMAND = "python -m mtl scenarios"
DATA = ASSETS / "samples" / "workshop.csv"
START = "all-MiniLM-L6-v2"
# The last epoch is kept, so that nothing is selected on the rows that are scored. The share held out is the default
# model's own.
BASE = TrainConfig(epochs=6, validation=0.2, keep_best=False)
# To show the anchor, this task is taught to a model that knows the others, without the anchor and with it.
NEW_TASK = "sentiment"
ANCHORS = (0.0, 1.0)

Figures = dict[str, Any]


def measure(
    data: str | os.PathLike = DATA,
    start: str | os.PathLike = START,
    base: TrainConfig = BASE,
    say: Callable[[str], None] = lambda line: None,
) -> Figures:
    """Train `start` on the table `data` with every preset, and once more for the anchor; JSON data.

    Deterministic on one machine, except for the seconds. `say` is called with what is done. Raises `UserError` if
    nothing can be learned from the data.
    """
    from mtl import checkpoint
    from mtl.training.jobs import prepare
    from mtl.training.loop import chosen_precision

    start = str(start)
    model = checkpoint.load(start, dtype="float32")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = prepare(data, base, start)
        tasks = {spec.name: spec for spec in job.model.tasks}
        groups = Groups.of(model.backbone, job.model)
        say("warming up")
        _train(prepare(data, replace(base, epochs=1), start), folder / "warm-up")
        scenarios = []
        for preset in PRESETS:
            say(preset.title)
            config = preset.make(groups, base)
            one = replace(job, config=config)
            nothing_learns = all(group.frozen for group in groups.under(config))
            figures = _untouched(one, groups) if nothing_learns else _train(one, folder / preset.name)
            scenarios.append({"name": preset.name, "config": config.to_json(), **figures})
        say("the anchor")
        anchor = _anchor(data, start, base, list(tasks), folder)
    return {
        "command": COMMAND,
        "machine": _machine(chosen_precision(model.device, base.precision)),
        "data": {
            "file": Path(data).name,
            "sha256": job.dataset.fingerprint,
            "rows": sum(len(part.rows) for part in job.dataset.parts),
            "held_out": sum(len(rows) for rows in job.dataset.validation.values()),
        },
        "probe": len(probe()),
        "start": {"name": model.origin.name, "sha256": model.origin.sha256},
        "tasks": {name: {"kind": spec.kind, "metric": KINDS[spec.kind].headline.name} for name, spec in tasks.items()},
        "base": base.to_json(),
        "scenarios": scenarios,
        "anchor": anchor,
    }


def _anchor(data: str | os.PathLike, start: str, base: TrainConfig, tasks: Sequence[str], folder: Path) -> Figures:
    """Train all tasks but one, then that one alone, without the anchor and with it: what the others lost."""
    from mtl.training.jobs import prepare

    others = [name for name in tasks if name != NEW_TASK]
    _train(prepare(data, base, start, roles={NEW_TASK: "ignored"}), folder / "before")
    runs = []
    for weight in ANCHORS:
        config = replace(base, anchor=weight)
        only = dict.fromkeys(others, "ignored")
        job = prepare(data, config, str(folder / "before" / "checkpoint"), roles=only)
        runs.append({"anchor": weight, **_train(job, folder / f"anchor {weight}")})
    return {"task": NEW_TASK, "config": base.to_json(), "runs": runs}


def _train(job: Job, folder: Path) -> Figures:
    """The figures of a job, which is carried out."""
    from mtl.training.runs.worker import run

    progress = fold(Progress(), run(job, folder))
    return {
        "learns": True,
        "seconds": round(progress.seconds, 2),
        "steps": progress.step,
        "sizes": dict(progress.sizes),
        "moved": _rounded(progress.moved),
        "scores": _rounded(progress.past[-1].scores),
        "cosine": round(progress.cosine, 4),
        "probe": {
            name: {"metric": task["metric"], "before": round(task["before"], 4), "after": round(task["after"], 4)}
            for name, task in progress.forgetting["tasks"].items()
            if not task["trained"]
        },
    }


def _untouched(job: Job, groups: Groups) -> Figures:
    """The figures of a model in which nothing learns."""
    import torch

    from mtl import checkpoint

    torch.manual_seed(job.config.seed)  # new heads are initialised as in the runs
    model = checkpoint.derive(checkpoint.load(job.start_from, dtype="float32"), job.model).eval()
    [rows] = job.dataset.validation.values()
    kinds = {spec.name: spec.kind for spec in job.model.tasks}
    return {
        "learns": False,
        "seconds": 0.0,
        "steps": 0,
        "sizes": dict(groups.sizes),
        "moved": dict.fromkeys(groups.sizes, 0.0),
        "scores": _rounded(headlines(evaluate(model, rows), kinds)),
        "cosine": 1.0,
        "probe": {},
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in values.items()}


def _machine(precision: str) -> str:
    """One line: processor, threads, versions."""
    import torch

    return (
        f"{_processor()}, {torch.get_num_threads()} thread{'s' * (torch.get_num_threads() > 1)}, {platform.system()}, "
        f"Python {platform.python_version()}, torch {torch.__version__.partition('+')[0]}, {precision}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
