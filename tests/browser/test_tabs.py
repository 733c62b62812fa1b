"""The three answers, in a real browser, from the real model."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pytest
from playwright.sync_api import expect

_BACKGROUND = "element => getComputedStyle(element).backgroundColor"
SENTENCES = (
    "Marie Curie worked at the University of Paris.",
    "The food was terrible.",
    "A dog is sleeping on the sofa.",
    "The train leaves at noon.",
    "A puppy is asleep on the couch.",
    "Yesterday Satya Nadella said that Microsoft would hire in Berlin.",
)


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_the_page_opens_with_an_example_already_analysed(visit):
    visitor = visit()
    assert re.match(r"12 sentences · one pass · ", visitor.status.inner_text())
    expect(visitor.page.locator("#model-chip")).to_contain_text("one backbone of 22.7 M, 4 heads")
    visitor.similarities(12)
    visitor.wait_for_points(12)
    expect(visitor.page.locator("#overview .answers > li")).to_have_count(12)
    visitor.open("Embeddings")
    expect(visitor.page.locator("#neighbours tbody tr")).to_have_count(12)


def test_the_map_becomes_umap_by_itself(visitor):
    expect(visitor.page.locator("#right")).to_contain_text("UMAP: keeps neighbours", timeout=90_000)


def test_two_similar_sentences_are_the_brightest_pair(visitor):
    visitor.analyze(*SENTENCES)
    cells = np.array(visitor.similarities(6))
    np.testing.assert_allclose(np.diag(cells), 1, atol=0.01)
    np.fill_diagonal(cells, -1)
    assert set(np.unravel_index(cells.argmax(), cells.shape)) == {2, 4}
    visitor.open("Embeddings")
    first = visitor.page.locator("#neighbours tbody tr").first
    expect(first).to_contain_text("dog")
    expect(first).to_contain_text("puppy")


def test_terrible_is_negative(visitor):
    visitor.analyze("The food was terrible.", "The food was wonderful, we loved it.", by_key=True)
    visitor.open("Sentiment")
    expect(visitor.page.locator("#sentiment-view .bar-row")).to_have_count(2)
    terrible, wonderful = visitor.bars()
    assert max(terrible, key=terrible.get) == "negative"
    assert max(wonderful, key=wonderful.get) == "positive"
    assert abs(sum(terrible.values()) - 100) < 0.2
    gauges = visitor.page.locator("#sentiment-view .gauge-value").all_inner_texts()
    assert float(gauges[0]) < float(gauges[1])
    visitor.choose("Sort by", "most positive first")
    expect(visitor.page.locator("#sentiment-view .bar-text").first).to_contain_text("wonderful")
    visitor.page.locator("#sentiment-view").get_by_text("The same as a table").click()
    expect(visitor.page.locator("#sentiment-view table")).to_be_visible()
    header, *rows = rows_of(visitor.download("Download CSV"))
    assert header == ["text", "sentiment", "negative", "neutral", "positive", "intensity", "familiarity"]
    assert [row[1] for row in rows] == ["negative", "positive"]


def test_a_person_and_a_company_are_found_with_their_characters(visitor):
    visitor.analyze(*SENTENCES)
    visitor.open("Entities")
    expect(visitor.page.locator("#entities-view .lines li")).to_have_count(6)
    marks = visitor.marks()
    assert ("Marie Curie", "PER") in marks
    assert ("Satya Nadella", "PER") in marks
    assert ("Microsoft", "ORG") in marks
    _, *rows = rows_of(visitor.download("Download CSV"))
    for number, sentence, name, _, start, end, *_ in rows:
        assert sentence == SENTENCES[int(number) - 1]
        assert sentence[int(start) : int(end)] == name
    assert ["6", SENTENCES[5], "Satya Nadella", "PER", "10", "23"] in [row[:6] for row in rows]
    assert ["6", SENTENCES[5], "Microsoft", "ORG", "34", "43"] in [row[:6] for row in rows]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_tab_says_what_the_model_does_not_know_and_its_numbers_can_be_read(visit, theme):
    visitor = visit(theme=theme)
    visitor.analyze("The soup was cold.", "Der Film mit Anna Schmidt in Berlin hat mir sehr gut gefallen.")
    for tab, row in (
        ("Overview", ".answers > li"),
        ("Sentiment", "#sentiment-view .bar-row"),
        ("Entities", "#entities-view .lines li"),
    ):
        visitor.open(tab)
        expect(visitor.page.locator(row)).to_have_count(2)
        known, unknown = visitor.page.locator(row).all()
        expect(unknown).to_contain_text("do not trust these answers")
        expect(known).not_to_contain_text("trust")
        if tab != "Entities":
            full, pale = (each.locator(".bar span").first for each in (known, unknown))
            assert full.evaluate(_BACKGROUND) != pale.evaluate(_BACKGROUND)
        assert visitor.flaws() == []


def test_the_legend_counts_and_filters(visitor):
    visitor.analyze(*SENTENCES)
    visitor.open("Entities")
    view = visitor.page.locator("#entities-view")
    expect(view.locator(".lines li")).to_have_count(6)
    person = view.locator("label", has_text="person")
    people = sum(label == "PER" for _, label in visitor.marks())
    expect(person).to_contain_text(f"person {people}")
    rows = view.locator("tbody tr", has_text="PER")
    expect(rows.first).to_be_visible()
    tag = view.locator("mark .tag", has_text="PER").first
    expect(tag).to_be_visible()
    person.locator("input").uncheck()
    expect(rows.first).to_be_hidden()
    expect(tag).to_be_hidden()
    expect(view.locator("mark .tag", has_text="ORG").first).to_be_visible()
    expect(view.locator("mark", has_text="Marie Curie")).to_be_visible()


def test_every_control_of_the_embeddings_changes_the_page(visitor):
    visitor.analyze(*SENTENCES)
    before = visitor.similarities(6)
    visitor.page.wait_for_timeout(1_000)  # the answer to what was typed, and that to Analyze
    answer = visitor.status.inner_text()
    visitor.choose("Map", "PCA")
    expect(visitor.page.locator("#right")).to_contain_text("PCA: the directions")
    visitor.choose("Dimensions", "3-D")
    visitor.wait_until("document.querySelector('#map .js-plotly-plot')._fullData[0].type === 'scatter3d'")
    visitor.choose("Colour by", "topic")
    visitor.wait_until(
        "document.querySelector('#map .js-plotly-plot')._fullData"
        ".some(trace => trace.showlegend && /^(Technology|Science|Other)/.test(trace.name))"
    )
    visitor.choose("Pooling", "cls")
    visitor.wait_until(
        "old => document.querySelector('#heatmap .js-plotly-plot')._fullData[0].z[0][1] !== old",
        arg=before[0][1],
    )
    visitor.wait_for_points(6)
    assert visitor.status.inner_text() == answer


def test_embeddings_can_be_taken_away(visitor):
    visitor.analyze("=1+1 is two.", "A second sentence.")
    visitor.similarities(2)
    visitor.open("Embeddings")
    array = np.load(io.BytesIO(visitor.download("Download NPY")), allow_pickle=False)
    assert array.shape == (2, 384) and array.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(array, axis=1), 1, atol=1e-3)
    header, *rows = rows_of(visitor.download("Download CSV"))
    assert header[:2] == ["text", "e0"] and rows[0][0] == "'=1+1 is two."
    np.testing.assert_allclose(np.array([row[1:] for row in rows], float), array, atol=1e-5)


def test_hovering_shows_whole_sentences(visitor):
    long = "This is a rather long sentence about <b>bread</b> & butter that no tick has room for at all."
    visitor.analyze(long, "Short.")
    visitor.similarities(2)
    visitor.heatmap.scroll_into_view_if_needed()
    box = visitor.heatmap.locator(".nsewdrag").first.bounding_box()
    visitor.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)
    label = visitor.page.locator("#heatmap .bubble")
    expect(label).to_contain_text("no tick has room for at all.")
    expect(label).to_contain_text("<b>bread</b> &")
    expect(label).to_contain_text("cosine")


def test_an_example_is_one_click(visitor):
    visitor.page.get_by_role("button", name="Reviews").click()
    expect(visitor.status).to_contain_text("11 sentences")
    expect(visitor.box).to_have_value(re.compile("camera"))
    visitor.similarities(11)
