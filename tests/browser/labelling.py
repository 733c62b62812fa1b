"""What a visitor does and sees where texts are labelled by hand, in the words of the tests."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from mtl.ui.train.label import words

SOUPS = [
    f"The {food} {was}." for food in ("soup", "pizza", "bread", "salad", "cake") for was in ("is cold", "is salty")
]
TRAINS = [f"My {what} {was}." for what in ("train", "bus", "flight", "tram", "ferry") for was in ("is late", "left")]
DONE = "n => document.querySelector('#label-place .labelling').dataset.done >= n"
MIXED = [text for pair in zip(SOUPS, TRAINS, strict=True) for text in pair]


class Labeller:
    """A visitor at the place where texts are labelled."""

    def __init__(self, visitor) -> None:
        self.visitor, self.page = visitor, visitor.page
        self.visitor.open("Train")
        self.place = self.page.locator("#label-place")
        summary = self.page.locator("#label summary").first
        expect(summary).to_have_text(words.TITLE)
        # The page opens it by itself where there is something to go on with.
        expect(self.place.locator(".labelling")).to_have_attribute("data-done", re.compile(r"\d"))
        if not self.place.is_visible():
            summary.press("Enter")
        expect(self.place).to_be_visible()

    # --- places ---

    @property
    def card(self) -> Locator:
        return self.place.locator(".card")

    @property
    def sentence(self) -> Locator:
        return self.place.locator(".sentence")

    @property
    def count(self) -> Locator:
        return self.place.locator(".count")

    @property
    def guess(self) -> Locator:
        return self.place.locator("p.guess")

    @property
    def rows(self) -> Locator:
        return self.place.locator(".rows button")

    @property
    def headline(self) -> Locator:
        return self.place.locator(".headline")

    @property
    def said(self) -> Locator:
        return self.place.locator(".said")

    # --- actions, all of them by keyboard ---

    def add_labels(self, labels: str) -> None:
        self.place.locator(".new-label input").fill(labels)
        self.page.keyboard.press("Enter")
        expect(self.place.locator(".choices button")).to_have_count(len(labels.split(",")))

    def add(self, texts: list[str]) -> None:
        before = self.done()
        # Chromium would type a text line by line.
        self.page.evaluate("text => navigator.clipboard.writeText(text)", "\n".join(texts))
        self.place.locator(".new-texts textarea").press("Control+v")
        self.place.get_by_role("button", name="Add sentences").press("Enter")
        self.wait(before + 1)
        expect(self.place.locator(".waits")).to_be_hidden()

    def press(self, *keys: str) -> None:
        """Press keys on the card, and wait until the server has answered."""
        before = self.done()
        for key in keys:
            self.card.press(key)
        self.wait(before + 1)

    def label_truly(self, times: int) -> None:
        for _ in range(times):
            self.press("1" if self.sentence.inner_text() in SOUPS else "2")

    def done(self) -> int:
        return int(self.place.locator(".labelling").get_attribute("data-done") or 0)

    def wait(self, actions: int) -> None:
        self.visitor.wait_until(DONE, arg=actions)
