"""A run leaves a whole folder; in a process of its own it survives the server, and says so when it is killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.__main__ import main
from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError
from mtl.training import jobs
from mtl.training.runs import folder as folders
from mtl.training.runs import worker
from mtl.training.runs.service import Runs

ROOT = Path(__file__).resolve().parents[3]
TASKS = (
    TaskSpec("sentiment", "classification", ("negative", "neutral", "positive")),
    TaskSpec("stars", "regression", low=1, high=5),
)
QUICK = TrainConfig(epochs=1, batch_size=8, precision="float32", freeze=2)
ENDLESS = TrainConfig(epochs=1000, batch_size=8, precision="float32", freeze=2)
posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")


@pytest.fixture
def start(tiny, tmp_path):
    """A checkpoint with two heads to start from."""
    base = mtl.load(tiny, dtype="float32")
    checkpoint.save(checkpoint.derive(base, ModelConfig(tasks=TASKS)), tmp_path / "start")
    return str(tmp_path / "start")


@pytest.fixture
def reviews(tmp_path):
    lines = [f"this is review number {i} of many,{('Positive', 'NEG')[i % 2]}" for i in range(24)]
    (tmp_path / "reviews.csv").write_text("review,sentiment\n" + "\n".join(lines) + "\n")
    return tmp_path / "reviews.csv"


def _until(condition, seconds=240):
    """Wait until `condition()` is true, and give what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def _count(folder, kind):
    return sum(event["event"] == kind for event in folders.events(folder))


# --- in this process ---


def test_a_run_leaves_settings_events_and_a_checkpoint_that_loads(tmp_path, start, reviews, capsys):
    seen = list(worker.run(jobs.prepare(reviews, QUICK, start), tmp_path / "run"))
    folder = tmp_path / "run"
    assert folders.events(folder) == json.loads(json.dumps(seen))
    assert seen[0]["run"] == "run" and seen[0]["config"]["train"]["freeze"] == 2
    assert seen[-1]["checkpoint"] == "checkpoint"
    assert json.loads((folder / "config.json").read_text())["train"] == QUICK.to_json()
    record = json.loads((folder / "checkpoint" / "train.json").read_text())
    assert record["metrics"]["sentiment"]["rows"] == 4
    readme = (folder / "checkpoint" / "README.md").read_text()
    assert "| reviews.csv | " in readme and "| 4 rows held out: this says little | sentiment | macro F1 | " in readme
    capsys.readouterr()
    assert main(["card", str(folder / "checkpoint")]) == 0
    assert capsys.readouterr().out == readme
    assert set(mtl.load(folder / "checkpoint", dtype="float32").tasks) == {"sentiment", "stars"}
    assert folders.read(folder).state == "done"
    assert not (folder / "state").exists()


def test_train_is_the_same_in_one_call(tmp_path, start, reviews):
    model = mtl.train(reviews, tmp_path / "run", QUICK, start_from=start)
    assert model.analyze(["some review"])[0].sentiment.label in TASKS[0].labels


def test_a_stop_request_ends_the_run_with_a_usable_checkpoint(tmp_path, start, reviews):
    for event in worker.run(jobs.prepare(reviews, ENDLESS, start), tmp_path / "run"):
        if event["event"] == "step" and event["step"] == 2:
            folders.request_stop(tmp_path / "run")
    assert event["status"] == "stopped" and event["steps"] <= 3
    assert mtl.load(tmp_path / "run" / "checkpoint", dtype="float32").analyze(["fine"])


def test_an_error_is_an_event_too(tmp_path, start, reviews):
    with pytest.raises(UserError, match="layer groups"):
        list(worker.run(jobs.prepare(reviews, TrainConfig(freeze=99), start), tmp_path / "run"))
    [event] = folders.events(tmp_path / "run")
    assert event["event"] == "error" and "layer groups" in event["message"]
    assert "Traceback" in (tmp_path / "run" / "traceback.txt").read_text()


def _weights(folder):
    return mtl.load(folder / "checkpoint", dtype="float32").state_dict()


