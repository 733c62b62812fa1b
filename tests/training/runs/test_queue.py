"""Owners take turns, short runs go first and none starves, and everybody can read their place and their wait."""

import contextlib
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.training.runs import folder as folders
from mtl.training.runs.folder import Run, Ticket
from mtl.training.runs.queue import before, giving_way, line, order
from mtl.training.runs.service import Runs
from mtl.training.runs.worker import Worker

ROOT = Path(__file__).resolve().parents[3]
NOW = time.time()


def _run(name, owner, queued=0.0, state="queued", estimate=None, address="", **more):
    ticket = Ticket(owner, NOW - 1000 + queued, estimate, address=address)
    return Run(Path(name), ticket, state, **more)


@pytest.fixture
def at_now(monkeypatch):
    """The clock stands still."""
    monkeypatch.setattr("mtl.training.runs.queue.time", SimpleNamespace(time=lambda: NOW))


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


def test_the_shortest_goes_first_until_another_has_waited_so_much_longer():
    runs = [_run("long", "ada", 900, estimate=60.0), _run("short", "bob", 950, estimate=2.0)]
    assert _names(order(runs)) == ["short", "long"]
    assert _names(order([_run("old", "eve", 700, estimate=60.0), *runs])) == ["old", "short", "long"]


def test_a_long_run_does_not_starve_though_short_ones_never_end(at_now):
    """Every two seconds somebody new arrives with a run of two seconds."""
    long = _run("long", "ada", 0, estimate=60.0)
    for seconds in range(0, 2000, 2):
        before = [_run(f"b{i}", f"b{i}", seconds + i / 9, estimate=2.0) for i in range(5)]
        if _names(order([long, *before]))[0] == "long":
            break
    assert 120 < seconds < 300


def test_a_second_run_waits_for_everybodys_first_but_not_for_ever(at_now):
    served = _run("ada0", "ada", 500, "done", started=NOW - 490, ended=NOW - 480)
    first = _run("bob0", "bob", 950, estimate=60.0)
    assert _names(order([served, _run("ada1", "ada", 900, estimate=1.0), first])) == ["bob0", "ada1"]
    assert _names(order([served, _run("ada1", "ada", 700, estimate=1.0), first])) == ["ada1", "bob0"]
    earlier = replace(served, started=NOW - 5000, ended=NOW - 4990)  # not in this lesson
    assert _names(order([earlier, _run("ada1", "ada", 900, estimate=1.0), first])) == ["ada1", "bob0"]


def test_a_long_run_gives_way_to_one_that_is_much_shorter(at_now):
    long = _run("long", "ada", 0, "running", started=NOW - 50, estimate=100.0, eta=40.0, epoch_eta=6.0)
    short, other = _run("short", "bob", 900, estimate=2.0), _run("other", "eve", 800, estimate=60.0)
    assert giving_way([long, short]) is long and giving_way([long, other, short]) is long
    assert line([long, other, short]) == {"short": (1, 6.0), "other": (2, 8.0)}
    assert giving_way([long, other]) is None and giving_way([long]) is None
    assert giving_way([replace(long, eta=8.0), short]) is None  # it is soon over
    assert giving_way([long, short], at_once=2) is None  # there is room
    near = _run("near", "sam", 0, "running", started=NOW - 50, eta=3.0)
    assert giving_way([long, near, short], at_once=2) is None
    assert giving_way([long, replace(near, eta=9.0), short], at_once=2) is long


def test_of_a_long_run_that_has_just_begun_an_epoch_is_waited_for_too(at_now):
    long = _run("long", "ada", 0, "running", started=NOW - 5, estimate=100.0)
    long = replace(long, ticket=replace(long.ticket, epochs=4))
    short = _run("short", "bob", 900, estimate=2.0)
    assert line([long, short]) == {"short": (1, 20.0)}
    assert line([replace(long, started=NOW - 40), short]) == {"short": (1, 0.0)}
    assert line([replace(long, ticket=replace(long.ticket, epochs=1)), short]) == {"short": (1, 95.0)}


def test_a_run_that_gave_way_goes_on_before_anybodys_second_and_first_of_all_if_it_is_stopped(at_now):
    paused = _run("long", "ada", 0, estimate=100.0, eta=40.0, begun=True, paused=NOW - 10)
    short, other = _run("short", "bob", 995, estimate=2.0), _run("other", "eve", 980, estimate=60.0)
    served = _run("bob0", "bob", 0, "done", started=NOW - 9, ended=NOW - 7)
    assert _names(order([paused, other, short])) == ["short", "other", "long"]
    assert _names(order([paused, served, short])) == ["long", "short"]
    assert line([paused, served, short]) == {"long": (1, 0.0), "short": (2, 40.0)}
    assert _names(order([replace(paused, stopping=True), other, short]))[0] == "long"


