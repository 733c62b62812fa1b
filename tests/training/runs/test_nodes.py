"""Runs on a cluster: the folder is as if they had been trained here, whatever ends meanwhile."""

import time

import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError
from mtl.training import jobs
from mtl.training.runs import folder as folders
from mtl.training.runs import nodes as module
from mtl.training.runs import worker
from mtl.training.runs.nodes import NO_CLUSTER, Nodes
from mtl.training.runs.service import Runs
from tests import clusters

CONFIG = TrainConfig(epochs=20, batch_size=8, precision="float32", freeze=1)


@pytest.fixture
def start(tiny, tmp_path):
    task = TaskSpec("sentiment", "classification", ("negative", "positive"))
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=(task,)))
    checkpoint.save(model, tmp_path / "start")
    return tmp_path / "start"


@pytest.fixture
def reviews(tmp_path):
    lines = [f"this is review number {i} of many,{('Positive', 'NEG')[i % 2]}" for i in range(160)]
    (tmp_path / "reviews.csv").write_text("review,sentiment\n" + "\n".join(lines) + "\n")
    return tmp_path / "reviews.csv"


@pytest.fixture
def expected(start, reviews, tmp_path):
    """The weights of the run where nothing interrupts it, on one thread as on a node: sums depend on it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        list(worker.run(jobs.prepare(reviews, CONFIG, str(start)), tmp_path / "alone"))
    finally:
        torch.set_num_threads(threads)
    return mtl.load(tmp_path / "alone" / "checkpoint", dtype="float32").state_dict()


def wait_for(what, run):
    until = time.monotonic() + 120
    while not (found := what()):
        assert time.monotonic() < until, (folders.read(run.folder).state, folders.events(run.folder)[-1:])
        time.sleep(0.02)
    print("T", time.strftime("%X"))
    return found


def epochs(run):
    return sum(event["event"] == "epoch" for event in folders.events(run.folder))


def resumed(run):
    return [e["resumed_after_epoch"] for e in folders.events(run.folder) if e["event"] == "start"]


def test_a_run_goes_on_after_its_node_and_waits_for_its_cluster(monkeypatch, start, reviews, expected, tmp_path):
    cluster, [first] = clusters.begin(monkeypatch, 1)
    try:
        with Runs(tmp_path / "runs", nodes=Nodes()) as runs:
            # The node of a run ends, and another joins.
            run = runs.start("ada", reviews, CONFIG, start)
            wait_for(lambda: epochs(run), run)
            clusters.end_node(cluster, first)
            clusters.add_node(cluster)
            wait_for(lambda: not runs.get(run.id).unfinished, run)
            # A run is stopped, and goes on later.
            long = runs.start("eve", reviews, TrainConfig(epochs=1000, batch_size=8, freeze=1), start)
            wait_for(lambda: epochs(long), long)
            runs.stop(long.id)
            wait_for(lambda: not runs.get(long.id).unfinished, long)
            assert runs.get(long.id).state == "stopped" and (long.folder / "checkpoint" / "config.json").is_file()
            runs.resume(long.id)
            wait_for(lambda: len(resumed(long)) == 2, long)
            # The whole cluster ends.
            cluster.shutdown()
            wait_for(lambda: runs.get(long.id).state == "queued", long)
            assert runs.progress(long.id).message == NO_CLUSTER
    finally:
        cluster.shutdown()
    assert runs.get(run.id).state == "done" and epochs(run) == CONFIG.epochs
    assert resumed(run)[0] is None and resumed(run)[1] > 0 and resumed(long)[1] > 0
    found = mtl.load(run.folder / "checkpoint", dtype="float32").state_dict()
    assert found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in found)
    # Nothing in the folder tells of the node, and all that a run leaves here is there.
    texts = [path.read_bytes() for path in run.folder.rglob("*") if path.suffix in (".json", ".jsonl", ".md")]
    assert not [text for text in texts if b"mtl-run-" in text]
    assert folders.settings(run.folder)["start_from"] == str(start)
    here = {path.name for path in (tmp_path / "alone").iterdir()}
    assert here <= {path.name for path in run.folder.iterdir()} and not (run.folder / "state").exists()


def test_ray_has_to_be_there(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="of the extra ray: pip install"):
        Nodes()


def test_how_many_cores_a_run_has_is_a_setting(monkeypatch):
    assert module.cores_per_run() == 1
    monkeypatch.setenv("MTL_RAY_CORES", "4")
    assert module.cores_per_run() == 4
    monkeypatch.setenv("MTL_RAY_CORES", "few")
    with pytest.raises(UserError, match="MTL_RAY_CORES must be a number of cores"):
        module.cores_per_run()