def test_new_heads_begin_the_same_for_the_same_seed_whatever_ran_before(tmp_path, tiny, reviews):
    job = jobs.prepare(reviews, QUICK, str(tiny))
    list(worker.run(job, tmp_path / "a"))
    torch.rand(7)  # as a process that rehearsed would have drawn
    list(worker.run(job, tmp_path / "b"))
    first, second = _weights(tmp_path / "a"), _weights(tmp_path / "b")
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_scores_recorded_are_those_of_the_epoch_that_is_kept(tmp_path, start, reviews):
    config = TrainConfig(**{**QUICK.to_json(), "epochs": 4, "head_lr": 0.05})
    *_, end = worker.run(jobs.prepare(reviews, config, start), tmp_path / "run")
    epochs = [event for event in folders.events(tmp_path / "run") if event["event"] == "epoch"]
    record = json.loads((tmp_path / "run" / "checkpoint" / "train.json").read_text())
    assert record["epoch"] == end["best"]
    assert record["metrics"] == epochs[end["best"] - 1]["validation"]


def test_the_end_says_what_the_model_before_scored_on_the_same_rows(tmp_path, start):
    rows = [f"this is text number {i} of many,{('Positive', 'NEG')[i % 2]},{('a', 'b')[i % 3 > 0]}" for i in range(40)]
    table = tmp_path / "two.csv"
    table.write_text("review,sentiment,team\n" + "\n".join(rows) + "\n")
    # At this rate nothing moves as far as a score can tell; `team` is a new head, which had no score before.
    config = TrainConfig(**{**QUICK.to_json(), "head_lr": 1e-12, "freeze": -1})
    *_, epoch, end = worker.run(jobs.prepare(table, config, start), tmp_path / "run")
    assert set(epoch["validation"]) == {"sentiment", "team"} and set(end["before"]) == {"sentiment"}
    before, after = end["before"]["sentiment"], epoch["validation"]["sentiment"]
    assert before["confusion"] == after["confusion"] and before["loss"] == pytest.approx(after["loss"], rel=1e-4)
    assert sum(map(sum, before["confusion"])) == before["rows"] > 0


def test_a_stopped_run_is_resumed_from_the_command_line(tmp_path, start, reviews):
    config = TrainConfig(**{**QUICK.to_json(), "epochs": 3})
    run = worker.run(jobs.prepare(reviews, config, start), tmp_path / "run")
    for event in run:
        if event["event"] == "step" and event["epoch"] == 2:
            folders.request_stop(tmp_path / "run")
    settings = ["--config", str(tmp_path / "run" / "config.json"), "--model", start, "--out", str(tmp_path / "run")]
    assert main(["train", str(reviews), *settings, "--resume"]) == 0
    starts = [event for event in folders.events(tmp_path / "run") if event["event"] == "start"]
    assert [event["resumed_after_epoch"] for event in starts] == [None, 1]
    assert folders.read(tmp_path / "run").state == "done"
    # Without --resume, what the folder held is replaced.
    assert main(["train", str(reviews), *settings]) == 0
    assert _count(tmp_path / "run", "start") == 1


def test_what_was_kept_of_other_settings_is_not_used_and_that_is_said(tmp_path, start, reviews):
    config = TrainConfig(**{**QUICK.to_json(), "epochs": 3})
    for event in worker.run(jobs.prepare(reviews, config, start), tmp_path / "run"):
        if event["event"] == "step" and event["epoch"] == 2:
            folders.request_stop(tmp_path / "run")
    other = jobs.prepare(reviews, TrainConfig(**{**config.to_json(), "lr": 1e-3}), start)
    first = next(worker.run(other, tmp_path / "run", resume=True))
    assert "training starts over" in first["notes"][-1]


def test_two_processes_do_not_train_in_one_folder(tmp_path, start, reviews):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as other:
        folders.write_process(tmp_path, other.pid)
        with pytest.raises(UserError, match=f"Process {other.pid} is training"):
            next(worker.run(jobs.prepare(reviews, QUICK, start), tmp_path))
        other.communicate()


# --- told after it is safe ---


class Killed(BaseException):
    """Ends a run as a kill does: nothing that answers exceptions is to see it."""


