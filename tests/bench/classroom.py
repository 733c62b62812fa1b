"""A class of learners on one server: how it answers while somebody trains, how long the line is, what sessions cost.

The real server is driven with gradio_client over loopback. Runs are put into the line through the folder that the
server shares, as its own Start button does: that button's event has no public name.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from mtl.config import TrainConfig
from mtl.training.progress import Progress
from mtl.training.runs.service import Runs
from tests.bench import memory
from tests.bench.startup import LIMIT, ROOT, WORKSHOP, free_port, wait_for_page
from tests.bench.table import Row, seconds

LEARNERS, SENTENCES = 30, 10
# Each learner analyses twice within so many seconds, and presses Start within as many.
MINUTE = 60.0
HEADS_ONLY = TrainConfig(freeze=-1)


def rows() -> tuple[list[Row], str]:
    with tempfile.TemporaryDirectory() as root, _server(root) as address:
        runs = Runs(root)  # not opened: the server gives the turns
        quiet, busy = _answers(address, runs)
        alone, waits, told = _line(runs)
    first = _first_point()
    one, many = _sessions()
    answers = f"{LEARNERS} visitors, {SENTENCES} sentences each, twice a minute, while one trains: p95"
    longest = max(waits)
    return [
        Row(answers, "nobody trains", seconds(busy), seconds(quiet), seconds(busy), "under 1 s", busy < 1),
        Row(
            "Start to the first point on the curve, worker warm",
            "",
            seconds(first),
            "",
            seconds(first),
            "under 1.5 s",
            first < 1.5,
        ),
        Row(
            f"{LEARNERS} visitors start within a minute, all groups frozen: the longest wait until a run is done",
            "one visitor",
            seconds(longest),
            seconds(alone),
            f"{longest / alone:.1f}x, {len(waits)} of {LEARNERS} done, {told} saw place and time",
            f"at most {LEARNERS}x, all done",
            longest <= LEARNERS * alone and len(waits) == LEARNERS and told > 0,
        ),
        Row(
            f"memory of {LEARNERS} sessions, each with an analysis by a model whose heads it fine-tuned",
            "one session",
            f"{many:.0f} MB",
            f"{one:.0f} MB",
            f"{many - one:.0f} MB more",
            "under 150 MB more",
            many - one < 150,
        ),
    ], "The time to the first point includes the 0.4 s after which the page looks for one at the latest."


@contextmanager
def _server(root: str) -> Iterator[str]:
    """The address of `python app.py`, with a warm worker, whose runs are in `root`."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(port)]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "MTL_RUNS": root}, **silent) as server:
        try:
            wait_for_page(server, address)
            time.sleep(20)  # the model is loaded, UMAP compiled and the worker warmed behind the first answer
            yield address
        finally:
            server.terminate()
            server.wait(LIMIT)


def _sentences(number: int) -> list[str]:
    with WORKSHOP.open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    return [texts[(number * SENTENCES + i) % len(texts)] for i in range(SENTENCES)]


def _answers(address: str, runs: Runs) -> tuple[float, float]:
    """p95 of the answers, in seconds: with nobody training, and while a run trains every layer."""
    from gradio_client import Client

    with ThreadPoolExecutor(LEARNERS) as pool:
        clients = list(pool.map(lambda _: Client(address, verbose=False), range(LEARNERS)))

        def minute() -> float:
            start = perf_counter()

            def learner(number: int) -> list[float]:
                took = []
                for turn in range(2):
                    due = start + (turn + number / LEARNERS) * MINUTE / 2
                    time.sleep(max(0.0, due - perf_counter()))
                    asked = perf_counter()
                    answers = clients[number].predict(_sentences(number), api_name="/analyze")["answers"]
                    took.append(perf_counter() - asked)
                    assert len(answers) == SENTENCES
                return took

            took = [t for times in pool.map(learner, range(LEARNERS)) for t in times]
            return quantiles(took, n=20)[-1]

        minute()  # a first one to warm up
        quiet = minute()
        run = runs.start("the one who trains", WORKSHOP, TrainConfig(epochs=1000))
        _until(runs, run.id, lambda now: now.step > 0)
        busy = minute()
        assert runs.get(run.id).state == "running", "the run ended too early to have been in the way"
        runs.stop(run.id)
        _until(runs, run.id, lambda now: not now.run.unfinished)
        return quiet, busy


