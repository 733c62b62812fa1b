"""The box of sentences: what a file becomes, and what the browser is told."""

from __future__ import annotations

import pytest

from mtl.ui import answers, box
from mtl.ui.visitors import Asked


@pytest.fixture
def session(model, session_of):
    return session_of(model)


def of_file(session, path):
    """What an upload comes to, without what is said while the file is being read."""
    versions = box.of_file(session, session.registry.visit("me"), str(path))
    return [read for read in versions if "reading" not in read.news]


def ask(session, **asked):
    return answers.answer(session, session.registry.visit("me"), Asked(**asked))


def test_an_upload_fills_the_box_brings_its_labels_and_is_left_to_others_who_upload_the_same(session, tmp_path):
    path = tmp_path / "moods.csv"
    path.write_text("text,mood\nA very good day.,good\nA very bad day.,bad\nAnother good day.,good\n", "utf-8")
    (read,) = of_file(session, path)
    assert read.news["lines"].splitlines() == ["A very good day.", "A very bad day.", "Another good day."]
    assert read.file is None and path.exists()
    assert "moods.csv: 3 sentences." in ask(session, file=True)["status"]
    visit = session.registry.visit("me")
    assert visit.work.labels == {"mood": ("good", "bad", "good")}
    ask(session, lines="A new line.\nA very bad day.")
    assert visit.work.labels == {"mood": (None, "bad")}
    ask(session, lines="A new line.")
    assert visit.work.labels == {}


def test_a_file_that_cannot_be_read_changes_nothing(session, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (read,) = of_file(session, path)
    assert "PNG image" in read.news["status"] and "lines" not in read.news
    assert read.file is None
    assert session.registry.visit("me").upload is None


def test_the_same_twice_is_news_twice(session):
    assert box.news(session, status="The same.") != box.news(session, status="The same.")
