"""Data by hand, in a real browser: labels by keys, a head that learns from each, and on to a training."""

from __future__ import annotations

import json
import re
from statistics import median

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.labelling import MIXED, TRAINS, Labeller


@pytest.fixture
def labeller(visit):
    return Labeller(visit())


def test_a_head_learns_from_keys_alone_and_a_reload_loses_nothing(labeller):
    labeller.add_labels("food, travel")
    labeller.add(MIXED)
    expect(labeller.card).to_be_focused()
    expect(labeller.count).to_have_text("0 of 20 labelled")
    expect(labeller.sentence).to_have_text(MIXED[0])
    labeller.press("1")
    expect(labeller.guess).to_contain_text("So far there is only food for 1 text")
    expect(labeller.place.locator(".named")).to_contain_text("By their names alone: travel.")
    labeller.press("2")
    expect(labeller.guess).to_contain_text("The head guesses")
    expect(labeller.rows.first.locator(".sure")).to_have_text(re.compile(r"\d+ %"))
    labeller.label_truly(10)
    expect(labeller.count).to_have_text("12 of 20 labelled")
    expect(labeller.headline).to_contain_text("12 labels took it to")
    expect(labeller.place.locator(".how")).to_contain_text("Cross-validated")
    expect(labeller.place.locator(".curve .end").first).to_contain_text("%")
    labeller.press("u")
    expect(labeller.count).to_have_text("11 of 20 labelled")
    labeller.press("r")
    expect(labeller.count).to_have_text("12 of 20 labelled")
    # A label that nobody hears of is kept, and sent again.
    labeller.card.press("s")  # the sentence that the step was about is labelled
    before = labeller.done()
    labeller.visitor.set_network(offline=True)
    labeller.card.press("1")
    expect(labeller.count).to_have_text("13 of 20 labelled")
    expect(labeller.place.locator(".waits")).to_contain_text("Your labels are kept")
    labeller.visitor.set_network()
    labeller.wait(before + 1)
    expect(labeller.place.locator(".waits")).to_be_hidden()
    labeller.visitor.errors.clear()
    labeller.press("u")
    labeller.visitor.go()
    again = Labeller(labeller.visitor)
    expect(again.count).to_have_text("12 of 20 labelled")
    expect(again.headline).to_contain_text("12 labels took it to")
    again.press("u")  # a step of before the reload
    expect(again.count).to_have_text("11 of 20 labelled")


def test_labels_go_into_files_and_on_to_a_training(labeller):
    labeller.add_labels("food, travel")
    labeller.add(MIXED)
    labeller.label_truly(16)
    lines = labeller.visitor.download("Download JSONL").decode().splitlines()
    assert len(lines) == 20
    assert sum(json.loads(line)["label"] is not None for line in lines) == 16
    assert labeller.visitor.download("Download CSV").decode("utf-8-sig").startswith("text,label")
    labeller.place.get_by_role("button", name="Train on these").click()
    summary = labeller.page.locator("#data-summary")
    expect(summary).to_contain_text("label.jsonl: 16 rows. Ready to train.")
    expect(summary).to_contain_text("label has 2 labels: a new head.")
    expect(labeller.page.locator("#start")).to_be_enabled()


def test_texts_come_from_the_box_and_from_tables_and_repeated_ones_are_said(labeller, tmp_path):
    labeller.place.get_by_role("button", name="Take those in the box").click()
    expect(labeller.count).to_have_text("0 of 12 labelled")
    labeller.place.get_by_role("button", name="Take the texts of the data").click()
    expect(labeller.count).to_have_text("0 of 162 labelled")
    (tmp_path / "mine.csv").write_text("text,label\n" + "".join(f"{t},{'fp'[t in TRAINS]}\n" for t in MIXED))
    labeller.page.locator("#label-file input[type=file]").set_input_files(tmp_path / "mine.csv")
    expect(labeller.count).to_have_text("20 of 182 labelled")
    expect(labeller.said).to_contain_text("mine.csv: 20 texts, with the labels of label.")
    labeller.add([MIXED[0].upper(), "<b>bold</b> & <script>alert(1)</script>"])
    labeller.place.get_by_label("Which sentences are listed").select_option("repeated")
    labeller.rows.last.click()
    expect(labeller.sentence).to_have_text(MIXED[0].upper())
    labeller.press("2")
    expect(labeller.place.locator(".contradictions")).to_contain_text("The same sentence has different labels")
    expect(labeller.place.locator(".contradictions li button")).to_have_text(["f", "p"])


def test_what_the_model_offers_is_taken_or_mended_with_one_key(labeller):
    labeller.add(["What a wonderful day.", "The food was terrible.", "The train leaves at noon."])
    labeller.place.get_by_label("Whose answers to offer").select_option("task sentiment")
    labeller.place.get_by_role("button", name="Offer", exact=True).click()
    expect(labeller.place.locator(".choices button")).to_have_text(["1negative", "2neutral", "3positive"])
    expect(labeller.count).to_have_text("0 of 3 labelled")
    expect(labeller.guess).to_contain_text("sentiment of Built-in English model offers")
    labeller.press("Enter")
    expect(labeller.count).to_have_text("1 of 3 labelled")
    labeller.press("2")
    expect(labeller.place.locator(".agreement")).to_contain_text("offered 2 of the labels that you gave")