def _die_at(monkeypatch, owner, name, number, after):
    """Let call `number` of a function be the last thing that the process does, or (`after`) has done."""
    calls, real = [], getattr(owner, name)

    def call(*given, **named):
        calls.append(1)
        if len(calls) == number and not after:
            raise Killed
        found = real(*given, **named)
        if len(calls) == number:
            raise Killed
        return found

    monkeypatch.setattr(owner, name, call)
    return calls


def _whole_epochs(folder):
    return [event for event in folders.events(folder) if event["event"] == "epoch" and event["whole"]]


def _timeless(event):
    """An event without what depends on the clock: some steps say how far the weights have moved."""
    clocked = ("seconds", "eta", "epoch_eta", *(["moved"] if event["event"] == "step" else []))
    return {name: value for name, value in event.items() if name not in clocked}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("changes", [{}, {"patience": 1, "head_lr": 1e-12}], ids=["all epochs", "ends early"])
def test_whatever_was_told_outlives_a_kill(tmp_path, start, reviews, monkeypatch, changes, after):
    """Killed right before and right after each event is written, a run goes on as if nothing had happened."""
    config = TrainConfig(**{**QUICK.to_json(), "epochs": 2, "freeze": -1, "batch_size": 12, **changes})
    job = jobs.prepare(reviews, config, start)
    list(worker.run(job, tmp_path / "whole"))
    whole, expected = folders.events(tmp_path / "whole"), _weights(tmp_path / "whole")
    expected_losses = [[e["epoch"], e["train"]["sentiment"]["loss"]] for e in _whole_epochs(tmp_path / "whole")]
    for number in range(1, len(whole) + 1):
        folder = tmp_path / str(number)
        with monkeypatch.context() as patch, pytest.raises(Killed):
            _die_at(patch, folders, "write_event", number, after)
            list(worker.run(job, folder))
        told = folders.events(folder)
        assert [_timeless(e) for e in told[1:]] == [_timeless(e) for e in whole[1 : number - 1 + after]]
        if told and told[-1]["event"] == "end":
            assert folders.read(folder).state == "done"
        else:
            epochs = _whole_epochs(folder)
            again = list(worker.run(job, folder, resume=True))
            resumed = again[0]["resumed_after_epoch"] or 0
            assert resumed >= len(epochs)
            assert not [e for e in again if e["event"] == "step" and e["epoch"] <= resumed]
            assert again[-1]["status"] == "done"
        # Each epoch is told once. Rows meet in other batches after an interruption, which changes the last digits.
        losses = [[e["epoch"], e["train"]["sentiment"]["loss"]] for e in _whole_epochs(folder)]
        assert losses == [[n, pytest.approx(loss, abs=1e-4)] for n, loss in expected_losses]
        found = _weights(folder)
        assert all(torch.allclose(found[name], expected[name], atol=1e-5) for name in expected)


def test_the_epoch_in_which_a_run_is_stopped_is_told_when_the_checkpoint_holds_it(tmp_path, start, reviews):
    folder = tmp_path / "run"
    for event in worker.run(jobs.prepare(reviews, ENDLESS, start), folder):
        if event["event"] == "step" and event["step"] == 2:
            folders.request_stop(folder)
        if event["event"] == "epoch":
            record = json.loads((folder / "checkpoint" / "train.json").read_text())
            assert (event["whole"], record["metrics"]) == (False, event["validation"])
            assert mtl.load(folder / "checkpoint", dtype="float32").analyze(["fine"])
    assert event["status"] == "stopped" and not _whole_epochs(folder)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_checkpoint_that_was_told_of_is_not_lost_while_another_takes_its_place(
    tmp_path, start, reviews, monkeypatch, after
):
    config = TrainConfig(**{**QUICK.to_json(), "freeze": -1})
    folder = tmp_path / "run"
    list(worker.run(jobs.prepare(reviews, config, start), folder))
    first = _weights(folder)
    job = jobs.prepare(reviews, TrainConfig(**{**config.to_json(), "seed": 5}), start)
    for name, number in (("write_bytes", 1), ("write_bytes", 2), ("replace", 4), ("rename", 1), ("rename", 2)):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            _die_at(patch, Path, name, number, after)
            list(worker.run(job, folder))
        worker._repair_checkpoint(folder)
        second = _weights(folder)  # whole: one or the other
        new = (name, number, after) == ("rename", 2, True)
        assert all(torch.equal(first[key], second[key]) for key in first) is not new
        assert not list(folder.glob("checkpoint.*"))
    *_, end = worker.run(job, folder)
    assert end["status"] == "done" and folders.read(folder).state == "done"