def _first_point() -> float:
    """Seconds from Start until the page shows a point of the curve: through a line of this process's own, as the server
    has one, which learns of a run when it is started and not when it looks at the folder again."""
    from mtl.ui.train.run.step import SOON

    with tempfile.TemporaryDirectory() as root, closing(Runs(root, warm=True).open()) as runs:
        took = []
        for attempt in range(3):
            deadline = perf_counter() + LIMIT
            while not runs.warm:
                assert perf_counter() < deadline, f"no worker was warm in {LIMIT:.0f} s"
                time.sleep(0.1)
            start = perf_counter()
            run = runs.start(f"first {attempt}", WORKSHOP, HEADS_ONLY)
            _until(runs, run.id, lambda now: now.step > 0)
            took.append(perf_counter() - start)
            _until(runs, run.id, lambda now: not now.run.unfinished)
        return median(took) + SOON


def _line(runs: Runs) -> tuple[float, list[float], int]:
    """Seconds of one run by itself; of each of `LEARNERS` from its start to its end; how many saw place and time."""
    time.sleep(20)
    start = perf_counter()
    run = runs.start("alone", WORKSHOP, HEADS_ONLY)
    _until(runs, run.id, lambda now: not now.run.unfinished)
    alone = perf_counter() - start

    told: set[str] = set()
    waits: list[float] = []

    def learner(number: int) -> None:
        time.sleep(number / LEARNERS * MINUTE)
        begun = perf_counter()
        run = runs.start(f"learner {number}", WORKSHOP, HEADS_ONLY, estimate=alone)

        def done(now: Progress) -> bool:
            if now.place is not None and now.wait is not None:
                told.add(now.run.id)
            return not now.run.unfinished

        _until(runs, run.id, done, limit=2 * LEARNERS * alone + LIMIT)
        if runs.get(run.id).state == "done":
            waits.append(perf_counter() - begun)

    threads = [threading.Thread(target=learner, args=(i,)) for i in range(LEARNERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return alone, waits, len(told)


def _until(runs: Runs, run_id: str, condition, limit: float = LIMIT) -> None:
    deadline = perf_counter() + limit
    while not condition(now := runs.progress(run_id)):
        assert now.run.state != "failed", now.message
        assert perf_counter() < deadline, f"nothing came of it in {limit:.0f} s"
        time.sleep(0.2 if now.run.state == "queued" else 0.05)


# --- memory, in a process of its own ---


def _sessions() -> tuple[float, float]:
    """MB that the page's process keeps with one session, and with `LEARNERS`."""
    command = [sys.executable, "-m", "tests.bench.classroom"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3 * LIMIT)
    assert output.returncode == 0, output.stderr
    found = json.loads(output.stdout.splitlines()[-1])
    return found["one"], found["many"]


def main() -> None:
    from mtl.maps import is_warm
    from mtl.ui.engine import Engine
    from mtl.ui.models import Models
    from mtl.ui.visitors import Registry, Work

    with tempfile.TemporaryDirectory() as name:
        subprocess.run([sys.executable, "-m", "tests.bench.memory", name], cwd=ROOT, check=True)
        engine = Engine()
        engine.wait()
        while not is_warm():  # what UMAP takes is no session's
            time.sleep(0.2)
        registry, models = Registry(), Models(engine)
        used = {}
        for number, folder in enumerate(sorted(Path(name).iterdir())):
            visit = registry.visit(f"session {number}")
            visit.train.model = folder
            model = models.get(folder)
            asked = models.shared(folder, f"session {number}")
            registry.set_work(visit, Work(asked, model.analyze(_sentences(number))))
            used.setdefault("one", memory.uss_mb())
        used["many"] = memory.uss_mb()
    assert len(models) == memory.MODELS == LEARNERS
    print(json.dumps(used))


if __name__ == "__main__":
    main()
