"""Step 1 of the Train tab in a real browser: bring a file, see what was understood, put it right."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect


def in_train(visitor):
    visitor.open("Train")
    expect(summary(visitor)).to_contain_text(".")
    return visitor


def summary(visitor):
    return visitor.page.locator("#data-summary")


def choose(visitor, name, value):
    """Choose `value` in the list that is called `name`."""
    visitor.page.get_by_label(name, exact=True).select_option(value)


def bring(visitor, path):
    visitor.page.locator("#data-file input[type=file]").set_input_files(path)


def pick(visitor, sample):
    visitor.page.locator("#data-samples label").filter(has_text=sample).click()


def test_a_newcomer_finds_a_sample_understood(visit):
    visitor = in_train(visit())
    expect(summary(visitor)).to_contain_text("tickets.csv: 150 rows. Ready to train.")
    expect(summary(visitor)).to_contain_text("team has 5 labels: a new head.")
    expect(summary(visitor)).not_to_contain_text("knows all of these tasks")
    expect(visitor.page.locator("#data-samples input:checked")).to_have_value("tickets.csv")
    expect(visitor.page.locator("#data-doctor")).to_contain_text("Nothing is wrong with this file.")
    visitor.page.locator("#data-preview summary").click()
    expect(visitor.page.locator("#data-preview tbody tr")).to_have_count(12)
    # A sample of what the model knows says so, and what one can still learn from it.
    pick(visitor, "workshop")
    expect(summary(visitor)).to_contain_text("workshop.csv: 405 rows. Ready to train.")
    expect(summary(visitor)).to_contain_text("sentiment has 3 labels: the model's head sentiment goes on learning.")
    expect(summary(visitor)).to_contain_text("knows all of these tasks already")


def test_what_comes_of_a_file_is_in_sight_on_a_phone(visit, tmp_path):
    visitor = in_train(visit(width=390, height=844))
    (tmp_path / "days.csv").write_text("text,day\n" + "".join(f"It was day {i}.,{'ab'[i % 2]}\n" for i in range(40)))
    bring(visitor, tmp_path / "days.csv")
    expect(summary(visitor)).to_contain_text("days.csv: 40 rows.")
    expect(summary(visitor).get_by_text("days.csv: 40 rows.")).to_be_in_viewport()


def test_faults_are_named_and_the_other_rows_can_be_trained_on(visitor):
    pick(in_train(visitor), "broken")
    expect(summary(visitor)).to_contain_text("broken.csv: 28 rows. Ready to train.")
    errors = visitor.page.locator("#data-doctor .findings.error tbody tr")
    expect(errors).to_have_count(2)
    expect(errors.nth(1)).to_contain_text("The span 37 to 73 (LOC) has no text in it")
    # One new label would cost the model's head; reading it as a known one keeps it.
    expect(summary(visitor)).to_contain_text("the head sentiment starts afresh, because the model's lacks mixed.")
    choose(visitor, "What the label mixed is taken as", "known:neutral")
    expect(summary(visitor)).to_contain_text("the model's head sentiment goes on learning.")


def test_a_question_is_answered_on_the_page(visitor, tmp_path):
    rows = "".join(f"The hall number {i} was full.,A crowd came on day {i}.,{'ab'[i % 2]}\n" for i in range(12))
    (tmp_path / "halls.csv").write_text("review,comment,label\n" + rows, encoding="utf-8")
    bring(in_train(visitor), tmp_path / "halls.csv")
    expect(summary(visitor)).to_contain_text("Start waits for an answer")
    expect(visitor.page.locator("#start")).to_be_disabled()
    readings = visitor.page.locator("#data-questions .reading")
    expect(readings).to_have_count(2)
    expect(readings.nth(1)).to_contain_text("A crowd came on day 2.")
    readings.nth(1).get_by_role("button").press("Enter")
    expect(summary(visitor)).to_contain_text("comment is the text: as you said.")
    expect(visitor.page.locator("#start")).to_be_enabled()
    expect(visitor.page.locator("#data-questions .question")).to_have_count(0)
    expect(visitor.page.locator("#data-preview")).to_contain_text("12 of 12")
    words = "".join(f"\"['Ada', 'ran', 'home', 'on', 'day', '{i}']\",\"[1, 0, 0, 0, 0, 0]\"\n" for i in range(12))
    (tmp_path / "ner.csv").write_text("tokens,ner_tags\n" + words, encoding="utf-8")
    bring(visitor, tmp_path / "ner.csv")
    names = visitor.page.locator("#data-questions input")
    names.fill("O, B-PER")
    visitor.page.get_by_role("button", name="Use these names").click()
    expect(summary(visitor)).to_contain_text("ner_tags has 12 entities of 1 type")


def test_what_a_column_is_used_for_can_be_changed_by_keyboard_and_undone(visitor, tmp_path):
    path = tmp_path / "tea & co.csv"
    rows = (f"round {i},the tea of day {i} was {'hot' if i % 2 else 'cold'},{i % 5 + 1}" for i in range(20))
    path.write_text("title,review,stars\n" + "\n".join(rows) + "\n", encoding="utf-8")
    bring(in_train(visitor), path)
    expect(summary(visitor)).to_contain_text("20 rows. Ready to train.")
    expect(summary(visitor)).to_contain_text("stars has 5 labels: a new head.")
    expect(visitor.page.locator("#data-samples input:checked")).to_have_count(0)
    stars = visitor.page.get_by_label("What the column stars is used for")
    stars.focus()
    stars.select_option("regression")
    expect(summary(visitor)).to_contain_text("stars has numbers from 1 to 5: a new head.")
    expect(stars).to_be_focused()
    choose(visitor, "What the column title is used for", "text")
    expect(summary(visitor)).to_contain_text("title is the text: as you said.")
    choose(visitor, "What the column stars is used for", "ignored")
    expect(summary(visitor)).to_contain_text("no column teaches anything")
    visitor.page.get_by_role("button", name="Undo my changes").click()
    expect(summary(visitor)).to_contain_text("stars has 5 labels: a new head.")
    expect(visitor.page.locator("#data-reset")).to_be_hidden()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(2000), "is a PNG image, not a table."),
        (b"", "is empty."),
        (bytes(21_000_000), "This file is too big"),
    ],
    ids=["image", "empty", "too big"],
)
def test_what_is_no_table_is_refused_and_the_file_before_stays(visitor, tmp_path, content, message):
    pick(in_train(visitor), "tickets")
    expect(summary(visitor)).to_contain_text("tickets.csv: 150 rows.")
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    bring(visitor, path)
    expect(visitor.page.locator("#data-status .status.bad")).to_contain_text(message)
    expect(summary(visitor)).to_contain_text("tickets.csv: 150 rows.")


def test_nothing_of_a_strangers_file_runs(visitor, tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    path = tmp_path / "evil.csv"
    rows = (f'"{evil} says text {i}","{evil}{i % 2}"' for i in range(12))
    path.write_text(f'text,"{evil}"\n' + "\n".join(rows) + f'\n,"{evil}1"\n', encoding="utf-8")
    bring(in_train(visitor), path)
    expect(summary(visitor)).to_contain_text("evil.csv: 12 rows. Ready to train.")
    expect(visitor.page.locator("#data-columns")).to_contain_text(f"{evil}1")
    assert visitor.page.locator("#step-data img").count() == 0


def test_a_phone_has_room_for_it(visit):
    visitor = in_train(visit(width=390, height=844, theme="dark"))
    pick(visitor, "broken")
    expect(visitor.page.locator("#data-doctor")).to_contain_text("The span 37 to 73")
    assert visitor.flaws() == []


def sides_of(tmp_path, name="sides.csv"):
    """A table of 40 rows that says itself which of them train: 30."""
    rows = (f"the tea of day {i} was {'hot' if i % 2 else 'cold'},{'warm' if i % 2 else 'cool'}" for i in range(40))
    sides = ["train"] * 30 + ["val"] * 5 + ["test"] * 5
    path = tmp_path / name
    content = "\n".join(f"{row},{side}" for row, side in zip(rows, sides, strict=True))
    path.write_text(f"review,mood,split\n{content}\n", encoding="utf-8")
    return path


def test_which_rows_train_is_said_by_a_column_or_by_a_second_file(visitor, tmp_path):
    bring(in_train(visitor), sides_of(tmp_path))
    expect(summary(visitor)).to_contain_text("split says which rows train: 30 do, 10 are held out.")
    estimate = visitor.page.locator("#estimate")
    expect(estimate).to_contain_text("30 rows to learn from")
    expect(estimate).to_contain_text("10 held out")
    own = tmp_path / "own.csv"
    own.write_text(
        "review,mood\nthe tea of day 3 was hot,warm\nno tea at all today,cool\nso hot,odd\n", encoding="utf-8"
    )
    status = visitor.page.locator("#validation-status")
    visitor.page.locator("#test-rows summary").click()
    test_rows = visitor.page.locator("#validation-file input[type=file]")
    test_rows.set_input_files(own)
    expect(status).to_contain_text("The column 'split' already says which rows are held out")
    choose(visitor, "What the column split is used for", "ignored")
    expect(estimate).to_contain_text("6 held out")
    test_rows.set_input_files(own)
    expect(status).to_contain_text("own.csv: 2 rows to test on. Of sides.csv, 39 rows to learn from.")
    expect(status).to_contain_text("Line 4, column mood: No row of the data has the label")
    expect(estimate).to_contain_text("39 rows to learn from")
    expect(visitor.page.locator("#copy-command")).to_have_value(re.compile("--validation own.csv --role split=ignored"))
    visitor.page.get_by_role("button", name="Backbone frozen", exact=True).click()
    visitor.page.locator("#start").click()
    expect(visitor.page.locator("#result-summary")).to_contain_text("39 rows learned from · 2 held out")
    visitor.go()
    visitor.open("Train")
    expect(status).to_contain_text("own.csv: 2 rows to test on.")
    visitor.page.get_by_role("button", name="Hold out rows of the data instead").click()
    expect(estimate).to_contain_text("6 held out")
    expect(status).to_be_empty()


def test_a_column_that_a_text_hardly_tells_is_learned_when_asked_for(visitor, tmp_path):
    counts = [1, 2, 3, *[0] * 37]
    rows = "".join(f"The hall number {i} was full.,{'ab'[i % 2]},{counts[i]}\n" for i in range(40))
    (tmp_path / "halls.csv").write_text("review,label,shares\n" + rows, encoding="utf-8")
    bring(in_train(visitor), tmp_path / "halls.csv")
    expect(summary(visitor)).to_contain_text("shares: left out")
    expect(summary(visitor)).not_to_contain_text("shares has")
    visitor.page.get_by_role("button", name="Learn it nevertheless: shares").click()
    expect(summary(visitor)).to_contain_text("shares has numbers from 0 to 3: a new head.")
    use = visitor.page.get_by_label("What the column shares is used for")
    expect(use).to_have_value("regression")
    expect(use).to_be_focused()


def test_the_doctor_has_room_for_long_names(visit, tmp_path):
    name = "a_name_of_a_column_that_goes_on_and_on_without_an_end_" * 2
    rows = "".join(f"The hall number {i} was full.,{'abcd'[i % 4] if i else 'e'}\n" for i in range(40))
    (tmp_path / "halls.csv").write_text(f"review,{name}\n{rows}", encoding="utf-8")
    visitor = in_train(visit())
    bring(visitor, tmp_path / "halls.csv")
    expect(visitor.page.locator("#data-doctor")).to_contain_text("is seen only once")
    for width in (390, 1180, 1440):
        visitor.page.set_viewport_size({"width": width, "height": 900})
        box = visitor.page.locator("#data-doctor .findings.warning .scroll")
        assert box.evaluate("element => element.scrollWidth <= element.clientWidth")
