"""The page in a browser that comes through a proxy, below a root path, and what its uploads are told when refused."""

from __future__ import annotations

import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.serving import served_page
from tests.browser.visiting import Visitor
from tests.proxy import proxied


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """The address of a page that is served below a path of a proxy, and takes small uploads alone."""
    settings = {"GRADIO_ROOT_PATH": "/lab/play", "MTL_ADDRESS_UPLOADS_GB": "0.0001"}
    settings["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("files"))
    with served_page(settings=settings) as url, proxied(url, "/lab/play") as outside:
        yield outside


@pytest.fixture
def learner(context, behind):
    page = context.new_page()
    page.set_viewport_size({"width": 1440, "height": 900})
    visitor = Visitor(page, behind)
    yield visitor
    page.close()
    assert visitor.errors == []
    assert visitor.elsewhere == []


def test_the_page_works_below_a_root_path(learner, tmp_path):
    learner.analyze("Ada lives in London.", "The soup was cold.", "I love this park.")
    learner.similarities(3)
    for tab in ("Sentiment", "Entities", "Train", "Compare", "Learn"):
        learner.open(tab)
    learner.open("Sentiment")
    assert learner.download("Download CSV").count(b"\r\n") == 4
    path = tmp_path / "lines.txt"
    path.write_text("One line.\nAnother line.\n")
    learner.upload(path)
    expect(learner.status).to_contain_text("2 sentences · one pass")


def test_a_program_asks_below_the_root_path(learner, behind):
    place = learner.page.locator("#programs")
    place.get_by_text("Use from a program").click()
    for language, run in (("curl", ["sh", "-s"]), ("Python", [sys.executable, "-"])):
        place.get_by_role("button", name=language, exact=True).click()
        program = learner.page.locator("#copy-program").input_value()
        assert behind.rstrip("/") in program
        done = subprocess.run(run, input=program, capture_output=True, text=True, timeout=120)
        assert "probabilities" in done.stdout, done.stderr


def test_an_upload_that_is_refused_says_why(learner, tmp_path):
    path = tmp_path / "many.txt"
    path.write_text("A line of a file that is too much for now.\n" * 5_000)
    learner.upload(path)
    expect(learner.page.locator("body")).to_contain_text("The server holds as many files from your network address")
    # The browser itself notes every answer that is an error.
    learner.errors[:] = [error for error in learner.errors if "429" not in error]
