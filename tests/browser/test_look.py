"""The page for everyone: on a phone, by keyboard, in both modes, and on a machine without a network."""

from __future__ import annotations

import itertools

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import ANSWERS, TABS

# A window of 720 px is what one of 1440 becomes at a zoom of 200 %.
LOOKS = ((1440, "light"), (768, "dark"), (720, "light"), (390, "dark"))


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_every_tab_can_be_read_and_used(visit, width, theme):
    visitor = visit(width=width, theme=theme)
    for place in ("html", "#sentences textarea", "#map select >> nth=0"):  # scrollbars and native controls
        assert visitor.page.locator(place).evaluate("e => getComputedStyle(e).colorScheme") == theme
    for tab in TABS:
        visitor.open(tab)
        visitor.page.wait_for_timeout(300)
        assert visitor.flaws() == [], tab


@pytest.mark.parametrize(("width", "theme"), [(1440, "dark"), (390, "light")])
def test_every_state_can_be_read_and_used(visit, width, theme, tmp_path):
    visitor = visit(width=width, theme=theme)
    long = " and so it went on, day after day" * 30
    sixty = [f"Letter number {i} from Oslo{long * (i % 9 == 4)} {'w' * 200 * (i == 7)}" for i in range(60)]
    visitor.analyze(*sixty)
    visitor.similarities(60)
    for tab in reversed(ANSWERS):
        visitor.open(tab)
        visitor.page.wait_for_timeout(300)
        assert visitor.flaws() == [], tab
    visitor.analyze("asdfgh jklasd fghjkl qwer", "Das Essen war schrecklich und kalt.")
    expect(visitor.page.locator("#overview .unfamiliar")).to_have_count(2)
    assert visitor.flaws() == []
    visitor.analyze("")
    expect(visitor.status).to_contain_text("nothing to analyze: the answers shown are those from before")
    assert visitor.page.locator("#overview .answers").evaluate("e => getComputedStyle(e).filter") == "grayscale(1)"
    assert visitor.flaws() == []
    (tmp_path / "holiday.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(4_000))
    visitor.upload(tmp_path / "holiday.csv")
    expect(visitor.status.locator(".bad")).to_contain_text("holiday.csv")
    assert visitor.flaws() == []


@pytest.mark.parametrize(("width", "height"), [(390, 844), (720, 450), (768, 1024), (1440, 900)])
def test_the_first_view_has_the_box_analyze_and_an_answer(visit, width, height):
    page = visit(width, height).page
    for place in ("#sentences", "#analyze", "#status"):
        expect(page.locator(place)).to_be_in_viewport(ratio=0.9)
    answer = page.locator("#overview .answers > li").first.locator(".answer").first
    expect(answer).to_be_in_viewport(ratio=1)
    bottom = page.locator("#jump").bounding_box()
    assert bottom is None or answer.bounding_box()["y"] + answer.bounding_box()["height"] <= bottom["y"]


def test_a_phone_has_the_rows_the_map_and_the_grid_within_reach(visit):
    visitor = visit(width=390)
    page = visitor.page
    for name, place in (("Grid", "#heatmap"), ("Map", "#map"), ("Rows", "#overview .answers > li >> nth=0")):
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.locator(place)).to_be_in_viewport(ratio=0.5)
    page.evaluate("window.scrollTo(0, 0)")
    page.locator("#analyze").click()
    expect(page.locator("#overview .answers > li").first).to_be_in_viewport()


def test_what_is_written_on_the_grid_has_room(visit):
    visitor = visit()
    sizes = ((1440, 12), (1440, 30), (720, 11), (390, 12), (390, 60))
    for width, count in sizes:
        visitor.page.set_viewport_size({"width": width, "height": 900})
        visitor.analyze(*(f"Sentence {i} is about something." for i in range(count)))
        visitor.similarities(count)
        visitor.page.wait_for_timeout(300)
        for labels in (".xtick text", ".ytick text", ".scatterlayer .textpoint text"):
            boxes = visitor.heatmap.locator(labels).evaluate_all(
                "all => all.map(e => e.getBoundingClientRect()).map(b => [b.left, b.top, b.right, b.bottom])"
            )
            # The line's height above and below its letters may overlap.
            apart = [
                one[2] <= other[0] + 1 or other[2] <= one[0] + 1 or one[3] <= other[1] + 4 or other[3] <= one[1] + 4
                for one, other in itertools.combinations(boxes, 2)
            ]
            assert all(apart), (width, count, labels)
            assert boxes or labels.startswith(".scatter")


