"""Step 4 in a real browser: scores, the visitor's sentences before and after, and the model in the other tabs."""

from __future__ import annotations

import io
import re
import zipfile
from urllib.parse import urlsplit

import pytest
from gradio_client import Client
from playwright.sync_api import expect

from tests.browser.visiting import Visitor

SENTENCES = ("The food was terrible.", "We loved every minute in Lisbon.", "The library closes at six.")
LONG = 240_000


@pytest.fixture(scope="module")
def learner(context, server):
    """A visitor who taught reviews.csv to the heads and waits in front of the result."""
    page = context.new_page()
    visitor = Visitor(page, server)
    visitor.analyze(*SENTENCES)
    visitor.similarities(3)
    visitor.open("Train")
    expect(page.locator("#result-summary")).to_contain_text("When a run has ended")
    expect(page.locator("#use-model")).to_be_hidden()
    page.locator("#data-samples").get_by_text("reviews").click()
    expect(page.locator("#data-summary")).to_contain_text("reviews.csv")
    page.get_by_role("button", name="Backbone frozen").click()
    expect(page.locator("#start")).to_be_enabled(timeout=LONG)
    page.locator("#start").click()
    expect(page.locator("#before-after .ba-maps")).to_be_visible(timeout=LONG)
    yield visitor
    assert visitor.errors == [] and visitor.elsewhere == []
    page.close()


@pytest.fixture(autouse=True)
def _in_front_of_the_result(learner):
    learner.open("Train")
    back = learner.page.locator("#use-default")
    if back.is_visible():
        back.click()
    expect(learner.page.locator("#model-chip")).to_contain_text("Built-in English model")


def spoken(visitor: Visitor, place: str) -> list[str]:
    return visitor.page.locator(f"{place} .bar").evaluate_all("all => all.map(e => e.ariaLabel)")


def sentiments(visitor: Visitor, side: int) -> list[str]:
    """The sentiment bars of one side of the comparison (0: before, 1: after), as they are read aloud."""
    bars = [bar for bar in spoken(visitor, "#before-after") if "neutral" in bar]
    return bars[side::2]


def use(visitor: Visitor) -> None:
    visitor.page.locator("#use-model").click()
    expect(visitor.page.locator("#model-chip")).to_contain_text(re.compile(r"run \d+ · head sentiment only"))


def test_scores_come_before_and_after_with_their_difference(learner):
    page = learner.page
    card = page.locator(".score-card")
    expect(card).to_have_count(1)
    expect(card).to_contain_text("sentiment")
    before, after, change = (
        float(re.search(r"[-+]?[\d.]+", text)[0]) for text in card.locator(".scores .first td").all_inner_texts()
    )
    assert after - before == pytest.approx(change, abs=0.11)
    card.get_by_text("Confusion matrix").click()
    expect(card.locator(".confusion")).to_have_count(2)
    expect(page.locator(".meter tbody tr")).to_have_count(4)
    expect(page.locator("#result-scores")).to_contain_text("exactly those of before")


def test_sentences_of_the_box_are_compared_and_can_be_changed(learner):
    page = learner.page
    expect(page.locator("#compare-sentences textarea")).to_have_value("\n".join(SENTENCES))
    expect(page.locator("#before-after details[open] .ba-row:not(.ba-names)")).to_have_count(3)
    expect(page.locator(".ba-map")).to_have_count(2)
    page.locator("#compare-sentences textarea").fill("A <b>new</b> sentence.\nAnd a second one.")
    page.locator("#compare").click()
    expect(page.locator("#before-after details[open] .ba-row:not(.ba-names)")).to_have_count(2)
    expect(page.locator("#before-after")).to_contain_text("A <b>new</b> sentence.")
    page.locator("#compare-sentences textarea").fill("  ")
    page.locator("#compare").click()
    expect(page.locator("#before-after .status.bad")).to_contain_text("at least one sentence")
    # What is analysed on the left is what is compared here.
    learner.open("Sentiment")
    learner.analyze("Another sentence.", "A quiet day.", "The worst of days.", "Rain.")
    expect(learner.status).to_contain_text("4 sentences")
    learner.open("Train")
    expect(page.locator("#before-after details[open] .ba-row:not(.ba-names)")).to_have_count(4)
    learner.open("Sentiment")
    learner.analyze(*SENTENCES)
    learner.open("Train")
    expect(page.locator("#before-after details[open] .ba-row:not(.ba-names)")).to_have_count(3)


def test_the_model_answers_in_the_other_tabs_for_this_visitor_alone(learner, visit, server):
    before, after = sentiments(learner, 0), sentiments(learner, 1)
    assert before != after
    learner._take_off_the_answer()
    use(learner)
    expect(learner.page.locator("#model-in-use")).to_contain_text("In use in Overview, Embeddings, Sentiment")
    expect(learner.page.locator("#use-model")).to_be_disabled()
    learner.open("Sentiment")
    expect(learner.status).to_contain_text("3 sentences")  # at once, without a click on Analyze
    learner.wait_until("first => document.querySelector('#sentiment-view .bar')?.ariaLabel === first", arg=after[0])
    assert spoken(learner, "#sentiment-view") == after
    other = visit()
    expect(other.page.locator("#model-chip")).to_contain_text("Built-in English model · one backbone of 22.7 M")
    expect(other.page.locator("#reset-model")).to_be_hidden()
    client = Client(server, verbose=False)
    answers = client.predict(list(SENTENCES), api_name="/analyze")["answers"]
    spoken_by_default = [
        ", ".join(f"{k} {100 * v:.1f} %" for k, v in a["sentiment"]["probabilities"].items()) for a in answers
    ]
    assert spoken_by_default == before
    # A page that is loaded again goes on with it.
    learner.go()
    expect(learner.page.locator("#model-chip")).to_contain_text("run")
    learner.page.locator("#reset-model").click()
    expect(learner.page.locator("#model-chip")).to_contain_text("Built-in English model · one backbone of 22.7 M")
    learner.open("Sentiment")
    learner.analyze(*SENTENCES)
    learner.wait_until("first => document.querySelector('#sentiment-view .bar').ariaLabel === first", arg=before[0])
    expect(learner.page.locator("#reset-model")).to_be_hidden()


