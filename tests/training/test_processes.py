"""Two processes, as a person starts them, learn what one learns, and embed what one embeds, to the last digit."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mtl
from mtl import checkpoint
from mtl.__main__ import _PAGE, main
from mtl.config import ModelConfig, TaskSpec, TrainConfig
from mtl.training.processes import Processes
from mtl.training.runs import folder as folders

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
LAUNCH += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
SETTINGS = TrainConfig(epochs=8, batch_size=8, freeze=1, lr=1e-3, head_lr=5e-3, precision="float32", anchor=0.1)


def _launch(tmp_path, *arguments) -> str:
    """Run `python -m mtl` in two processes that no graphics card helps; what they printed, together."""
    alone = {"CUDA_VISIBLE_DEVICES": "", "HF_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*LAUNCH, "-m", "mtl", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **alone},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=os.name != "nt",
    )
    try:
        printed, _ = process.communicate(timeout=600)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(AttributeError):  # the launcher and both processes; Windows ends the launcher alone
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        raise
    assert process.returncode == 0, printed
    return printed


@pytest.fixture
def days(tmp_path):
    rows = [
        f"{('Ada', 'Bob', 'Eve')[i % 3]} had a {'wonderful' if i % 2 else 'terrible'} day number {i},"
        f"{('sad', 'happy')[i % 2]},{1.5 + 3 * (i % 2)}"
        for i in range(96)
    ]
    (tmp_path / "days.csv").write_text("text,mood,stars\n" + "\n".join(rows) + "\n")
    return tmp_path / "days.csv"


def test_two_processes_reach_the_scores_of_one(tmp_path, tiny, days):
    options = ["--epochs", "8", "--batch-size", "8", "--freeze", "1", "--lr", "1e-3", "--head-lr", "5e-3"]
    options += ["--precision", "float32", "--anchor", "0.1", "--model", tiny]
    printed = _launch(tmp_path, "train", days, "--out", tmp_path / "two", *options)
    assert printed.count("Checkpoint: ") == 1 and printed.count("epoch 8 (") == 1, "only one of them speaks"
    assert main([str(o) for o in ("train", days, "--out", tmp_path / "one", *options)]) == 0
    one, two = (folders.events(tmp_path / name) for name in ("one", "two"))
    assert [e["event"] for e in two].count("start") == 1
    assert two[0]["config"]["train"] == one[0]["config"]["train"] == SETTINGS.to_json(defaults=True)
    assert two[-1]["status"] == "done"
    # Each step takes a batch for each process.
    assert one[-1]["steps"] == 8 * 11 and two[-1]["steps"] == 8 * 6
    scores = [next(e for e in reversed(events) if e["event"] == "epoch")["validation"] for events in (one, two)]
    assert all(s["mood"]["macro_f1"] > 0.9 and s["stars"]["spearman"] > 0.8 for s in scores)
    assert scores[0]["mood"]["macro_f1"] == pytest.approx(scores[1]["mood"]["macro_f1"], abs=0.1)
    assert scores[0]["stars"]["spearman"] == pytest.approx(scores[1]["stars"]["spearman"], abs=0.1)
    moved = two[-1]["moved"]
    assert moved["embeddings"] == 0.0 and moved["layer 1"] > 0
    model = mtl.load(tmp_path / "two" / "checkpoint", dtype="float32")
    assert model.analyze(["Bob had a wonderful day"])[0].mood.label == "happy"


def test_two_processes_with_half_a_batch_each_have_the_losses_of_one_with_all_of_it(tmp_path, tiny):
    head = TaskSpec("mood", "classification", ("happy", "sad"), dropout=0.0)  # as each process draws its own dropout
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=(head,)))
    checkpoint.save(model, tmp_path / "start")
    for name, count in (("train", 16), ("test", 8)):
        rows = [f"{name} day {i} was {('dull', 'bright')[i % 2]},{('sad', 'happy')[i % 2]}" for i in range(count)]
        (tmp_path / f"{name}.csv").write_text("text,mood\n" + "\n".join(rows) + "\n")
    options = ["--model", tmp_path / "start", "--validation", tmp_path / "test.csv", "--epochs", "4", "--lr", "1e-3"]
    options += ["--precision", "float32", "--anchor", "0", "--freeze", "1"]
    arguments = ["train", tmp_path / "train.csv", *options, "--batch-size"]
    _launch(tmp_path, *arguments, "8", "--out", tmp_path / "two")
    assert main([str(o) for o in (*arguments, "16", "--out", tmp_path / "one")]) == 0
    one, two = (
        [e["validation"]["mood"]["loss"] for e in folders.events(tmp_path / name) if e["event"] == "epoch"]
        for name in ("one", "two")
    )
    assert len(one) == 4 and abs(one[0] - one[-1]) > 0.01, "something was learnt"
    assert two == pytest.approx(one, rel=1e-4)


def test_two_processes_learn_from_pairs(tmp_path, tiny):
    pairs = [
        (f"{a} number {i}", f"{b} number {i}", 5.0 if a[0] == b[0] else i % 5 / 10)
        for i in range(12)
        for a, b in (("calm lake", "clear water"), ("wild wind", "white hail"), ("calm sea", "wild storm"))
    ]
    rows = "".join(f"{a},{b},{score}\n" for a, b, score in pairs)
    (tmp_path / "pairs.csv").write_text("sentence1,sentence2,score\n" + rows)
    options = ["--epochs", "4", "--batch-size", "4", "--lr", "1e-3", "--precision", "float32", "--model", tiny]
    _launch(tmp_path, "train", tmp_path / "pairs.csv", "--out", tmp_path / "two", *options)
    events = folders.events(tmp_path / "two")
    [before], [*_, after] = [events[-1]["before"]], [e["validation"] for e in events if e["event"] == "epoch"]
    assert events[-1]["status"] == "done" and after["score"]["loss"] < before["score"]["loss"]


def test_two_processes_write_the_file_that_one_writes(tmp_path, tiny):
    texts = [f"text {i} " + "and so on " * (i % 17) for i in range(2 * _PAGE + 100)]
    (tmp_path / "texts.txt").write_text("\n".join(texts) + "\n")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    arguments = ["--model", tiny]
    printed = _launch(tmp_path, "embed", tmp_path / "texts.txt", tmp_path / "two" / "out.npy", *arguments)
    assert printed.count("embeddings of 32 numbers") == 1
    one = ["embed", tmp_path / "texts.txt", tmp_path / "one" / "out.npy", *arguments]
    assert main([str(o) for o in one]) == 0
    assert [file.name for file in (tmp_path / "two").iterdir()] == ["out.npy"]
    assert (tmp_path / "two" / "out.npy").read_bytes() == (tmp_path / "one" / "out.npy").read_bytes()
    vectors = np.load(tmp_path / "two" / "out.npy")
    assert vectors.shape == (len(texts), 32)
    few = [0, _PAGE - 1, _PAGE, 2 * _PAGE, len(texts) - 1]  # the order is kept, across pages and processes
    expected = mtl.load(tiny).encode([texts[i].strip() for i in few])
    assert np.abs(vectors[few] - expected).max() < 0.02


def test_every_batch_is_taken_once_and_all_processes_take_as_many():
    shares = []
    for rank in range(3):
        processes = Processes()
        processes.rank, processes.count = rank, 3
        shares.append(processes.share(list("abcdefg")))
    assert shares == [list("adg"), list("bea"), list("cfb")], "the first ones fill up the last round"


def test_one_process_goes_through_the_same_calls():
    processes = Processes()
    assert processes.is_main and processes.count == 1
    assert processes.gather("x") == ["x"] and processes.from_main("x") == "x"
