"""Runs of an earlier version, as it left them in `earlier/`: they are shown, used and gone on with.

Two runs on reviews.csv with all layer groups frozen: one finished, one killed in its third epoch.
"""

import json
import shutil
import time
from pathlib import Path

import pytest

import mtl
from mtl.config import UserError
from mtl.training.runs import folder as folders
from mtl.training.runs.service import Runs

EARLIER = Path(__file__).with_name("earlier")
FINISHED, INTERRUPTED = sorted(path.name for path in EARLIER.iterdir())
OWNER = "0" * 32


@pytest.fixture
def root(tmp_path):
    shutil.copytree(EARLIER, tmp_path / "runs")
    # Both learned from the same file.
    shutil.copytree(tmp_path / "runs" / FINISHED / "data", tmp_path / "runs" / INTERRUPTED / "data")
    return tmp_path / "runs"


def test_both_are_their_owners_and_say_how_they_ended(root):
    finished, interrupted = Runs(root).progress_of_all(OWNER)
    assert (finished.run.id, finished.run.state) == (FINISHED, "done")
    assert (interrupted.run.id, interrupted.run.state) == (INTERRUPTED, "killed")
    assert Runs(root).progress_of_all("another") == []
    assert finished.config.freeze == 7 and finished.epochs == 2 and finished.damaged == 0
    assert finished.kept.number == finished.best_epoch == 1
    assert finished.scores == pytest.approx({"sentiment": 0.8748}, abs=1e-4)
    assert finished.before["sentiment"]["accuracy"] and finished.forgetting["cosine"] == pytest.approx(1.0)
    assert (
        set(finished.moved) == set(finished.sizes) and finished.moved["layer 6"] == 0 < finished.moved["head sentiment"]
    )
    assert interrupted.whole_epochs == 2 and interrupted.config.epochs == 60


def test_the_checkpoint_answers_with_the_model_that_it_was_trained_on_and_with_no_other(root):
    folder = root / FINISHED / "checkpoint"
    # Its heads alone are there, and the default model has changed since.
    with pytest.raises(UserError, match="works on exactly the model it was trained on"):
        mtl.load(folder)
    config = json.loads((folder / "config.json").read_text())
    config["base"]["sha256"] = mtl.load().origin.sha256
    (folder / "config.json").write_text(json.dumps(config))
    model = mtl.load(folder)
    [analysis] = model.analyze(["I love it."])
    assert analysis.sentiment.label == "positive" and set(model.tasks) == {
        "sentiment",
        "intensity",
        "topic",
        "entities",
    }


def test_the_interrupted_one_goes_on_after_its_last_whole_epoch(root):
    with Runs(root) as runs:
        runs.resume(INTERRUPTED, OWNER)
        deadline = time.monotonic() + 120
        while runs.progress(INTERRUPTED, OWNER).whole_epochs < 3:
            assert runs.get(INTERRUPTED).unfinished and time.monotonic() < deadline, folders.events(root / INTERRUPTED)[
                -1
            ]
            time.sleep(0.05)
        runs.stop(INTERRUPTED, OWNER)
        while runs.get(INTERRUPTED).unfinished:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    first, again = (e for e in folders.events(root / INTERRUPTED) if e["event"] == "start")
    assert (first["resumed_after_epoch"], again["resumed_after_epoch"]) == (None, 2)
    assert (root / INTERRUPTED / "checkpoint" / "weights.safetensors").exists()
