"""What a run folder says is right whatever happened to the process, the disk and the files."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.config import UserError
from mtl.training.runs import folder as folders
from mtl.training.runs.errors import explain, in_plain_words
from mtl.training.runs.folder import Ticket


@pytest.fixture
def waiting(tmp_path):
    """The folder of a run that waits for its turn."""
    folders.write_json(tmp_path / "ticket.json", Ticket("ada", time.time()).to_json())
    return tmp_path


@pytest.fixture
def process():
    """A real process that lives until its standard input closes."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    yield process
    process.kill()
    process.communicate()


def _changed(folder, **changes):
    record = folders.read_json(folder / "process.json")
    folders.write_json(folder / "process.json", {**record, **changes})


def _age(path, seconds):
    os.utime(path, (time.time() - seconds,) * 2)


# --- events ---


def test_half_a_line_is_never_read(tmp_path):
    (tmp_path / "events.jsonl").write_text('{"event": "start"}\n{"event": "st')
    assert folders.events(tmp_path) == [{"event": "start"}]
    assert folders.last_event(tmp_path, 0) == {"event": "start"}
    assert folders.events(tmp_path / "nothing") == []


def test_half_a_line_that_a_killed_process_left_is_replaced_by_the_next_event(tmp_path):
    (tmp_path / "events.jsonl").write_text('{"event": "start"}\n{"event": "st')
    folders.write_event(tmp_path, {"event": "end"})
    assert folders.events(tmp_path) == [{"event": "start"}, {"event": "end"}]


def test_a_damaged_line_is_told_and_the_rest_read(tmp_path):
    (tmp_path / "events.jsonl").write_bytes(b'{"event": "start"}\n\0\0\0\0\n{"event": "end"}\n')
    assert folders.events(tmp_path) == [{"event": "start"}, {"event": "damaged"}, {"event": "end"}]
    line = len('{"event": "start"}\n')
    assert folders.new_events(tmp_path, line) == (
        [{"event": "damaged"}, {"event": "end"}],
        folders.events_size(tmp_path),
    )


@given(st.binary(max_size=300) | st.lists(st.sampled_from([b"{", b'{"event": "x"}', b"\n", b"\r"])).map(b"".join))
def test_no_bytes_keep_the_next_event_from_being_read(tmp_path_factory, found):
    folder = tmp_path_factory.mktemp("run")
    (folder / "events.jsonl").write_bytes(found)
    whole = found.count(b"\n")
    events, start = folders.new_events(folder, 0)
    assert len(events) == whole and start == folders.events_size(folder)
    event = {"event": "step", "text": "a lone \udc80 and a 日"}
    folders.write_event(folder, event)
    assert folders.new_events(folder, start)[0] == [event]
    assert folders.last_event(folder, 0) == event
    assert folders.last_event(folder, folders.events_size(folder)) == {}


def test_the_last_event_is_found_behind_a_long_one(tmp_path):
    folders.write_event(tmp_path, {"event": "first"})
    start = folders.events_size(tmp_path)
    folders.write_event(tmp_path, {"event": "epoch", "confusion": [0] * 30_000})
    assert folders.last_event(tmp_path, start)["event"] == "epoch"
    (tmp_path / "events.jsonl").open("a").write("x" * 200_000)  # and half of an even longer one
    assert folders.last_event(tmp_path, 0)["event"] == "epoch"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on a file's size")
