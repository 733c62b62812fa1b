"""Runs side by side: each visitor sees their own, one button starts a set or stops all, nothing is read twice."""

from __future__ import annotations

import csv
import io
import os
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError
from mtl.groups import Groups
from mtl.training import held_out, presets
from mtl.training.held_out import Answer, Judged
from mtl.training.runs import folder as folders
from mtl.training.runs.service import Runs
from mtl.ui.compare import tab as compare
from mtl.ui.compare import view, words
from mtl.ui.compare.tab import Shown, Snapshot, choice, look, pick, progress, save, set_note, start_set, stop_all
from mtl.ui.train.run import step as live
from mtl.ui.train.settings.step import names_of_settings
from mtl.ui.visitors import Visit
from tests.uploads import take

TASKS = (TaskSpec("mood", "classification", ("bad", "good")), TaskSpec("strength", "regression"))
SIZES = {"embeddings": 900, "layer 1": 90, "layer 2": 90, "layer 3": 90, "head mood": 9, "head strength": 5}
LAYERS = list(SIZES)[:4]


@pytest.fixture(scope="module")
def engine(tiny):
    import mtl
    from mtl.checkpoint import derive

    model = derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS)).eval()
    return SimpleNamespace(name=None, model=lambda: model, ready=True)


@pytest.fixture
def runs(tmp_path):
    """Nobody carries these out: their events are written by the tests."""
    return Runs(tmp_path / "runs")


@pytest.fixture
def session(runs, engine):
    """What handlers use of a session."""
    models = SimpleNamespace(get=lambda name: engine.model())
    return SimpleNamespace(runs=runs, engine=engine, models=models, next_revision=lambda: 1)


