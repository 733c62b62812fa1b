"""A run is started, followed, stopped and found again by the one visitor it belongs to, in plain words throughout."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from dataclasses import fields, replace
from types import SimpleNamespace

import pytest

from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError
from mtl.training.progress import Progress, fold
from mtl.training.runs import folder as folders
from mtl.training.runs.nodes import NO_CLUSTER, Nodes
from mtl.training.runs.service import Runs
from mtl.ui.page import UNCHANGED
from mtl.ui.server import cleanup
from mtl.ui.server.limits import Limits
from mtl.ui.train.run import step as live
from mtl.ui.train.run import view as run_views
from mtl.ui.train.run import words as text
from mtl.ui.train.run.step import Snapshot
from mtl.ui.train.settings.words import count
from mtl.ui.train.state import Reading
from mtl.ui.visitors import Registry, Visit
from mtl.ui.widgets import stack
from tests.uploads import take

TASKS = (
    TaskSpec("mood", "classification", ("bad", "good")),
    TaskSpec("strength", "regression"),
    TaskSpec("names", "tagging", ("PER",)),
)
SIZES = {"embeddings": 900, "layer 1": 90, "head mood": 9, "head strength": 5, "head names": 7}
FIELDS = [field.name for field in fields(live.Shown) if field.name not in ("chooser", "revision")]


# --- events, as a run writes them ---


def started(epochs=2, steps=4, freeze=2, tasks=("mood", "names"), after=None, **config):
    frozen = [*list(SIZES)[:freeze], *(name for name in SIZES if name[:5] == "head " and name[5:] not in tasks)]
    model = ModelConfig(tasks=TASKS).to_json()
    train = TrainConfig(epochs=epochs, freeze=freeze, **config).to_json()
    return {
        "event": "start",
        "config": {"model": model, "train": train},
        "trainable": {name: size for name, size in SIZES.items() if name not in frozen},
        "frozen": {name: SIZES[name] for name in frozen},
        "rates": {name: 0.0 if name in frozen else 1e-3 for name in SIZES},
        "steps": steps,
        "tasks": list(tasks),
        "notes": ["Line 3: <empty>."],
        "resumed_after_epoch": after,
        "frozen_groups": freeze,
    }


def step(number, epoch, loss=0.5):
    losses = {"mood": loss, "names": loss / 10}
    return {"event": "step", "step": number, "epoch": epoch, "seconds": number * 1.0, "eta": 7.0, "loss": losses}


def epoch(number, score=0.75, **moved):
    scores = {"mood": {"loss": 0.4, "macro_f1": score}, "names": {"loss": 0.04, "f1": score / 2}}
    return {
        "event": "epoch",
        "epoch": number,
        "seconds": number * 2.0,
        "train": {"mood": {"loss": 0.6}, "names": {"loss": 0.06}},
        "validation": scores,
        "moved": {**dict.fromkeys(SIZES, 0.0), **moved},
    }


def end(status="done", **more):
    return {
        "event": "end",
        "status": status,
        "checkpoint": "checkpoint",
        "seconds": 4.2,
        "steps": 4,
        "best": 1,
        "moved": {"head mood": 0.25},
        **more,
    }


WHOLE = [
    started(),
    step(1, 1, 0.8),
    step(2, 1, 0.7),
    epoch(1, 0.75, **{"head mood": 0.2}),
    step(3, 2, 0.6),
    step(4, 2, 0.5),
    epoch(2, 0.7, **{"head mood": 0.3}),
    end(before={"mood": {"macro_f1": 0.5}}),
]


def told(events):
    return fold(Progress(), events)


# --- the page's parts ---


@pytest.fixture(scope="module")
def model(tiny):
    import mtl
    from mtl.checkpoint import derive

    return derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS)).eval()


@pytest.fixture
def session(tmp_path, model):
    """What handlers use of a session; nobody carries out its runs."""
    return SimpleNamespace(
        runs=Runs(tmp_path / "runs"),
        engine=SimpleNamespace(name=None, ready=True, model=lambda: model),
        models=SimpleNamespace(get=lambda name: model),
        next_revision=lambda: 1,
    )


@pytest.fixture
def data(tmp_path):
    (tmp_path / "reviews.csv").write_text("text,mood\n" + "".join(f"fine {i},good\nawful {i},bad\n" for i in range(9)))
    return tmp_path / "reviews.csv"


@pytest.fixture
def visit(model, data):
    visit = Visit(0.0, owner="ada", train=Visit(0.0).train)
    take(visit, model, data, "reviews.csv")
    return visit


def tell(run, *events):
    for event in events:
        folders.write_event(run.folder, event)


def begin(run, *events):
    """Let this process carry the run out, as far as anybody can see."""
    folders.write_process(run.folder, os.getpid())
    tell(run, *events)


def looked(visit, session, before=None):
    return live.look(session, visit, False, before)


def changed(shown):
    return [name for name in FIELDS if getattr(shown, name) is not UNCHANGED]


# --- what a run looks like ---


def test_every_task_has_its_losses_and_its_score():
    html = run_views.plots(told(WHOLE))
    assert re.findall(r"<h3>(\w+) ", html) == ["mood", "names"]
    assert html.count("<figcaption><b>Loss</b>") == 2
    assert "<b>Macro F1</b>" in html and "<b>Entity F1</b>" in html
    assert "held out <b>70 %</b>" in html and "held out <b>35 %</b>" in html
    assert "Macro F1: held out from 50 % to 70 %" in html  # where it stood before it learnt


def test_the_anchor_has_a_loss_and_no_score():
    loss = {"mood": 0.5, "names": 0.1, "anchor": 0.01}
    html = run_views.plots(told([started(), {**step(1, 1), "loss": loss}]))
    assert re.findall(r"<h3>(\w+) ", html) == ["mood", "names", "anchor"]
    assert html.count("<figcaption><b>Loss</b>") == 3 and html.count("F1</b>") == 2


def test_the_curves_of_a_long_run_have_room_for_what_comes_next_and_of_a_short_one_for_all():
    def last_tick(*events):
        return re.findall(r'<span class="tick" style="left:[^"]*">(\d+)<', run_views.plots(told(events)))[-1]

    assert last_tick(started(epochs=4, steps=8), step(1, 1)) == "4"
    assert last_tick(started(epochs=100, steps=200), step(1, 1)) == "10"
    assert last_tick(started(epochs=100, steps=200), step(60, 30)) == "40"
    assert last_tick(started(epochs=100, steps=200), step(200, 100)) == "100"


def test_the_table_says_the_same_and_lists_the_remarks():
    html = run_views.table(told(WHOLE))
    cells = [re.findall(r"<td[^>]*>(?:<div[^>]*>)?([^<]*)", row) for row in re.findall(r"<tr>(.*?)</tr>", html)[1:]]
    assert cells[0] == ["1", "mood", "0.6000", "0.4000", "Macro F1", "75 %"]
    assert len(cells) == 4
    assert "Line 3: &lt;empty&gt;." in html


def test_frozen_groups_have_moved_exactly_nothing():
    groups, moved, _ = run_views.what_moved(told(WHOLE[:4]))
    assert [(g.name, g.frozen) for g in groups] == [
        ("embeddings", True),
        ("layer 1", True),
        ("head mood", False),
        ("head strength", True),
        ("head names", False),
    ]
    assert groups.tops[1].idle
    assert moved == {**dict.fromkeys(SIZES, 0.0), "head mood": 0.2}


def test_what_is_unfrozen_later_waits_until_then():
    now = told([started(unfreeze=[[2, 1]]), step(1, 1)])
    states = lambda now: re.findall(r"from epoch 2|learns|frozen", stack.table(*run_views.what_moved(now)))  # noqa: E731
    assert states(now)[-2:] == ["from epoch 2", "frozen"]
    assert states(fold(now, [step(3, 2)]))[-2:] == ["learns", "frozen"]


# --- starting ---


def test_start_puts_the_run_with_data_and_settings_into_the_line(session, visit):
    visit.train.config = TrainConfig(epochs=5, freeze=-1)
    visit.train.start_from = str(session.runs.root)
    run = live.start(session, visit)
    told = json.loads((run.folder / "config.json").read_text())
    assert told["train"]["epochs"] == 5 and told["start_from"] == str(session.runs.root)
    assert (visit.train.run, run.state) == (run.id, "queued")
    assert [found.id for found in session.runs.find("ada")] == [run.id]


def test_a_run_of_other_settings_leaves_those_of_the_form(session, visit):
    run = live.start(session, visit, TrainConfig(epochs=9))
    assert json.loads((run.folder / "config.json").read_text())["train"]["epochs"] == 9
    assert visit.train.config.epochs != 9


def test_what_stands_in_the_form_is_what_trains(session, visit):
    live.on_start(session, visit, json.dumps({"epochs": 7}))
    run = session.runs.get(visit.train.run, "ada")
    assert json.loads((run.folder / "config.json").read_text())["train"]["epochs"] == 7
    with pytest.raises(UserError, match="epochs must be"):
        live.on_start(session, visit, json.dumps({"epochs": 0}))
    assert visit.train.config.epochs == 7 and len(session.runs.find()) == 1


def test_the_very_same_run_twice_is_told_and_the_first_one_stays(session, visit):
    run = live.start(session, visit)
    with pytest.raises(UserError, match="waiting or training already"):
        live.start(session, visit)
    assert visit.train.run == run.id and len(session.runs.find()) == 1


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(freeze=-1, freeze_heads=("mood",)),
        TrainConfig(freeze=-1, head_lr=0.0),
        TrainConfig(lr=0.0, rates={"head mood": 0.0}),
    ],
)
def test_nothing_is_started_where_nothing_would_learn(session, visit, config):
    visit.train.config = config
    with pytest.raises(UserError, match="Nothing would learn"):
        live.start(session, visit)
    assert session.runs.find() == []


def test_without_data_or_with_errors_in_it_the_message_says_where_to_look(session, visit, data):
    source = visit.train.source
    visit.train.source = None
    with pytest.raises(UserError, match="Loading the data"):
        live.start(session, visit)
    visit.train.arrived = True
    with pytest.raises(UserError, match="step 1"):
        live.start(session, visit)
    visit.train.source = replace(source, learns=())
    with pytest.raises(UserError, match="how to fix it"):
        live.start(session, visit)
    visit.train.source = replace(source, path=data.parent / "gone.csv")
    with pytest.raises(UserError, match="has deleted your file") as why:
        live.start(session, visit)
    assert "gone.csv" not in str(why.value)


@pytest.mark.parametrize(
    "act",
    [
        lambda visit, session: live.start(session, visit),
        lambda visit, session: live.on_stop(session, visit, False, Snapshot()),
        lambda visit, session: live.on_resume(session, visit),
    ],
)
def test_a_page_that_was_forgotten_is_told_to_reload(session, visit, act):
    visit.owner = ""
    with pytest.raises(UserError, match="Reload"):
        act(visit, session)


def test_what_a_run_will_take_stands_there_before_it_starts(session, visit):
    visit.train.config = TrainConfig(freeze=-1, epochs=3, batch_size=4, validation=0.25)
    first, *later = live.prepare(session, visit)
    last = [first, *later][-1]
    assert first.start.interactive is True and last.start.interactive is True and last.others.active is False
    figures = dict(reversed(pair) for pair in re.findall(r"<b>([^<]+)</b> <span>([^<]+)</span>", last.outlook))
    head = sum(p.numel() for p in session.engine.model().head("mood").network.parameters())
    assert figures["weights learn"] == count(head)
    rows, held_out = int(figures["rows to learn from"]), int(figures["held out to score it"])
    assert rows + held_out == 18 and int(figures["steps"]) == 3 * -(-rows // 4)
    assert re.search(r"\d (new )?tasks? · head.* · \d+ rows · about \d[\d.]* (s|min) · about \d+ MB", last.plan)
    assert re.fullmatch(r"about \d[\d.]* (s|min)", figures["on this machine, when nobody else trains"])


def test_start_cannot_be_pressed_where_it_would_be_refused(session, visit):
    source = visit.train.source
    for change, word in (
        ({"source": None}, "Loading the data"),
        ({"source": None, "arrived": True}, "step 1"),
        ({"source": replace(source, learns=())}, "how to fix it"),
        ({"config": TrainConfig(freeze=-1, freeze_heads=("mood",))}, "Nothing would learn"),
    ):
        visit.train = replace(visit.train, **{"source": source, **change})
        [told] = live.prepare(session, visit)
        assert word in told.plan
        assert word in told.outlook and told.start.interactive is False


def test_a_run_that_takes_too_long_cannot_be_started_and_says_so_before(session, visit):
    session.runs.longest = 1.0
    visit.train.config = TrainConfig(epochs=1000)
    told = [*live.prepare(session, visit)][-1]
    assert "a run here may take 1 min at most" in told.plan
    assert told.outlook == told.plan and told.start.interactive is False


def test_how_many_runs_of_others_come_first_stands_beside_start(session, visit):
    *_, told = live.prepare(session, visit)
    assert "before it" not in told.plan
    live.start(session, visit)
    *_, told = live.prepare(session, visit)
    assert "before it" not in told.plan
    visit.owner = "somebody else"
    *_, told = live.prepare(session, visit)
    assert re.search(r"1 run of others before it, for about \d[\d.]* (s|min)", told.plan)
    assert told.others.active is True  # as they end, the line gets shorter
    assert text.before_it(3, None) == "3 runs of others before it"


def test_what_is_still_being_read_is_not_passed_over_for_the_data_before(session, visit, monkeypatch):
    visit.train.reading = Reading()
    monkeypatch.setattr(live, "_PATIENCE", 0.1)
    with pytest.raises(UserError, match="still reading"):
        live.start(session, visit)
    assert visit.train.run is None
    monkeypatch.setattr(live, "_PATIENCE", 30)
    threading.Timer(0.2, lambda: setattr(visit.train, "reading", None)).start()
    live.start(session, visit)
    assert visit.train.run is not None


def test_a_full_disk_is_told(session, visit, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(UserError, match="disk is full"):
        live.start(session, visit)
    assert visit.train.run is None


# --- following ---


def test_without_a_run_there_is_a_sentence_and_no_timer(session, visit):
    shown = looked(visit, session)
    assert text.NO_RUN[:20] in shown.progress and shown.timer.active is False and shown.pictures.visible is False


def test_a_waiting_run_says_its_place_and_is_looked_at_seldom(session, visit):
    begin(session.runs.start("bob", visit.train.source.path, estimate=130.0))
    session.runs.start("eve", visit.train.source.path, estimate=0.1)
    live.start(session, visit)
    shown = looked(visit, session)
    assert "Waiting for its turn" in shown.progress and "Place 2 in the line" in shown.progress
    assert "2 min" in shown.progress
    assert (shown.timer.active, shown.timer.value, shown.stop.visible) == (True, live.SELDOM, True)


def test_a_run_whose_cluster_has_gone_says_what_it_waits_for(session, visit, monkeypatch):
    monkeypatch.setattr("mtl.rays.require", lambda: None)
    session.runs._nodes = Nodes()
    live.start(session, visit)
    shown = looked(visit, session)
    assert "Waiting for its turn" in shown.progress and NO_CLUSTER in shown.progress
    session.runs._nodes.places = 2
    assert NO_CLUSTER not in looked(visit, session).progress


def test_a_run_that_gave_way_says_after_which_epoch_it_goes_on(session, visit):
    run = live.start(session, visit)
    begin(run)
    tell(run, *WHOLE[:4])
    folders.put_back(run.folder)
    shown = looked(visit, session)
    assert "Waiting for its turn" in shown.progress and "goes on after epoch 1 of 2. Next in the line" in shown.progress
    session.runs.stop(run.id)
    shown = looked(visit, session)
    assert "Stopping" in shown.progress and "saves what it has learnt" in shown.progress


def test_a_run_that_gets_ready_is_looked_at_often_and_one_that_trains_each_second(session, visit):
    run = live.start(session, visit)
    assert looked(visit, session).timer.value == live.SOON  # next in the line
    begin(run)
    shown = looked(visit, session)
    assert "Getting ready" in shown.progress and shown.timer.value == live.SOON
    tell(run, *WHOLE[:3])
    shown = looked(visit, session, shown.snapshot)
    assert "step 2 of 4 · epoch 1 of 2 · about 7.0 s left" in shown.progress
    assert shown.timer.value == live.STEADY and shown.pictures.visible is True
    assert "<path" in shown.plots and "<svg" in shown.stack


def test_only_what_changed_is_sent_again(session, visit):
    run = live.start(session, visit)
    begin(run, *WHOLE[:3])
    before = looked(visit, session).snapshot
    same = looked(visit, session, before)
    assert changed(same) == ["progress", "stop", "stop_now"]
    tell(run, WHOLE[3])
    shown = looked(visit, session, before)
    assert {"plots", "table", "stack", "stack_table", "snapshot"} <= set(changed(shown))
    tell(run, {**WHOLE[4], "moved": {"head mood": 0.42}})
    shown = looked(visit, session, shown.snapshot)
    assert {"plots", "stack"} <= set(changed(shown)) and "table" not in changed(shown)
    assert "moved 42 %" in shown.stack and "42 %" in shown.stack_table


def test_who_looks_at_what_another_has_seen_makes_the_server_draw_nothing(session, visit, monkeypatch):
    run = live.start(session, visit)
    begin(run, *WHOLE[:3])
    first = looked(visit, session)
    monkeypatch.setattr(live.view, "plots", None)
    again = looked(visit, session)
    assert (again.plots, again.stack) == (first.plots, first.stack)


def test_another_run_is_shown_whole_whatever_was_seen(session, visit):
    first = live.start(session, visit)
    begin(first, *WHOLE)
    before = looked(visit, session).snapshot
    second = live.start(session, visit, TrainConfig(seed=5))
    begin(second, *WHOLE)
    shown = looked(visit, session, before)
    assert changed(shown) == FIELDS
    assert shown.start.value == text.START  # it is over


def test_a_run_that_stops_says_so_at_once_and_then_what_is_kept(session, visit):
    run = live.start(session, visit)
    begin(run, *WHOLE[:5])
    shown = live.on_stop(session, visit, False, Snapshot())
    assert "Stopping" in shown.progress and shown.stop.interactive is False
    tell(run, epoch(2), end("stopped"))
    shown = looked(visit, session)
    assert "After step 3 of 4" in shown.progress and "from epoch 2 of 2" in shown.progress
    assert (shown.stop.visible, shown.resume.visible, shown.timer.active) == (False, True, False)


def test_while_a_run_stops_it_can_be_told_to_stop_now_which_keeps_its_last_whole_epoch(session, visit):
    run = live.start(session, visit)
    begin(run, *WHOLE[:5])
    assert looked(visit, session).stop_now.visible is False
    shown = live.on_stop(session, visit, False, Snapshot())
    assert (shown.stop_now.visible, shown.stop_now.interactive) == (True, True)
    assert "Stop now measures nothing and keeps the model as it was after epoch 1" in shown.progress
    shown = live.on_stop(session, visit, False, Snapshot(), at_once=True)
    assert shown.stop_now.interactive is False
    assert "It ends at once and keeps the model as it was after epoch 1" in shown.progress
    tell(run, end("stopped", unmeasured=["calibration", "comparison"]))
    shown = looked(visit, session)
    assert shown.stop_now.visible is False
    assert "Not measured, as it was stopped: how its probabilities are to be calibrated and the" in shown.progress


def test_a_run_that_was_stopped_before_there_was_a_model_says_so(session, visit):
    run = live.start(session, visit)
    begin(run, *WHOLE[:2])
    assert "keeps no model, as no epoch is finished yet" in live.on_stop(session, visit, False, Snapshot()).progress
    tell(run, end("stopped", checkpoint=None))
    shown = looked(visit, session)
    assert "After step 1 of 4: there is no model to keep. Resume begins this run again with epoch 1" in shown.progress
    assert shown.resume.visible is True


def test_a_run_that_still_reads_its_data_ends_without_a_word_of_measuring(session, visit):
    begin(live.start(session, visit))
    shown = live.on_stop(session, visit, False, Snapshot())
    assert "It has learnt nothing yet, and ends within seconds" in shown.progress and not shown.stop_now.visible


def test_only_the_page_that_followed_a_run_to_its_end_announces_it(session, visit):
    run = live.start(session, visit)
    begin(run, *WHOLE[:5])
    before = looked(visit, session).snapshot
    assert live.follow(session, visit, False, before).revision is UNCHANGED
    tell(run, epoch(2), end())
    shown = live.follow(session, visit, False, before)
    assert shown.revision == 1
    assert live.redraw(session, visit, False, shown.snapshot).revision is UNCHANGED


def test_a_run_stopped_before_its_turn_never_began_and_can_be_resumed(session, visit):
    live.start(session, visit)
    live.on_stop(session, visit, False, Snapshot())
    assert "It had not begun to learn. Resume puts this run back in the line." in looked(visit, session).progress
    live.on_resume(session, visit)
    assert "Waiting for its turn" in looked(visit, session).progress


def test_a_run_that_is_done_says_what_it_took_and_cannot_be_resumed(session, visit):
    run = live.start(session, visit)
    begin(run, *WHOLE)
    shown = looked(visit, session)
    assert "4 steps, 2 epochs, 4.2 s." in shown.progress
    assert shown.resume.visible is False and shown.timer.active is False
    with pytest.raises(UserError, match="This run is done"):
        live.on_resume(session, visit)


def test_a_killed_run_says_so_and_is_resumed_in_the_same_curves(session, visit):
    run = live.start(session, visit)
    begin(run, *WHOLE[:5])
    (run.folder / "state").mkdir()
    (run.folder / "state" / "state.safetensors").touch()
    record = json.loads((run.folder / "process.json").read_text())
    (run.folder / "process.json").write_text(json.dumps({**record, "born": record["born"] - 100}))
    shown = looked(visit, session)
    assert "The training process ended unexpectedly" in shown.progress and "resume it to go on" in shown.progress
    assert "Resume goes on with this run from epoch 2 of 2. Its data, settings and first model stay" in shown.progress
    assert shown.resume.visible is True and shown.timer.active is False
    live.on_resume(session, visit)
    assert "Waiting for its turn" in looked(visit, session).progress
    begin(run)
    assert "Getting ready" in looked(visit, session).progress
    tell(run, started(after=1), step(3, 2, 0.55))
    shown = looked(visit, session)
    assert "step 3 of 4" in shown.progress and shown.timer.active is True


def test_a_fault_is_shown_in_its_own_words_and_escaped(session, visit):
    run = live.start(session, visit)
    begin(run, *WHOLE[:3], {"event": "error", "message": "No <room>.", "hint": "Free some."})
    shown = looked(visit, session)
    assert "No &lt;room&gt;. Free some." in shown.progress and shown.resume.visible is True


def test_a_run_that_was_deleted_or_is_another_ones_is_not_shown(session, visit):
    other = session.runs.start("bob", visit.train.source.path)
    for run_id in (other.id, "gone", "../runs"):
        visit.train.run = run_id
        shown = looked(visit, session)
        assert "no such run" in shown.progress and shown.timer.active is False and visit.train.run is None


def test_a_page_that_follows_a_run_after_the_server_forgot_it_is_told_to_reload(session):
    shown = looked(Visit(0.0), session, Snapshot("20260101-run", "running", 3, 0, 1.0))
    assert "Reload" in shown.progress and shown.timer.active is False


# --- finding again ---


def test_a_visitor_who_comes_back_finds_the_run_that_goes_on_else_the_newest(session, visit):
    first = live.start(session, visit, TrainConfig(epochs=8))
    second = live.start(session, visit, TrainConfig(seed=1))
    begin(second, *WHOLE)
    back = Visit(0.0, owner="ada")
    live.arrive(session, back)
    assert back.train.run == first.id  # still waits
    begin(first, *WHOLE)
    back = Visit(0.0, owner="ada")
    live.arrive(session, back)
    assert back.train.run == second.id
    stranger = Visit(0.0, owner="bob")
    live.arrive(session, stranger)
    assert stranger.train.run is None
    nobody = Visit(0.0)
    live.arrive(session, nobody)
    assert nobody.train.run is None


def test_several_runs_are_listed_newest_first_and_one_needs_no_list(session, visit):
    first = live.start(session, visit)
    session.runs.start("bob", visit.train.source.path)
    assert live.show(session, visit, False).chooser["visible"] is False
    begin(first, *WHOLE)
    second = live.start(session, visit, TrainConfig(seed=1))
    listed = live.show(session, visit, False).chooser
    assert listed["visible"] is True and listed["value"] == second.id
    assert [value for _, value in listed["choices"]] == [second.id, first.id]
    assert re.fullmatch(r"run 2 · reviews.csv · Rates by depth · \d\d:\d\d · waiting", listed["choices"][0][0])
    assert listed["choices"][1][0].endswith("done")

    def gone(name):
        raise UserError("This model is gone.")

    session.models.get = gone
    assert len(live.show(session, visit, False).chooser["choices"]) == 2


# --- tidying ---


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.1 s"), (9.94, "9.9 s"), (42.4, "42 s"), (119, "2 min"), (3700, "1 h 2 min"), (86399, "24 h 0 min")],
)
def test_durations_are_short(seconds, words):
    assert text.duration(seconds) == words


def test_old_runs_are_deleted_in_the_background_but_not_those_in_use(session, visit, monkeypatch):
    monkeypatch.setenv("MTL_RUNS_DAYS", "0.5")
    registry = Registry()
    old = live.start(session, visit)
    used = live.start(session, visit, TrainConfig(seed=1))
    waiting = live.start(session, visit, TrainConfig(seed=2))
    for run in (old, used):
        begin(run, *WHOLE)
    for run in (old, used, waiting):
        for path in run.folder.iterdir():
            os.utime(path, (time.time() - 86400,) * 2)
    registry.visit("somebody").train.model = used.folder / "checkpoint"
    stop = cleanup.begin(session.runs, Limits.from_environment(), registry.in_use, every=0.05)
    until = time.monotonic() + 20
    while session.runs.find() != [] and old.id in {run.id for run in session.runs.find()} and time.monotonic() < until:
        time.sleep(0.02)
    stop()
    assert {run.id for run in session.runs.find()} == {used.id, waiting.id}


def test_nothing_is_deleted_at_the_first_look_after_a_start(session, visit, monkeypatch):
    monkeypatch.setenv("MTL_RUNS_GB", "1e-9")
    run = live.start(session, visit)
    begin(run, *WHOLE)
    looks, look, two = [], session.runs.clean_up, threading.Event()

    def clean_up(*limits):
        looks.append(look(*limits))
        if len(looks) == 2:
            two.set()
        return looks[-1]

    monkeypatch.setattr(session.runs, "clean_up", clean_up)
    stop = cleanup.begin(session.runs, Limits.from_environment(), list, every=0.01)
    assert two.wait(20)
    stop()
    assert looks[:2] == [[], [run.id]]


def test_a_stopped_run_says_which_model_is_kept():
    assert "the model as it was then is kept" in text.stopped(9, 40, 2, None)
    assert "the model of epoch 1, the best so far, is kept" in text.stopped(9, 40, 2, 1)
    assert "the model after epoch 2 is kept" in text.stopped(9, 40, 2, None, back=True)


def test_the_button_says_what_it_resumes_and_from_where():
    assert text.resume(2, 5).startswith("Resume goes on with this run from epoch 3 of 5.")
    assert "all of its 5 epochs are done" in text.resume(5, 5)
    assert "settings and first model stay as they were" in text.resume(0, 0)