RUNS = st.lists(
    st.builds(
        lambda owner, queued, state, took, estimate: _run(
            "", owner, queued, state, estimate, started=None if state == "queued" else NOW - 500, ended=NOW - 500 + took
        ),
        st.sampled_from("abcd"),
        st.floats(0, 900),
        st.sampled_from(["queued", "queued", "done", "killed"]),
        st.floats(0, 400),
        st.sampled_from([None, 1.0, 10.0, 60.0]),
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
    assert line(runs) == {"b": (1, 12.0), "a": (2, 19.0)}
    assert line(runs, at_once=2) == {"b": (1, 0.0), "a": (2, 7.0)}
    assert before(Ticket("eve", NOW, 9.0), runs) == (2, 19.0), "before the second of ada"
    assert before(Ticket("eve", NOW, 9.0), runs, at_once=2) == (2, 7.0)
    assert before(Ticket("eve", NOW, 9.0), []) == (0, 0.0)


def test_the_wait_is_as_much_longer_as_runs_have_taken_lately():
    def done(name, seconds, estimate):
        return _run(name, "eve", 0, "done", estimate, started=NOW - 500, ended=NOW - 500 + seconds)

    lately = [done(f"d{i}", 30, 10.0) for i in range(8)]
    runs = [done("c", 1, 10.0), *lately, done("x", 5, None), _run("a", "ada", 1, estimate=5.0), _run("b", "bob", 2)]
    assert line(runs) == {"a": (1, 0.0), "b": (2, 15.0)}


def test_how_much_longer_is_told_by_runs_of_like_size():
    small = [_run(f"s{i}", "eve", 0, "done", 4.0, started=NOW - 900, ended=NOW - 898) for i in range(9)]
    large = [_run(f"l{i}", "eve", 0, "done", 60.0, started=NOW - 900, ended=NOW - 810, begun=True) for i in range(2)]
    gave_way = replace(large[1], ticket=replace(large[1].ticket, spent=60.0), started=NOW - 840)
    runs = [*large, gave_way, *small, _run("a", "ada", 1, estimate=4.0), _run("b", "bob", 2, estimate=50.0)]
    assert line(runs) == {"a": (1, 0.0), "b": (2, 2.0)}
    assert before(Ticket("bob", NOW, 4.0), runs) == (2, 2.0 + 75.0), "after the first of his own"


def test_what_the_first_run_computed_for_all_is_not_expected_of_the_next():
    first = _run("first", "eve", 0, "done", 4.0, started=NOW - 900, ended=NOW - 895, encoding=4.0)
    assert line([first, _run("a", "ada", 1, estimate=4.0), _run("b", "bob", 2)])["b"] == (2, 1.0)


def test_a_run_without_an_estimate_takes_as_long_as_others_did():
    done = [_run(f"d{i}", "eve", 0, "done", started=NOW - 100, ended=NOW - 100 + s) for i, s in enumerate((8, 10, 90))]
    waiting = [_run("a", "ada", 1), _run("b", "bob", 2)]
    assert line([*done, *waiting]) == {"a": (1, 0.0), "b": (2, 10.0)}
    assert line(waiting) == {"a": (1, 0.0), "b": (2, None)}
    assert line([]) == {}


def test_a_running_one_that_has_not_reported_yet_takes_what_is_left_of_its_estimate():
    running = _run("r", "ada", 0, "running", started=time.time() - 20, estimate=60.0)
    (place, wait), *_ = line([running, _run("b", "bob")]).values()
    assert place == 1 and 30 < wait <= 40


def _doomed(runs, data, owner, estimate=None):
    """A run for a real process, which fails at once because its config.json is truncated."""
    data.open("a").write("more,bad\n")  # the very same run would not be taken twice
    run = runs.start(owner, data, estimate=estimate)
    (run.folder / "config.json").write_text('{"start_from": null, "file": "da')
    return run


def _wait_for_all(runs):
    deadline = time.monotonic() + 240
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
    for earlier, later in pairwise(found):
        error = (earlier.folder / "events.jsonl").stat().st_mtime
        assert error <= later.started