# --- in a process of its own ---


@posix
def test_a_killed_run_says_so_goes_on_after_its_last_epoch_and_stops_when_asked(tmp_path, start, reviews):
    with Runs(tmp_path / "runs") as runs:
        run = runs.start("ada", reviews, ENDLESS, start)
        _until(lambda: _count(run.folder, "epoch") >= 3)
        os.kill(folders.process_of(run.folder)["pid"], signal.SIGKILL)
        now = _until(lambda: (p := runs.progress(run.id)).run.state == "killed" and "signal 9" in p.message and p)
        assert "killed from outside" in now.message and "resume" in now.message

        runs.resume(run.id)
        _until(lambda: _count(run.folder, "start") == 2 and folders.events(run.folder)[-1]["event"] == "step")
        now = runs.progress(run.id)
        assert now.run.state == "running" and now.message == "" and now.whole_epochs >= 2 and now.begun
        assert all(event["event"] != "damaged" for event in folders.events(run.folder))

        runs.stop(run.id)
        end = _until(lambda: (e := folders.events(run.folder)[-1])["event"] == "end" and e)
        assert end["status"] == "stopped" and runs.get(run.id).state == "stopped"
    assert mtl.load(run.folder / "checkpoint", dtype="float32").analyze(["fine"])


@contextlib.contextmanager
def _small_disk(folder):
    """A disk of 8 MB at `folder`, where this user may mount one; gives what makes it larger, or None."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        yield None
        return
    try:
        yield lambda: subprocess.run(["mount", "-o", "remount,size=200m", str(folder)], check=True)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def _small_files():
    """Processes started meanwhile can write no file of more than 4 MB, which fails as a full disk does."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@posix
def test_a_full_disk_ends_the_run_with_a_plain_message_and_it_goes_on_when_there_is_room(tmp_path, start, reviews):
    # What is kept after each epoch takes 12 MB: the embeddings learn, and Adam keeps two numbers for each of theirs.
    config = TrainConfig(**{**QUICK.to_json(), "epochs": 2, "freeze": 0})
    with _small_disk(tmp_path / "disk") as enlarge, Runs(tmp_path / "disk") as runs:
        with contextlib.nullcontext() if enlarge else _small_files():
            run = runs.start("ada", reviews, config, start)
            _until(lambda: not runs.get(run.id).unfinished)
        now = runs.progress(run.id)
        assert now.run.state == "failed", folders.events(run.folder)[-1]
        assert "disk is full" in now.message and "resume" in now.message
        assert "Traceback" in (run.folder / "traceback.txt").read_text()
        assert _count(run.folder, "epoch") == 0  # it could not be kept, so it was not told
        assert not list(run.folder.rglob("*.part"))  # half a file would keep the disk full

        if enlarge:
            enlarge()
        runs.resume(run.id)
        _until(lambda: not runs.get(run.id).unfinished)
        assert runs.get(run.id).state == "done"
        assert mtl.load(run.folder / "checkpoint", dtype="float32").analyze(["fine"])


@posix
def test_a_run_survives_its_server_and_the_line_goes_on_with_the_next_one(tmp_path, start, reviews):
    runs = Runs(tmp_path / "runs")  # not opened: it only looks on
    first = runs.start("ada", reviews, ENDLESS, start)
    second = runs.start("bob", reviews, ENDLESS, start)
    (second.folder / "config.json").write_text('{"start_from": ')  # truncated: it will fail at once
    code = "import sys; from mtl.training.runs.service import Runs; Runs(sys.argv[1]).open(); sys.stdin.read()"
    server = subprocess.Popen([sys.executable, "-c", code, runs.root], cwd=ROOT, stdin=subprocess.PIPE)
    try:
        _until(lambda: _count(first.folder, "step"))
    finally:
        server.kill()
        server.communicate()
    steps = _count(first.folder, "step")
    _until(lambda: _count(first.folder, "step") > steps)

    with Runs(tmp_path / "runs") as restarted:
        found = restarted.find("ada")
        assert [(run.id, run.state) for run in found] == [(first.id, "running")]
        assert restarted.progress(second.id).place == 1
        pid = folders.process_of(first.folder)["pid"]
        assert psutil.Process(pid).nice() == min(19, psutil.Process().nice() + 10)
        os.kill(pid, signal.SIGTERM)  # as when the computer shuts down: it ends after its step, as when it is stopped
        _until(lambda: not restarted.get(second.id).unfinished)
        assert restarted.get(first.id).state == "stopped"
        assert mtl.load(first.folder / "checkpoint", dtype="float32").analyze(["fine"])
        now = restarted.progress(second.id)
        assert now.run.state == "failed"
        assert now.run.started >= restarted.get(first.id).ended
        assert "config.json" in now.message and "cannot be read" in now.message
        assert (second.folder / "traceback.txt").exists()


