"""The map: searched, chosen from, coloured, with what is nearest, and nothing of it hidden by anything else."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from scipy.spatial.distance import cdist

from tests.browser.visiting import Visitor

SIX = (
    "Marie Curie worked in Paris.",
    "The café in Paris was terrible.",
    "A dog is sleeping on the sofa.",
    "My cat sleeps on the chair.",
    "The food was awful.",
    "She discovered radium.",
)
_FULL = """() => document.querySelector("#map .js-plotly-plot")._fullData
  .filter(trace => trace.customdata && trace.uid.endsWith("full")).flatMap(trace => trace.customdata).sort()"""


@pytest.fixture
def six(visitor):
    visitor.paste("\n".join(SIX))  # one answer, and none under way when points are clicked
    visitor.wait_for_points(6)
    visitor.similarities(6)
    yield visitor
    visitor.page.get_by_label("Search the map").fill("")
    visitor.page.keyboard.press("Escape")


def said(visitor):
    return visitor.page.locator("#map .said")


def choose(visitor, row, **how):
    visitor.map.scroll_into_view_if_needed()
    place = visitor.place_on_map(row)
    if how.get("shift"):
        visitor.page.keyboard.down("Shift")
    visitor.page.mouse.click(place["x"], place["y"])
    visitor.page.keyboard.up("Shift")


def test_a_search_fades_all_else_and_enter_chooses_what_it_found(six):
    field = six.page.get_by_label("Search the map")
    field.fill("CAFE paris")
    expect(six.page.locator("#map .matches")).to_have_text("1 of 6 sentences")
    expect(six.page.locator("#overview .answers > li.faded")).to_have_count(5)
    six.wait_until(f"({_FULL})().join() === 'The café in Paris was terrible.'")
    field.fill("paris")
    expect(six.page.locator("#map .matches")).to_have_text("2 of 6 sentences")
    field.press("Enter")
    six.wait_for_rings(2)
    expect(said(six)).to_contain_text("Sentences 1 and 2: cosine")
    six.paste("\n".join([*SIX, "Paris in May."]))
    expect(six.page.locator("#map .matches")).to_have_text("3 of 7 sentences")
    six.wait_until(f"({_FULL})().length === 3")
    assert "search=paris" in six.page.url
    field.press("Escape")
    expect(six.page.locator("#map .matches")).to_have_text("")
    six.wait_until(f"({_FULL})().length === 7")


@pytest.mark.parametrize("width", [1440, 390])
def test_the_picture_keeps_as_many_nearest_neighbours_as_it_says(visit, width):
    visitor = visit(width)
    visitor.wait_for_points(12)
    drawn, nearest = visitor.page.evaluate(
        """() => {
          const { xaxis, yaxis } = document.querySelector("#map .js-plotly-plot")._fullLayout;
          const { map: { points }, nearest: [nearest] } = mtl.answers.latest;
          return [points.map(([x, y]) => [xaxis.d2p(x), yaxis.d2p(y)]), nearest];
        }"""
    )
    apart = cdist(drawn, drawn) + np.diag([np.inf] * 12)
    kept = sum(apart.argmin(axis=1) == nearest)
    expect(visitor.page.locator("#map .note")).to_contain_text(f"{kept} of 12 sentences lie nearest to the one")


def test_words_that_no_sentence_has_find_what_is_nearest_in_meaning(six):
    field = six.page.get_by_label("Search the map")
    field.fill("animals that people keep")
    found = six.page.locator("#map .matches")
    expect(found).to_contain_text(
        re.compile(r"No sentence has these words. Nearest in meaning: \d \(cosine 0\.\d\d\), ")
    )
    expect(six.page.locator("#overview .answers > li.faded")).to_have_count(1)
    first = int(re.search(r"meaning: (\d)", found.inner_text())[1])
    field.press("Enter")
    six.wait_for_rings(5)
    assert first == 1 + next(i for i, text in enumerate(SIX) if "dog" in text or "cat" in text)


def test_shift_and_the_lasso_choose_several_and_escape_none(six):
    choose(six, 0)
    expect(said(six)).to_have_text("Sentence 1 is chosen.")
    for row in (2, 4):
        choose(six, row, shift=True)
    six.wait_for_rings(3)
    cells = six.similarities(6)
    mean = (cells[0][2] + cells[0][4] + cells[2][4]) / 3
    expect(said(six)).to_have_text(f"3 sentences are chosen, mean cosine {mean:.2f}.")
    six.page.keyboard.press("Escape")
    six.wait_for_rings(0)
    six.map.hover()
    six.map.locator("[data-val=lasso]").click()
    area = six.map.locator(".nsewdrag").first.bounding_box()
    left, top, right, bottom = area["x"], area["y"], area["x"] + area["width"], area["y"] + area["height"]
    six.page.mouse.move(left + 2, top + 2)
    six.page.mouse.down()
    for x, y in ((right - 2, top + 2), (right - 2, bottom - 2), (left + 2, bottom - 2), (left + 2, top + 2)):
        six.page.mouse.move(x, y, steps=5)
    six.page.mouse.up()
    six.wait_for_rings(6)
    expect(six.page.locator("#overview .answers > li.chosen")).to_have_count(6)
    six.page.locator("#map .clear").click()
    six.wait_for_rings(0)
    six.map.hover()
    six.map.locator("[data-val=pan]").click()


def test_a_chosen_sentence_has_its_nearest_ones_and_lines_to_them(six):
    choose(six, 2)
    cosines = six.similarities(6)[2]
    ranked = sorted((row for row in range(6) if row != 2), key=lambda row: -cosines[row])
    entries = six.page.locator("#map .nearest-ones li")
    expect(entries).to_have_count(5)
    six.page.get_by_label("How many of the nearest").select_option("3")
    expect(entries).to_have_count(3)
    rows = entries.evaluate_all("all => all.map(e => Number(e.dataset.row))")
    assert rows == ranked[:3]
    expect(entries.first).to_contain_text(f"{cosines[ranked[0]]:.2f}")
    drawn = "document.querySelector('#map .js-plotly-plot')._fullData.filter(t => t.uid.startsWith('nearest-'))"
    six.wait_until(f"{drawn}.length === 3")
    six.page.get_by_label("How many of the nearest").select_option("5")
    entries.first.locator("button").click()
    expect(said(six)).to_contain_text(f"cosine {cosines[ranked[0]]:.2f}")
    six.wait_for_rings(2)


def test_of_more_sentences_than_the_grid_shows_the_server_knows_the_nearest(visitor):
    lines = [f"The {what} number {i} was late." for i in range(80) for what in ("train", "soup")]
    visitor.paste("\n".join(lines))
    visitor.press()
    visitor.wait_for_points(160)
    visitor.page.locator("#overview .answers > li").first.locator(".sentence").click()
    entries = visitor.page.locator("#map .nearest-ones li")
    expect(entries).to_have_count(5)
    visitor.page.wait_for_timeout(1000)  # the map may still be drawn anew, by UMAP
    numbers = [float(number) for number in entries.locator(".cosine").all_inner_texts()]
    assert numbers == sorted(numbers, reverse=True)
    nearest = visitor.page.locator("#overview .answers > li").first.locator(".nearest span").inner_text()
    assert nearest == f"{entries.first.locator('.line-number').inner_text()} · cos {numbers[0]:.2f}"
    visitor.page.locator("#overview .answers > li").nth(1).locator(".sentence").click(modifiers=["Shift"])
    expect(said(visitor)).to_have_text(re.compile(r"Sentences 1 and 2: cosine 0\.\d{3}\."))
    visitor.page.keyboard.press("Escape")


def test_points_are_coloured_by_clusters_that_are_named_after_a_sentence(six):
    six.choose("Colour by", "clusters")
    expect(six.page.locator("#map .note")).to_contain_text("clusters by Ward's method")
    six.choose("Clusters", "2")
    expect(six.page.locator("#map .note")).to_contain_text("2 clusters by Ward's method")
    six.wait_until("document.querySelectorAll('#map .legend .traces').length === 2")
    assert {name[:2] for name in six.legend()} == {"1:", "2:"}
    six.choose("Clusters", "best number")
    six.choose("Colour by", "sentiment")
    expect(six.page.get_by_label("Clusters", exact=True)).to_be_hidden()


def test_own_tags_are_kept_with_their_sentences(visit):
    visitor = visit()
    visitor.analyze(*SIX)
    visitor.wait_for_points(6)
    choose(visitor, 2)
    choose(visitor, 3)
    visitor.page.get_by_label("Tag of the chosen sentences").fill("animals")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_label("Colour by", exact=True)).to_have_value("your tags")
    visitor.wait_until("document.querySelectorAll('#map .legend .traces').length === 2")
    assert visitor.legend() == ["animals (2)", "no tag (4)"]
    visitor.page.wait_for_timeout(500)
    visitor.go()
    visitor.wait_for_points(6)
    assert visitor.legend() == ["animals (2)", "no tag (4)"]
    choose(visitor, 2)
    visitor.page.get_by_role("button", name="Remove tag").click()
    visitor.wait_until("document.querySelector('#map .legend').textContent.includes('animals (1)')")


@pytest.mark.parametrize("width", [1440, 390])
def test_the_label_beside_the_pointer_covers_no_point_and_is_whole(visit, width):
    visitor = visit(width=width)
    visitor.analyze("A sentence that is rather long, " + "and longer, " * 30 + "and ends.", *SIX)
    visitor.wait_for_points(7)
    visitor.map.scroll_into_view_if_needed()
    for row in (0, 3, 5):
        place = visitor.place_on_map(row)
        visitor.page.mouse.move(place["x"], place["y"])
        label = visitor.page.locator("#map .bubble")
        expect(label).to_contain_text(f"{row + 1}  ")
        box = label.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        assert not (box["y"] <= place["y"] <= box["y"] + box["height"])
    visitor.page.mouse.move(0, 0)
    expect(label).to_be_hidden()


def test_a_tap_chooses_a_point_once_and_a_finger_scrolls(browser, server):
    phone = browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    visitor = Visitor(phone.new_page(), server)
    visitor.analyze(*SIX)
    visitor.wait_for_points(6)
    visitor.page.evaluate("document.querySelector('#map .canvas').scrollIntoView({ block: 'center' })")
    place = visitor.place_on_map(2)
    visitor.page.touchscreen.tap(place["x"], place["y"])
    visitor.page.wait_for_timeout(500)
    expect(said(visitor)).to_have_text("Sentence 3 is chosen.")
    expect(visitor.page.locator("#map .bubble")).to_contain_text(SIX[2])
    assert visitor.page.evaluate("document.querySelector('#map .canvas')._fullLayout.dragmode") is False
    assert visitor.errors == []
    phone.close()


def test_the_tools_and_the_legend_lie_beside_the_picture(six):
    for plot in (six.map, six.heatmap):
        plot.hover()
        tools, area = plot.locator(".modebar").bounding_box(), plot.locator(".nsewdrag").first.bounding_box()
        assert tools["y"] + tools["height"] <= area["y"]
    legend = six.map.locator(".legend").first.bounding_box()
    area = six.map.locator(".nsewdrag").first.bounding_box()
    assert legend["y"] >= area["y"] + area["height"]