def test_an_event_that_does_not_fit_on_the_disk_leaves_nothing_behind(tmp_path):
    import resource

    folders.write_event(tmp_path, {"event": "start"})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError) as full:
            folders.write_event(tmp_path, {"event": "epoch", "long": "x" * 2000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "disk is full" in in_plain_words(full.value)[0]
    assert (tmp_path / "events.jsonl").read_text() == '{"event": "start"}\n'


# --- states ---


def test_a_run_waits_until_a_process_was_chosen(waiting, process):
    assert folders.read(waiting).state == "queued"
    folders.write_process(waiting, process.pid)
    run = folders.read(waiting)
    assert (run.ticket.owner, run.state, run.ended) == (folders.hashed("ada"), "running", None)
    assert run.started == pytest.approx(time.time(), abs=60)


def test_a_waiting_run_that_is_stopped_never_begins(waiting):
    folders.request_stop(waiting)
    assert folders.read(waiting).state == "stopped"


@pytest.mark.parametrize(
    ("event", "state"),
    [
        ({"event": "step", "eta": 7.5}, "running"),
        ({"event": "end", "status": "done"}, "done"),
        ({"event": "end", "status": "stopped"}, "stopped"),
        ({"event": "error", "message": "Too hot.", "hint": "Wait."}, "failed"),
    ],
)
def test_the_last_event_says_how_it_stands(waiting, process, event, state):
    folders.write_process(waiting, process.pid)
    folders.write_event(waiting, event)
    run = folders.read(waiting)
    assert run.state == state
    assert (run.ended is None) == run.unfinished == (state == "running")
    assert run.eta == event.get("eta")
    assert explain(run) == ("Too hot. Wait." if state == "failed" else "")


def test_events_of_an_earlier_attempt_do_not_count(waiting):
    folders.write_event(waiting, {"event": "end", "status": "stopped"})
    ticket = Ticket("ada", time.time(), events_from=folders.events_size(waiting))
    folders.write_json(waiting / "ticket.json", ticket.to_json())
    assert folders.read(waiting).state == "queued"


def test_a_process_that_ended_without_a_word_was_killed(waiting, process):
    folders.write_process(waiting, process.pid)
    process.kill()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:  # dead, and nobody has asked for its status
        time.sleep(0.01)
    assert folders.read(waiting).state == "killed"
    process.wait()
    run = folders.read(waiting)
    assert run.state == "killed"
    assert "ended without a word" in explain(run) and "begin again" in explain(run)


def test_a_number_that_another_process_has_by_now_is_not_taken_for_the_run(waiting, process):
    folders.write_process(waiting, process.pid)
    _changed(waiting, born=folders.read_json(waiting / "process.json")["born"] - 100)
    assert psutil.pid_exists(process.pid)
    assert folders.read(waiting).state == "killed"


def test_setting_the_clock_kills_no_run(waiting, process):
    """Then all times of processes move; counted from the start of the computer they stay."""
    folders.write_process(waiting, process.pid)
    _changed(waiting, booted=psutil.boot_time() - 3600, started=time.time() - 3600)
    assert folders.read(waiting).state == "running"


def test_a_process_on_another_computer_lives_as_long_as_its_heart_beats(waiting):
    folders.write_process(waiting, os.getpid())
    _changed(waiting, host="another computer", pid=2**22 + 1)
    (waiting / "heartbeat").touch()
    assert folders.read(waiting).state == "running"
    for name in ("heartbeat", "process.json", "ticket.json"):
        _age(waiting / name, 60)
    assert folders.read(waiting).state == "killed"


def test_a_silent_process_is_told(waiting, process):
    folders.write_process(waiting, process.pid)
    for path in waiting.iterdir():
        _age(path, 90)
    assert "No sign of life for 90 s" in explain(folders.read(waiting))


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"owner": "ada"}', "\0\0"])
def test_a_damaged_ticket_is_a_failed_run_that_says_so(waiting, damage):
    (waiting / "ticket.json").write_text(damage)
    run = folders.read(waiting)
    assert run.state == "failed"
    assert "ticket.json is damaged" in explain(run)


def test_a_damaged_process_file_leaves_the_heartbeat_to_tell(waiting):
    (waiting / "process.json").write_text("{")
    assert folders.read(waiting).state == "running"
    for path in waiting.iterdir():
        _age(path, 60)
    assert folders.read(waiting).state == "killed"


# --- why ---


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, "killed from outside"), (-11, "crashed (SIGSEGV)"), (3, "status 3"), (None, "ended without a word")],
)
def test_a_death_is_told_as_far_as_it_is_known(waiting, process, code, words):
    folders.write_process(waiting, process.pid)
    process.kill()
    process.wait()
    if code is not None:
        folders.write_json(waiting / "exit.json", {"code": code})
    assert words in explain(folders.read(waiting))
    (waiting / "state").mkdir()
    (waiting / "state" / "state.safetensors").touch()
    assert "last whole epoch is kept" in explain(folders.read(waiting))


@pytest.mark.skipif(folders.memory_kills() is None, reason="this system does not count them")
def test_a_death_while_the_system_ran_out_of_memory_says_so(waiting, process):
    folders.write_process(waiting, process.pid)
    _changed(waiting, memory_kills=folders.memory_kills() - 1)
    process.kill()
    process.wait()
    folders.write_json(waiting / "exit.json", {"code": -9})
    assert "memory ran out" in explain(folders.read(waiting))


def test_a_restarted_computer_is_told(waiting, process):
    folders.write_process(waiting, process.pid)
    _changed(waiting, booted=psutil.boot_time() - 3600)
    process.kill()
    process.wait()
    assert "computer was restarted" in explain(folders.read(waiting))


def _write_to_a_full_disk():
    with open("/dev/full", "wb", buffering=0) as file:
        file.write(b"x")


def _too_much_for_torch():
    import torch

    torch.empty(2**55)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda: bytearray(2**62), "not enough memory"),
        (_too_much_for_torch, "not enough memory"),
        (_write_to_a_full_disk, "disk is full"),
        (lambda: Path("no such folder/file").read_text(), "could not be read or written"),
        (lambda: json.loads("{"), "fault in the program: JSONDecodeError"),
    ],
)
def test_exceptions_are_told_in_plain_words(fault, words):
    if words == "disk is full" and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with pytest.raises(Exception) as error:  # noqa: B017, PT011 - which one is what the words are about
        fault()
    message, hint = in_plain_words(error.value)
    assert words in message and hint


def test_messages_are_short_and_name_no_folder_of_the_server():
    message, _ = in_plain_words(PermissionError(13, "Permission denied", "/srv/secret/place/data.csv"))
    assert message == "A file could not be read or written: Permission denied (data.csv)."
    for error in (ValueError("x" * 10**6), UserError("y" * 10**6)):
        assert len(in_plain_words(error)[0]) < 600


def test_epochs_are_counted_and_a_failure_is_written_down_if_it_can_be(tmp_path):
    for event in ("start", "step", "epoch", "step", "epoch"):
        folders.write_event(tmp_path, {"event": event})
    assert folders.epochs(tmp_path) == 2
    folders.fail(tmp_path, "It failed.", "Try again.")
    assert folders.last_event(tmp_path, 0) == {"event": "error", "message": "It failed.", "hint": "Try again."}
    folders.fail(tmp_path / "gone", "It failed.", "Try again.")
