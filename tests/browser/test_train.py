"""A visitor trains: starts, watches, stops, goes on, comes back, and never sees what another one trains."""

from __future__ import annotations

import json
import os
import re
import signal

import pytest
from playwright.sync_api import expect

from mtl.ui.train.run import words
from tests.browser.training import Trainer

# Long enough to be stopped in the middle, on any machine.
LONG = 900


@pytest.fixture
def arrive(context, server):
    """`arrive()` opens the page in a browser that was never here; its runs are stopped afterwards."""
    trainers = []

    def come(**look) -> Trainer:
        trainers.append(Trainer(context, server, **look))
        return trainers[-1]

    yield come
    for trainer in trainers:
        trainer.end()
        trainer.page.close()
    for trainer in trainers:
        assert trainer.visitor.errors == []
        assert trainer.visitor.elsewhere == []


@pytest.fixture
def process_of_newest(runs_folder):
    """The number of the process that carries out the newest run."""

    def find() -> int:
        newest = max(path.parent for path in runs_folder.glob("*/process.json"))
        return json.loads((newest / "process.json").read_text())["pid"]

    return find


def test_a_run_is_started_watched_stopped_resumed_and_finished(arrive):
    ada = arrive()
    expect(ada.progress).to_contain_text("No run yet")
    ada.begin(LONG)
    expect(ada.progress).to_contain_text(f"of {LONG * 11:,} · epoch")
    expect(ada.start).to_have_text(words.START_ANOTHER)
    ada.wait_for_points(ada.points())
    ada.wait_for_an_epoch()
    bars = ada.bars()
    assert set(bars) == {
        *("sentiment", "intensity", "topic", "entities", "embeddings"),
        *(f"layer {i}" for i in range(1, 7)),
    }
    assert all(bars[name] > 0 for name in ("sentiment", "intensity", "topic", "entities"))
    assert all(length == 0 for name, length in bars.items() if name.startswith(("embeddings", "layer")))
    assert ada.visitor.flaws() == []
    ada.stop.click()
    expect(ada.progress).to_contain_text("Stopped")
    expect(ada.progress).to_contain_text("Resume goes on with this run from epoch")
    stopped_at = ada.points()
    # What was learnt until then is kept, and step 4 shows it.
    expect(ada.page.locator("#use-model")).to_be_visible()
    ada.resume.click()
    expect(ada.progress).to_contain_text("about")
    ada.wait_for_points(stopped_at - 60)  # the steps of the epoch that was cut off are learnt again
    assert ada.step() > 11
    ada.stop.click()
    expect(ada.progress).to_contain_text("Stopped")
    ada.begin(2)
    expect(ada.progress).to_contain_text("22 steps, 2 epochs")
    expect(ada.start).to_have_text(words.START)
    expect(ada.stop).to_be_hidden()
    expect(ada.page.locator("#run-chooser input")).to_have_value(re.compile(r"^run 2 · workshop.csv · .* · done$"))
    ada.progress.get_by_role("button", name="See the result").click()
    expect(ada.page.locator("#result-summary")).to_be_in_viewport()
    expect(ada.page.locator("#result-summary")).to_contain_text("best epoch was chosen on the held-out rows")
    # The twin of the picture says the same in numbers.
    ada.page.locator("#step-train summary", has_text=words.AS_TABLE).click()
    expect(ada.page.locator("#run-table tbody tr")).to_have_count(2 * 4)


def test_a_visitor_who_reloads_the_page_finds_the_run_with_its_curves(arrive):
    ada = arrive()
    ada.begin(LONG)
    before = ada.points()
    ada.come_back()
    expect(ada.progress).to_contain_text("step")
    ada.wait_for_points(before - 1)
    ada.wait_for_movement()
    # Its settings came back as well.
    expect(ada.page.locator("#estimate")).to_contain_text(f"{LONG * 11:,} steps")
    ada.end()
    ada.come_back()
    expect(ada.progress).to_contain_text("Stopped")
    expect(ada.resume).to_be_visible()


@pytest.mark.slow
def test_a_run_goes_on_while_its_page_is_offline_and_is_in_sight_again_afterwards(arrive):
    ada = arrive()
    ada.begin(LONG)
    since = ada.page.evaluate("performance.timeOrigin")
    ada.visitor.set_network(offline=True)
    ada.page.wait_for_timeout(12_000)
    expect(ada.page.locator("#connection")).to_contain_text("No answer from the server")
    before, step = ada.points(), ada.step()
    ada.visitor.set_network()
    ada.wait_for_points(before)
    expect(ada.page.locator("#connection")).to_be_hidden()
    assert ada.step() > step
    assert ada.page.evaluate("performance.timeOrigin") == since, "the page was not loaded again"
    ada.visitor.errors.clear()


def test_a_run_is_started_watched_and_stopped_once_over_an_unsteady_network(arrive, runs_folder):
    ada = arrive()
    ada.prepare(LONG)
    before = set(runs_folder.iterdir())
    failed = ada.visitor.make_network_unsteady(seed=219)  # of the first dozen requests three fail, in both ways
    ada.start.click()
    ada.wait_for_points()
    ada.wait_for_points(ada.points())
    ada.stop.click()
    expect(ada.progress).to_contain_text("Stopped")
    assert failed, "something has to have failed"
    assert len({path for path in set(runs_folder.iterdir()) - before if (path / "events.jsonl").exists()}) == 1
    ada.page.unroute_all()
    ada.visitor.set_network()
    ada.visitor.errors.clear()


