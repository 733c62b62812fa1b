"""How soon a run is under way: from `Runs.start` to its first step event, cold and with a warm process waiting."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

from mtl.training.runs import folder as folders
from mtl.training.runs.service import Runs
from tests.bench import measure
from tests.bench.startup import LIMIT, WORKSHOP, bare_imports
from tests.bench.table import Row, seconds


def first_step(rounds: int) -> tuple[list[Row], str]:
    """Rows for a server that has just started, and for one that has been up for a while."""
    times = measure.side_by_side({"cold": _cold, "imports": lambda: bare_imports("torch, transformers")}, rounds)
    ratio = measure.ratio(times["cold"], times["imports"])
    warm = median(_warm(rounds))
    what = "from starting a run on workshop.csv to its first step"
    return [
        Row(
            f"{what}, server just started",
            "`import torch, transformers` in a fresh process",
            seconds(median(times["cold"])),
            seconds(median(times["imports"])),
            f"{ratio:.2f}x the time",
            "at most 1.5x",
            ratio <= 1.5,
        ),
        Row(f"{what}, a warm process waiting", "", seconds(warm), "", seconds(warm), "under 0.5 s", warm < 0.5),
    ], ""


def _cold() -> float:
    with tempfile.TemporaryDirectory() as root, Runs(root, warm=True) as runs:
        return _time(runs)


def _warm(rounds: int) -> list[float]:
    """As often as asked, after one time that does not count."""
    with tempfile.TemporaryDirectory() as root, Runs(root, warm=True) as runs:
        times = []
        for _ in range(rounds + 1):
            _until(lambda: runs.warm)
            time.sleep(1)  # the process has said that it is ready: let it come to rest
            times.append(_time(runs))
        return times[1:]


def _time(runs: Runs) -> float:
    """Seconds until the first step is there to be read; the run is then stopped, and waited for."""
    start = perf_counter()
    run = runs.start("bench", WORKSHOP)
    _until(lambda: _stepped(run.folder))
    took = perf_counter() - start
    runs.stop(run.id)
    _until(lambda: not runs.get(run.id).unfinished)
    return took


def _stepped(folder: Path) -> bool:
    events = folders.events(folder)
    assert not any(event["event"] == "error" for event in events), events
    return any(event["event"] == "step" for event in events)


def _until(condition: Callable[[], bool]) -> None:
    deadline = perf_counter() + LIMIT
    while not condition():
        assert perf_counter() < deadline, f"nothing came of it in {LIMIT} s"
        time.sleep(0.005)
