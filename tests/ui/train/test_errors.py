"""The held-out rows one by one: filtered by what became of them, with truth and both answers, and as a CSV."""

from __future__ import annotations

import csv
import io
import types

import pytest

from mtl.training import held_out
from mtl.training.held_out import Answer, Judged
from mtl.ui.train.result import errors
from mtl.ui.train.result.errors import Filter

KINDS = {"mood": "classification", "names": "tagging", "stars": "regression"}


def judged(value, truth, sure=None):
    return Judged(value, float(value != truth), () if value == truth else (f"{truth} → {value}",), sure)


def mood(line, text, truth, before, after, sure):
    return Answer("validation", line, (text,), "mood", truth, judged(after, truth, sure), judged(before, truth, 0.5))


SPAN = {"start": 0, "end": 5, "label": "PER"}
ROWS = [
    mood(2, "Fine <b>soup</b>.", "good", "bad", "good", 0.9),
    mood(3, "Grim news.", "bad", "bad", "good", 0.6),
    mood(4, "Dull news.", "bad", "good", "good", 0.8),
    Answer("validation", 5, ("Maria left.",), "names", [SPAN], Judged([], 1.0, ("PER missed",)), None),
    Answer("validation", 6, ("Good.",), "stars", 4.0, Judged(4.5, 0.5), None),
    Answer("validation", 7, ("Bad.",), "stars", 1.0, Judged(3.5, 2.5), None),
]


@pytest.fixture
def progress(tmp_path):
    held_out.write(tmp_path / held_out.NAME, ROWS)
    return types.SimpleNamespace(kinds=KINDS, run=types.SimpleNamespace(folder=tmp_path))


def lines(found):
    return [answer.line for answer in found]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [4, 3]),
        ({"order": "unsure"}, [3, 4]),
        ({"which": "mended"}, [2]),
        ({"which": "broken"}, [3]),
        ({"which": "all", "order": "file"}, [2, 3, 4]),
        ({"mistake": "bad → good", "word": "DULL"}, [4]),
    ],
)
def test_a_filter_passes_what_it_asks_for(asked, expected):
    assert lines(Filter(**{"task": "mood", "which": "wrong", "order": "sure", **asked}).of(ROWS)) == expected


def test_the_page_shows_truth_and_both_answers_escaped(progress):
    page = errors.page(progress, Filter(which="mended"))
    assert "Fine &lt;b&gt;soup" in page and "<b>soup" not in page and "1 of 3 held-out rows" in page
    assert page.count("<dt>") == 3 and "90.0 %" in page


def test_numbers_come_with_the_largest_error_first(progress):
    page = errors.page(progress, Filter(task="stars"))
    assert page.index("Bad.") < page.index("Good.") and 'class="wrong"' not in page


def test_entities_are_marked_with_what_is_wrong(progress):
    page = errors.page(progress, Filter(task="names"))
    assert "<mark" in page and "PER missed" in page


@pytest.mark.parametrize("given", ["", "null", "[]", '{"task": 3, "which": "no", "order": [], "other": 1}', "{" * 9999])
def test_any_filter_that_is_sent_gives_a_page(progress, given):
    assert "held-out rows" in errors.page(progress, Filter.checked(given))


def test_a_run_without_held_out_rows_has_no_such_part(tmp_path):
    nothing = types.SimpleNamespace(kinds=KINDS, run=types.SimpleNamespace(folder=tmp_path))
    assert errors.page(nothing, Filter()) == ""


def test_the_download_has_every_answer(progress):
    header, *rows = csv.reader(io.StringIO(errors.to_csv(progress).decode("utf-8-sig")))
    assert len(rows) == len(ROWS)
    first = dict(zip(header, rows[0], strict=True))
    assert (first["truth"], first["after"], first["before"], first["line"]) == ("good", "good", "bad", "2")
