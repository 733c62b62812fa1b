"""A run's events come to the same progress however they arrive, and no event that is missing or odd does harm."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.config import ModelConfig, TaskSpec, TrainConfig
from mtl.training.progress import MOST_POINTS, Curve, Progress, fold

ROOT = Path(__file__).resolve().parents[2]
TASKS = (TaskSpec("mood", "classification", ("bad", "good")), TaskSpec("names", "tagging", ("PER",)))
SIZES = {"embeddings": 900, "layer 1": 90, "head mood": 9, "head names": 7}


def started(epochs=2, after=None, **config):
    return {
        "event": "start",
        "config": {
            "start_from": "default",
            "model": ModelConfig(tasks=TASKS).to_json(),
            "train": TrainConfig(epochs=epochs, **config).to_json(),
        },
        "trainable": {name: size for name, size in SIZES.items() if name != "embeddings"},
        "frozen": {"embeddings": 900},
        "rates": dict.fromkeys(SIZES, 1e-3),
        "steps": 2 * epochs,
        "rows": 60,
        "validation_rows": {"data": 9},
        "tasks": ["mood", "names"],
        "notes": ["Line 3 is empty."],
        "resumed_after_epoch": after,
    }


def step(number, loss=0.5):
    losses = {"mood": loss, "names": loss / 10}
    return {"event": "step", "step": number, "epoch": (number + 1) // 2, "seconds": 1.0, "eta": 7.0, "loss": losses}


def epoch(number, mood=0.75, names=0.5, whole=True):
    return {
        "event": "epoch",
        "epoch": number,
        "whole": whole,
        "seconds": 2.0 * number,
        "train": {"mood": {"loss": 0.6}, "names": {"loss": 0.06}},
        "validation": {"mood": {"loss": 0.4, "macro_f1": mood}, "names": {"loss": 0.04, "f1": names}},
        "score": (mood + names) / 2,
        "moved": {**dict.fromkeys(SIZES, 0.0), "head mood": 0.1 * number},
    }


def end(status="done", best=1, **more):
    last = {"status": status, "seconds": 4.2, "steps": 4, "best": best, "moved": {"head mood": 0.25}}
    return {"event": "end", "checkpoint": "checkpoint", **last, **more}


FIRST = [started(), step(1, 0.8), step(2, 0.7), epoch(1)]
WHOLE = [*FIRST, step(3, 0.6), step(4, 0.5), epoch(2, 0.7, 0.4), end(before={"mood": {"macro_f1": 0.5, "rows": 9}})]
RESUMED = [*FIRST, step(3), epoch(2, 0.9, 0.9, whole=False), end("stopped", 2), started(after=1), *WHOLE[4:]]


def folded(*events):
    return fold(Progress(), events)


@pytest.fixture(scope="module")
def real(tiny, tmp_path_factory):
    """The events of a real run that was stopped within its second epoch and resumed, as its file gives them."""
    from mtl.training import jobs
    from mtl.training.runs import folder as folders
    from mtl.training.runs import worker

    root = tmp_path_factory.mktemp("run")
    rows = [f"text number {i} of many,{('good', 'bad')[i % 2]},{i / 40}" for i in range(40)]
    (root / "data.csv").write_text("text,mood,strength\n" + "\n".join(rows) + "\n")
    config = TrainConfig(epochs=3, batch_size=8, freeze=2, unfreeze=[[3, 1]], precision="float32", validation=0.2)
    job = jobs.prepare(root / "data.csv", config, str(tiny))
    for event in worker.run(job, root / "run"):
        if event["event"] == "step" and event["epoch"] == 2:
            folders.request_stop(root / "run")
    for _ in worker.run(job, root / "run", resume=True):
        pass
    return folders.events(root / "run")


# --- however the events arrive ---


@given(st.data())
def test_folding_in_pieces_is_folding_at_once(real, data):
    events = data.draw(st.sampled_from([real, WHOLE, RESUMED]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=6)))
    progress = Progress()
    for first, last in zip([0, *cuts], [*cuts, len(events)], strict=True):
        progress = fold(progress, events[first:last])
    assert progress == fold(Progress(), events)


def test_any_beginning_of_a_real_run_is_a_valid_state(real):
    kinds = [event["event"] for event in real]
    assert kinds.count("start") == kinds.count("end") == 2 and "freeze" in kinds
    for count in range(len(real) + 1):
        now = fold(Progress(), real[:count])
        assert now.damaged == 0 and 0 <= now.share <= 1 and now.step <= now.steps
        assert [e.number for e in now.past] == list(range(1, len(now.past) + 1))
        assert now.whole_epochs <= now.epochs and 0 <= now.in_epochs(now.step) <= now.epochs
        assert bool(now.kept) == bool(now.past) and bool(now.validation) == bool(now.past)
        assert set(now.scores) == set(now.best_of_task) == (set(now.kinds) if now.past else set())
        assert all(epoch.scores[task] > now.scores[task] for task, epoch in now.better_elsewhere.items())
        assert bool(now.status) == now.checkpoint == (count > 0 and kinds[count - 1] == "end")
    assert (now.status, now.step, now.whole_epochs, now.eta) == ("done", now.steps, 3, None)
    assert now.kept.number == real[-1]["best"]
    epochs = {event["epoch"]: event for event in real if event["event"] == "epoch"}
    assert now.validation == epochs[now.kept.number]["validation"]
    assert now.moved == real[-1]["moved"] and set(now.sizes) == set(now.moved)
    assert [group.name for group in now.groups.layers] == ["embeddings", "layer 1", "layer 2", "layer 3"]
    assert now.groups.tasks == ["mood", "strength"] and [group.name for group in now.groups] == list(now.sizes)


@given(st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=3), max_size=3), max_size=4))
def test_unknown_events_and_fields_change_nothing(odd):
    known = {"start", "step", "epoch", "end", "error", "damaged"}
    unknown = [event for event in odd if event.get("event") not in known]
    mixed = [each for event in WHOLE for each in (*unknown, {"a field of tomorrow": [1], **event})]
    assert fold(Progress(), mixed) == fold(Progress(), WHOLE)


@given(st.sampled_from(WHOLE[:2] + WHOLE[3:4] + WHOLE[-1:]), st.data())
def test_an_event_without_what_its_kind_has_is_counted_and_nothing_else(event, data):
    needed = {
        "start": ["config", "trainable", "frozen", "rates", "steps", "tasks", "notes"],
        "step": ["step", "epoch", "seconds", "eta", "loss"],
        "epoch": ["epoch", "seconds", "train", "validation", "moved"],
        "end": ["status", "seconds", "best"],
    }[event["event"]]
    missing = data.draw(st.sampled_from(needed))
    before = folded(*FIRST)
    after = fold(before, [{name: value for name, value in event.items() if name != missing}])
    assert after.damaged == 1
    assert dataclasses.replace(after, damaged=0, milestones=before.milestones) == before


def test_the_time_of_a_new_event_does_not_grow_with_those_before():
    """Everything that an event copies is bounded."""
    losses = fold(folded(started()), ({**step(1), "step": i} for i in range(10_000))).losses
    assert all(len(curve.points) < MOST_POINTS for curve in losses.values())


def test_it_can_be_imported_without_torch():
    code = "import sys, mtl.training.progress; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


# --- what events mean ---


def test_curves_scores_and_movement_are_gathered():
    now = folded(*WHOLE)
    assert (now.steps, now.epochs, now.status, now.checkpoint, now.rows, now.held_out) == (4, 2, "done", True, 60, 9)
    assert now.kinds == {"mood": "classification", "names": "tagging"}
    assert list(now.losses["mood"]) == [(1, 0.8), (2, 0.7), (3, 0.6), (4, 0.5)]
    assert [(e.number, e.step, e.scores) for e in now.past] == [
        (1, 2, {"mood": 0.75, "names": 0.5}),
        (2, 4, {"mood": 0.7, "names": 0.4}),
    ]
    assert now.moved == {"head mood": 0.25}  # of the weights that are kept
    assert now.scores_before == {"mood": 0.5} and now.in_epochs(3) == 1.5


def test_the_best_epoch_of_a_task_need_not_be_the_best_of_all():
    now = folded(*FIRST, step(4), epoch(2, 0.65, 0.55))
    assert (now.kept.number, now.best_of_task["mood"].number, now.best_of_task["names"].number) == (1, 1, 2)
    assert {task: e.number for task, e in now.better_elsewhere.items()} == {"names": 2}
    assert now.validation == epoch(1)["validation"]


@pytest.mark.parametrize(("keep_best", "kept"), [(True, 1), (False, 2)])
def test_the_epoch_kept_is_the_best_or_else_the_last(keep_best, kept):
    events = [started(keep_best=keep_best), *WHOLE[1:]]
    scores = {1: (0.75, 0.5), 2: (0.7, 0.4)}[kept]
    for now in (folded(*events[:-1]), folded(*events)):
        assert now.kept.number == kept and now.validation == epoch(kept, *scores)["validation"]


def test_a_resumed_run_forgets_what_did_not_count():
    stopped = folded(*RESUMED[:7])
    assert (stopped.whole_epochs, stopped.kept.number, stopped.status) == (1, 2, "stopped")
    now = fold(stopped, RESUMED[7:8])
    assert ([e.number for e in now.past], now.step, now.status, now.checkpoint) == ([1], 2, "", False)
    assert list(now.losses["mood"]) == [(1, 0.8), (2, 0.7)] and now.moved["head mood"] == 0.1
    assert now.validation == epoch(1)["validation"]
    done = fold(now, RESUMED[8:])
    assert (done.losses, done.past, done.kept) == tuple(getattr(folded(*WHOLE), n) for n in ("losses", "past", "kept"))


def test_a_run_that_begins_anew_begins_with_empty_curves():
    now = folded(*WHOLE[:3], started())
    assert now.past == () and now.step == 0 and [list(line) for line in now.losses.values()] == [[], []]


def test_scores_in_full_are_kept_of_those_epochs_alone_that_may_be_asked_for():
    epochs = [event for n in range(1, 9) for event in (step(2 * n), epoch(n, mood=0.9 if n == 3 else 0.5))]
    now = folded(started(epochs=9), *epochs)
    assert [e.number for e in now.past if e.validation] == [3, 8]


def test_runs_of_earlier_versions_fold_too():
    """They say neither whether an epoch is whole, nor its mean score, nor what came before."""

    def old(event):
        return {name: value for name, value in event.items() if name not in ("whole", "score")}

    now = folded(started(), *map(old, RESUMED[1:6]), end("stopped", 1))
    assert [(e.whole, e.score) for e in now.past] == [(True, 0.625), (False, 0.9)] and now.whole_epochs == 1
    assert (now.cosine, now.lost, now.scores_before) == (None, {}, {})


def test_what_cannot_be_read_is_counted():
    now = folded(*FIRST, {"event": "damaged"}, {"event": "error", "message": "Too hot.", "hint": ""})
    assert (now.damaged, now.status, now.checkpoint, now.eta) == (1, "failed", False, None)


# --- curves ---


def curve(values):
    line = Curve()
    for x, y in values:
        line = line.add(x, y)
    return line


@given(st.integers(1, 5000))
def test_a_curve_stays_short_and_ends_where_the_run_is(count):
    points = list(curve((i, float(i)) for i in range(1, count + 1)))
    assert len(points) <= MOST_POINTS and points[-1][0] == count
    width = points[0][0]
    # Each point stands at the last of those that it is the mean of.
    assert all(y == pytest.approx(x - (width - 1) / 2) for x, y in points[:-1])
    assert points[-1][1] == pytest.approx(((points[-2][0] if len(points) > 1 else 0) + 1 + count) / 2)


def test_what_is_cut_off_a_curve_is_forgotten_and_it_goes_on_from_there():
    line = curve(enumerate([2.0, 2.0, 2.0, 9.0, 9.0])).until(2)
    assert list(line.add(3, 4.0)) == [(0, 2.0), (1, 2.0), (2, 2.0), (3, 4.0)]
    assert list(line.until(-1)) == []


def test_parts_move_with_the_steps_that_say_so_and_stay_where_they_were_in_those_that_do_not():
    moving = {**step(1), "moved": {"head mood": 0.05}}
    assert folded(started(), moving).moved == folded(started(), moving, step(2)).moved == {"head mood": 0.05}
    assert folded(*FIRST).moved["head mood"] == 0.1
