"""The Learn tab in a real browser: its picture follows the visitor's settings, its figures are there."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from mtl.training.presets import PRESETS
from mtl.ui.learn.view import CHAPTERS, FIGURES


def test_the_picture_follows_the_freeze_slider(visit):
    visitor = visit()
    page = visitor.page
    frozen = page.locator("#learn-stack .block.frozen")
    visitor.open("Learn")
    # Seven layer groups, the two heads of tickets.csv, and the model's own four, which have no labels there.
    expect(page.locator("#learn-stack .block")).to_have_count(13)
    expect(frozen).to_have_count(4)
    visitor.open("Train")
    page.get_by_role("button", name="Backbone frozen").click()
    expect(page.locator("#learns-outcome")).to_contain_text("stay as they are")
    visitor.open("Learn")
    expect(frozen).to_have_count(11)


def test_every_preset_has_its_figures(visit):
    visitor = visit()
    page = visitor.page
    visitor.open("Learn")
    cards = page.locator("#learn-scenarios .lesson-card")
    expect(cards).to_have_count(len(PRESETS))
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    depth = next(s for s in figures["scenarios"] if s["name"] == "depth")
    card = cards.filter(has=page.get_by_role("heading", name="Rates by depth", exact=True))
    expect(card).to_contain_text(f"embeddings {depth['cosine']:.3f}")
    expect(page.locator("#learn-anchor section")).to_have_count(5)
    expect(page.locator("#learn-scenarios")).to_contain_text("python -m mtl scenarios")


def test_a_chapter_is_found_by_its_title_and_its_preset_tried_in_train(visit):
    visitor = visit()
    page = visitor.page
    visitor.open("Learn")
    chapters = page.get_by_role("navigation", name="Chapters").get_by_role("button")
    titles = page.locator(".chapter > summary")
    expect(titles).to_have_count(len(CHAPTERS))
    assert chapters.all_inner_texts() == titles.all_inner_texts()
    chapters.last.click()
    expect(titles.last).to_be_in_viewport()
    page.get_by_role("button", name="Try Backbone frozen in Train").click()
    chip = page.locator("#what-learns").get_by_role("button", name="Backbone frozen", exact=True)
    expect(chip).to_be_in_viewport()
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#learns-outcome")).to_contain_text("stay as they are")


@pytest.mark.parametrize("width", [390, 1440])
def test_chapters_begin_folded_on_a_phone_alone(visit, width):
    visitor = visit(width=width)
    page = visitor.page
    visitor.open("Learn")
    chapters, card = page.locator(".chapter > summary"), page.locator("#learn-scenarios .lesson-card").first
    expect(chapters).to_have_count(6)
    if width == 1440:
        expect(card).to_be_visible()
        expect(page.locator("#learn-stack .stack")).to_be_visible()
        return
    expect(chapters.last).to_be_visible()
    expect(card).to_be_hidden()
    expect(page.locator("#learn-stack .stack")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollHeight") < 1200
    for chapter in chapters.all():
        chapter.click()
    expect(card).to_be_visible()
    expect(page.locator("#learn-stack .stack")).to_be_visible()
    assert visitor.flaws() == []
