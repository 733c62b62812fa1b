"""Several labels on the page: the sample is chosen, trained and read, and a table as published needs no help."""

from __future__ import annotations

import gzip
import re

import pytest
from playwright.sync_api import expect

from tests.browser.training import Trainer

LONG = 240_000


@pytest.fixture
def trainer(context, server):
    yield (ada := Trainer(context, server))
    ada.end()
    ada.page.close()
    assert ada.visitor.errors == [] and ada.visitor.elsewhere == []


def test_the_sample_is_trained_and_an_answer_read(trainer):
    page = trainer.page
    trainer.visitor.open("Embeddings")
    trainer.visitor.analyze("Thank you so much for your help.", "The shop opens at nine.")
    trainer.visitor.open("Train")
    page.locator("#data-samples").get_by_label("emotions").click()
    expect(page.locator("#data-summary")).to_contain_text("emotions.csv")
    expect(page.get_by_label("What the column emotions is used for")).to_have_value("multilabel")
    page.locator("#data-preview summary").click()
    expect(page.locator("#data-preview")).to_contain_text("none of the labels")
    page.get_by_role("button", name="Backbone frozen", exact=True).click()
    expect(trainer.start).to_be_enabled(timeout=LONG)
    trainer.start.click()
    expect(page.locator("#before-after .label-bars").first).to_be_visible(timeout=LONG)
    expect(page.locator("#result-scores")).to_contain_text("micro F1")
    page.locator("#use-model").click()
    expect(page.locator("#model-in-use")).to_contain_text("In use")
    # A threshold is moved by keyboard and by number, its figures follow, and the model in use answers by it.
    row = page.locator("#thresholds tr[data-label=gratitude]")
    slider, number = row.get_by_role("slider"), row.get_by_role("spinbutton")
    use, back = (
        page.locator("#thresholds").get_by_role("button", name=name) for name in ("Use these", "Back to fitted")
    )
    expect(use).to_be_disabled()
    fitted = number.input_value()
    recall = row.locator("td.num").nth(1)
    number.fill("0.99")
    expect(recall).to_have_text("0.0 %")
    number.fill("0.01")
    expect(recall).to_have_text("100.0 %")
    slider.press("ArrowRight")
    expect(number).to_have_value("0.020")
    expect(page.locator("#thresholds .state")).to_contain_text("does not answer by these yet")
    slider.press("ArrowLeft")
    use.click()
    expect(page.locator("#thresholds .state")).to_have_text("The model answers by these.")
    expect(use).to_be_disabled()
    trainer.visitor.open("Sentiment")
    trainer.visitor.choose("Head", "emotions")
    bars = page.locator("#sentiment-view .label-bars")
    expect(bars).to_have_count(2)
    expect(bars.first.locator("li")).to_have_count(6)
    expect(bars.first).to_contain_text("gratitude")
    expect(bars.first.locator("li", has_text="gratitude")).to_have_attribute("title", re.compile("threshold 1 %"))
    trainer.visitor.open("Train")
    back.click()
    expect(number).to_have_value(fitted)
    use.click()
    expect(page.locator("#thresholds .state")).to_contain_text("as they were fitted")


def test_numbers_of_labels_as_published_start_without_a_choice(trainer, tmp_path):
    labels = ["27", "3,17", "2", "3", "17", "6,9,27", "6", "9"]
    rows = "".join(f"This is what comment {i} of them says\t{labels[i % 8]}\ted{i:04x}q\n" for i in range(80))
    path = tmp_path / "comments.tsv.gz"
    path.write_bytes(gzip.compress(rows.encode()))
    trainer.page.locator("#data-file input[type=file]").set_input_files(path)
    expect(trainer.page.locator("#data-summary")).to_contain_text("comments.tsv.gz: 80 rows. Ready to train.")
    expect(trainer.page.locator("#data-summary")).to_contain_text("6 labels, up to 3 of them a row: a new head")
    expect(trainer.start).to_be_enabled()
