"""A run whose files hold what they cannot harms nobody else: it has failed, says so, and the log names it once."""

import json
import logging
import os
import shutil
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mtl.config import TrainConfig, UserError
from mtl.training.runs import folder as folders
from mtl.training.runs.errors import explain
from mtl.training.runs.folder import Ticket
from mtl.training.runs.service import Runs
from mtl.ui.compare import view as comparing
from mtl.ui.train.result import scores
from mtl.ui.train.run import view as run_views

NOW = time.time()
SCORES = {
    "rows": 4,
    "loss": 0.5,
    "accuracy": 0.5,
    "macro_precision": 0.5,
    "macro_recall": 0.5,
    "macro_f1": 0.5,
    "per_class": {"good": {"precision": 1.0, "recall": 0.5, "f1": 0.6, "rows": 4}},
    "labels": ["good", "bad"],
    "confusion": [[2, 1], [0, 1]],
    "calibration_error": 0.1,
}
EVENTS = [
    {
        "event": "start",
        "config": {
            "start_from": "default",
            "train": TrainConfig(epochs=2).to_json(),
            "model": {"tasks": [{"name": "mood", "kind": "classification", "labels": ["good", "bad"]}]},
        },
        "trainable": {"head mood": 10},
        "frozen": {"embeddings": 10, "layer 1": 10},
        "rates": {"embeddings": 0.0, "layer 1": 0.0, "head mood": 1e-3},
        "steps": 4,
        "rows": 20,
        "validation_rows": {"data": 4},
        "tasks": ["mood"],
        "notes": ["A note."],
        "resumed_after_epoch": None,
        "precision": "float32",
    },
    {
        "event": "step",
        "step": 1,
        "epoch": 1,
        "seconds": 1.5,
        "eta": 3.0,
        "lr": {"head mood": 1.0},
        "loss": {"mood": 2.0},
    },
    {
        "event": "epoch",
        "epoch": 1,
        "whole": True,
        "seconds": 2.0,
        "train": {"mood": {"loss": 1.0}},
        "validation": {"mood": SCORES},
        "moved": {"head mood": 0.1},
        "score": 0.5,
    },
    {
        "event": "end",
        "status": "done",
        "checkpoint": "checkpoint",
        "seconds": 3.0,
        "steps": 4,
        "best": 1,
        "moved": {"head mood": 0.2},
        "before": {"mood": SCORES},
        "forgetting": {
            "tasks": {"topic": {"metric": "macro_f1", "before": 0.5, "after": 0.4, "trained": False}},
            "cosine": 0.9,
        },
    },
]
GOOD = {
    "ticket.json": Ticket("ada", NOW, 5.0, "abc").to_json(),
    "config.json": {"start_from": "default", "file": "data/a.csv", "reading": {}, "train": TrainConfig().to_json()},
    "process.json": {
        "pid": 4_000_000,
        "born": 1.0,
        "booted": 1.0,
        "host": "here",
        "started": NOW,
        "memory_kills": 0,
    },
    "exit.json": {"code": 1},
    "events.jsonl": EVENTS,
}
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 2**31, 2**63, 10**400])
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["done", "ada", "/", "\x00", "2020"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def _spoilt(draw, value):
    """A JSON value with one part, at any depth, left out or something else."""
    if not isinstance(value, (dict, list)) or not value or draw(st.integers(0, 3)) == 0:
        return draw(ANYTHING)
    value = value.copy()
    key = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
    if draw(st.integers(0, 4)) == 0:
        del value[key]
    else:
        value[key] = draw(_spoilt(value[key]))
    return value


@st.composite
def _files(draw):
    """The files of a run, some left out, one or two of them spoilt."""
    files = {name: value for name, value in GOOD.items() if name == "ticket.json" or draw(st.integers(0, 3))}
    if "events.jsonl" in files:
        files["events.jsonl"] = EVENTS[: draw(st.integers(1, len(EVENTS)))]
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from(sorted(files)))
        files[name] = draw(_spoilt(files[name]))
    return files


def _write(folder, files):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, value in files.items():
        if name == "events.jsonl" and isinstance(value, list):
            text = "".join(json.dumps(event) + "\n" for event in value)
        else:
            text = json.dumps(value)
        (folder / name).write_text(text)


