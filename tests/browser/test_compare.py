"""The Compare tab in a real browser: a set of runs from one button, its table, curves and stacks."""

from __future__ import annotations

import csv
import io

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import Visitor

# Training goes on behind the page, on a machine that may be busy with other things.
LONG = 300_000


@pytest.fixture
def browsers(context, server):
    """`browsers()` opens the page for somebody who has no runs yet. Afterwards each page must have been free of
    errors."""
    visitors = []

    def arrive() -> Visitor:
        visitors.append(Visitor(context.new_page(), server))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        visitor.page.close()
    assert [visitor.errors for visitor in visitors] == [[]] * len(visitors)


@pytest.fixture
def moods(tmp_path):
    """A table that trains in a moment."""
    path = tmp_path / "moods.csv"
    rows = [f"number {i} was {'lovely' if i % 2 else 'awful'},{'positive' if i % 2 else 'negative'}" for i in range(24)]
    path.write_text("text,sentiment\n" + "\n".join(rows) + "\n")
    return path


def rows(page, state=None):
    found = page.locator("#runs-table tbody tr")
    return found if state is None else found.filter(has=page.locator("td", has_text=state))


@pytest.mark.slow
def test_a_set_runs_fills_the_table_and_is_kept_to_its_visitor(browsers, moods):
    visitor = browsers()
    page = visitor.page
    visitor.open("Compare")
    expect(page.locator("#runs-table")).to_contain_text("No run yet")
    expect(page.locator("#stop-all")).to_be_hidden()
    visitor.open("Train")
    page.locator("#data-file input[type=file]").set_input_files(moods)
    expect(page.locator("#data-summary")).to_contain_text("24")
    visitor.open("Compare")
    expect(page.locator("#left")).to_be_hidden()
    page.get_by_role("radio", name="One rate for all, or rates by depth").check()
    expect(page.locator("#set-note")).to_contain_text("2 runs on moods.csv")
    page.locator("#start-set").click()
    expect(rows(page)).to_have_count(2)
    expect(page.locator("#runs-progress")).to_contain_text("waiting", timeout=LONG)
    expect(page.locator("#stop-all")).to_be_visible()
    expect(rows(page, "done")).to_have_count(2, timeout=LONG)
    expect(page.locator("#stop-all")).to_be_hidden()
    expect(rows(page).nth(0)).to_contain_text("One rate for all")
    expect(rows(page).nth(1)).to_contain_text("Rates by depth")
    # Curves, of the runs that are chosen.
    lines = page.locator("#runs-plot path.line")
    expect(lines).to_have_count(2)
    expect(page.locator("#runs-stacks svg.stack")).to_have_count(2)
    page.locator("#runs-drawn label").first.click()
    expect(lines).to_have_count(1)
    expect(page.locator("#runs-stacks svg.stack")).to_have_count(1)
    page.get_by_role("radio", name="loss, training rows").check()
    expect(page.locator("#runs-plot figcaption")).to_contain_text("loss, training rows")
    # Both runs held out the same rows: one picture, and their answers side by side once both are drawn again.
    expect(page.locator("#runs-table")).not_to_contain_text("rows A")
    page.locator("#runs-drawn label").first.click()
    expect(page.locator("#runs-answers")).to_contain_text("all of these runs held out")
    page.locator("#runs-which-rows").get_by_label("all that they share").check()
    expect(page.locator("#runs-answers .error-rows li").first).to_contain_text("run 2")
    shared = visitor.download("Download shared rows as CSV").decode("utf-8-sig").splitlines()
    assert len(shared) - 1 == page.locator("#runs-answers .error-rows li").count()
    # To take away.
    header, *table = csv.reader(io.StringIO(visitor.download("Download CSV").decode("utf-8-sig"), newline=""))
    assert [row[header.index("name")] for row in table] == ["One rate for all", "Rates by depth"]
    assert {row[header.index("state")] for row in table} == {"done"}
    # A chosen run is shown in the Train tab.
    second = rows(page).nth(1).get_by_role("button", name="Show in Train")
    second.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#run-progress")).to_contain_text("Done")
    visitor.open("Compare")
    expect(rows(page).nth(1).get_by_role("button")).to_have_attribute("aria-pressed", "true")
    # This browser finds its runs again after a reload, on a phone's screen too; another one sees none of them.
    page.set_viewport_size({"width": 390, "height": 844})
    visitor.go()
    visitor.open("Compare")
    expect(rows(page)).to_have_count(2)
    assert visitor.flaws() == []
    other = browsers()
    other.open("Compare")
    expect(other.page.locator("#set-note")).to_contain_text("3 runs on tickets.csv")
    expect(other.page.locator("#set-note")).to_contain_text("“One head frozen” does not fit this data")
    expect(rows(other.page)).to_have_count(0)


def test_all_runs_can_be_stopped_at_once(browsers, tmp_path):
    long = tmp_path / "long.csv"
    lines = [f"sentence {i} goes on and on for a while,{'positive' if i % 2 else 'negative'}" for i in range(3000)]
    long.write_text("text,sentiment\n" + "\n".join(lines) + "\n")
    visitor = browsers()
    page = visitor.page
    visitor.open("Train")
    page.locator("#data-file input[type=file]").set_input_files(long)
    expect(page.locator("#data-summary")).to_contain_text("3,000")
    visitor.open("Compare")
    page.get_by_role("radio", name="Rates that others propose").check()
    page.locator("#start-set").click()
    expect(rows(page)).to_have_count(6)
    # Once more: nothing is started, and what was said of the first time does not stay.
    page.locator("#start-set").click()
    expect(page.locator("#set-told")).to_contain_text("No run was started. This very run")
    expect(rows(page)).to_have_count(6)
    page.locator("#stop-all").click()
    expect(page.locator("#set-told")).to_contain_text("6 runs asked to stop")
    expect(rows(page, "stopped")).to_have_count(6, timeout=LONG)
    expect(page.locator("#runs-progress")).to_be_empty()