def test_one_process_carries_out_run_after_run_and_nothing_gets_warm_beside_it(tmp_path, start, reviews):
    """Starting another would take half of the run's speed."""
    with Runs(tmp_path / "runs", warm=True) as runs:
        _until(lambda: runs.warm)
        [waiting] = _waiting()
        first = runs.start("ada", reviews, ENDLESS, start)
        second = runs.start("bob", reviews, TrainConfig(**{**QUICK.to_json(), "freeze": 99}), start)
        third = runs.start("eve", reviews, QUICK, start)
        _until(lambda: _count(first.folder, "step"))
        ended = time.monotonic() + 1.5
        while time.monotonic() < ended:
            assert runs.get(first.id).state == "running" and _waiting() == {waiting}
            time.sleep(0.1)
        runs.stop(first.id)
        _until(lambda: not any(run.unfinished for run in runs.find()))
        assert [run.state for run in runs.find()] == ["stopped", "failed", "done"]
        assert {folders.process_of(run.folder)["pid"] for run in (first, second, third)} == {waiting}
        assert "layer groups" in (second.folder / "output.txt").read_text()
        assert (third.folder / "output.txt").read_text() == ""
        _until(lambda: runs.warm)
    _until(lambda: not _waiting())


def test_a_second_learner_gets_the_same_model_without_encoding_anything_again(tmp_path, start, reviews):
    heads_only = TrainConfig(**{**QUICK.to_json(), "freeze": -1})
    list(worker.run(jobs.prepare(reviews, heads_only, start), tmp_path / "alone"))
    with Runs(tmp_path / "runs", warm=True) as runs:
        found = [runs.start(owner, reviews, heads_only, start) for owner in ("ada", "bob")]
        _until(lambda: not any(run.unfinished for run in runs.find()))
    assert [*(tmp_path / "runs" / ".states").glob("*.safetensors")]
    ends = [folders.events(run.folder)[-1] for run in found]
    assert ends[0]["encoding"] > 0 == ends[1]["encoding"]
    for name in ("before", "verdicts", "forgetting", "status"):
        assert ends[0][name] == ends[1][name]
    alone, *others = (_weights(folder) for folder in (tmp_path / "alone", *(run.folder for run in found)))
    for weights in others:
        assert all(torch.allclose(weights[name], alone[name], atol=1e-4) for name in alone)
    _until(lambda: not _waiting())


@posix
def test_a_process_that_is_killed_takes_its_run_along_and_another_takes_its_place(tmp_path, start, reviews):
    with Runs(tmp_path / "runs", warm=True) as runs:
        run = runs.start("ada", reviews, ENDLESS, start)
        second = runs.start("bob", reviews, QUICK, start)
        _until(lambda: _count(run.folder, "step"))
        os.kill(pid := folders.process_of(run.folder)["pid"], signal.SIGKILL)
        _until(lambda: not runs.get(second.id).unfinished)
        assert (runs.get(run.id).state, runs.get(second.id).state) == ("killed", "done")
        assert folders.process_of(second.folder)["pid"] != pid
    _until(lambda: not _waiting())


