"""One pass, one row: answers follow what is typed, views light up together, and nothing is lost."""

from __future__ import annotations

import re

from playwright.sync_api import expect

THREE = ("Marie Curie worked in Paris.", "The food was terrible.", "A dog is sleeping on the sofa.")


def rows(visitor):
    return visitor.page.locator("#overview .answers > li")


def type_in(visitor, *sentences):
    """Type without asking for anything."""
    visitor.paste("\n".join(sentences))
    expect(rows(visitor)).to_have_count(len(sentences))
    visitor.wait_for_points(len(sentences))


def test_a_row_holds_all_answers_and_the_pass_is_set_beside_one_for_each_task(visitor):
    visitor.analyze(*THREE)
    expect(rows(visitor)).to_have_count(3)
    first = rows(visitor).first
    expect(first.locator("mark").first).to_contain_text("Marie Curie")
    assert first.locator(".answer").evaluate_all("all => all.map(e => e.dataset.task ?? 'nearest')") == [
        "sentiment",
        "intensity",
        "topic",
        "nearest",
    ]
    expect(first.locator(".nearest span")).to_have_text(re.compile(r"^[23] · cos -?0\.\d\d$"))
    expect(visitor.page.locator("#overview .saved")).to_contain_text("one model per task: 4 passes")


def test_answers_follow_what_is_typed(visitor):
    type_in(visitor, *THREE)
    expect(visitor.status).to_contain_text("3 sentences")
    untouched = rows(visitor).first.element_handle()
    visitor.box.press("End")
    visitor.box.press("Control+End")
    visitor.page.keyboard.type(" It is happy.")
    expect(rows(visitor).last).to_contain_text("It is happy.")
    expect(visitor.status).to_contain_text("1 new, one pass")
    assert untouched.evaluate("e => e.isConnected"), "a row that stays is left alone"
    assert visitor.box.input_value().endswith("sofa. It is happy.")
    visitor.similarities(3)


def test_a_zoomed_map_stays_zoomed(visitor):
    type_in(visitor, *THREE)
    plot = "document.querySelector('#map .js-plotly-plot')"
    visitor.page.evaluate(f"Plotly.relayout({plot}, {{'xaxis.range': [-1, 1]}})")
    visitor.box.press("Control+End")
    visitor.page.keyboard.type(" Now.")
    expect(rows(visitor).last).to_contain_text("Now.")
    visitor.page.wait_for_timeout(500)
    assert visitor.page.evaluate(f"{plot}.layout.xaxis.range") == [-1, 1]


def test_what_is_pointed_at_lights_up_everywhere_and_two_have_a_cosine(visitor):
    type_in(visitor, *THREE)
    cosine = visitor.similarities(3)[0][2]
    rows(visitor).nth(0).hover()
    expect(rows(visitor).nth(0)).to_have_class(re.compile("pointed"))
    visitor.wait_until("document.querySelector('#map .js-plotly-plot').layout.shapes.length === 1")
    visitor.wait_until("document.querySelector('#heatmap .js-plotly-plot').layout.shapes.length === 2")
    rows(visitor).nth(0).locator(".sentence").click()
    rows(visitor).nth(2).locator(".sentence").click()
    expect(visitor.page.locator("#overview .pair")).to_contain_text(f"cosine {cosine:.2f}"[:11])
    expect(visitor.page.locator("#map .said")).to_be_hidden()  # it would say the same
    visitor.wait_for_rings(2)
    visitor.open("Sentiment")
    expect(visitor.page.locator("#sentiment-view .bar-row.chosen")).to_have_count(2)
    visitor.open("Embeddings")
    visitor.wait_until("document.querySelector('#heatmap .js-plotly-plot').layout.shapes.length === 4")
    visitor.wait_for_rings(2)
    visitor.paste("Something else.\nAnd another thing.")
    visitor.wait_for_rings(0)
    visitor.open("Overview")
    expect(visitor.page.locator("#overview .pair")).to_have_text("")


