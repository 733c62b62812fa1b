"""Plug-ins on the page: a kind of task is chosen, trained and read, and a tab answers."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.serving import served_page
from tests.browser.visiting import Visitor

LONG = 240_000
PLUGINS = "tests.plugins.grades,tests.plugins.letters_tab"


@pytest.fixture(scope="module")
def visitor(context):
    with served_page(settings={"MTL_PLUGINS": PLUGINS}) as url:
        page = context.new_page()
        yield (visitor := Visitor(page, url))
        page.close()
    assert visitor.errors == [] and visitor.elsewhere == []


def test_a_tab_answers_what_is_typed(visitor):
    visitor.analyze("Two words.", "Three more words.")
    visitor.similarities(2)
    visitor.open("Letters")
    expect(visitor.page.locator("#letters")).to_have_text("27 letters")


def test_a_kind_is_chosen_trained_and_read(visitor, tmp_path):
    words = {"1": "awful", "2": "poor", "3": "fine", "4": "splendid"}
    rows = "".join(f"This hotel number {i} was {words[g]}.,{g}\n" for i in range(12) for g in words)
    (tmp_path / "hotels.csv").write_text("text,grade\n" + rows, encoding="utf-8")
    page = visitor.page
    visitor.analyze("This hotel was awful.", "This hotel was splendid.")
    visitor.similarities(2)
    visitor.open("Train")
    page.locator("#data-file input[type=file]").set_input_files(tmp_path / "hotels.csv")
    page.get_by_label("What the column grade is used for").select_option("grades")
    expect(page.locator("#data-summary")).to_contain_text("grade has 4 labels: a new head")
    page.get_by_role("button", name="Backbone frozen").click()
    expect(page.locator("#start")).to_be_enabled(timeout=LONG)
    page.locator("#start").click()
    expect(page.locator("#before-after .ba-maps")).to_be_visible(timeout=LONG)
    expect(page.locator("#result-scores")).to_contain_text("rank correlation")
    expect(page.locator("#before-after")).to_contain_text("grade 1 (")
    page.locator("#use-model").click()
    visitor.open("Sentiment")
    visitor.choose("Head", "grade")
    expect(page.locator("#sentiment-view")).to_contain_text("grade 1 (")
