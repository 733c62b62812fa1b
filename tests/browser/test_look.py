"""The page for everyone: on a phone, by keyboard, in both modes, and on a machine without a network."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from visiting import ANSWERS, TABS


def test_a_phone_scrolls_one_way_only_and_analyze_is_always_in_reach(visit):
    visitor = visit(width=390, height=844)
    visitor.analyze("Marie Curie worked in Paris.", "The food was terrible. " + "w" * 200, "A third sentence here.")
    visitor.similarities(3)
    for tab in TABS:
        visitor.open(tab)
        visitor.page.wait_for_timeout(300)
        assert visitor.fits(), tab
        if tab not in ANSWERS:
            continue
        for place in ("0", "document.body.scrollHeight"):
            visitor.page.evaluate(f"window.scrollTo(0, {place})")
            expect(visitor.page.locator("#analyze")).to_be_in_viewport(ratio=1)


def test_a_phone_has_numbers_beside_the_grid(visit):
    visitor = visit(width=390, height=844)
    visitor.similarities(12)
    expect(visitor.heatmap.locator(".ytick text").first).to_have_text("1")


def test_everything_is_reached_by_keyboard_and_focus_is_seen(visitor):
    visitor.box.focus()
    reached = []
    for _ in range(40):
        visitor.page.keyboard.press("Tab")
        reached.append(
            visitor.page.evaluate(
                """() => { const e = document.activeElement, s = getComputedStyle(e);
                return [(e.ariaLabel || e.innerText || e.value || e.id).trim().split('\\n')[0],
                        s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2]; }"""
            )
        )
    names = " | ".join(str(name) for name, _ in reached)
    for needed in ("Analyze", "Everyday", "Click to upload", "Overview", "Map", "Pooling"):
        assert needed in names, f"{needed} is not among {names}"
    unseen = [name for name, outlined in reached[:20] if not outlined]
    assert unseen == []


def test_tabs_and_analysis_work_by_keyboard_alone(visitor):
    visitor.box.focus()
    visitor.page.keyboard.press("Control+A")
    visitor.page.keyboard.type("The food was terrible.")
    visitor.page.keyboard.press("Control+Enter")
    expect(visitor.status).to_contain_text("1 sentence · one pass")
    visitor.page.get_by_role("tab", name="Sentiment").focus()
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.locator("#sentiment-view .bar-row")).to_have_count(1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_word_can_be_read(visit, theme):
    visitor = visit(theme=theme)
    visitor.similarities(12)
    for tab in TABS:
        visitor.open(tab)
        visitor.page.wait_for_timeout(300)
        assert visitor.unreadable() == [], tab


def test_the_page_about_the_api_asks_nobody_outside(visit):
    visitor = visit()
    visitor.page.get_by_role("button", name="Use via API").click()
    expect(visitor.page.get_by_text("/analyze").first).to_be_visible()
    visitor.page.wait_for_timeout(1_000)


def test_nothing_unbuilt_is_shown(visitor):
    assert visitor.page.get_by_role("tab").locator("visible=true").all_inner_texts() == list(TABS)
