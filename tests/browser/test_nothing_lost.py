"""What a person typed, dropped or chose is still there, whatever happens to the page, the network or the server."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.serving import new_context
from tests.browser.visiting import Visitor

OWN = ("Marie Curie worked in Paris.", "The food was terrible.", "A dog is sleeping on the sofa.")
LONG = "\n".join(f"Sentence number {i} about the weather in Oslo." for i in range(55))
TABLE = "review;mood\nI love the new park.;happy\nThe bus never came.;angry\nWhat a lovely day.;happy\n"
ANSWERS = "**/component_server/**"


def rows(visitor):
    return visitor.page.locator("#overview .answers > li")


def type_in(visitor, *sentences):
    visitor.paste("\n".join(sentences))
    expect(rows(visitor)).to_have_count(len(sentences))


def table(tmp_path):
    path = tmp_path / "moods.csv"
    path.write_text(TABLE, "utf-8")
    return path


# --- a file ---


def test_a_file_that_comes_while_sentences_are_read_is_read_next_and_the_sentences_can_be_put_back(visit, tmp_path):
    visitor = visit()
    many = "\n".join(f"Shop {i} in Oslo sold {i * 3} loaves of bread." for i in range(2_000))
    visitor.paste(many)
    visitor.page.locator("#analyze").click()
    expect(visitor.page.locator("#status .progress")).to_be_visible()
    visitor.upload(table(tmp_path))
    expect(visitor.status).to_contain_text("moods.csv: 3 sentences.")
    expect(visitor.status).to_contain_text("3 sentences · one pass")
    expect(rows(visitor)).to_have_count(3)
    expect(visitor.page.locator("#stop")).to_be_hidden()
    visitor.page.get_by_role("button", name="Put my own sentences back").click()
    expect(visitor.box).to_have_value(many)


def test_what_is_typed_while_a_file_is_read_can_be_put_back(visit, tmp_path):
    visitor = visit()
    waiting = []
    visitor.page.route("**/queue/data**", lambda route: waiting.append(route))
    visitor.upload(table(tmp_path))
    type_in(visitor, *OWN)
    for route in waiting:
        route.continue_()
    visitor.page.unroute("**/queue/data**")
    expect(visitor.status).to_contain_text("moods.csv: 3 sentences.")
    visitor.page.get_by_role("button", name="Put my own sentences back").click()
    expect(visitor.box).to_have_value("\n".join(OWN))


# --- coming back ---


def test_what_was_typed_a_moment_ago_survives_a_reload_and_so_does_the_caret(visit):
    visitor = visit()
    visitor.paste(LONG)
    visitor.box.press("Control+Home")
    visitor.page.keyboard.type("Just now. ")
    visitor.go()
    expect(visitor.box).to_have_value("Just now. " + LONG)
    expect(visitor.box).to_be_focused()
    assert visitor.box.evaluate("e => e.selectionStart") == len("Just now. ")
    expect(rows(visitor)).to_have_count(55)
    # The browser may not know the entry's last change yet.
    visitor.page.evaluate("history.replaceState(null, '', '#sentences=From+before.')")
    visitor.go()
    expect(visitor.box).to_have_value("Just now. " + LONG)


def test_back_and_forward_bring_the_sentences_and_the_tab_of_their_time(visit):
    visitor = visit()
    visitor.paste(LONG)
    expect(rows(visitor)).to_have_count(55)
    visitor.page.evaluate("location.hash = 'sentences=From+a+link.%0ATwo.&tab=Entities'")
    expect(visitor.page.locator("#entities-view .lines li")).to_have_count(2)
    visitor.go()  # a page that was loaded again goes back like any other
    expect(visitor.box).to_have_value("From a link.\nTwo.")
    visitor.page.go_back()
    expect(visitor.box).to_have_value(LONG)
    expect(rows(visitor)).to_have_count(55)
    expect(visitor.page.get_by_role("tab", name="Overview")).to_have_attribute("aria-selected", "true")
    visitor.page.go_forward()
    expect(visitor.box).to_have_value("From a link.\nTwo.")
    visitor.page.goto("about:blank")
    visitor.page.go_back()
    expect(visitor.box).to_have_value("From a link.\nTwo.")
    expect(visitor.page.get_by_role("tab", name="Entities")).to_have_attribute("aria-selected", "true")
    visitor.errors.clear()


def test_own_sentences_can_be_put_back_after_an_example_and_a_reload(visit):
    visitor = visit()
    type_in(visitor, *OWN)
    visitor.page.get_by_role("button", name="Reviews").click()
    expect(rows(visitor)).to_have_count(11)
    visitor.go()
    visitor.page.get_by_role("button", name="Put my own sentences back").click()
    expect(visitor.box).to_have_value("\n".join(OWN))


def test_nothing_typed_is_lost_however_often_examples_replace_it(visit):
    visitor = visit()
    letter, put_back = (
        "My own letter about Vienna.",
        visitor.page.get_by_role("button", name="Put my own sentences back"),
    )
    type_in(visitor, letter)
    visitor.page.get_by_role("button", name="News").click()
    expect(rows(visitor)).to_have_count(12)
    visitor.box.press("Control+End")
    visitor.page.keyboard.type(" Changed.")
    expect(rows(visitor).last).to_contain_text("Changed.")
    changed = visitor.box.input_value()
    visitor.page.get_by_role("button", name="Reviews").click()
    expect(rows(visitor)).to_have_count(11)
    for text in (changed, letter, changed):
        put_back.click()
        expect(visitor.box).to_have_value(text)
        expect(visitor.box).to_be_focused()
    for text in (changed, letter):
        visitor.page.go_back()
        expect(visitor.box).to_have_value(text)


def test_two_windows_keep_their_own_sentences(visit):
    one, two = visit(), visit()
    type_in(one, *OWN)
    type_in(two, "Only in the second window.", "And this.")
    for visitor in (one, two):
        visitor.go()
    expect(one.box).to_have_value("\n".join(OWN))
    expect(two.box).to_have_value("Only in the second window.\nAnd this.")
    expect(rows(one)).to_have_count(3)
    expect(rows(two)).to_have_count(2)


# --- links ---


def test_a_link_without_room_for_the_sentences_says_so_and_brings_the_choices(visit):
    visitor = visit()
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    type_in(visitor, *OWN)
    visitor.choose("Colour by", "topic")
    visitor.page.locator("#copy-address").click()
    expect(visitor.status).to_contain_text("sees these sentences")
    other = visit()
    other.page.goto("about:blank")
    other.page.goto(visitor.page.evaluate("navigator.clipboard.readText()"))
    expect(other.box).to_have_value("\n".join(OWN))
    expect(other.page.get_by_label("Colour by", exact=True)).to_have_value("topic")
    visitor.paste(LONG)
    visitor.page.locator("#copy-address").click()
    expect(visitor.status).to_contain_text("without the sentences: it holds at most 2,000 characters")
    visitor.errors.clear()
    other.errors.clear()


def test_a_link_can_be_copied_where_the_browser_keeps_the_clipboard_from_the_page(visit):
    visitor = visit()
    type_in(visitor, *OWN)
    visitor.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    visitor.page.locator("#copy-address").click()
    expect(visitor.status).to_contain_text("The link is copied")


@pytest.mark.parametrize(
    "fragment",
    [
        "dims=NaN&one=-1&other=1e99&method=%00&pooling=<b>&head=__proto__&order=;&span_head=[]&tab=Nothing",
        "__proto__=1&constructor=2&lines=x&anew=true&all_rows=1&views=x&file=true&tab=<img src=x onerror=alert(1)>",
        "sentences=<img src=x onerror=alert(1)>%0A{{7*7}}%0A</script>&colour=<b>&dims=3",
        "%E0%A4%A&&==&sentences=%FF%FE",
        "sentences=" + "a%20" * 330_000,
    ],
    ids=["bad values", "unknown names", "markup", "broken escapes", "a megabyte"],
)
def test_a_broken_link_leaves_the_page_usable(visit, server, fragment):
    visitor = visit()
    visitor.page.goto("about:blank")
    visitor.page.goto(f"{server}#{fragment}")
    expect(visitor.status).to_contain_text("one pass")
    assert visitor.page.locator("#right img, #left img").count() == 0
    visitor.errors.clear()
    type_in(visitor, *OWN)
    visitor.wait_for_points(3)
    assert visitor.flaws() == []


# --- the network ---


def test_an_unsteady_network_loses_nothing_and_does_nothing_twice(visit, tmp_path):
    visitor = visit()
    since = visitor.page.evaluate("performance.timeOrigin")
    failed = visitor.make_network_unsteady(seed=219)  # of the first dozen three fail, in both ways
    visitor.paste(OWN[0])
    visitor.box.press("End")
    visitor.page.keyboard.type(" It rained all day.", delay=60)
    expect(rows(visitor)).to_have_count(1)
    expect(rows(visitor).first).to_contain_text("It rained all day.")
    expect(visitor.box).to_have_value(f"{OWN[0]} It rained all day.")
    assert visitor.box.evaluate("e => e.selectionStart") == len(f"{OWN[0]} It rained all day.")
    for example, count in (("Reviews", 11), ("News", 12)):
        visitor.page.get_by_role("button", name=example).click()
        expect(rows(visitor)).to_have_count(count)
    visitor.upload(table(tmp_path))
    expect(visitor.status).to_contain_text("moods.csv: 3 sentences.")
    for tab, view in (
        ("Sentiment", "#sentiment-view .bar-row"),
        ("Entities", "#entities-view .lines li"),
        ("Embeddings", "#neighbours tbody tr"),
    ):
        visitor.open(tab)
        expect(visitor.page.locator(view)).to_have_count(3)
        assert visitor.download("Download CSV").count(b"\r\n") >= 1
    visitor.open("Overview")
    visitor.page.locator("#analyze").click()
    visitor.page.get_by_role("button", name="Put my own sentences back").click()
    expect(visitor.box).to_have_value(f"{OWN[0]} It rained all day.")
    expect(rows(visitor)).to_have_count(1)
    assert failed, "something has to have failed"
    assert visitor.page.evaluate("performance.timeOrigin") == since, "the page was not loaded again"
    visitor.errors.clear()


@pytest.mark.slow
def test_a_question_whose_answer_never_comes_is_asked_again(visit):
    visitor = visit()
    asked = []

    def stall_once(route) -> None:
        asked.append(route)
        if len(asked) > 1:
            route.continue_()

    visitor.page.route(ANSWERS, stall_once)
    visitor.paste("\n".join(OWN))
    expect(visitor.status).to_contain_text("Waiting for the server")
    expect(rows(visitor)).to_have_count(3, timeout=60_000)
    visitor.errors.clear()


def test_an_answer_that_is_lost_on_its_way_is_told_again_as_it_was(visit):
    visitor = visit()
    lost = []

    def lose_once(route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch())
        route.abort()

    visitor.page.route(ANSWERS, lose_once)
    visitor.paste("\n".join(OWN))
    expect(rows(visitor)).to_have_count(3, timeout=60_000)
    expect(visitor.status).to_contain_text("3 sentences · one pass")
    visitor.errors.clear()


def test_a_connection_on_which_nothing_comes_is_made_again(browser, server):
    own = new_context(browser)  # a clock that is put forward is that of all its pages
    page = own.new_page()
    page.clock.install()
    asked = []
    page.route("**/heartbeat/**", lambda route: asked.append(route))
    Visitor(page, server)
    assert len(asked) == 1
    # Two steps: the pause before the next attempt begins when the silence has been noticed.
    page.clock.fast_forward(61_000)
    with page.expect_request("**/heartbeat/**"):
        page.clock.fast_forward(1_000)
    own.close()


def test_events_that_find_no_server_wait_and_the_page_says_so(visit, tmp_path):
    visitor = visit()
    joined = []
    visitor.page.route("**/queue/join**", lambda route: (joined.append(route.request), route.abort()))
    visitor.upload(table(tmp_path))
    expect(visitor.page.locator("#connection")).to_contain_text("No answer from the server")
    visitor.page.unroute("**/queue/join**")
    expect(visitor.status).to_contain_text("moods.csv: 3 sentences.")
    expect(visitor.page.locator("#connection")).to_be_hidden()
    assert len({request.headers["x-mtl-call"] for request in joined}) < len(joined), "asked again by the same id"
    visitor.errors.clear()


# Streams of events are counted, and what comes on one reaches the page when the whole of it is let through.
_HELD = """
const ask = window.fetch.bind(window);
window.streams = 0;
window.fetch = async (resource, options) => {
  const answer = await ask(resource, options);
  if (!String(resource.url ?? resource).includes("queue/data")) return answer;
  window.streams += 1;
  const whole = answer.clone().blob().catch(() => new Blob()).finally(() => { window.streams -= 1; });
  if (!window.hold) return answer;
  await whole;
  while (window.hold) await new Promise((done) => setTimeout(done, 20));
  return new Response(await whole, answer);
};
"""


def test_an_event_that_is_asked_for_while_the_stream_of_events_ends_is_answered(visit):
    visitor = visit()
    page = visitor.page
    page.add_init_script(_HELD)
    visitor.go()
    visitor.open("Train")
    expect(page.locator("#copy-command")).to_have_value(re.compile("tickets"))
    visitor.wait_until("window.streams === 0")
    with page.expect_response("**/queue/data**"):
        page.evaluate("window.hold = true; document.querySelector('#data-file-too-big').click()")
    visitor.wait_until("window.streams === 0")
    with page.expect_response("**/queue/join**"):
        page.evaluate("document.querySelector('#validation-file-too-big').click()")
    page.wait_for_timeout(200)  # for Gradio to have read the answer
    page.evaluate("window.hold = false")
    for place in ("#data-status", "#validation-status"):
        expect(page.locator(place)).to_contain_text("MB", timeout=15_000)


def test_what_the_server_refuses_is_said_and_not_asked_again(visit):
    visitor = visit()
    asked = []

    def refuse(route) -> None:
        asked.append(route)
        route.fulfill(status=413, json={"detail": "This is too much at once."})

    visitor.page.route(ANSWERS, refuse)
    visitor.paste("\n".join(OWN))
    expect(visitor.status.locator(".bad")).to_contain_text("This is too much at once.")
    visitor.page.wait_for_timeout(1_500)
    assert len(asked) == 1
    visitor.page.unroute(ANSWERS)
    type_in(visitor, *OWN[:2])
    visitor.errors.clear()


# --- the server ---


@pytest.mark.slow
def test_a_machine_that_slept_goes_on_where_it_was(visit):
    visitor = visit()
    type_in(visitor, *OWN)
    session = visitor.page.context.new_cdp_session(visitor.page)
    session.send("Page.setWebLifecycleState", {"state": "frozen"})
    # Its heartbeat is gone for longer than a server remembers a closed page's sentences.
    visitor.set_network(offline=True)
    visitor.page.wait_for_timeout(22_000)
    visitor.set_network()
    session.send("Page.setWebLifecycleState", {"state": "active"})
    visitor.choose("Map", "PCA")
    expect(visitor.page.locator("#right")).to_contain_text("PCA: the directions")
    expect(visitor.box).to_have_value("\n".join(OWN))
    visitor.box.press("Control+End")
    visitor.page.keyboard.type(" Awake again.")
    expect(rows(visitor).last).to_contain_text("Awake again.")
    visitor.errors.clear()
