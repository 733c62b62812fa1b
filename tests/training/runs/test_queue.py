"""Owners take turns, each one's runs come in their order, and everybody can read their place and their wait."""

import contextlib
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mtl.training.runs import folder as folders
from mtl.training.runs.folder import Run, Ticket
from mtl.training.runs.queue import Line, line, order
from mtl.training.runs.service import Runs
from mtl.training.runs.worker import Worker

ROOT = Path(__file__).resolve().parents[3]
NOW = time.time()


def _run(name, owner, queued=0.0, state="queued", estimate=None, address="", **more):
    ticket = Ticket(owner, NOW - 1000 + queued, estimate, address=address)
    return Run(Path(name), ticket, state, **more)


def _names(runs):
    return [run.id for run in runs]


def test_owners_take_turns_and_each_ones_runs_come_in_their_order():
    runs = [_run(f"ada{i}", "ada", i) for i in range(3)] + [_run("bob0", "bob", 5), _run("eve0", "eve", 6)]
    assert _names(order(runs)) == ["ada0", "bob0", "eve0", "ada1", "ada2"]


def test_who_has_just_been_served_waits_for_those_who_came_meanwhile():
    served = _run("ada0", "ada", 0, "done", started=NOW - 900, ended=NOW - 100)
    runs = [served, _run("ada1", "ada", 1), _run("bob0", "bob", 500)]
    assert _names(order(runs)) == ["bob0", "ada1"]
    still = replace(served, state="running", ended=None)
    assert _names(order([still, *runs[1:]])) == ["bob0", "ada1"]


def test_newcomers_do_not_push_back_for_ever_who_has_been_served():
    served = _run("ada0", "ada", 0, "done", started=NOW - 900, ended=NOW - 800)
    runs = [served, _run("ada1", "ada", 1), *(_run(f"new{i}", f"new{i}", 300 + i) for i in range(5))]
    assert _names(order(runs))[0] == "ada1"


def test_made_up_owners_do_not_push_back_who_comes_from_another_address():
    flood = [_run(f"flood{i:02}", f"made up {i}", i, address="there") for i in range(40)]
    runs = [*flood, _run("honest", "ada", 500, address="here")]
    assert _names(order(runs))[:3] == ["flood00", "honest", "flood01"]
    busy = _run("busy", "made up", 0, "running", started=NOW - 10, address="there")
    assert _names(order([busy, *runs]))[0] == "honest"


def test_a_class_behind_one_address_takes_turns_by_owner():
    runs = [_run(f"{name}{i}", name, 10 * i, address="school") for name in ("ada", "bob") for i in range(2)]
    assert _names(order(runs)) == ["ada0", "bob0", "ada1", "bob1"]


RUNS = st.lists(
    st.builds(
        lambda owner, queued, state, took: _run(
            "", owner, queued, state, started=None if state == "queued" else NOW - 500, ended=NOW - 500 + took
        ),
        st.sampled_from("abcd"),
        st.floats(0, 900),
        st.sampled_from(["queued", "queued", "done", "killed"]),
        st.floats(0, 400),
    ),
    max_size=20,
).map(lambda runs: [replace(run, folder=Path(f"{i:02}")) for i, run in enumerate(runs)])


@given(RUNS)
def test_nobody_gets_a_second_turn_while_another_waits_for_the_first(runs):
    line = order(runs)
    assert sorted(_names(line)) == sorted(run.id for run in runs if run.state == "queued")
    for owner in "abcd":
        mine = [run for run in line if run.ticket.owner == owner]
        assert mine == sorted(mine, key=lambda run: (run.queued, run.id))
    given_turns = Counter()
    for at, run in enumerate(line):
        given_turns[run.ticket.owner] += 1
        waiting = {later.ticket.owner for later in line[at + 1 :]}
        assert all(given_turns[run.ticket.owner] <= given_turns[owner] + 1 for owner in waiting)


def test_the_wait_is_what_runs_before_still_take():
    runs = [
        _run("r", "ada", 0, "running", started=NOW - 50, estimate=60.0, eta=12.0),
        _run("a", "ada", 1, estimate=5.0),
        _run("b", "bob", 2, estimate=7.0),
    ]
    assert line(runs) == Line({"b": (1, 12.0), "a": (2, 19.0)}, 3, 24.0)
    assert line(runs, at_once=2) == Line({"b": (1, 0.0), "a": (2, 7.0)}, 3, 12.0)