def test_a_cell_of_the_grid_chooses_both_of_its_sentences(visitor):
    type_in(visitor, *THREE)
    cosine = visitor.similarities(3)[0][2]
    visitor.heatmap.scroll_into_view_if_needed()
    area = visitor.heatmap.locator(".nsewdrag").first.bounding_box()
    visitor.page.mouse.click(area["x"] + area["width"] * 5 / 6, area["y"] + area["height"] / 6)
    expect(visitor.page.locator("#overview .pair")).to_contain_text(f"cosine {cosine:.3f}")
    expect(visitor.page.locator("#overview li.chosen")).to_have_count(2)


def test_a_page_that_opens_with_another_tab_has_its_map(visit):
    visitor = visit()
    type_in(visitor, *THREE)
    visitor.open("Embeddings")
    visitor.page.wait_for_timeout(300)
    for _ in range(3):
        visitor.go()
        expect(visitor.page.get_by_role("tab", name="Embeddings")).to_have_attribute("aria-selected", "true")
        expect(visitor.map).to_be_visible()
        visitor.wait_for_points(3)


def test_rows_are_one_stop_of_the_tab_key_and_are_chosen_by_keyboard_too(visitor):
    type_in(visitor, *THREE)
    press = visitor.page.keyboard.press
    rows(visitor).first.focus()
    press("Enter")
    press("End")
    press("ArrowUp")
    expect(rows(visitor).nth(1)).to_be_focused()
    press("Enter")
    expect(visitor.page.locator("#overview .pair")).to_contain_text("Sentences 1 and 2: cosine")
    press("Tab")
    expect(visitor.page.get_by_label("Map", exact=True)).to_be_focused()
    press("Shift+Tab")
    expect(rows(visitor).nth(1)).to_be_focused()
    for tab, place in (("Sentiment", "#sentiment-view .bar-row"), ("Entities", "#entities-view .lines li")):
        visitor.open(tab)
        visitor.page.locator(place).first.focus()
        press("ArrowDown")
        expect(visitor.page.locator(place).nth(1)).to_be_focused()


def test_own_sentences_come_back_after_an_example(visitor):
    type_in(visitor, *THREE)
    visitor.page.get_by_role("button", name="Reviews").click()
    expect(rows(visitor)).to_have_count(11)
    visitor.page.get_by_role("button", name="Put my own sentences back").click()
    expect(visitor.box).to_have_value("\n".join(THREE))
    expect(rows(visitor)).to_have_count(3)
    expect(visitor.page.get_by_role("button", name="Put my own sentences back")).to_be_hidden()


def test_a_reload_and_a_link_bring_sentences_choices_and_tab_back(visit):
    visitor = visit()
    type_in(visitor, *THREE)
    visitor.choose("Map", "PCA")
    expect(visitor.page.locator("#right")).to_contain_text("PCA: the directions")
    visitor.open("Entities")
    visitor.page.wait_for_timeout(300)
    address = visitor.page.url
    assert "#" in address and "Marie" in address
    visitor.go()
    expect(visitor.box).to_have_value("\n".join(THREE))
    other = visit()
    other.page.goto(address)
    other.page.reload()
    expect(other.box).to_have_value("\n".join(THREE))
    expect(other.page.get_by_role("tab", name="Entities")).to_have_attribute("aria-selected", "true")
    expect(other.page.locator("#entities-view .lines li")).to_have_count(3)
    other.open("Overview")
    expect(other.page.get_by_label("Map", exact=True)).to_have_value("pca")
    other.errors.clear()


def test_without_a_connection_nothing_is_lost_and_it_is_said(visit):
    visitor = visit()
    visitor.wait_for_points(12)
    visitor.page.route("**/component_server/**", lambda route: route.abort())
    visitor.paste("\n".join(THREE))
    expect(visitor.status).to_contain_text("The server does not answer")
    visitor.page.unroute("**/component_server/**")
    expect(rows(visitor)).to_have_count(3)
    expect(visitor.status).to_contain_text("3 sentences")
    visitor.errors.clear()


def test_many_sentences_wait_for_the_button(visitor):
    visitor.paste("\n".join(f"Sentence number {i}." for i in range(70)))
    expect(visitor.status).to_contain_text("70 sentences: press Analyze")
    visitor.press()
    expect(rows(visitor)).to_have_count(70)
    visitor.wait_for_points(70)
