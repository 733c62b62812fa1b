"""A run is put into the line whole or not at all, belongs to its owner, and is deleted only when nobody needs it."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mtl.config import TrainConfig, UserError
from mtl.training.runs import ages, worker
from mtl.training.runs import folder as folders
from mtl.training.runs.service import Runs, cores

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def runs(tmp_path):
    """Runs that nobody carries out: what waits goes on waiting."""
    return Runs(tmp_path / "runs")


@pytest.fixture
def data(tmp_path):
    (tmp_path / "reviews.csv").write_text("text,mood\nfine,good\nawful,bad\n")
    return tmp_path / "reviews.csv"


def _start(runs, data, owner="ada", **more):
    """A run, each with a seed of its own."""
    return runs.start(owner, data, TrainConfig(seed=len(runs.find())), **more)


def _end(run, status="done", seconds_ago=0.0, size=0):
    """Let a run be over since then, with `size` bytes in its folder."""
    folders.write_process(run.folder, os.getpid())
    folders.write_event(run.folder, {"event": "end", "status": status})
    (run.folder / "weights").write_bytes(bytes(size))
    for path in run.folder.iterdir():
        os.utime(path, (time.time() - seconds_ago,) * 2)


# --- start ---


def test_a_started_run_holds_all_that_its_process_needs(runs, data, tmp_path):
    (tmp_path / "model").mkdir()
    run = runs.start("ada", data, TrainConfig(epochs=7), tmp_path / "model", estimate=4.0)
    data.unlink()  # an upload is deleted when its visitor leaves
    assert (run.state, run.ticket.estimate) == ("queued", 4.0)
    told = json.loads((run.folder / "config.json").read_text())
    assert told["train"]["epochs"] == 7 and told["start_from"] == str(tmp_path / "model")
    assert (run.folder / told["file"]).read_text().startswith("text,mood")
    assert [path for path in runs.root.iterdir() if path.name.startswith(".")] == []


def test_rows_to_test_on_are_kept_with_the_run_and_are_all_that_it_holds_out(runs, data, tmp_path):
    (tmp_path / "own").mkdir()
    test = tmp_path / "own" / data.name  # of the same name as the data
    test.write_text("text,mood\nquite fine,good\nrather awful,bad\n")
    run = runs.start("ada", data, TrainConfig(), validation=test)
    with pytest.raises(UserError, match="waiting or training already"):
        runs.start("ada", data, TrainConfig(), validation=test)
    runs.start("ada", data, TrainConfig())  # another run, which holds out rows of the data
    test.unlink()
    job = worker._job(run.folder)
    assert [(name, len(rows)) for name, rows in job.dataset.validation.items()] == [("reviews.csv", 2)]
    assert len(job.dataset.parts[0].rows) == 2


def test_a_recipe_remembers_where_its_files_are(runs, tmp_path):
    (tmp_path / "recipe.json").write_text("{}")
    run = runs.start("ada", tmp_path / "recipe.json")
    told = json.loads((run.folder / "config.json").read_text())
    assert told["reading"] == {"data_dir": str(tmp_path)} and "train" not in told


def test_the_very_same_run_is_not_taken_twice(runs, data):
    first = runs.start("ada", data, TrainConfig())
    with pytest.raises(UserError, match="waiting or training already"):
        runs.start("ada", data, TrainConfig())
    runs.start("bob", data, TrainConfig())  # another visitor may do the same
    runs.start("ada", data, TrainConfig(seed=1))
    _end(first)
    runs.start("ada", data, TrainConfig())
    assert len(runs.find("ada")) == 3


def test_one_owner_cannot_fill_the_line(tmp_path, data):
    runs = Runs(tmp_path / "runs", most_waiting=2)
    first = _start(runs, data)
    _start(runs, data)
    with pytest.raises(UserError, match="2 runs waiting"):
        _start(runs, data)
    _start(runs, data, "bob")
    runs.stop(first.id)
    _start(runs, data)


def test_the_line_of_all_owners_together_has_an_end(tmp_path, data):
    runs = Runs(tmp_path / "runs", most_in_line=2)
    first, _ = _start(runs, data), _start(runs, data, "bob")
    with pytest.raises(UserError, match="2 runs are waiting already.*Try again"):
        _start(runs, data, "eve")
    runs.stop(first.id)
    _start(runs, data, "eve")


def test_a_run_that_would_take_too_long_is_refused_with_what_to_do(tmp_path, data):
    runs = Runs(tmp_path / "runs", longest=7200)
    with pytest.raises(UserError, match="about 5.0 h, and a run here may take 2.0 h.*fewer epochs"):
        _start(runs, data, estimate=18000.0)
    _start(runs, data, estimate=7000.0)
    _start(runs, data)  # nobody knows how long


def test_no_run_is_started_while_the_disk_is_nearly_full(tmp_path, data):
    runs = Runs(tmp_path / "runs", least_free=1e18)
    with pytest.raises(UserError, match="nearly full"):
        _start(runs, data)
    assert runs.find() == []


def test_a_folder_that_cannot_be_written_holds_no_runs_and_says_so_in_a_sentence(tmp_path, data, caplog):
    (tmp_path / "file").write_text("where a folder should be")
    with Runs(tmp_path / "file" / "runs", warm=True) as runs:
        assert runs.find() == runs.find("ada") == runs.clean_up(0, 0) == []
        with pytest.raises(UserError, match="cannot train.*cannot be written") as refused:
            _start(runs, data)
        with pytest.raises(UserError, match="no such run"):
            runs.progress("20260101")
    assert str(tmp_path) not in str(refused.value)
    assert len(caplog.messages) == 1 and "cannot be written" in caplog.messages[0]


@pytest.mark.parametrize("act", ["start", "stop", "resume"])
def test_a_folder_that_can_no_longer_be_written_is_told_without_its_path(runs, data, monkeypatch, act):
    run = _start(runs, data)
    if act == "resume":
        _end(run, "stopped")

    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    for name in ("mkdir", "touch", "unlink"):
        monkeypatch.setattr(Path, name, refuse)
    with pytest.raises(UserError, match="could not be read or written: Permission denied") as refused:
        _start(runs, data) if act == "start" else getattr(runs, act)(run.id)
    assert str(runs.root) not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(runs, tmp_path):
    with pytest.raises(UserError, match=r"nothing\.csv is not a file"):
        runs.start("ada", tmp_path / "nothing.csv")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on a file's size")
def test_a_full_disk_is_told_and_leaves_nothing_behind(runs, tmp_path):
    import resource

    (tmp_path / "large.csv").write_text("text,mood\n" + "fine,good\n" * 30_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(UserError, match="disk is full"):
            runs.start("ada", tmp_path / "large.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert runs.find() == [] and [path.name for path in runs.root.iterdir() if path.is_dir()] == []


# --- find and follow ---


def test_runs_are_found_by_their_owner_by_any_server(runs, data):
    mine, other = _start(runs, data), _start(runs, data, "bob")
    again = Runs(runs.root)
    assert [run.id for run in again.find("ada")] == [mine.id]
    assert {run.id for run in again.find()} == {mine.id, other.id}
    assert again.get(mine.id, "ada") == mine
    with pytest.raises(UserError, match="no such run"):
        again.get(other.id, "ada")


SECRET = "0123456789abcdef0123456789abcdef"


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_who_can_read_the_disk_learns_no_owners_secret_and_another_user_reads_nothing(runs, data):
    run = _start(runs, data, SECRET)
    runs.stop(run.id, SECRET)
    runs.resume(run.id, SECRET)
    for path in run.folder.rglob("*"):
        assert not path.is_file() or SECRET not in path.read_text()
    assert run.folder.stat().st_mode & 0o777 == runs.root.stat().st_mode & 0o777 == 0o700
    assert [found.id for found in runs.find(SECRET)] == [run.id]
    written = json.loads((run.folder / "ticket.json").read_text())["owner"]
    assert runs.find(written) == [] and runs.find("") == []  # what is written down opens nothing
    with pytest.raises(UserError, match="no such run"):
        runs.get(run.id, written)


def test_a_ticket_of_an_earlier_version_is_found_by_its_owner_and_loses_the_secret(runs, data):
    run = _start(runs, data, SECRET)
    ticket = json.loads((run.folder / "ticket.json").read_text())
    folders.write_json(run.folder / "ticket.json", {**ticket, "owner": SECRET})
    run.folder.chmod(0o755)
    _end(run, "stopped", 3600)
    [before] = Runs(runs.root).find(SECRET)
    again = Runs(runs.root)
    again.clean_up()
    assert again.find(SECRET) == [before]  # it has become neither younger nor another's
    assert SECRET not in (run.folder / "ticket.json").read_text()
    assert os.name == "nt" or run.folder.stat().st_mode & 0o777 == 0o700
    assert again.resume(run.id, SECRET).state == "queued"


@pytest.mark.parametrize("name", ["", ".", "..", "../runs", "/etc", "nothing", "a/b", "a\0b", ".new-x"])
def test_an_id_does_not_lead_out_of_the_folder(runs, data, name):
    (runs.root.parent / "ticket.json").write_text("{}")
    with pytest.raises(UserError, match="no such run"):
        runs.get(name)


def test_only_what_is_new_of_a_run_is_read(runs, data, monkeypatch):
    run = _start(runs, data)
    read = []

    def new_events(folder, start, read_events=folders.new_events):
        events, end = read_events(folder, start)
        read.extend(event["event"] for event in events)
        return events, end

    monkeypatch.setattr(folders, "new_events", new_events)
    folders.write_event(run.folder, {"event": "start"})
    runs.progress(run.id)
    folders.write_event(run.folder, {"event": "step"})
    (run.folder / "events.jsonl").open("a").write('{"event": ')
    runs.progress(run.id)
    runs.progress_of_all("ada")
    assert read == ["start", "step"]
    _end(run, "stopped")
    before = runs.progress(run.id)
    monkeypatch.setattr(folders, "new_events", lambda *_: pytest.fail("read again, though it is over"))
    assert runs.progress(run.id) is before and runs.progress_of_all("ada") == [replace(before, number=1)]


def test_a_waiting_run_knows_its_place_and_its_wait(runs, data):
    first, second = _start(runs, data, estimate=3.0), _start(runs, data, "bob", estimate=5.0)
    waiting = runs.progress(second.id)
    assert (waiting.place, waiting.wait, waiting.message) == (2, 3.0, "")
    _end(first)
    time.sleep(0.6)  # places are shared for half a second
    assert runs.progress(second.id).place == 1
    assert runs.progress(first.id).place is None


# --- stop and resume ---


def test_only_a_run_that_is_over_and_not_done_is_resumed(runs, data):
    run = _start(runs, data)
    with pytest.raises(UserError, match="This run is queued"):
        runs.resume(run.id)
    runs.stop(run.id, "ada")
    assert runs.get(run.id).state == "stopped"
    assert runs.resume(run.id).state == "queued"
    _end(run, "done")
    with pytest.raises(UserError, match="This run is done"):
        runs.resume(run.id)


def test_a_resumed_run_is_behind_those_who_waited_and_its_events_go_on(runs, data):
    run = _start(runs, data)
    folders.write_event(run.folder, {"event": "start"})
    _end(run, "stopped")
    other = _start(runs, data, "bob")
    assert runs.resume(run.id).state == "queued"
    assert [event["event"] for event in folders.events(run.folder)] == ["start", "end"]
    assert [runs.progress(r.id).place for r in (other, run)] == [1, 2]


@pytest.mark.parametrize("act", ["stop", "resume"])
def test_nobody_acts_on_another_ones_run(runs, data, act):
    run = _start(runs, data)
    with pytest.raises(UserError, match="no such run"):
        getattr(runs, act)(run.id, "bob")
    assert runs.get(run.id).state == "queued"


# --- clean up ---


def test_old_runs_are_deleted_but_never_one_that_is_needed(runs, data):
    old, young, chosen, base = (_start(runs, data) for _ in range(4))
    for run, days in ((old, 9), (young, 1), (chosen, 9), (base, 9)):
        _end(run, "done", days * 86400)
    waiting = _start(runs, data)
    on_base = _start(runs, data, start_from=base.folder / "data")  # stands for its checkpoint
    running = _start(runs, data)
    folders.write_process(running.folder, os.getpid())
    for run in (waiting, running):
        for path in run.folder.iterdir():
            os.utime(path, (time.time() - 9 * 86400,) * 2)
    assert runs.clean_up(max_age=7 * 86400, keep={chosen.id}) == [old.id]
    left = {run.id for run in (young, chosen, base, waiting, on_base, running)}
    assert {run.id for run in runs.find()} == left
    assert {path.name for path in runs.root.iterdir() if path.is_dir()} == left


def test_the_oldest_go_first_where_there_is_too_much(runs, data):
    ended = [_start(runs, data) for _ in range(4)]
    for run, hours in zip(ended, (3, 1, 4, 2), strict=True):
        _end(run, "killed" if hours == 4 else "done", hours * 3600, size=1_000_000)
    assert runs.clean_up(max_bytes=2_500_000) == [ended[2].id, ended[0].id]
    assert runs.clean_up(max_bytes=2_500_000) == []
    assert runs.clean_up(max_bytes=0, keep={ended[1].id}) == [ended[3].id]


class _Clocks:
    """Stands in for the module `time`, so that days pass at once and a clock can be set."""

    def __init__(self, monkeypatch):
        self.wall, self.lived = time.time(), 1000.0
        monkeypatch.setattr(ages, "time", self)

    def time(self):
        return self.wall

    def monotonic(self):
        return self.lived

    def live(self, seconds):
        self.wall += seconds
        self.lived += seconds


DAY = 86400.0


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("jump", [14 * DAY, 400 * DAY])
def test_a_clock_that_jumps_makes_no_run_old(runs, data, monkeypatch, restarted, jump):
    clocks = _Clocks(monkeypatch)
    old, new = _start(runs, data), _start(runs, data)
    _end(old, "done", 10 * DAY)
    assert runs.clean_up(max_age=13 * DAY) == []
    _end(new)  # ended since the last look
    clocks.wall += jump
    if restarted:
        runs = Runs(runs.root)
    assert runs.clean_up(max_age=13 * DAY) == []
    for _ in range(20):  # three hours
        clocks.live(600)
        assert runs.clean_up(max_age=13 * DAY) == []
    clocks.live(4 * DAY)
    assert runs.clean_up(max_age=13 * DAY) == [old.id]
    clocks.wall -= jump  # and it is set right again
    assert runs.clean_up(max_age=13 * DAY) == []
    for _ in range(14):
        clocks.live(DAY)
        last = runs.clean_up(max_age=13 * DAY)
    assert last == [] and runs.find() == []


def test_a_damaged_record_of_the_clock_leaves_the_clock_itself(runs, data):
    old, young = _start(runs, data), _start(runs, data)
    _end(old, "done", 10 * DAY)
    _end(young, "done", DAY)
    (runs.root / "clock.json").write_text('{"seen": [], "jumps": 7}')
    assert runs.clean_up(max_age=7 * DAY) == [old.id]


def test_what_an_interrupted_start_or_clean_up_left_goes_too(runs, data):
    for name in (".old-x", ".new-x", ".new-y"):
        (runs.root / name).mkdir()
    os.utime(runs.root / ".new-x", (time.time() - 7200,) * 2)
    assert runs.clean_up() == []
    assert {path.name for path in runs.root.iterdir() if path.is_dir()} == {".new-y"}  # somebody may be making it


def test_the_page_can_import_it_without_waiting_for_torch():
    code = (
        "import sys, mtl.training.runs.service; sys.exit(bool({'torch', 'transformers', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_this_process_may_use_at_least_one_core():
    assert 1 <= cores() <= os.cpu_count()
