"""Step 5 of the Train tab in a real browser, and the model in use after the server was started again."""

from __future__ import annotations

import codecs
import re

from playwright.sync_api import expect

LONG = 240_000


def bring(page, tmp_path, rows, name="new rows.csv"):
    texts = ("The soup was warm and good.", "The tram is late again.", "Wir fahren morgen mit dem Zug nach Hamburg.")
    lines = [f"{texts[i % 3]},{('positive', 'negative', '')[i % 3]}" for i in range(rows)]
    path = tmp_path / name
    path.write_text("\n".join(["remark,sentiment", *lines, ",positive", ""]), encoding="utf-8")
    page.locator("#rows-file input[type=file]").set_input_files(path)
    expect(page.locator("#rows-reading")).to_contain_text(f"{name}: {rows:,} rows. remark is the text.")


def test_new_rows_are_answered_shown_and_taken_away(visit, tmp_path):
    visitor = visit()
    page = visitor.page
    visitor.open("Train")
    bring(page, tmp_path, 9)
    page.locator("#rows-heads").get_by_label("topic").uncheck()
    page.get_by_role("button", name="Answer 9 rows with Built-in English model").click()
    answers = page.locator("#rows-answers")
    expect(answers).to_contain_text(re.compile(r"9 rows answered by Built-in English model in .+; 1 more has no text"))
    expect(answers).to_contain_text("sentiment: right on 6 of 6")
    expect(answers.locator("tbody tr")).to_have_count(9)
    expect(answers.locator("tr", has=page.locator(".unfamiliar"))).to_have_count(3)
    assert visitor.flaws() == []
    header, *rows = visitor.download("Download CSV").removeprefix(codecs.BOM_UTF8).splitlines()
    assert header.startswith(b"line,remark,sentiment,predicted sentiment,") and len(rows) == 10
    assert b"predicted entities" in header and b"topic" not in header
    assert visitor.download("Download Parquet").startswith(b"PAR1")
    page.locator("#rows-command summary").click()
    command = page.locator("#copy-rows-command")
    heads = "--tasks sentiment,intensity,entities"
    expect(command).to_have_value(f"python -m mtl predict 'new rows.csv' answers.csv {heads}")
    page.locator("#rows-fill-path").fill("~/mine.csv")
    expect(command).to_have_value(f"python -m mtl predict ~/mine.csv answers.csv {heads}")
    # How it was read is opened by hand, and read in another way; the answers before are no longer of this table.
    page.locator("#rows-reading summary").first.click()
    page.get_by_label("What the column sentiment is used for").locator("visible=true").last.select_option("ignored")
    expect(answers).to_be_empty()
    expect(page.get_by_role("button", name="Answer 9 rows with")).to_be_enabled()


def test_answering_is_stopped_and_what_is_answered_is_kept(visit, tmp_path):
    visitor = visit()
    page = visitor.page
    visitor.open("Train")
    bring(page, tmp_path, 30_000, "many.csv")
    page.locator("#answer-rows").click()
    expect(page.locator("#rows-progress")).to_contain_text(re.compile(r"of 30,000 rows answered · about .+ left"))
    page.locator("#stop-rows").click()
    expect(page.locator("#rows-answers")).to_contain_text("of 30,000 rows answered by", timeout=10_000)
    expect(page.locator("#rows-answers")).to_contain_text("Stopped: the files hold the rows")
    expect(page.locator("#stop-rows")).to_be_hidden()
