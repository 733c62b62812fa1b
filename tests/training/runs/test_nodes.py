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

SHORT, LONG = (TrainConfig(epochs=epochs, batch_size=8, precision="float32", freeze=1) for epochs in (2, 1000))


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


def trained_here(data, config, start, out, epochs=None):
    """The events of a run that nothing interrupts, up to so many epochs, on one thread as on a node."""
    threads, found = torch.get_num_threads(), []
    torch.set_num_threads(1)
    try:
        for event in worker.run(jobs.prepare(data, config, str(start)), out):
            found.append(event)
            if event["event"] == "epoch" and event["epoch"] == epochs:
                break
    finally:
        torch.set_num_threads(threads)
    return found


def wait_for(what, run):
    until = time.monotonic() + 240
    while not (found := what()):
        assert time.monotonic() < until, (folders.read(run.folder).state, folders.events(run.folder)[-1:])
        time.sleep(0.02)
    return found


def losses(events):
    """The losses on the held-out rows by epoch."""
    return {e["epoch"]: e["validation"]["sentiment"]["loss"] for e in events if e["event"] == "epoch"}


def epochs(run):
    return len(losses(folders.events(run.folder)))


def resumed(run):
    return [e["resumed_after_epoch"] for e in folders.events(run.folder) if e["event"] == "start"]


@pytest.mark.slow
def test_runs_train_on_nodes_and_go_on_after_they_end(monkeypatch, start, reviews, tmp_path):
    cluster, [node] = clusters.begin(monkeypatch, 1)
    try:
        with Runs(tmp_path / "runs", nodes=Nodes()) as runs:
            run = runs.start("ada", reviews, SHORT, start)
            wait_for(lambda: not runs.get(run.id).unfinished, run)
            # The node ends, and another joins.
            long = runs.start("eve", reviews, LONG, start)
            wait_for(lambda: epochs(long) > 1, long)
            clusters.end_node(cluster, node)
            clusters.add_node(cluster)
            wait_for(lambda: len(resumed(long)) == 2, long)
            again = wait_for(lambda: epochs(long) > resumed(long)[1] + 1 and resumed(long)[1], long)
            runs.stop(long.id)
            wait_for(lambda: not runs.get(long.id).unfinished, long)
            assert runs.get(long.id).state == "stopped" and (long.folder / "checkpoint" / "config.json").is_file()
            # The whole cluster ends. What a run has learnt can be saved without it.
            runs.resume(long.id)
            wait_for(lambda: len(resumed(long)) == 3, long)
            cluster.shutdown()
            wait_for(lambda: runs.get(long.id).state == "queued", long)
            assert runs.progress(long.id).message == NO_CLUSTER
            runs.stop(long.id)
            wait_for(lambda: runs.get(long.id).state == "stopped", long)
    finally:
        cluster.shutdown()
    # It is the run that it would have been.
    there = losses(folders.events(long.folder))
    assert losses(trained_here(reviews, LONG, start, tmp_path / "long", again + 1)).items() <= there.items()
    trained_here(reviews, SHORT, start, tmp_path / "short")
    here, there = (mtl.load(folder / "checkpoint", dtype="float32") for folder in (tmp_path / "short", run.folder))
    assert all(torch.equal(weight, there.state_dict()[name]) for name, weight in here.state_dict().items())
    # Nothing in its folder tells of the node, and all that a run leaves here is there.
    texts = [path.read_bytes() for path in run.folder.rglob("*") if path.suffix in (".json", ".jsonl", ".md")]
    assert not [text for text in texts if b"mtl-run-" in text]
    assert folders.settings(run.folder)["start_from"] == str(start)
    left = {path.name for path in (tmp_path / "short").iterdir()}
    assert left <= {path.name for path in run.folder.iterdir()} and not (run.folder / "state").exists()


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
