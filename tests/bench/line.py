"""A class in the line for training, with the program as it was before and as it is now.

Both are driven by this file: `python tests/bench/line.py SCENARIO` in the folder of either prints what it measured. The
earlier one is taken out of the repository's history.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# The last commit at which each run had a process of its own, and nothing that learners share was kept.
BEFORE = "e4345ce"
LEARNERS = 30
# The seconds between two starts; how many learners; the lowest groups that are frozen, of everybody and of every sixth.
SCENARIOS: dict[str, tuple[float, int, int, int | None]] = {
    "burst": (5 / LEARNERS, LEARNERS, -1, None),
    "arrivals": (2.0, LEARNERS, -1, None),
    "partly": (5 / LEARNERS, 8, 5, None),
    "mixed": (2.0, LEARNERS, -1, 0),
}
_LIMIT = 3600.0
# A wait that was told within so many of its parts is right, or within a second.
_RIGHT = 0.3


def rows() -> tuple[list, str]:
    """Rows of the table, and a note."""
    from tests.bench.table import Row, seconds

    with _earlier() as before:
        found = {name: (_measured(before, name), _measured(ROOT, name)) for name in SCENARIOS}
    against = "the program before runs shared anything"

    def row(what: str, scenario: str, figure: str, target: str, passed) -> Row:
        old, new = (each[figure] for each in found[scenario])
        return Row(what, against, seconds(new), seconds(old), f"{new / old:.2f}x the time", target, passed(old, new))

    told = [share for scenario in ("burst", "mixed") for share in found[scenario][1]["told"]]
    right = sum(told) / len(told)
    before_told = [share for scenario in ("burst", "mixed") for share in found[scenario][0]["told"]]
    return [
        row(
            f"{LEARNERS} heads-only runs started within 5 s: until all are done",
            "burst",
            "took",
            "at most 0.33x",
            lambda old, new: new <= old / 3,
        ),
        row(
            f"{LEARNERS} heads-only runs, one every two seconds: the longest until it is done",
            "arrivals",
            "longest",
            "at most 10 s",
            lambda old, new: new <= 10,
        ),
        row(
            f"{SCENARIOS['partly'][1]} runs with the lowest 5 of 7 frozen: until all are done",
            "partly",
            "took",
            "at most 0.9x",
            lambda old, new: new <= 0.9 * old,
        ),
        row(
            f"{LEARNERS} learners, one every two seconds, every sixth trains all layers: "
            "the longest until another's heads-only run begins",
            "mixed",
            "others_begin",
            "at most 10 s",
            lambda old, new: new <= 10,
        ),
        row("the same: until all are done", "mixed", "took", "", lambda old, new: True),
        Row(
            "the wait that the line tells at the start: right within 30 % or a second",
            against,
            f"{right:.0%}",
            f"{sum(before_told) / len(before_told):.0%}",
            f"{right:.0%} of {len(told)}",
            "at least 90 %",
            right >= 0.9,
        ),
    ], ""


@contextmanager
def _earlier() -> Iterator[Path]:
    """A folder with the program as it was before."""
    archive = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True)
    if archive.returncode:
        raise SystemExit(f"The line is measured beside the program at {BEFORE}, which needs the repository's history.")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(folder, filter="data")
        yield Path(folder)


def _measured(program: Path, scenario: str) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).resolve()), scenario]
    environment = {**os.environ, "PYTHONPATH": str(program)}
    output = subprocess.run(command, cwd=program, env=environment, capture_output=True, text=True, timeout=_LIMIT)
    assert output.returncode == 0, output.stderr
    return json.loads(output.stdout.splitlines()[-1])


# --- in the folder of either program ---


def main() -> None:
    print(json.dumps(_scenario(*SCENARIOS[sys.argv[1]])))


def _scenario(pause: float, learners: int, frozen: int, of_sixth: int | None) -> dict[str, Any]:
    from mtl.config import TrainConfig
    from mtl.places import ASSETS
    from mtl.training.runs.service import Runs

    data = ASSETS / "samples" / "workshop.csv"
    configs = [TrainConfig(freeze=frozen), TrainConfig(freeze=frozen if of_sixth is None else of_sixth)]
    expected = [_expected(data, config) for config in configs]
    with tempfile.TemporaryDirectory() as root, Runs(root, warm=True) as runs:
        # The first of a lesson, which somebody tries before it begins.
        _follow(runs, {runs.start("first", data, configs[0], estimate=expected[0]).id: [time.time()]})
        _until(lambda: runs.warm)
        time.sleep(2)
        began, seen, told, long = time.time(), {}, {}, set()
        for number in range(learners):
            _follow(runs, seen, until=began + number * pause)
            which = int(of_sixth is not None and number % 6 == 2)
            run = runs.start(f"learner {number}", data, configs[which], estimate=expected[which])
            seen[run.id] = [time.time()]
            told[run.id] = runs.progress(run.id).wait
            if which:
                long.add(run.id)
        _follow(runs, seen)
        assert all(runs.get(run_id).state == "done" for run_id in seen), "a run was not done"
    begin = {run_id: times[1] - times[0] for run_id, times in seen.items()}
    return {
        "took": max(times[2] for times in seen.values()) - began,
        "longest": max(times[2] - times[0] for times in seen.values()),
        "others_begin": max(wait for run_id, wait in begin.items() if run_id not in long),
        "told": [
            abs(told[run_id] - wait) <= max(1.0, _RIGHT * wait)
            for run_id, wait in begin.items()
            if told[run_id] is not None
        ],
    }


def _expected(data: Path, config) -> float:
    """The seconds that the page expects."""
    import mtl
    from mtl.training.estimate import estimate
    from mtl.training.jobs import prepare

    job, model = prepare(data, config), mtl.load(dtype="float32")
    rows = [row for part in job.dataset.parts for row in part.rows]
    held_out = [row for rows in job.dataset.validation.values() for row in rows]
    tokens = sum(model.token_counts([row.text for row in [*rows, *held_out]]))
    tasks = {task.name: task for task in job.model.tasks}
    learns = {name for row in rows for name in row.labels}
    found = estimate(model, tasks, learns, len(rows) + len(held_out), len(held_out), tokens, config, wait=60.0)
    assert found.seconds is not None
    return found.seconds


def _follow(runs, seen: dict[str, list[float]], until: float | None = None) -> None:
    """Note when each run begins and ends, until a time or else until all have ended."""
    while (until is None and any(len(times) < 3 for times in seen.values())) or (until and time.time() < until):
        for run_id, times in seen.items():
            if len(times) == 3:
                continue
            run = runs.get(run_id)
            assert run.state not in ("failed", "killed"), runs.progress(run_id).message
            if len(times) == 1 and run.started is not None:
                times.append(run.started)
            if not run.unfinished:
                times.append(run.ended)
        time.sleep(0.1)


def _until(condition) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


if __name__ == "__main__":
    main()
