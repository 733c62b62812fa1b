"""What a cluster does with many texts and many runs, on nodes of one core each on this machine, and what follows of it
for larger ones. `python -m tests.bench.cluster --write` puts it into README.md; it takes about half an hour."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mtl.config import TrainConfig
from tests.bench import table, texts
from tests.bench.startup import ROOT, WORKSHOP
from tests.bench.table import Row, seconds

TEXTS = 100_000
# Of these, so many tell the rate of one node, and of each way to use one machine.
ON_ONE_NODE, ON_ONE_MACHINE = 50_000, 20_000
# From so many rows on memory may not grow.
WARM = 20_000
RUNS = 8
START, END = "<!-- cluster -->\n", "<!-- /cluster -->"


def rows() -> tuple[list[Row], str]:
    import pandas as pd

    sentences = texts.mixed(TEXTS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in (TEXTS, ON_ONE_NODE, ON_ONE_MACHINE):
            pd.DataFrame({"text": sentences[:count]}).to_parquet(folder / f"{count}.parquet", index=False)
        with _cluster(1) as address:
            one, _ = _embed(folder, ON_ONE_NODE, address)
        with _cluster(2) as address:
            two, memory = _embed(folder, TEXTS, address)
            run = _runs(folder)
        ours = _timed([sys.executable, "-m", "mtl", "embed", folder / f"{ON_ONE_MACHINE}.parquet", folder / "ours"])
        theirs = _timed([sys.executable, "-m", "tests.bench.cluster", folder / f"{ON_ONE_MACHINE}.parquet"])
        ways = _without_a_model(folder)
    share, growth = two / (2 * one), memory[1] / memory[0]
    cores = ways / one
    found = [
        Row(
            f"`mtl embed --ray`, {TEXTS:,} texts on two nodes of one core",
            "one node, half of them",
            f"{two:,.0f} rows/s",
            f"{one:,.0f} rows/s",
            f"{share:.2f} of twice the rate",
            "at least 0.8",
            share >= 0.8,
        ),
        Row(
            "memory of the command and its workers, at the end",
            f"after {WARM:,} rows",
            f"{memory[1]:,.0f} MB",
            f"{memory[0]:,.0f} MB",
            f"{100 * (growth - 1):+.0f} %",
            "at most 5 % more",
            growth <= 1.05,
        ),
        Row(
            f"`mtl embed`, {ON_ONE_MACHINE:,} texts in parts on this machine",
            "sentence-transformers, pool of a process a core",
            seconds(ours),
            seconds(theirs),
            f"{theirs / ours:.2f}x faster",
            "",
            True,
        ),
        Row("rows that the command reads and writes while others answer", "", f"{ways:,.0f} rows/s", "", "", "", True),
        Row("a run on workshop.csv, heads alone, on one core", "", seconds(run), "", "", "", True),
    ]
    hours, learners = 100e6 / (100 * one) / 3600, 1000 * run / 100 / 60
    note = (
        f"By these figures 100 million such texts take {hours:,.0f} hours on 100 cores like these, and 1,000 learners "
        f"who all start such a run at once are served within {learners:,.1f} minutes by 100 cores. What bends first "
        f"is the one process that reads and writes for all: at about {cores:,.0f} cores it has no time left."
    )
    return found, note


@contextmanager
def _cluster(nodes: int) -> Iterator[str]:
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=1, include_dashboard=False)
        os.environ["RAY_ADDRESS"] = cluster.address
        yield cluster.address
    finally:
        os.environ.pop("RAY_ADDRESS", None)
        cluster.shutdown()


def _embed(folder: Path, count: int, address: str) -> tuple[float, tuple[float, float]]:
    """Rows a second, and the memory in MB after `WARM` rows and at the end at most."""
    out = folder / f"out-{count}-{address.rpartition(':')[2]}"
    command = [sys.executable, "-m", "mtl", "embed", folder / f"{count}.parquet", out, "--ray"]
    began = time.perf_counter()
    process = subprocess.Popen([*map(str, command)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    first, most = 0.0, 0.0
    while process.poll() is None:
        rows_there = 4096 * len([*out.glob("*.parquet")])
        if rows_there < WARM:
            first = max(first, _megabytes(process.pid))
        else:
            most = max(most, _megabytes(process.pid))
        time.sleep(1)
    assert process.returncode == 0
    return count / (time.perf_counter() - began), (first, most)


def _megabytes(pid: int) -> float:
    """What the process and all workers of the cluster keep to themselves."""
    import psutil

    total = 0
    for process in psutil.process_iter(["pid", "cmdline"]):
        if process.info["pid"] == pid or "ray::_Worker" in " ".join(process.info["cmdline"] or [])[:40]:
            try:
                total += process.memory_full_info().uss
            except psutil.Error:  # it has just ended
                continue
    return total / 1e6


def _runs(folder: Path) -> float:
    """The seconds of a core that a small run takes, from the line to its model."""
    from mtl.training.runs import folder as folders
    from mtl.training.runs.nodes import Nodes
    from mtl.training.runs.service import Runs

    nodes = Nodes()
    with Runs(folder / "runs", nodes=nodes) as runs:
        while nodes.places < 2:
            time.sleep(0.1)
        began = time.perf_counter()
        started = [runs.start(f"learner {i}", WORKSHOP, TrainConfig(freeze=-1, seed=i)) for i in range(RUNS)]
        while any(runs.get(run.id).unfinished for run in started):
            time.sleep(0.1)
        took = time.perf_counter() - began
        for run in started:
            assert runs.get(run.id).state == "done", (runs.get(run.id).state, folders.last_event(run.folder, 0))
    return 2 * took / RUNS


def _timed(command: list) -> float:
    began = time.perf_counter()
    subprocess.run([*map(str, command)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def _without_a_model(folder: Path) -> float:
    """Rows a second where the answers are there already."""
    import numpy as np
    import pyarrow as pa

    from mtl.bulk import files, work
    from mtl.bulk.parts import Parts

    vectors = np.random.default_rng(0).normal(size=(384, 4096)).astype(np.float32)
    answers = pa.table({f"d{i}": column for i, column in enumerate(vectors)})
    parts = Parts(folder / "ways", files.find(folder / f"{TEXTS}.parquet"))
    began = time.perf_counter()
    work.carry_out(
        parts,
        work.Rows(("text",), 4096, all=False),
        lambda coming: ((part, answers.slice(0, len(part.texts))) for part in coming),
        lambda rows, now: None,
    )
    return TEXTS / (time.perf_counter() - began)


def _pool(path: str) -> None:
    """The same by sentence-transformers, in as many processes as there are cores, and written as one table."""
    import pandas as pd
    from sentence_transformers import SentenceTransformer

    from mtl.encoder import backbone

    model = SentenceTransformer(str(backbone.find(None).folder), device="cpu")
    sentences = pd.read_parquet(path)["text"].tolist()
    pool = model.start_multi_process_pool(["cpu"] * (os.cpu_count() or 1))
    vectors = model.encode(sentences, pool=pool, normalize_embeddings=True)
    model.stop_multi_process_pool(pool)
    columns = {f"d{i}": column for i, column in enumerate(vectors.T)}
    pd.DataFrame({"text": sentences, **columns}).to_parquet(f"{path}.pool", index=False)


def main() -> int:
    from mtl.model import quickest_dtype

    found, note = rows()
    where = table.machine(str(quickest_dtype()).removeprefix("torch."), 1)
    text = "\n".join(["", table.markdown(found), note, "", f"Measured on {where}"])
    print(text)
    if "--write" in sys.argv:
        table.write(text, marks=(START, END))
    return int(not all(row.passed for row in found))


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] != "--write":
        _pool(sys.argv[1])
    else:
        sys.exit(main())