def test_a_run_gives_way_after_its_epoch_and_goes_on_where_it_was(tmp_path, start, reviews):
    config = TrainConfig(**{**QUICK.to_json(), "epochs": 3})
    whole = [*worker.run(jobs.prepare(reviews, config, start), tmp_path / "whole")]
    with Runs(tmp_path / "runs", warm=True) as runs:
        long = runs.start("ada", reviews, config, start, estimate=1e6)
        folders.ask_to_give_way(long.folder, True)  # the line asks when it looks: this comes first
        short = runs.start("bob", reviews, QUICK, start, estimate=1.0)
        _until(lambda: not any(run.unfinished for run in runs.find()))
        assert [runs.get(run.id).state for run in (long, short)] == ["done", "done"]
    starts = [event["resumed_after_epoch"] for event in folders.events(long.folder) if event["event"] == "start"]
    assert starts[0] is None and len(starts) > 1 and None not in starts[1:]
    found = [event["train"] for event in folders.events(long.folder) if event["event"] == "epoch"]
    expected = [event["train"] for event in whole if event["event"] == "epoch"]
    assert [e["sentiment"]["loss"] for e in found] == [
        pytest.approx(e["sentiment"]["loss"], abs=1e-4) for e in expected
    ]
    assert runs.get(long.id).ticket.spent > 0 and not (long.folder / "give-way").exists()
    _until(lambda: not _waiting())


def test_a_run_that_gave_way_saves_its_model_at_once_when_it_is_stopped(tmp_path, start, reviews):
    runs = Runs(tmp_path / "runs")
    run = runs.start("ada", reviews, ENDLESS, start, estimate=1e6)
    runs.start("bob", reviews, QUICK, start, estimate=1.0)
    folders.ask_to_give_way(run.folder, True)
    process = worker.Worker(1)
    process.give(run.folder)
    assert process.wait() == 0 and _count(run.folder, "epoch") == 1
    now = runs.progress(run.id)
    assert (now.run.state, now.place, now.whole_epochs, now.begun) == ("queued", 2, 1, True)
    runs.stop(run.id)
    now = runs.progress(run.id)
    assert (now.run.state, now.place, now.wait, now.stopping) == ("queued", 1, 0.0, True)
    process.give(run.folder)
    assert process.wait() == 0
    process.dismiss()
    assert runs.get(run.id).state == "stopped" and _count(run.folder, "epoch") == 1
    _until(lambda: not _waiting())
    assert mtl.load(run.folder / "checkpoint", dtype="float32").analyze(["fine"])


def test_a_run_that_arrives_during_the_warm_up_ends_it(monkeypatch):
    arrived, steps = [], []

    def run(job, folder):
        for event in range(3):
            steps.append((folder.name, event))
            yield event

    monkeypatch.setattr(worker, "run", run)
    worker._warm_up(lambda: bool(arrived))
    assert len(steps) == 6, "with everything frozen, and with nothing"
    steps.clear()
    arrived.append("a folder")
    worker._warm_up(lambda: bool(arrived))
    assert steps == [("-1", 0)]


def test_a_run_is_carried_out_by_the_process_that_is_still_getting_warm(tmp_path, start, reviews):
    with Runs(tmp_path / "runs", warm=True) as runs:
        [waiting] = _until(_waiting)
        run = runs.start("ada", reviews, QUICK, start)
        _until(lambda: not runs.get(run.id).unfinished)
        assert runs.get(run.id).state == "done"
        assert folders.process_of(run.folder)["pid"] == waiting


def _waiting():
    """The numbers of workers that this one started."""
    found = set()
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if child.cmdline()[-1:] == ["mtl.training.runs.worker"]:
                found.add(child.pid)
    return found


def test_a_run_that_is_stopped_before_it_begins_ends_at_once(tmp_path):
    folders.request_stop(tmp_path)
    process = worker.Worker(1)
    process.give(tmp_path)
    process.dismiss()
    assert process.wait() == 0
    [event] = folders.events(tmp_path)
    assert (event["event"], event["status"], event["checkpoint"]) == ("end", "stopped", None)


def test_a_process_leaves_a_run_alone_that_another_was_chosen_for(tmp_path):
    folders.write_process(tmp_path, os.getpid())
    before = sorted(tmp_path.iterdir())
    arguments = [sys.executable, "-m", "mtl.training.runs.worker"]
    assert subprocess.run(arguments, cwd=ROOT, input=json.dumps(str(tmp_path)), text=True).returncode == 3
    assert sorted(tmp_path.iterdir()) == before
