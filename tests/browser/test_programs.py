"""The fold that shows how another program asks the same: its snippets, and how it looks."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from mtl.ui.programs.snippets import LANGUAGES, all_snippets


def fold(visitor):
    place = visitor.page.locator("#programs")
    if place.locator("details").get_attribute("open") is None:
        place.get_by_text("Use from a program").click()
    return place


def copied(visitor) -> str:
    visitor.page.evaluate("navigator.clipboard.writeText('')")
    fold(visitor).locator("[data-copies]").click()
    visitor.wait_until("async () => await navigator.clipboard.readText() !== ''")
    return visitor.page.evaluate("navigator.clipboard.readText()")


def test_what_is_copied_is_the_snippet_with_this_pages_address(visitor, server):
    place = fold(visitor)
    for name, (about, programs) in all_snippets(server.rstrip("/")).items():
        place.get_by_label("Function").select_option(name)
        expect(place.locator("[data-gives]")).to_have_text(about)
        for language in LANGUAGES:
            button = place.get_by_role("button", name=language, exact=True)
            button.click()
            expect(button).to_have_attribute("aria-pressed", "true")
            assert copied(visitor) == programs[language]
    expect(place.locator("[data-mcp]")).to_be_hidden()


def test_a_snippet_runs_in_the_browsers_own_console(visitor, server):
    _, programs = all_snippets(server.rstrip("/"))["predict"]
    with visitor.page.expect_console_message() as message:
        visitor.page.evaluate(f"(async () => {{ {programs['JavaScript']} }})()")
    assert message.value.args[0].evaluate("found => found.answers[0].answers.sentiment.label") == "positive"


@pytest.mark.parametrize("width", [1440, 390])
def test_the_fold_has_no_flaws(visit, width):
    visitor = visit(width=width)
    fold(visitor).scroll_into_view_if_needed()
    assert visitor.flaws() == []