def test_a_killed_run_says_so_and_goes_on_after_its_last_epoch(arrive, process_of_newest):
    ada = arrive()
    ada.begin(LONG)
    ada.wait_for_an_epoch()
    os.kill(process_of_newest(), signal.SIGKILL)
    expect(ada.progress).to_contain_text("The training process ended unexpectedly")
    expect(ada.progress).to_contain_text("resume it to go on from there")
    ada.resume.click()
    expect(ada.progress).to_contain_text("about")
    assert ada.step() > 1


def test_start_trains_what_stands_on_the_screen(arrive):
    ada = arrive()
    ada.prepare(3)
    # Before the server has heard of the change.
    ada.page.evaluate(
        """() => {
            const box = document.querySelector('#field-epochs');
            box.value = '2';
            box.dispatchEvent(new Event('input', { bubbles: true }));
            document.querySelector('#start').click();
        }"""
    )
    tab = ada.page.get_by_role("tab", name="Train")
    expect(tab).to_have_attribute("data-run", re.compile("waiting|[0-9]+ %"))
    ada.visitor.open("Overview")
    expect(tab).to_have_attribute("data-run", "done")
    ada.visitor.open("Train")
    expect(tab).not_to_have_attribute("data-run", re.compile(".*"))
    expect(ada.progress).to_contain_text("22 steps, 2 epochs")


@pytest.mark.slow
def test_two_visitors_at_once_see_only_their_own(arrive):
    ada, bob = arrive(), arrive()
    ada.begin(LONG // 2)  # so that it gives no way
    bob.prepare(LONG, seed=1)
    plan = bob.page.locator("#run-plan")
    expect(plan).to_contain_text("1 run of others before it")
    bob.start.click()
    expect(bob.progress).to_contain_text("Next in the line")
    assert bob.points() == 0 and ada.points() > 0
    bob.start.click()  # the very same once more
    expect(bob.page.locator(".toast-body")).to_contain_text("waiting or training already")
    bob.stop.click()
    expect(bob.progress).to_contain_text("It had not begun")
    expect(bob.page.locator("#run-chooser")).to_be_hidden()
    assert "step" in ada.progress.inner_text()
    expect(plan).to_contain_text("1 run of others before it")
    ada.stop.click()
    expect(plan).not_to_contain_text("others")  # nobody has to ask


def test_what_would_be_refused_cannot_be_started_and_says_why(arrive, tmp_path):
    ada = arrive()
    ada.page.get_by_role("button", name="All frozen", exact=True).click()
    expect(ada.page.locator("#estimate")).to_contain_text("Nothing would learn")
    expect(ada.start).to_be_disabled()
    ada.page.get_by_role("button", name="Backbone frozen", exact=True).click()
    expect(ada.start).to_be_enabled()
    alike = "".join(f"the soup of day {i} was warm,same\n" for i in range(12))
    (tmp_path / "alike.csv").write_text("text,label\n" + alike)
    ada.page.locator("#data-file input[type=file]").set_input_files(tmp_path / "alike.csv")
    expect(ada.page.locator("#estimate")).to_contain_text("says what is wrong")
    expect(ada.start).to_be_disabled()


def test_a_run_fits_on_a_phone_and_can_be_read(arrive):
    ada = arrive(theme="dark")
    ada.begin(2)
    expect(ada.progress).to_contain_text("22 steps, 2 epochs")
    expect(ada.start).to_be_enabled()
    ada.page.set_viewport_size({"width": 390, "height": 844})
    assert ada.visitor.flaws() == []
    ada.page.evaluate("document.body.classList.remove('dark')")
    assert ada.visitor.flaws() == []


@pytest.mark.parametrize("data", ["tickets", "blanks"])
def test_the_form_the_estimate_and_the_run_count_the_same_rows(arrive, runs_folder, tmp_path, data):
    ada = arrive()
    if data == "blanks":
        path = tmp_path / "blanks.csv"
        lines = [
            f"{'' if i % 11 == 3 else f'text number {i} was so'},{'' if i % 4 == 0 else 'good' if i % 2 else 'bad'},"
            f"{'' if i % 5 == 0 else i % 5 + 1}"
            for i in range(60)
        ]
        path.write_text("text,mood,stars\n" + "\n".join(lines) + "\n")
        ada.page.locator("#data-file input[type=file]").set_input_files(path)
    else:
        ada.page.locator("#data-samples").get_by_label(data).click()
    expect(ada.page.locator("#data-summary")).to_contain_text(data)
    ada.page.get_by_role("button", name="Backbone frozen", exact=True).click()
    expect(ada.page.locator("#run-plan")).not_to_contain_text("layers")
    expect(ada.start).to_be_enabled()
    expect(ada.page.locator("#estimate")).to_contain_text("rows to learn from")
    rows, held_out = re.findall(r"(\d+)\s+(?:rows to|held)", ada.page.locator("#estimate").inner_text())
    expect(ada.page.locator("#data-summary")).to_contain_text(f"{int(rows) + int(held_out)} rows.")
    ada.start.click()
    expect(ada.progress).to_contain_text("Done")
    newest = max(runs_folder.glob("*/events.jsonl"), key=lambda path: path.stat().st_mtime)
    start = next(event for line in newest.open() if (event := json.loads(line))["event"] == "start")
    assert start["rows"] == int(rows) and sum(start["validation_rows"].values()) == int(held_out)
    assert f"{rows} rows" in ada.page.locator("#run-plan").inner_text()
