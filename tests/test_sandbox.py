"""What is called in another process gives the same answers, stays within its limits, and is gone when it is stopped."""

from __future__ import annotations

import os
import time

import psutil
import pytest

from mtl.config import UserError
from mtl.sandbox import LARGE, Failure, Sandbox
from tests.calls import doubled, dying, failing, forever, greedy, printing, refusing
from tests.uploads import finish


@pytest.fixture(scope="module")
def sandbox():
    return Sandbox()


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_call_answers_from_another_process(sandbox):
    answer, pid = finish(sandbox.run(doubled, 21))
    assert answer == 42
    assert pid != os.getpid()


def test_a_process_is_used_again_but_not_after_a_large_file(sandbox):
    _, first = finish(sandbox.run(doubled, 1))
    _, second = finish(sandbox.run(doubled, 1, size=LARGE + 1))
    _, third = finish(sandbox.run(doubled, 1))
    assert first == second != third
    assert gone(first)


def test_a_refusal_arrives_in_its_own_words(sandbox):
    with pytest.raises(UserError, match="^Line 3 holds no text.$"):
        finish(sandbox.run(refusing))


def test_a_fault_tells_its_kind_and_place_and_nothing_of_the_file(sandbox):
    with pytest.raises(Failure) as raised:
        finish(sandbox.run(failing, "the file's text"))
    assert "ValueError" in str(raised.value)
    assert "calls.py" in str(raised.value) and "failing" in str(raised.value)
    assert "the file's text" not in str(raised.value)


def test_what_is_printed_is_no_answer(sandbox):
    assert finish(sandbox.run(printing)) == "an answer"


def test_closing_it_ends_the_process_within_a_second(sandbox, tmp_path):
    note = tmp_path / "pid"
    steps = sandbox.run(forever, note)
    while not note.exists() or not note.read_text():
        assert next(steps) is not None
    began = time.monotonic()
    steps.close()
    assert gone(int(note.read_text()))
    assert time.monotonic() - began < 1
    assert finish(sandbox.run(doubled, 2))[0] == 4


@pytest.mark.parametrize(
    ("limits", "function", "message"),
    [
        ({"megabytes": 300}, greedy, "more than 300 MB of memory"),
        ({"seconds": 0.5}, greedy, "longer than 0 seconds"),
        ({}, dying, "ended unexpectedly"),
    ],
)
def test_what_exceeds_a_limit_is_ended_and_says_so(limits, function, message):
    sandbox = Sandbox(**limits)
    with pytest.raises(UserError, match=message):
        finish(sandbox.run(function))


def test_large_files_wait_for_one_another_and_small_ones_do_not(sandbox, tmp_path):
    large = sandbox.run(forever, tmp_path / "pid", size=LARGE + 1)
    next(large)
    another = sandbox.run(doubled, 3, size=LARGE + 1)
    assert next(another) is None
    assert finish(sandbox.run(doubled, 3))[0] == 6
    large.close()
    assert finish(another)[0] == 6
