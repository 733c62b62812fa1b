"""A server that is started again, on a disk that was emptied meanwhile, as a Space's is: an open page goes on."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.labelling import Labeller
from tests.browser.serving import served_page
from tests.browser.training import Trainer
from tests.proxy import free_port

LONG = 300_000
SENTENCES = ("The soup was warm.", "The tram is late again.")


@pytest.mark.slow
def test_sentences_labels_runs_and_the_model_in_use_come_back(context, tmp_path):
    (tmp_path / "bucket").mkdir()
    settings, port = {"MTL_BUCKET": str(tmp_path / "bucket")}, free_port()
    rows = tmp_path / "rows.csv"
    rows.write_text("remark,sentiment\nThe soup was cold.,negative\nA fine day.,positive\n")
    with served_page(settings=settings, port=port) as url:
        trainer = Trainer(context, url)
        visitor, page = trainer.visitor, trainer.page
        chip, answers, forgotten = (page.locator(name) for name in ("#model-chip", "#rows-answers", "#used-before"))
        trainer.begin(1)
        page.locator("#use-model").click(timeout=LONG)
        expect(chip).to_contain_text("run 1 · heads only")
        page.locator("#rows-file input[type=file]").set_input_files(rows)
        page.get_by_role("button", name="Answer 2 rows with run 1").click()
        expect(answers).to_contain_text("2 rows answered by run 1")
        page.locator("#reset-model").click()
        expect(answers).to_contain_text("These answers are by run 1. The model in use now is")
        expect(page.get_by_role("button", name="Answer 2 rows again with Built-in English model")).to_be_enabled()
        page.locator("#use-model").click()
        expect(answers).not_to_contain_text("These answers are by")
        expect(chip).to_contain_text("run 1")
        labeller = Labeller(visitor)
        labeller.add_labels("good, bad")
        labeller.add(["A fine day.", "The soup was cold.", "It rains.", "We won."])
        labeller.press("1")
        labeller.press("2")
        visitor.open("Overview")
        visitor.paste("\n".join(SENTENCES))
        last = page.locator("#overview .answers > li").last
        expect(last).to_contain_text(SENTENCES[1])
        since = page.evaluate("performance.timeOrigin")
        while not [*tmp_path.glob("bucket/*/ticket.json")]:  # within seconds
            page.wait_for_timeout(200)
    visitor.box.press("Control+End")
    page.keyboard.type(" While it is away.")
    expect(visitor.status).to_contain_text("The server does not answer. Your sentences are kept")
    expect(page.locator("body")).to_have_class(re.compile("stale"))
    with served_page(settings=settings, port=port):
        visitor.wait_until("since => performance.timeOrigin !== since", since)
        expect(last).to_contain_text("While it is away.")
        expect(visitor.box).to_be_focused()
        page.keyboard.type(" And back.")
        expect(last).to_contain_text("While it is away. And back.")
        expect(forgotten).to_contain_text("The model of run 1 is still there.")
        expect(chip).to_contain_text("Built-in English model")
        visitor.errors.clear()  # of connections that were refused
        trainer.come_back()  # what is not decided is asked again
        expect(trainer.progress).to_contain_text("Done")
        page.get_by_role("button", name="Use run 1 again").click()
        expect(chip).to_contain_text("run 1")
        expect(forgotten).to_be_hidden()
        labeller = Labeller(visitor)
        expect(labeller.count).to_have_text("2 of 4 labelled")
        labeller.press("u")
        expect(labeller.count).to_have_text("1 of 4 labelled")
        trainer.come_back()
        expect(chip).to_contain_text("run 1")
        expect(forgotten).to_be_hidden()
    page.close()
