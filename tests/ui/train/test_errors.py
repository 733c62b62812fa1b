"""The held-out rows: filtered, in slices that open their rows, by confidence; with both answers, and as CSV."""

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
        ({"which": "all", "truth": "bad", "order": "file"}, [3, 4]),
        ({"which": "all", "truth": "good", "answer": "good"}, [2]),
        ({"which": "all", "sure": "8"}, [4]),
        ({"which": "all", "by": "label", "part": "good"}, [2]),
        ({"which": "all", "by": "word", "cut_by": "news", "part": "with “news”", "order": "file"}, [3, 4]),
        ({"part": "no such slice"}, []),
    ],
)
def test_a_filter_passes_what_it_asks_for(asked, expected):
    assert lines(Filter(**{"task": "mood", "which": "wrong", "order": "sure", **asked}).of(ROWS, KINDS)) == expected


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


def test_kinds_of_mistakes_are_counted_in_rows_and_chosen(tmp_path):
    def entity(line, *mistakes):
        return Answer("validation", line, ("Maria left.",), "names", [SPAN], Judged([], 1.0, mistakes), None)

    rows = [entity(1, "PER missed", "PER missed", "ORG invented"), entity(2, "PER → ORG", "PER with a wrong edge")]
    held_out.write(tmp_path / held_out.NAME, rows)
    found = types.SimpleNamespace(kinds=KINDS, run=types.SimpleNamespace(folder=tmp_path))
    page = errors.page(found, Filter())
    for said in ("missed (1)", "invented (1)", "wrong type (1)", "wrong edge (1)", "PER missed (1)", "PER → ORG (1)"):
        assert f">{said}</option>" in page
    assert "1 of 2 held-out rows" in errors.page(found, Filter("names", family="wrong type"))


def test_both_texts_of_a_pair_are_shown(tmp_path):
    pair = Answer("validation", 2, ("One <i>.", "Two <i>."), "mood", "good", judged("bad", "good", 0.7))
    held_out.write(tmp_path / held_out.NAME, [pair])
    found = types.SimpleNamespace(kinds={"mood": "pair_classification"}, run=types.SimpleNamespace(folder=tmp_path))
    page = errors.page(found, Filter())
    assert "One &lt;i&gt;." in page and "Two &lt;i&gt;." in page and "<i>." not in page


def test_a_slice_has_its_figures_before_and_after_and_opens_its_rows(progress):
    page = errors.page(progress, Filter(by="label"))
    assert 'data-part="good"' in page and 'data-part="bad"' in page and "few rows" in page
    assert "right before" in page and "33 % (6 to 79)" in page  # of three rows one
    assert "1 of 3 held-out rows" in errors.page(progress, Filter("mood", which="all", by="label", part="good"))
    numbers = errors.page(progress, Filter(task="stars"))
    assert "mean error after" in numbers and "right before" not in numbers and "1.50 (0.50 to 2.50)" in numbers
    assert "Type a word" in errors.page(progress, Filter(by="word"))


def test_a_word_that_slices_is_escaped(progress):
    page = errors.page(progress, Filter("mood", by="word", cut_by="<script>"))
    assert "without “&lt;script&gt;”" in page and "<script" not in page


def test_confidence_is_drawn_where_answers_have_one_and_a_bin_opens_its_rows(progress):
    page = errors.page(progress, Filter())
    assert "before: expected calibration error" in page and "after: expected calibration error" in page
    assert 'data-sure="9"' in page and "90 to 100 %" in page and "So few rows say little" in page
    assert "calibration" not in errors.page(progress, Filter(task="stars"))


def test_two_hundred_labels_one_class_and_one_row_have_a_page(tmp_path):
    found = types.SimpleNamespace(kinds=KINDS, run=types.SimpleNamespace(folder=tmp_path))
    many = [mood(i, f"Text {i}.", f"label {i % 200}", "x", f"label {i % 199}", 0.5) for i in range(400)]
    for rows in (many, [mood(i, "Text.", "good", "good", "good", 0.5) for i in range(9)], many[:1]):
        held_out.write(tmp_path / held_out.NAME, rows)
        for by in ("length", "label", "word"):
            page = errors.page(found, Filter(by=by))
            assert f"of {len(rows)} held-out row" in page and page.count("<option") < 400
        assert errors.slices_to_csv(found, Filter()).count(b"\n") > 2


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
    assert (first["wrong after"], first["wrong before"]) == ("0", "1")


def test_slices_open_on_the_labels(progress):
    page = errors.page(progress, Filter())
    assert 'data-part="good"' in page and page == errors.page(progress, Filter(by="label"))


def test_the_download_of_slices_has_every_slice_of_every_task(progress):
    asked = Filter(cut_by="news")
    header, *rows = csv.reader(io.StringIO(errors.slices_to_csv(progress, asked).decode("utf-8-sig")))
    found = {(row[0], row[1], row[2]): dict(zip(header, row, strict=True)) for row in rows}
    assert {task for task, *_ in found} == {"mood", "names", "stars"}
    label = found["mood", "label", "bad"]
    assert (label["rows"], label["figure"], label["after"], label["before"]) == ("2", "share right", "0.0", "0.5")
    assert found["mood", "a word in the text", "with “news”"]["rows"] == "2"
    assert float(found["stars", "", "all held-out rows"]["after"]) == 1.5
