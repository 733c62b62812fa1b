"""The card of the model in use: it opens from the header, shows its limits, and gives its sentences to the box."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect


def open_card(visitor, by_key=False):
    chip = visitor.page.locator("#model-chip")
    if by_key:
        chip.press("Enter")
    else:
        chip.click()
    expect(visitor.page.locator("#card #card-title")).to_have_text("Built-in English model")
    return visitor.page.locator("#card")


def test_the_card_opens_and_closes_by_keyboard_and_the_focus_goes_back(visitor):
    card = open_card(visitor, by_key=True)
    expect(card).to_contain_text("over these 14 pairs")
    visitor.page.keyboard.press("Tab")
    assert card.evaluate("card => card.contains(document.activeElement)")
    visitor.page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(visitor.page.locator("#model-chip")).to_be_focused()
    open_card(visitor).get_by_role("button", name="Close").click()
    expect(card).to_be_hidden()


def test_a_sentence_that_shows_a_limit_is_analysed_and_ones_own_come_back(visitor):
    visitor.analyze("My very own sentence.")
    visitor.open("Train")
    open_card(visitor).get_by_role("button", name="She is blind.").click()
    expect(visitor.page.locator("#card")).to_be_hidden()
    expect(visitor.box).to_have_value("She is blind.\nShe is sighted.")
    expect(visitor.page.locator(".overview .answers li")).to_have_count(2)
    expect(visitor.page.locator("#model-chip")).to_be_focused()
    # What the card gave is not one's own, so that a second sentence leaves the first ones to come back to.
    open_card(visitor).get_by_role("button", name="Wonderful: the train is late again.").press("Enter")
    expect(visitor.box).to_have_value("Wonderful: the train is late again.")
    expect(visitor.page.locator(".overview .answers li")).to_have_count(1)
    visitor.page.locator("#undo-example").click()
    expect(visitor.box).to_have_value("My very own sentence.")


@pytest.mark.parametrize(("width", "theme"), [(390, "light"), (390, "dark"), (1440, "dark")])
def test_the_card_can_be_read_on_a_phone_and_in_the_dark(visit, width, theme):
    visitor = visit(width, theme=theme)
    card = open_card(visitor)
    for name in ("How it was made", "Unfamiliar texts"):
        card.locator("summary", has_text=name).click()
    assert visitor.flaws() == []
    assert card.evaluate("card => card.scrollWidth <= card.clientWidth")
    card.get_by_role("button", name="It is not bad at all.").click()
    expect(visitor.box).to_have_value("It is not bad at all.")