def test_a_model_is_taken_away_as_a_zip_and_used_elsewhere(learner, context, server, tmp_path):
    content = learner.download("Download as a zip")
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert {name.split("/")[-1] for name in packed.namelist()} >= {"config.json", "weights.safetensors"}
    after = sentiments(learner, 1)
    (tmp_path / "taken away.zip").write_bytes(content)
    (tmp_path / "cut.zip").write_bytes(content[: len(content) // 2])
    other = Visitor(context.new_page(), server)
    other.analyze(*SENTENCES)
    other.open("Train")
    other.page.locator("#bring-model summary").click()
    bring = other.page.locator("#checkpoint input[type=file]")
    bring.set_input_files(tmp_path / "cut.zip")
    expect(other.page.locator("#checkpoint-status .bad")).to_contain_text("cut short")
    expect(other.page.locator("#model-chip")).to_contain_text("Built-in English model")
    bring.set_input_files(tmp_path / "taken away.zip")
    expect(other.page.locator("#checkpoint-status")).to_contain_text("taken away is in use now")
    expect(other.page.locator("#model-chip")).to_contain_text("taken away · head sentiment only")
    other.open("Sentiment")
    other.wait_until("first => document.querySelector('#sentiment-view .bar')?.ariaLabel === first", arg=after[0])
    assert spoken(other, "#sentiment-view") == after
    assert other.errors == [] and other.elsewhere == [] and urlsplit(other.page.url).netloc in server
    other.page.close()


def test_a_page_that_is_loaded_again_shows_all_of_the_result(learner):
    for _ in range(4):  # what is told before the tab is open was lost now and then
        learner.go()
        learner.open("Train")
        for place in ("#use-model", "#download-model", "#before-after .ba-maps", "#run-stack .stack"):
            expect(learner.page.locator(place)).to_be_visible()
        assert (
            learner.page.locator("button:visible").evaluate_all(
                "all => all.filter(e => !e.innerText.trim() && !e.ariaLabel && !e.title).map(e => e.outerHTML)"
            )
            == []
        )


def test_a_topic_has_the_bars_too(learner):
    learner.open("Sentiment")
    learner.choose("Head", "topic")
    expect(learner.page.locator("#sentiment-view .bars-head")).to_contain_text("Science")
    assert "intensity" not in learner.page.locator("#sentiment-view").inner_text().lower()
    learner.choose("Head", "sentiment")
    expect(learner.page.locator("#sentiment-view .bars-head")).to_contain_text("neutral")


@pytest.mark.parametrize("width", [390, 768])
def test_it_fits_on_a_phone_with_everything_unfolded(learner, width):
    page = learner.page
    opened = page.evaluate_handle(
        "() => [...document.querySelectorAll('#step-result details:not([open])')].map(e => (e.open = true, e))"
    )
    page.set_viewport_size({"width": width, "height": 844})
    assert learner.flaws() == []
    meter = page.locator(".meter")
    assert meter.evaluate("e => e.scrollWidth <= e.parentElement.clientWidth")
    page.set_viewport_size({"width": 1440, "height": 900})
    opened.evaluate("all => all.forEach(e => (e.open = false))")


def test_held_out_rows_are_filtered_and_opened_by_a_cell_of_the_confusion_matrix(learner):
    page = learner.page
    rows = page.locator("#held-out .error-rows > li")
    expect(page.locator("#result-summary .learnt li").first).to_contain_text("it has never seen")
    page.locator("#held-out [data-filter=which]").select_option("all")
    expect(page.locator("#held-out [role=status]")).to_have_text(re.compile(r"^\s*(\d+) of \1 held-out rows\."))
    matrix = page.locator("#result-scores summary", has_text="Confusion matrix").first
    matrix.click()
    cell = page.locator("#result-scores [data-mistake]").first
    count, mistake = int(cell.inner_text()), cell.get_attribute("data-mistake")
    cell.click()
    expect(rows).to_have_count(count)
    expect(page.locator("#held-out [data-filter=mistake]")).to_have_value(mistake)
    matrix.click()


def test_a_slice_opens_its_rows_and_stays_unfolded(learner):
    page = learner.page
    held_out = page.locator("#held-out")
    slices = held_out.locator("details[data-fold=slices]")
    slices.locator("> summary").click()
    slices.locator("[data-filter=by]").select_option("label")
    row = slices.locator("tbody tr", has_text="negative")
    count = row.locator(".num").inner_text().split()[0]
    row.get_by_role("button").click()
    expect(held_out.locator("[role=status]")).to_have_text(re.compile(rf"^\s*{count} of \d+ held-out rows\."))
    expect(held_out.locator("[data-filter=part]")).to_have_value("negative")
    expect(slices).to_have_attribute("open", "")
    held_out.locator("details[data-fold=calibration] > summary").click()
    most = held_out.locator("[data-sure]").last
    sure = most.get_attribute("data-sure")
    most.click()
    expect(held_out.locator("[data-filter=sure]")).to_have_value(sure)
    expect(held_out.locator("[data-fold=filters] > summary")).to_contain_text("Confidence")
    header = learner.download("Download all slices as CSV").decode("utf-8-sig").splitlines()[0]
    assert header.startswith("task,sliced by,slice,rows,figure,after")
