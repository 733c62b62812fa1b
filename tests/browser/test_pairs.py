"""Pairs in a real browser: the sample is trained, and any two sentences are compared by what was learned."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.visiting import Visitor

LONG = 240_000
SENTENCES = ("A man is playing the guitar.", "Somebody plays a guitar.", "The museum closes at six.")


def test_pairs_are_trained_and_two_sentences_compared(context, server):
    page = context.new_page()
    visitor = Visitor(page, server)
    visitor.analyze(*SENTENCES)
    visitor.similarities(3)
    visitor.open("Embeddings")
    expect(page.locator("#pair")).to_contain_text("cosine")
    visitor.open("Train")
    page.locator("#data-samples").get_by_text("pairs").click()
    expect(page.locator("#data-summary")).to_contain_text(
        "score has numbers from 0 to 5: it trains the embedding itself"
    )
    expect(page.get_by_label("What the column sentence2 is used for")).to_have_value("text_b")
    page.locator("#step-learns summary", has_text="Advanced").click()
    page.locator("#field-epochs").fill("1")
    page.locator("#field-epochs").blur()
    expect(page.locator("#estimate")).to_contain_text("4 steps")
    expect(page.locator("#start")).to_be_enabled(timeout=LONG)
    page.locator("#start").click()
    expect(page.locator("#before-after .cosines").first).to_be_visible(timeout=LONG)
    expect(page.locator("#result-scores .scatter")).to_have_count(2)
    expect(page.locator("#result-scores")).to_contain_text("Spearman")
    page.locator("#use-model").click()
    visitor.open("Embeddings")
    expect(page.locator("#pair")).to_contain_text("score", timeout=LONG)
    before = page.locator("#pair").inner_text()
    visitor.choose("Compared with", "3 The museum closes at six.")
    expect(page.locator("#pair")).not_to_have_text(before)
    assert visitor.errors == [] and visitor.elsewhere == []
    page.close()