def test_words_are_marked_by_mouse_keyboard_and_touch(labeller):
    labeller.place.get_by_label("words, marked").check()
    labeller.add_labels("PER, LOC")
    labeller.add(["Ada 🙂 Lovelace lived in London.", "Bob went to New York."])
    for _ in range(2):
        labeller.card.press("ArrowRight")
    labeller.card.press("Shift+ArrowRight")
    labeller.press("1")
    marks = labeller.sentence.locator("mark")
    expect(marks).to_have_text(["🙂 LovelacePER"])
    labeller.place.get_by_text("London", exact=True).click()
    labeller.press("2")
    expect(marks).to_have_text(["🙂 LovelacePER", "LondonLOC"])
    # Marks that overlap are refused in words, and what was marked stays.
    word = [labeller.place.locator(".word", has_text=text).first.bounding_box() for text in ("Lovelace", "London")]
    mouse = labeller.page.mouse
    mouse.move(word[0]["x"] + 3, word[0]["y"] + 5)
    mouse.down()
    mouse.move(word[1]["x"] + 3, word[1]["y"] + 5, steps=4)
    mouse.up()
    labeller.press("2")
    expect(labeller.said).to_contain_text("overlap")
    expect(marks).to_have_text(["🙂 LovelacePER", "LondonLOC"])
    labeller.card.press("Enter")
    for name in ("New", "York"):
        labeller.place.locator(".word", has_text=name).dispatch_event(
            "pointerdown", {"pointerType": "touch", **_middle(labeller.place.locator(".word", has_text=name))}
        )
    labeller.place.locator(".choices button").nth(1).click()
    expect(marks).to_have_text(["New YorkLOC"])
    written = labeller.visitor.download("Download JSONL").decode().splitlines()
    assert json.loads(written[0])["label"][0] == {"start": 4, "end": 14, "label": "PER", "text": "🙂 Lovelace"}
    assert "London\tB-LOC" in labeller.visitor.download("Download CONLL").decode()


def _middle(place: Locator) -> dict[str, float]:
    box = place.bounding_box()
    return {"clientX": box["x"] + box["width"] / 2, "clientY": box["y"] + box["height"] / 2}


def test_several_labels_and_scores_by_keys(labeller):
    labeller.place.get_by_label("several labels").check()
    labeller.add_labels("price, taste")
    labeller.add(MIXED[:4])
    labeller.press("1")
    labeller.press("2")
    expect(labeller.guess).to_have_text("You said price, taste.")
    labeller.press("1")
    expect(labeller.guess).to_have_text("You said taste.")
    labeller.card.press("Enter")
    labeller.press("0")
    expect(labeller.guess).to_have_text("You said nothing.")
    labeller.place.get_by_label("a score").click()
    expect(labeller.said).to_contain_text("another kind of task needs a project of its own")
    labeller.page.once("dialog", lambda dialog: dialog.accept())
    labeller.place.get_by_role("button", name="Start over").click()
    expect(labeller.card).to_be_hidden()
    labeller.place.get_by_label("a score").check()
    labeller.place.get_by_label("Highest score").fill("5")
    labeller.add(MIXED[:4])
    labeller.press("4")
    expect(labeller.guess).to_have_text("You said 4.")
    labeller.card.press("Enter")
    labeller.press("ArrowRight")
    expect(labeller.place.locator(".score output")).to_have_text("2.75")


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_it_can_be_read_and_used(visit, width, theme):
    labeller = Labeller(visit(width=width, theme=theme))
    labeller.add_labels("food, travel, " + "w" * 100)
    labeller.add([*MIXED, "word " * 400, "x" * 3000])
    labeller.label_truly(8)
    expect(labeller.headline).to_contain_text("8 labels")
    assert labeller.visitor.flaws() == []


# How long it takes, in milliseconds, from a key to the next sentence on the screen, and to what the head makes of it.
KEYS = """async (count) => {
  const place = document.querySelector("#label-place .labelling"), card = place.querySelector(".card");
  const pause = (time) => new Promise((done) => setTimeout(done, time));
  const shown = [], learned = [];
  for (let i = 0; i < count; i++) {
    const before = place.dataset.done, began = performance.now();
    card.dispatchEvent(new KeyboardEvent("keydown", { key: String(1 + (i % 2)), bubbles: true }));
    await new Promise(requestAnimationFrame);
    await pause();
    shown.push(performance.now() - began);
    while (place.dataset.done === before) await pause(1);
    learned.push(performance.now() - began);
  }
  return [shown, learned];
}"""


@pytest.mark.slow
def test_two_thousand_sentences_are_labelled_and_the_times_are_printed(labeller):
    labeller.add_labels("food, travel")
    labeller.add([f"{MIXED[i % 20]} Letter number {i} says so." for i in range(2000)])
    shown, learned = labeller.page.evaluate(KEYS, 60)
    expect(labeller.count).to_have_text("60 of 2,000 labelled")
    for what, times in (("the next sentence", shown), ("what the head makes of all", learned)):
        print(f"\nFrom a key to {what}: {median(times):.0f} ms, at most {max(times):.0f} ms.", end="")
