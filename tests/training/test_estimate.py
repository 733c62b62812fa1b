"""What a run will take, told before it starts, is what it then takes; and asking is quick."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace

import pytest

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError
from mtl.data.dataset import Part
from mtl.data.rows import Row
from mtl.data.splits import RowCounts, split
from mtl.groups import Groups
from mtl.training import estimate as estimates
from mtl.training.estimate import Estimate, Speed, estimate
from mtl.training.plan import Plan

TASKS = {
    "mood": TaskSpec("mood", "classification", ("good", "bad")),
    "names": TaskSpec("names", "tagging", ("PER", "ORG"), hidden=16, shape_window=2),
    "idle": TaskSpec("idle", "regression"),
}
LEARNS = ("mood", "names")
ROWS = [
    Row(f"sentence number {i} is a little longer than others", {"mood": ("good", "bad")[i % 2]}, i) for i in range(100)
]
SETTINGS = [
    TrainConfig(),
    TrainConfig(freeze=-1, epochs=5),
    TrainConfig(freeze=2, batch_size=7, validation=0.3),
    TrainConfig(freeze_heads=("mood",), rates={"layer 1": 0.0, "embeddings": 0.0}),
    TrainConfig(freeze=-1, unfreeze=((2, 3), (3, 1))),
    TrainConfig(validation=0.0, lr=0.0),
]


@pytest.fixture
def model(tiny):
    return mtl.load(tiny, dtype="float32")


@pytest.fixture
def speeds(monkeypatch):
    """A machine of known speed."""
    speed = Speed(forward=1e-5, training=3e-5, update=1e-9)
    monkeypatch.setattr(estimates, "speed_of", lambda backbone, precision, wait: speed)


def asked(model, config, rows=100, tokens=1200, learns=LEARNS) -> Estimate:
    held_out = RowCounts.of(ROWS[:rows]).held_out(config.validation)
    return estimate(model, TASKS, learns, rows, held_out, tokens, config)


@pytest.mark.parametrize("config", SETTINGS)
def test_weights_and_steps_are_those_of_the_run(model, speeds, config):
    told = asked(model, config)
    ready = checkpoint.derive(model, ModelConfig(tasks=tuple(TASKS.values())))
    # The loop freezes heads that no row teaches.
    groups = Groups.of_model(ready, replace(config, freeze_heads=(*config.freeze_heads, "idle")))
    assert told.trainable == sum(g.size for g in groups if not g.frozen)
    assert told.frozen == sum(g.size for g in groups if g.frozen)
    learn, held_out = split(ROWS, config.validation)
    assert (told.rows, told.validation_rows) == (len(learn), len(held_out))
    assert told.steps == Plan([Part("table", learn)], config).steps


def test_rows_that_move_the_embedding_cost_no_pass_for_the_anchor(model, speeds):
    tasks = {**TASKS, "score": TaskSpec("score", "similarity")}
    alone, with_mood = (
        estimate(model, tasks, learns, 100, 10, 1200, TrainConfig()) for learns in (("score",), ("score", "mood"))
    )
    assert alone.seconds < with_mood.seconds
    assert alone.seconds == estimate(model, tasks, ("score",), 100, 10, 1200, TrainConfig(anchor=0.0)).seconds


def test_what_is_frozen_costs_neither_time_nor_memory(default_model, speeds):
    told = [
        estimate(default_model, default_model.tasks, ("sentiment", "entities"), 400, 40, 8000, TrainConfig(freeze=k))
        for k in (0, 1, 4, 7)
    ]
    for more, less in zip(told, told[1:], strict=False):
        assert more.seconds > less.seconds
        assert more.memory_mb > less.memory_mb
    assert told[0].trainable + told[0].frozen == told[3].trainable + told[3].frozen
    assert told[0].memory_mb > told[3].memory_mb + 400


def test_more_of_anything_takes_longer(model, speeds):
    base = TrainConfig(freeze=2)
    seconds = asked(model, base, tokens=50_000).seconds
    assert asked(model, replace(base, epochs=6), tokens=50_000).seconds > seconds
    assert asked(model, base, tokens=100_000).seconds > seconds
    # The outputs of frozen layers, computed once, are not kept where they have no room.
    assert asked(model, replace(base, cache_mb=0), tokens=50_000).seconds > seconds
    # Without an anchor nothing has to be computed of the model before.
    assert asked(model, replace(base, anchor=0.0), tokens=50_000).seconds < seconds


def test_gradual_unfreezing_lies_between_all_and_nothing(model, speeds):
    def seconds(**config):
        return asked(model, TrainConfig(epochs=4, **config), tokens=50_000).seconds

    assert seconds(freeze=-1) < seconds(freeze=-1, unfreeze=((3, 2),)) < seconds(freeze=2)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_very_few_rows(model, speeds, rows):
    told = asked(model, TrainConfig(), rows=rows, tokens=10 * rows)
    assert told.rows == max(rows - 1, min(rows, 1))
    assert told.rows + told.validation_rows == rows
    assert told.seconds > 0


def test_nothing_that_learns_is_told_too(model, speeds):
    assert asked(model, TrainConfig(freeze=-1, freeze_heads=tuple(TASKS))).trainable == 0


# --- this machine ---


def test_this_machine_is_measured(model):
    speed = estimates.measure(model.backbone, "float32")
    assert min(speed.forward, speed.training, speed.update) > 0
    # What others answer with is as it was.
    assert not any(p.requires_grad for p in model.backbone.parameters())


def test_the_measurement_is_waited_for_a_moment_and_made_once(model, monkeypatch):
    go, calls = threading.Event(), []

    def measure(backbone, precision):
        calls.append(precision)
        assert go.wait(20)
        return Speed(1e-5, 3e-5, 1e-9)

    monkeypatch.setattr(estimates, "measure", measure)
    monkeypatch.setattr(estimates, "_speeds", {})
    told = estimate(model, TASKS, LEARNS, 100, 10, 1200, TrainConfig(precision="float32"), wait=0.01)
    assert told.seconds is None
    assert told.steps > 0
    go.set()
    told = estimate(model, TASKS, LEARNS, 100, 10, 1200, TrainConfig(precision="float32"), wait=20)
    assert told.seconds > 0
    assert (
        estimate(model, TASKS, LEARNS, 100, 10, 1200, TrainConfig(precision="float32"), wait=0).seconds == told.seconds
    )
    assert calls == ["float32"]


def test_a_measurement_that_fails_is_made_again(model, monkeypatch):
    answers = [UserError("no memory"), Speed(1e-5, 3e-5, 1e-9)]

    def measure(backbone, precision):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(estimates, "measure", measure)
    monkeypatch.setattr(estimates, "_speeds", {})
    assert estimates.speed_of(model.backbone, "float32", 20) is None
    assert estimates.speed_of(model.backbone, "float32", 20) == Speed(1e-5, 3e-5, 1e-9)


def test_a_process_may_end_while_it_measures(tiny):
    code = (
        "import sys, mtl; from mtl.training.estimate import speed_of; "
        "speed_of(mtl.load(sys.argv[1], dtype='float32').backbone, 'float32', wait=0)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tiny)], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
