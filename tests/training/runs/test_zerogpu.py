"""On ZeroGPU a run trains in turns, which end at whole epochs, and nothing is lost of one that is killed or refused.

The stand-in of the package `spaces` has ZeroGPU's rules. It changes what PyTorch says of graphics cards, so each test
has a server's process of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, TrainConfig
from mtl.training import jobs
from mtl.training.runs import worker, zerogpu

ROOT = Path(__file__).resolve().parents[3]
CONFIG = TrainConfig(epochs=2, batch_size=8, precision="float32", freeze=1)
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="ZeroGPU forks")

BEGIN = """
import json, sys, time
import spaces
from mtl.config import TrainConfig
from mtl.training.runs import folder as folders, zerogpu
from mtl.training.runs.service import Runs

start, data = sys.argv[1:]
runs = Runs("runs", warm=True)
epochs = lambda: sum(event["event"] == "epoch" for event in folders.events(run.folder))
resumed = lambda: [e["resumed_after_epoch"] for e in folders.events(run.folder) if e["event"] == "start"]

def over():
    until = time.monotonic() + 240
    while runs.get(run.id).unfinished:
        assert time.monotonic() < until, folders.events(run.folder)[-1:]
        time.sleep(0.02)
    return runs.progress(run.id)

zerogpu.SPARE = 1000  # no time is left after an epoch
spaces.request.set("ada's request")
run = runs.start("ada", data, TrainConfig.from_json(CONFIG), start)
spaces.request.set(None)
"""


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
def server(start, reviews, tmp_path):
    """Runs a script in a server of ZeroGPU; gives the JSON object that it prints last."""

    def run(script: str) -> dict:
        path = os.pathsep.join([str(ROOT / "tests" / "standins"), str(ROOT)])
        environment = {**os.environ, "SPACES_ZERO_GPU": "true", "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        code = BEGIN.replace("CONFIG", repr(CONFIG.to_json())) + script
        command = [sys.executable, "-c", code, str(start), str(reviews)]
        ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout.splitlines()[-1])

    return run


def weights(folder):
    return mtl.load(folder, dtype="float32").state_dict()


@pytest.fixture
def expected(start, reviews, tmp_path):
    """The weights of the same run where nothing interrupts it, on one thread as the server: sums depend on it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        list(worker.run(jobs.prepare(reviews, CONFIG, str(start)), tmp_path / "alone"))
    finally:
        torch.set_num_threads(threads)
    return weights(tmp_path / "alone" / "checkpoint")


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_of_several_turns_is_the_run_that_it_would_have_been(server, expected, tmp_path):
    said = server("""
import mtl
with runs:
    now = over()
spare = str(mtl.load(start).device)
print(json.dumps([now.run.state, now.run.id, resumed(), spaces.calls, spaces.callers, runs.warm, spare]))
""")
    state, run_id, resumed, calls, callers, warm, device = said
    assert (state, resumed) == ("done", [None, 1, 2])
    assert len(calls) == 3 and all(zerogpu.SHORTEST <= seconds <= zerogpu.LONGEST for seconds in calls)
    assert callers == ["ada's request"] * 3, "turns count towards the quota of whoever started the run"
    assert not warm and device == "cpu"
    assert same(weights(tmp_path / "runs" / run_id / "checkpoint"), expected)


def test_a_turn_that_is_killed_in_an_epoch_goes_on_after_the_last_whole_one(server, expected, tmp_path):
    said = server("""
def within_the_second():
    last = folders.last_event(run.folder, 0)
    return len(spaces.calls) == 2 and last.get("event") == "step" and last["epoch"] == 2

spaces.KILLED_WHEN = within_the_second
with runs:
    now = over()
print(json.dumps([now.run.state, now.run.id, resumed(), spaces.calls]))
""")
    state, run_id, resumed, calls = said
    assert (state, resumed) == ("done", [None, 1, 1, 2])
    assert calls[2] == zerogpu.MOST, "a turn in which no epoch was finished is followed by a longer one"
    assert same(weights(tmp_path / "runs" / run_id / "checkpoint"), expected)


def test_a_quota_that_is_used_up_is_said_and_the_run_can_be_resumed(server, expected, tmp_path):
    said = server("""
spaces.quota = zerogpu.LONGEST + 1
with runs:
    first = over()
    spaces.quota = 3600
    runs.resume(run.id)
    now = over()
print(json.dumps([first.run.state, first.message, now.run.state, now.run.id, resumed()]))
""")
    before, message, state, run_id, resumed = said
    assert before == "failed"
    words = r"ZeroGPU gave this run no time: You have exceeded your ZeroGPU quota \(\d+s requested vs\. \d+s left\)\. "
    words += r"Try again in 23:10:00\. Resume it later\."
    assert re.fullmatch(words, message), message
    assert (state, resumed) == ("done", [None, 1, 2])
    assert same(weights(tmp_path / "runs" / run_id / "checkpoint"), expected)


def test_an_epoch_that_no_turn_can_hold_is_said(server):
    state, message, calls = server("""
spaces.KILLED_WHEN = lambda: True
with runs:
    now = over()
print(json.dumps([now.run.state, now.message, len(spaces.calls)]))
""")
    assert (state, calls) == ("failed", 2)
    assert message == (
        "An epoch of this run takes longer than the 120 seconds that ZeroGPU gives it at a time. "
        "Use fewer rows, or freeze more layers."
    )


def test_a_run_that_is_stopped_between_two_turns_keeps_its_model(server):
    state, checkpoint, calls, device = server("""
turn = zerogpu._train

def then_stopped(*arguments):
    ended = turn(*arguments)
    runs.stop(run.id)
    return ended

zerogpu._train = then_stopped
with runs:
    now = over()
print(json.dumps([now.run.state, now.checkpoint, len(spaces.calls), zerogpu.HERE]))
""")
    assert (state, calls) == ("stopped", 1) and checkpoint


def test_an_error_of_the_run_is_its_own(server, reviews):
    reviews.write_text("text\nno labels\n")
    state, message, calls = server("""
with runs:
    now = over()
print(json.dumps([now.run.state, now.message, len(spaces.calls)]))
""")
    assert (state, calls) == ("failed", 1) and "nothing to learn from" in message


@pytest.mark.parametrize(("here", "decorated"), [("true", 1), ("", 0)])
def test_a_function_is_decorated_when_the_page_is_imported_but_only_on_zerogpu(tmp_path, here, decorated):
    path = os.pathsep.join([str(ROOT / "tests" / "standins"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "SPACES_ZERO_GPU": here, "MTL_RUNS": str(tmp_path)}
    command = [sys.executable, "-c", "import app, spaces; print(len(spaces.decorated))"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ended.stdout == f"{decorated}\n", ended.stderr


@pytest.mark.parametrize(("left", "seconds"), [(None, 60.0), (0.0, 20.0), (10.0, 28.0), (1e6, 60.0)])
def test_a_turn_asks_for_what_the_run_needs_and_never_for_much(left, seconds):
    assert zerogpu.turn(left) == seconds