def test_the_wait_is_as_much_longer_as_runs_have_taken_lately():
    def done(name, seconds, estimate):
        return _run(name, "eve", 0, "done", estimate, started=NOW - 500, ended=NOW - 500 + seconds)

    lately = [done(f"d{i}", 30, 10.0) for i in range(8)]
    runs = [done("c", 1, 10.0), *lately, done("x", 5, None), _run("a", "ada", 1, estimate=5.0), _run("b", "bob", 2)]
    assert line(runs).places == {"a": (1, 0.0), "b": (2, 15.0)}
    assert line(runs).length == 2 and line(runs).wait == 45.0


def test_a_run_without_an_estimate_takes_as_long_as_others_did():
    done = [_run(f"d{i}", "eve", 0, "done", started=NOW - 100, ended=NOW - 100 + s) for i, s in enumerate((8, 10, 90))]
    waiting = [_run("a", "ada", 1), _run("b", "bob", 2)]
    assert line([*done, *waiting]).places == {"a": (1, 0.0), "b": (2, 10.0)}
    assert line(waiting) == Line({"a": (1, 0.0), "b": (2, None)}, 2, None)
    assert line([]) == Line({}, 0, 0.0)


def test_a_running_one_that_has_not_reported_yet_takes_what_is_left_of_its_estimate():
    running = _run("r", "ada", 0, "running", started=time.time() - 20, estimate=60.0)
    (place, wait), *_ = line([running, _run("b", "bob")]).places.values()
    assert place == 1 and 30 < wait <= 40


def _doomed(runs, data, owner, estimate=None):
    """A run for a real process, which fails at once because its config.json is truncated."""
    data.open("a").write("more,bad\n")  # the very same run would not be taken twice
    run = runs.start(owner, data, estimate=estimate)
    (run.folder / "config.json").write_text('{"start_from": null, "file": "da')
    return run


def _wait_for_all(runs):
    deadline = time.monotonic() + 120
    while any(run.unfinished for run in runs.find()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_servers_that_look_at_the_same_moment_start_each_run_once(tmp_path, monkeypatch):
    (tmp_path / "data.csv").write_text("text,mood\nfine,good\n")
    started = []

    class Counted(Worker):
        def give(self, folder):
            started.append(folder)
            super().give(folder)

    monkeypatch.setattr("mtl.training.runs.service.Worker", Counted)
    servers = [Runs(tmp_path / "runs") for _ in range(8)]
    waiting = [_doomed(servers[0], tmp_path / "data.csv", owner) for owner in ("ada", "bob", "eve")]
    with contextlib.ExitStack() as stack:
        for server in servers:
            stack.enter_context(server)
        _wait_for_all(servers[0])
    assert started == [run.folder for run in waiting]


def test_two_servers_give_turns_in_order_one_at_a_time(tmp_path):
    (tmp_path / "data.csv").write_text("text,mood\nfine,good\n")
    runs = Runs(tmp_path / "runs")
    owners = ("ada", "ada", "ada", "bob", "eve")
    started = [_doomed(runs, tmp_path / "data.csv", owner, 1.0 + i) for i, owner in enumerate(owners)]
    assert [runs.progress(run.id).place for run in started] == [1, 4, 5, 2, 3]

    code = "import sys; from mtl.training.runs.service import Runs; Runs(sys.argv[1]).open(); sys.stdin.read()"
    server = subprocess.Popen([sys.executable, "-c", code, runs.root], cwd=ROOT, stdin=subprocess.PIPE)
    try:
        with Runs(runs.root):
            _wait_for_all(runs)
    finally:
        server.communicate()
    assert [len(folders.events(run.folder)) for run in started] == [1] * 5
    found = sorted(runs.find(), key=lambda run: run.started)
    assert [run.ticket.owner for run in found] == list(map(folders.hashed, ["ada", "bob", "eve", "ada", "ada"]))
    for before, after in pairwise(found):
        error = (before.folder / "events.jsonl").stat().st_mtime
        assert error <= after.started