@pytest.fixture
def visit():
    return Visit(0.0, owner="me")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "moods.csv"
    rows = [f"text number {i},{'good' if i % 2 else 'bad'},{i / 20}" for i in range(20)]
    path.write_text("text,mood,strength\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture
def ready(visit, engine, table):
    """A visitor who has chosen data."""
    take(visit, engine.model(), table, "moods.csv")
    return visit


def begun(run, config, steps=4, rows="a"):
    model = {"tasks": [spec.to_json() for spec in TASKS]}
    frozen = LAYERS[: Groups(SIZES, config).depth(1)]
    folders.write_event(
        run.folder,
        {
            "event": "start",
            "config": {"model": model, "train": config.to_json()},
            "trainable": {name: size for name, size in SIZES.items() if name not in frozen},
            "frozen": {name: SIZES[name] for name in frozen},
            "rates": {name: 0.0 if name in frozen else 1e-3 for name in SIZES},
            "steps": steps,
            "tasks": ["mood", "strength"],
            "notes": [],
            "held_out": {"mood": rows, "strength": "b"},
            "resumed_after_epoch": None,
        },
    )


def epoch(run, number, score):
    loss = {"mood": 1 - score, "strength": 0.1}
    folders.write_event(
        run.folder, {"event": "step", "step": 2 * number, "epoch": number, "seconds": 1.0, "eta": 3.0, "loss": loss}
    )
    scores = {"mood": {"loss": 1 - score, "macro_f1": score}, "strength": {"loss": 0.1, "spearman": -0.25}}
    event = {"event": "epoch", "epoch": number, "seconds": 2.0 * number, "validation": scores}
    event |= {"train": {t: {"loss": x} for t, x in loss.items()}, "moved": dict.fromkeys(SIZES, 0.01 * number)}
    folders.write_event(run.folder, event)


def ended(run, best, cosine=0.875):
    lost = {"metric": "macro_f1", "before": 0.9, "after": 0.85, "trained": False}
    end = {"event": "end", "status": "done", "seconds": 4.5, "steps": 4, "best": best, "checkpoint": "checkpoint"}
    end["forgetting"] = {"tasks": {"topic": lost}, "cosine": cosine}
    folders.write_event(run.folder, {**end, "moved": dict.fromkeys(SIZES, 0.02)})


def whole(runs, table, config, first=0.5, second=0.75, owner="me", best=2, cosine=0.875, rows="a"):
    run = runs.start(owner, table, config)
    begun(run, config, rows=rows)
    epoch(run, 1, first)
    epoch(run, 2, second)
    ended(run, best, cosine)
    return run


def seen_by(visit, session, drawn=(), before=None):
    return look(session, visit, None, "scores", drawn, before or Snapshot())


def plain(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def rows_of(html):
    body = html.split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    return [plain(row) for row in body.split("</tr>") if row]


# --- whose runs ---


def test_a_visitor_sees_their_own_runs_only(visit, runs, session, table):
    mine = whole(runs, table, TrainConfig(epochs=2))
    other = whole(runs, table, TrainConfig(epochs=2, seed=7), owner="you")
    shown = seen_by(visit, session)
    assert mine.id in shown.table and other.id not in shown.table
    assert [value for _, value in shown.drawn.choices] == [mine.id]
    with pytest.raises(UserError, match="no such run"):
        pick(session, visit, other.id)
    pick(session, visit, mine.id)
    assert visit.train.run == mine.id


def test_a_page_that_nobody_knows_sees_nothing_and_can_do_nothing(runs, session, table):
    whole(runs, table, TrainConfig(epochs=2), owner="")
    stranger = Visit(0.0)
    assert words.NO_RUNS in seen_by(stranger, session).table
    for action, *values in ((stop_all,), (start_set, "rates"), (pick, "x")):
        with pytest.raises(UserError, match="Reload"):
            action(session, stranger, *values)


# --- the table ---


def test_the_table_says_what_differs_and_what_came_of_it(visit, runs, session, table):
    whole(runs, table, TrainConfig(epochs=2, freeze=-1), 0.5, 0.625, cosine=1.0)
    whole(runs, table, TrainConfig(epochs=2, seed=3, average=0.25))
    first, second = rows_of(seen_by(visit, session).table)
    assert "run 1 Backbone frozen" in first and "freeze all" in first and "seed 0" in first
    assert "run 2 Rates by depth" in second and "freeze" not in second and "seed 3" in second
    assert "averaging 0 " in first and "averaging 0.25" in second
    assert "62.5 %" in first and "75.0 %" in second
    assert "4.5 s" in first and "1.000" in first and "0.875" in second
    assert "topic -5.0" in first
    assert "epochs" not in first  # in that they are alike


def test_layers_that_learn_later_are_called_frozen_at_first(visit, runs, session, table):
    whole(runs, table, TrainConfig(epochs=2, freeze=-1, unfreeze=((2, 3),)))
    whole(runs, table, TrainConfig(epochs=2))
    first, _ = rows_of(seen_by(visit, session).table)
    assert "freeze all at first" in first


def test_scores_are_those_of_the_weights_that_were_kept(visit, runs, session, table):
    whole(runs, table, TrainConfig(epochs=2), 0.875, 0.75, best=1)
    whole(runs, table, TrainConfig(epochs=2, keep_best=False), 0.875, 0.75, best=1)
    first, second = rows_of(seen_by(visit, session).table)
    assert "87.5 %" in first and "75.0 %" in second


def test_a_negative_correlation_has_an_empty_bar(visit, runs, session, table):
    whole(runs, table, TrainConfig(epochs=2))
    assert '-0.250<i class="databar score"><b style="width:0.0%">' in seen_by(visit, session).table


def test_names_of_files_tasks_and_labels_are_escaped(visit, runs, session, tmp_path):
    path = tmp_path / "<img src=x>.csv"
    path.write_text("text,mood\na,b\n")
    run = runs.start("me", path, TrainConfig(epochs=2))
    task = "<script>"
    model = {"tasks": [TaskSpec(task, "classification", ("a", "b")).to_json()]}
    start = {"trainable": {f"head {task}": 3}, "frozen": {"embeddings": 9}, "steps": 2, "notes": [], "tasks": [task]}
    start |= {"event": "start", "config": {"model": model, "train": TrainConfig(epochs=2).to_json()}}
    folders.write_event(run.folder, {**start, "rates": {"embeddings": 0.0, f"head {task}": 1e-3}})
    score = {task: {"loss": 0.5, "macro_f1": 0.5}}
    event = {"event": "epoch", "epoch": 1, "seconds": 1.0, "validation": score, "train": score, "moved": {}}
    folders.write_event(run.folder, event)
    whole(runs, path, TrainConfig(epochs=2, seed=1))
    shown = seen_by(visit, session)
    html = shown.table + shown.plot + shown.stacks + shown.progress
    assert "<script" not in html and "<img" not in html and "&lt;script&gt;" in html


def test_runs_that_wait_train_or_failed_say_so(visit, runs, session, table):
    whole(runs, table, TrainConfig(epochs=2))
    broken = runs.start("me", table, TrainConfig(epochs=2, seed=1))
    folders.write_event(broken.folder, {"event": "error", "message": "The disk is <full>.", "hint": "Free some."})
    runs.start("me", table, TrainConfig(epochs=2, seed=2))
    training = runs.start("me", table, TrainConfig(epochs=2, seed=3))
    folders.write_process(training.folder, os.getpid())
    (training.folder / "heartbeat").touch()
    begun(training, TrainConfig(epochs=2, seed=3))
    epoch(training, 1, 0.5)
    shown = seen_by(visit, session)
    done, failed, waits, trains = rows_of(shown.table)
    assert " done " in done
    assert "The disk is &lt;full&gt;." in failed
    assert "waiting, place 1" in waits and "Rates by depth" in waits
    assert "training, 50%" in trains
    assert "1 training (50% of its steps) · 1 waiting" in shown.progress
    assert shown.stop.visible
    assert shown.timer.active and shown.timer.value == compare.STEADY


def test_runs_that_wait_have_a_dash_in_place_of_bars_and_all_of_them_no_bar_of_progress(visit, runs, session, table):
    runs.start("me", table, TrainConfig(epochs=2))
    shown = seen_by(visit, session)
    assert "1 waiting" in shown.progress and 'class="progress"' not in shown.progress
    whole(runs, table, TrainConfig(epochs=2, seed=1))
    waiting, done = rows_of(seen_by(visit, session).table)
    assert "– – – –" in waiting and " – " not in done


# --- which rows ---


def test_scores_on_different_rows_are_marked_and_drawn_apart(visit, runs, session, table):
    for seed, rows in enumerate("aab"):
        whole(runs, table, TrainConfig(epochs=2, seed=seed), rows=rows)
    shown = seen_by(visit, session)
    assert [re.findall(r"rows [AB]", row) for row in rows_of(shown.table)] == [["rows A"], ["rows A"], ["rows B"]]
    assert "compare only scores with the same letter" in shown.table
    titles = re.findall(r"<figcaption><b>(.*?)</b>", shown.plot)
    assert titles == ["mood · score, held-out rows · rows A", "mood · score, held-out rows · rows B"]
    assert "cannot be compared" in shown.plot and shown.plot.count('class="line') == 3
    entries = runs.progress_of_all("me")
    called = names_of_settings(session, visit.train, entries)
    assert view.plot(entries, called, "mood", "train", view.row_sets(entries, "mood")).count("<figure") <= 1
    assert view.row_sets(entries, "strength") == {} == view.row_sets(entries[:2], "mood")


def test_runs_of_earlier_versions_have_the_rows_of_runs_on_the_same_data(runs, table):
    for seed, data in enumerate("xxxy"):
        run = whole(runs, table, TrainConfig(epochs=2, seed=seed))
        events = folders.events(run.folder)
        events[0]["config"]["data"] = data
        if seed != 1:  # earlier versions
            del events[0]["held_out"]
        folders.delete_events(run.folder)
        for event in events:
            folders.write_event(run.folder, event)
    entries = Runs(runs.root).progress_of_all("me")
    assert list(view.row_sets(entries, "mood").values()) == ["rows A", "rows A", "rows A", "rows B"]
    assert view.row_sets(entries[:3], "mood") == {} == view.row_sets([entries[0], entries[2]], "mood")


@pytest.mark.parametrize(("first", "second"), [(0.0, 0.0), (0.01, 0.05), (0.9, 0.95), (1.0, 1.0)])
def test_the_axis_of_shares_has_nothing_below_zero_and_room_for_a_fifth(visit, runs, session, table, first, second):
    whole(runs, table, TrainConfig(epochs=2), first, second)
    drawn = seen_by(visit, session).plot
    ticks = [float(tick) for tick in re.findall(r'class="tick" style="bottom[^>]*>(-?[\d.]+) %', drawn)]
    assert min(ticks) >= 0 and max(ticks) - min(ticks) >= 20


# --- answers side by side ---


def answers(run, *judged):
    held_out.write(
        run.folder / held_out.NAME,
        [
            Answer("validation", i, (text,), "mood", truth, Judged(said, float(said != truth), (), 0.75))
            for i, (text, truth, said) in enumerate(judged)
        ],
    )


@pytest.fixture
def two(runs, table):
    one, other = (whole(runs, table, TrainConfig(epochs=2, seed=seed)) for seed in (0, 1))
    answers(one, ("A <b>", "good", "good"), ("B", "bad", "good"), ("C", "bad", "bad"), ("only here", "bad", "bad"))
    answers(other, ("C", "bad", "bad"), ("B", "bad", "bad"), ("A <b>", "good", "good"), ("D", "bad", "good"))
    return one.id, other.id


def test_rows_that_both_runs_held_out_are_set_side_by_side_where_they_disagree(visit, session, two, tmp_path):
    page, button = compare.show_rows(session, visit, two, "mood", words.DISPUTED)
    told = plain(page)
    assert "held out: 3 (in all, run 1: 4, run 2: 4)" in told and button.visible
    assert "run 1 is right on 2; run 2 is right on 3" in told and "may be chance (McNemar&#39;s test, p = 1)" in told
    assert "1 row on which they answer differently" in told and page.count("<li>") == 1 and "only here" not in page
    page, _ = compare.show_rows(session, visit, two, "mood", words.ALL_ROWS)
    assert page.count("<li>") == 3 and "A &lt;b&gt;" in page and "75.0 %" in page
    saved = compare.save_rows(session, visit, tmp_path, two, "mood").read_text(encoding="utf-8-sig")
    header, *rows = csv.reader(io.StringIO(saved, newline=""))
    assert header == ["task", "text", "text_b", "truth", "run 1", "run 1 wrong", "run 2", "run 2 wrong"]
    assert rows[1] == ["mood", "B", "", "bad", "good", "1", "bad", "0"] and len(rows) == 3


def test_runs_that_share_no_row_are_not_set_side_by_side(visit, session, runs, two):
    answers(runs.get(two[1], "me"), ("A <b>", "bad", "bad"))  # the same text with another label is another row
    page, _ = compare.show_rows(session, visit, two, "mood", words.ALL_ROWS)
    assert "held out: 0" in page and "cannot be set beside each other" in page and "<li>" not in page


def test_one_run_or_another_persons_is_nothing_to_compare(visit, session, runs, table, two):
    strangers = whole(runs, table, TrainConfig(epochs=2, seed=9), owner="you")
    for ids, task in ((two[:1], "mood"), ((two[0], strangers.id), "mood"), (two, None), ((), "mood")):
        page, button = compare.show_rows(session, visit, ids, task, words.DISPUTED)
        assert words.TWO_ENDED in page and not button.visible


# --- following ---


def test_nothing_is_shown_anew_while_nothing_happens(visit, runs, session, table):
    whole(runs, table, TrainConfig(epochs=2))
    waiting = runs.start("me", table, TrainConfig(epochs=2, seed=1))
    first = seen_by(visit, session)
    again = seen_by(visit, session, before=first.snapshot)
    assert again == Shown()
    runs.stop(waiting.id)
    over = seen_by(visit, session, before=first.snapshot)
    assert "stopped" in over.table and not over.timer.active and over.progress == "" and not over.stop.visible


def test_a_tab_that_is_opened_again_is_shown_whole_without_the_runs_that_were_taken_off(visit, runs, session, table):
    whole(runs, table, TrainConfig(epochs=2))
    before = seen_by(visit, session).snapshot
    shown = compare.on_open(session, visit, "mood", "scores", [], before)
    assert shown.snapshot == before and "run 1" in shown.table and shown.drawn.value == []


def test_a_tab_out_of_sight_follows_nothing_and_one_in_sight_clears_its_message_at_the_end(visit, runs, session, table):
    waiting = runs.start("me", table)
    looks = (None, "scores", [], seen_by(visit, session).snapshot)
    away = compare.follow(session, visit, False, *looks)
    assert not away.timer.active and away == Shown(timer=away.timer)
    assert compare.follow(session, visit, True, *looks) == Shown()
    runs.stop(waiting.id)
    assert compare.follow(session, visit, True, *looks).message == ""


def test_what_comes_of_the_buttons_is_said_and_shown(ready, runs, session):
    looks = (None, "scores", [], Snapshot())
    shown = compare.on_start(session, ready, '{"epochs": 6}', "rates", *looks)
    assert {entry.config.epochs for entry in runs.progress_of_all("me")} == {6}
    assert "2 runs put in the line." in shown.message and shown.revision == 1 and "run 2" in shown.table
    assert 'class="status bad"' in compare.on_start(session, ready, "", "rates", *looks).message
    shown = compare.on_stop(session, ready, *looks)
    assert "2 runs asked to stop" in shown.message and not shown.timer.active


def test_a_run_that_is_resumed_is_read_again(runs, table):
    config = TrainConfig(epochs=2)
    run = runs.start("me", table, config)
    begun(run, config)
    epoch(run, 1, 0.5)
    folders.write_event(run.folder, {"event": "end", "status": "stopped", "seconds": 2.0, "steps": 2, "best": 1})
    assert [entry.run.state for entry in runs.progress_of_all("me")] == ["stopped"]
    runs.resume(run.id)
    assert [entry.run.state for entry in runs.progress_of_all("me")] == ["queued"]


def test_new_runs_are_drawn_until_the_picture_is_full(visit, runs, table):
    for seed in range(view.MOST_LINES + 2):
        whole(runs, table, TrainConfig(epochs=2, seed=seed))
    entries = runs.progress_of_all("me")
    ids = [entry.run.id for entry in entries]
    assert choice(entries, [], []) == ids[2:]
    assert choice(entries, [], ids) == []  # the visitor took them all off
    assert choice(entries, ids[:1], ids[:-1]) == [ids[0], ids[-1]]
    assert choice(entries[1:], ids[:2], ids) == ids[1:2]


# --- the pictures ---


def test_each_chosen_run_has_a_curve_a_column_of_its_own_and_a_stack(visit, runs, session, table):
    one = whole(runs, table, TrainConfig(epochs=2, freeze=-1))
    two = whole(runs, table, TrainConfig(epochs=2))
    entries = runs.progress_of_all("me")
    called = names_of_settings(session, visit.train, entries)
    both = view.plot(entries, called, "mood", "scores", {})
    assert both.count('class="line') == 2 and "var(--run-1)" in both and "var(--run-2)" in both
    assert "50.0 %" in both and "75.0 %" in both
    assert view.plot(entries[1:], called, "mood", "scores", {}).count('class="line') == 1
    for measure in words.MEASURES:
        assert "run 1" in view.plot(entries, called, "strength", measure, {})
    assert words.CHOOSE_RUNS in view.plot([], called, "mood", "scores", {})
    assert words.NO_CURVES in view.plot(entries, called, "no such task", "scores", {})
    stacks = view.stacks(entries, called)
    assert stacks.count('<svg class="stack') == 2
    assert called == {one.id: "Backbone frozen", two.id: "Rates by depth"}


def test_the_curves_of_a_run_that_was_stopped_early_fill_the_picture(visit, runs, session, table):
    run = runs.start("me", table, TrainConfig(epochs=200))
    begun(run, TrainConfig(epochs=200), steps=400)
    for number in (1, 2, 3):
        epoch(run, number, 0.5)

    def axis():
        entries = runs.progress_of_all("me")
        return plain(view.plot(entries, names_of_settings(session, visit.train, entries), "mood", "scores", {}))

    assert " 200 " in axis()  # where it will end
    ended(run, best=3)
    assert " 3 " in axis() and " 200 " not in axis()


def test_runs_keep_their_colour_and_neighbours_differ_in_more(visit, runs, table):
    for seed in range(3):
        whole(runs, table, TrainConfig(epochs=2, seed=seed))
    entries = runs.progress_of_all("me")
    assert len({view.colour(entry) for entry in entries}) == 3
    assert [view.dashed(entry) for entry in entries] == [False, True, False]


# --- to take away ---


def test_the_csv_holds_everything_and_runs_no_formula(visit, runs, session, tmp_path):
    path = tmp_path / "=cmd|x.csv"
    path.write_text("text,mood\na,b\n")
    whole(runs, path, TrainConfig(epochs=2, rates={"layer 1": 2e-5}, freeze_heads=("mood",)))
    runs.start("me", path, TrainConfig(epochs=2, seed=1))
    saved = save(session, visit, tmp_path)
    header, first, second = csv.reader(io.StringIO(saved.read_text(encoding="utf-8-sig"), newline=""))
    row = dict(zip(header, first, strict=True))
    assert row["file"] == "'=cmd|x.csv"
    assert float(row["mood macro_f1"]) == 0.75 and float(row["strength spearman"]) == -0.25
    assert float(row["embeddings cosine"]) == 0.875 and float(row["change of topic macro_f1"]) == pytest.approx(-0.05)
    assert row["rates"] == "layer 1=2e-05" and row["freeze_heads"] == "mood" and row["state"] == "done"
    assert float(row["moved layer 2"]) == 0.02
    waiting = dict(zip(header, second, strict=True))
    assert waiting["state"] == "queued" and waiting["seed"] == "1" and waiting["mood macro_f1"] == ""


# --- sets ---


@pytest.mark.parametrize("which", compare.SETS)
def test_a_set_puts_one_run_for_each_preset_into_the_line(which, ready, runs, session):
    message = start_set(session, ready, which)
    entries = runs.progress_of_all("me")
    wanted = [presets.BY_NAME[name].title for name in compare.SETS[which][1]]
    assert list(names_of_settings(session, ready.train, entries).values()) == wanted
    assert f"{len(wanted)} runs put in the line." in message
    assert ready.train.run == entries[0].run.id
    assert all(entry.file == "moods.csv" for entry in entries)


def test_a_set_keeps_every_other_setting(ready, runs, session):
    ready.train.config = replace(ready.train.config, epochs=4, batch_size=8, anchor=2.0)
    start_set(session, ready, "freezing")
    for entry in runs.progress_of_all("me"):
        assert (entry.config.epochs, entry.config.batch_size, entry.config.anchor) == (4, 8, 2.0)


def test_a_set_that_is_there_already_is_not_started_twice(ready, runs, session):
    start_set(session, ready, "rates")
    with pytest.raises(UserError, match="No run was started. This very run"):
        start_set(session, ready, "rates")
    assert len(runs.find("me")) == 2
    assert "3 runs put in the line. This very run" in start_set(session, ready, "freezing")


def test_without_data_a_set_says_what_to_do(visit, session):
    visit.train.arrived = True
    with pytest.raises(UserError, match="Train tab first"):
        start_set(session, visit, "freezing")
    note, start = set_note(session, visit, "freezing")
    assert "Train tab first" in note and not start.interactive


def test_the_note_says_what_a_set_would_train_and_how_long_that_takes(ready, session):
    live.expectation(session, ready.train, ready.train.config, wait=60.0)  # how quick this machine is, is measured once
    note, start = set_note(session, ready, "rates")
    assert "2 runs on moods.csv, 3 epochs each: One rate for all, Rates by depth. About " in note
    assert "in all, when nobody else trains." in note
    assert start.interactive


def test_a_set_leaves_out_what_does_not_fit_the_data_and_says_why(visit, runs, session, engine, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("text,colour\n" + "\n".join(f"text number {i},{'red' if i % 2 else 'blue'}" for i in range(20)))
    take(visit, engine.model(), path, "new.csv")
    note, start = set_note(session, visit, "freezing")
    assert "3 runs on new.csv" in note and "One head frozen” does not fit this data: every head" in note
    assert start.interactive
    assert "3 runs put in the line." in start_set(session, visit, "freezing")


def test_stopping_all_asks_those_that_wait_before_the_one_that_trains(ready, runs, session, monkeypatch):
    start_set(session, ready, "freezing")
    first = runs.find("me")[0]
    folders.write_process(first.folder, os.getpid())
    (first.folder / "heartbeat").touch()
    asked = []
    stop = runs.stop
    monkeypatch.setattr(runs, "stop", lambda run_id, owner: (asked.append(run_id), stop(run_id, owner)))
    runs.start("you", ready.train.source.path, TrainConfig(epochs=9))
    assert "4 runs asked to stop" in stop_all(session, ready)
    assert asked[-1] == first.id and len(asked) == 4
    assert [run.state for run in runs.find("me")] == ["running", "stopped", "stopped", "stopped"]
    assert [run.state for run in runs.find("you")] == ["queued"]
    assert "stopping" in seen_by(ready, session).table


def test_the_progress_counts_what_is_left(ready, runs, session):
    assert progress([]) == ""
    start_set(session, ready, "rates")
    assert "2 waiting" in progress(runs.progress_of_all("me"))