def test_headings_stand_over_their_columns(visitor):
    left = "all => all.map(e => e.getBoundingClientRect()).map(b => b.left)"
    heads = visitor.page.locator("#overview .row-head > span + span")
    answers = visitor.page.locator("#overview .answers > li").first.locator(".answer")
    assert heads.evaluate_all(left) == pytest.approx(answers.evaluate_all(left), abs=2)
    head, row = heads.first.bounding_box(), visitor.page.locator("#overview .answers").bounding_box()
    assert 0 <= row["y"] - head["y"] - head["height"] < 12


def test_components_unfold_by_keyboard(visitor):
    visitor.open("Train")
    summary, inside = visitor.page.locator("#take-away summary"), visitor.page.locator("#copy-command")
    expect(inside).to_be_hidden()
    summary.press("Enter")
    expect(inside).to_be_visible()
    summary.press("Enter")
    expect(inside).to_be_hidden()


def test_a_phone_has_numbers_beside_the_grid(visit):
    visitor = visit(width=390, height=844)
    visitor.similarities(12)
    expect(visitor.heatmap.locator(".ytick text").first).to_have_text("1")


@pytest.mark.parametrize("tab", ["Overview", "Train"])
def test_everything_is_reached_by_keyboard_and_focus_is_seen(visit, tab):
    page = visit().page
    page.get_by_role("tab", name=tab).click()
    page.wait_for_timeout(500)
    page.evaluate(
        """() => {
            const can = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
            window.places = [...document.querySelectorAll(can)].filter((e) =>
                !e.disabled && e.tabIndex >= 0 && e.checkVisibility({ visibilityProperty: true })
                && e.getBoundingClientRect().width > 1 && (e.type !== 'radio' || e.checked));
            document.querySelector('.skip').focus();
        }"""
    )
    unseen = []
    for _ in range(page.evaluate("places.length") + 30):  # what scrolls is reached, too
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => {
                const e = document.activeElement;
                window.places = places.filter((place) => place !== e);
                if (e === document.body || e.closest('.skip')) return null;
                const looks = [e, e.closest('label') ?? e].map((each) => getComputedStyle(each));
                const outlined = looks.some((s) => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2);
                return outlined ? null : e.outerHTML.slice(0, 160);
            }"""
        )
        if found:
            unseen.append(found)
    assert unseen == []
    assert page.evaluate("places.map((e) => e.outerHTML.slice(0, 160))") == []


def test_a_keyboard_skips_to_the_answers(visit):
    page = visit().page
    page.keyboard.press("Tab")
    skip = page.get_by_role("button", name="Skip to the answers")
    expect(skip).to_be_focused()
    assert skip.bounding_box()["height"] > 24
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#overview .answers > li").first).to_be_focused()


def test_arrow_keys_move_along_the_tabs(visitor):
    visitor.page.get_by_role("tab", name="Overview").focus()
    for key, tab in (
        ("ArrowRight", "Embeddings"),
        ("End", "Learn"),
        ("ArrowRight", "Overview"),
        ("ArrowLeft", "Learn"),
    ):
        visitor.page.keyboard.press(key)
        selected = visitor.page.get_by_role("tab", name=tab)
        expect(selected).to_be_focused()
        expect(selected).to_have_attribute("aria-selected", "true")


def test_tabs_and_analysis_work_by_keyboard_alone(visitor):
    visitor.box.focus()
    visitor.page.keyboard.press("Control+A")
    visitor.page.keyboard.type("The food was terrible.")
    visitor.page.keyboard.press("Control+Enter")
    expect(visitor.status).to_contain_text("1 sentence · one pass")
    visitor.page.get_by_role("tab", name="Sentiment").focus()
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.locator("#sentiment-view .bar-row")).to_have_count(1)


def test_the_page_about_the_api_asks_nobody_outside(visit):
    visitor = visit()
    visitor.page.get_by_role("button", name="Use via API").click()
    expect(visitor.page.get_by_text("/analyze").first).to_be_visible()
    visitor.page.wait_for_timeout(1_000)


def test_nothing_unbuilt_is_shown(visitor):
    assert visitor.page.get_by_role("tab").locator("visible=true").all_inner_texts() == list(TABS)