@pytest.fixture
def line(tmp_path, monkeypatch):
    """Runs with one of bob's that waits; no process is started for those whose turn it is."""
    (tmp_path / "reviews.csv").write_text("text,mood\nfine,good\nawful,bad\n")
    runs = Runs(tmp_path / "runs")
    healthy = runs.start("bob", tmp_path / "reviews.csv", TrainConfig())
    turns = []
    monkeypatch.setattr(Runs, "_hand_over", lambda self, folder: turns.append(folder.name) or _Nobody())
    return runs, healthy, turns, tmp_path / "reviews.csv"


class _Nobody:
    def wait(self):
        return 0


def _try_all(line, files):
    """All that a server and a page do, with a spoilt run among the others. Returns what that run reads as."""
    runs, healthy, turns, data = line
    bad = runs.root / "20200101-000000-bad"
    _write(bad, files)
    runs = Runs(runs.root, at_once=2)
    assert healthy in runs.find("bob")
    assert runs.progress(healthy.id, owner="bob").place in (1, 2)
    started = runs.start("eve", data, TrainConfig())
    assert runs.get(started.id).state == "queued"
    del turns[:]
    runs._give_next_turns()
    assert healthy.id in turns or started.id in turns  # there are two places, and one of them cannot be in the way
    shutil.rmtree(started.folder)
    run = runs.get(bad.name)
    now = runs.progress(run.id)
    assert isinstance(now.message, str)
    if run.state == "failed":
        assert now.message
    runs.clean_up(max_bytes=1e12)
    # The page's list, and the run itself.
    if run.ticket.owner == folders.hashed("ada"):
        snapshots = runs.progress_of_all("ada")
        assert comparing.table(snapshots, {run.id: "own settings"}, None)
        assert comparing.csv(snapshots, {run.id: "own settings"})
    assert run_views.progress(now)
    assert isinstance(run_views.plots(now) + run_views.table(now), str)
    assert not now.steps or run_views.what_moved(now)
    if now.checkpoint:
        assert scores.summary(now, "run 1") and scores.figures(now)
    try:
        assert runs.resume(run.id).state in ("queued", "failed")
    except UserError as why:
        assert str(why)
    return run


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_files())
@example({**GOOD, "events.jsonl": [*EVENTS[:3], {"event": "end"}]})
@example({**GOOD, "events.jsonl": [{"event": "step", "eta": 10**400}]})
@example({**GOOD, "events.jsonl": {"event": "start"}})
@example({**GOOD, "process.json": {**GOOD["process.json"], "host": os.uname().nodename, "born": None}})
@example({**GOOD, "ticket.json": {**GOOD["ticket.json"], "events_from": 10**30}})
@example({**GOOD, "config.json": {"start_from": ["x"], "file": 5, "train": 7}})
@example({**GOOD, "exit.json": {"code": float("inf")}, "events.jsonl": EVENTS[:2]})
def test_no_values_in_a_runs_files_harm_another_run(line, files):
    _try_all(line, files)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ticket.json", {**GOOD["ticket.json"], "queued": "now"}),
        ("ticket.json", {"owner": "ada"}),
        ("events.jsonl", [*EVENTS[:3], {"event": "end"}]),
        ("events.jsonl", [*EVENTS[:3], {**EVENTS[3], "status": ["done"]}]),
        ("events.jsonl", [{"event": "error", "message": 5}]),
    ],
)
def test_a_spoilt_run_has_failed_tells_its_owner_and_is_named_in_the_log_once(line, caplog, name, value):
    runs = line[0]
    _write(runs.root / "bad", {**GOOD, name: value})
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            [run] = runs.find("ada")
            assert run.state == "failed" and f"{name} is damaged" in runs.progress(run.id, owner="ada").message
    assert [message for message in caplog.messages if "bad" in message] == [
        f"The run bad is set aside: its {name} is damaged."
    ]
    assert explain(run) == f"The run's {name} is damaged. Start the run again."


def test_a_reader_that_fails_as_nobody_thought_of_ends_neither_the_line_nor_a_list(line, monkeypatch):
    runs, healthy, turns, _ = line
    _write(runs.root / "bad", GOOD)
    read = folders.read

    def fail(folder):
        if folder.name == "bad":
            raise ZeroDivisionError
        return read(folder)

    monkeypatch.setattr(folders, "read", fail)
    assert [run.state for run in runs.find()] == ["queued", "failed"]
    runs._give_next_turns()
    assert turns == [healthy.id]
