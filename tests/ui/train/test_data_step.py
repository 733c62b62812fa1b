"""What strangers upload is refused or read in the background, kept for its own session only, and deleted with it."""

from __future__ import annotations

import gc
import gzip
import json
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from mtl import sandbox
from mtl.config import TrainConfig, UserError
from mtl.training.runs.service import Runs
from mtl.ui.page import UNCHANGED
from mtl.ui.train.data import step as data
from mtl.ui.train.data import view, words
from mtl.ui.train.data.step import SAMPLES, latest, safe_name
from mtl.ui.train.data.tables import MOST_CHARACTERS, MOST_ROWS, read_for
from mtl.ui.train.link import Link
from mtl.ui.train.run.step import ready_source
from mtl.ui.train.state import Reading
from mtl.ui.visitors import Registry, Visit
from tests.calls import read_when
from tests.uploads import brought, model, plain, rows_of, session_of, take, write

# --- strangers' files ---

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("picture.csv", PNG, "is a PNG image"),
        ("picture #1.png", PNG, "picture #1.png is a PNG image"),
        ("noise.csv", bytes(range(256)) * 200, "does not look like text"),
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"\n \n", "is empty"),
        ("sheet.csv", b"PK\x03\x04" + b"xl/workbook" + bytes(200), "is damaged"),
        ("recipe.json", b'{"train_on": [{"file": "/etc/passwd"}]}', "This is a recipe"),
        ("cut.csv.gz", gzip.compress(b"text,label\n" * 99, mtime=0)[:40], "cut off"),
        ("bomb.csv.gz", gzip.compress(bytes(30_000_000), mtime=0), "larger than 20 MB unpacked"),
    ],
)
def test_what_is_no_table_is_refused_and_what_was_there_stays(tmp_path, name, content, message):
    visit = Visit(0.0)
    before = brought(tmp_path, rows_of(["warm", "cold"]), visit=visit)
    result = last(reading(visit, write(tmp_path, content, name), name))
    assert message in result.status
    assert f"{before.name} is still the data to learn from." in result.status
    assert result.data is UNCHANGED
    assert visit.train.source is before
    assert before.path.is_file()


def test_a_file_over_the_limit_is_refused(tmp_path):
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.truncate(20_000_001)
    with pytest.raises(UserError, match="up to 20 MB"):
        take(Visit(0.0), model(), path, "big.csv")


@pytest.mark.parametrize(
    ("content", "learns", "message"),
    [
        ("text,mood\n", (), "There is no row with a text"),
        ("text,mood\nonly one row here,warm\n", (), "there is nothing to tell apart"),
        (rows_of(["warm"]), (), "there is nothing to tell apart"),
        (rows_of(["3"], header="text,score").replace(",3", ",3.5"), (), "Every number is 3.5"),
        ("a,b\n1,2.5\n2,3.5\n", (), "No column looks like text"),
        ("text\nsome words\nmore words\n", (), "No column holds labels"),
        (rows_of([f"l{i}" for i in range(100)], 300), ("mood",), "There are 100 different labels"),
        (rows_of([f"l{i}" for i in range(600)], 1800), (), "a head tells at most 500 apart"),
        (rows_of(["warm", "cold"]).replace("number 3", "number\x003"), ("mood",), "NUL"),
        (rows_of(["warm", "k\xfchl"]).encode("latin-1"), ("mood",), "The file is not in UTF-8"),
        (rows_of(["warm"], 40) + "the last one is,cold\nand this one,cold\n", ("mood",), 'in 40 rows and "cold" in 2'),
        (rows_of(["warm", "cold"]) + "word " * 300 + ",warm\n", ("mood",), "The model reads the first 256"),
    ],
)
def test_what_is_odd_about_a_table_is_said(tmp_path, content, learns, message):
    source = brought(tmp_path, content)
    assert source.learns == learns
    assert source.ready == bool(learns)
    assert message in plain(view.doctor(source))
    assert learns or "Start is blocked" in view.summary(source)


EVIL = "<img src=x onerror=alert(1)>"


def test_nothing_of_a_strangers_file_is_markup(tmp_path):
    cells = [f'"{EVIL} is what text {i} says","{EVIL}{i % 2}","{EVIL}"' for i in range(12)]
    # An error that quotes a cell, and a warning that quotes a label.
    content = f'text,"{EVIL}","{EVIL}2"\n' + "\n".join(cells) + f'\n,x,"{EVIL}"\na text,{EVIL.upper()}0,y\n'
    source = brought(tmp_path, content, f"{EVIL}.csv".replace("/", ""), roles={EVIL + "2": "regression"})
    for part in (view.summary, view.columns, view.doctor, view.preview):
        html = part(source)
        assert "&lt;img" in html.lower(), part
        assert "<img" not in html.lower(), part


def test_formulas_are_labels_like_any_other(tmp_path):
    source = brought(tmp_path, rows_of(['"=HYPERLINK(""x"")"', "@SUM(A1)"]))
    assert source.tasks["mood"].labels == ('=HYPERLINK("x")', "@SUM(A1)")
    assert '=HYPERLINK("x")' in plain(view.columns(source))


def test_a_recipe_never_becomes_a_recipe_of_the_servers(tmp_path):
    """Runs read a file called .json as a list of other files on this machine."""
    table = rows_of(["warm", "cold"])
    assert brought(tmp_path, table, "table.json").path.suffix == ".txt"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("reviews.csv", "reviews.csv"),
        ("my reviews (2).tsv", "my reviews (2).tsv"),
        ("../../etc/passwd", "passwd.txt"),
        ("..\\..\\boot.ini", "boot.ini.txt"),
        ("/", "table.txt"),
        ("", "table.txt"),
        ("...", "table.txt"),
        (".csv", "csv.txt"),
        ("con.csv", "_con.csv"),
        ("NUL.tar.csv", "_NUL.tar.csv"),
        ("settings.json", "settings.json.txt"),
        ("a\x00b\n$(rm).csv", "a_b_(rm).csv"),
        ("données.csv", "données.csv"),
        ("table.parquet", "table.parquet"),
        ("table.csv.gz", "table.csv.gz"),
        ("x" * 300 + ".csv", "x" * 76 + ".csv"),
    ],
)
def test_a_copy_has_a_name_that_every_system_takes(name, safe):
    assert safe_name(name) == safe


def test_the_copy_is_deleted_when_it_is_replaced(tmp_path):
    visit = Visit(0.0)
    first = brought(tmp_path, rows_of(["warm", "cold"]), visit=visit)
    assert first.path.parent != tmp_path
    second = brought(tmp_path, rows_of(["calm", "wild"]), visit=visit)
    assert not first.path.parent.exists()
    take(visit, model(), SAMPLES / "reviews.csv", "reviews.csv")
    assert not second.path.parent.exists()
    assert (SAMPLES / "reviews.csv").is_file()
    brought(tmp_path, rows_of(["warm", "cold"]), visit=visit)
    assert (SAMPLES / "reviews.csv").is_file()


def test_the_copy_is_deleted_with_its_session(tmp_path):
    now = [0.0]
    registry = Registry(max_age=10, clock=lambda: now[0])
    copy = brought(tmp_path, rows_of(["warm", "cold"]), visit=registry.visit("ada")).path
    now[0] = 5.0
    registry.visit("bob")
    assert copy.is_file()
    now[0] = 12.0
    registry.visit("bob")
    gc.collect()
    assert not copy.parent.exists()


def test_sessions_have_copies_of_their_own(tmp_path):
    ada, bob = Visit(0.0), Visit(0.0)
    brought(tmp_path, rows_of(["warm", "cold"]), visit=ada)
    brought(tmp_path, rows_of(["calm", "wild"]), visit=bob)
    assert ada.train.source.path != bob.train.source.path
    assert ada.train.source.tasks["mood"].labels == ("cold", "warm")


def test_little_is_kept_of_a_large_table(tmp_path):
    text = "a very long text " * 60
    content = "text,mood\n" + "".join(f"{text}{i},{('warm', 'cold')[i % 2]}\n" for i in range(5000))
    source = brought(tmp_path, content)
    assert source.rows == 5000
    assert len(source.table.rows) == len(source.matched.rows) == MOST_ROWS
    kept = sum(len(row.text) for row in (*source.table.rows, *source.matched.rows))
    assert kept <= 2 * MOST_ROWS * MOST_CHARACTERS
    assert view.preview(source).count("<tr") == 1 + view.ROWS_SHOWN


def test_spans_beyond_what_is_kept_are_not_shown(tmp_path):
    cell = json.dumps([[0, 3, "PER"], [900, 903, "PER"]]).replace('"', '""')
    content = "text,names\n" + f'{"Ada " * 300},"{cell}"\n' * 3
    source = brought(tmp_path, content)
    assert [len(row.labels["names"]) for row in source.table.rows] == [1, 1, 1]


def test_a_million_cells_with_a_thousand_columns(tmp_path):
    """Read with progress; the page shows part of it, and no more heads begin than anybody would want."""
    numbers = ",".join(f"{i}.5" for i in range(999))
    lines = [f"the text of row number {i},{numbers if i % 2 else numbers[::-1]}" for i in range(1000)]
    content = "text," + ",".join(f"c{i}" for i in range(999)) + "\n" + "\n".join(lines) + "\n"
    shares = []
    source = take(Visit(0.0), model(), write(tmp_path, content), "wide.csv", shares=shares)
    assert source.rows == 1000
    assert len(source.learns) == 20
    assert shares == sorted(shares)
    assert len(shares) > 5  # one in every tenth of a second
    assert shares[-1] == 1.0
    for part in (view.summary, view.columns, view.doctor, view.preview):
        assert len(part(source)) < 100_000


def test_many_labels_are_shown_in_part(tmp_path):
    source = brought(tmp_path, rows_of([f"label {i}" for i in range(300)], 900))
    html = view.columns(source)
    assert html.count("<select") == 2 + view.LABELS_SHOWN
    assert "240 more labels" in html


# --- what is asked ---


def two_texts(names):
    rows = "".join(f"The hall number {i} was full.,A crowd came on day {i}.,{i % 2}\n" for i in range(12))
    return ",".join(names) + ",label\n" + rows


def test_a_question_shows_the_rows_under_each_reading_and_start_waits_for_the_answer(tmp_path):
    visit, session = Visit(0.0), session_of(model())
    source = brought(tmp_path, two_texts(["review", "comment"]), visit=visit)
    assert not source.ready and "Start waits for an answer" in view.summary(source)
    asked = view.questions(source)
    assert "Which column is the text?" in asked
    with pytest.raises(UserError, match="needs an answer first"):
        ready_source(visit.train)
    assert asked.count("<li") == 6 and "The hall number 2 was full." in asked and "A crowd came on day 0." in asked
    assert taken(last(data.on_choice(session, visit, '{"question": 0, "reading": 1}')))
    source = visit.train.source
    assert source.ready and source.table.text_column == "comment" and source.reading == {"text": "comment"}
    assert view.questions(source) == ""


def test_two_texts_that_seem_to_belong_together_are_asked_about(tmp_path):
    visit, session = Visit(0.0), session_of(model())
    rows = "".join(f"The hall was full on {i} days.,A full hall on {i} days.,{i % 2}\n" for i in range(12))
    source = brought(tmp_path, "first,then,label\n" + rows, visit=visit)
    assert not source.ready and "seem to belong together" in view.doctor(source)
    assert "Both: first and then belong together." in view.questions(source)
    assert taken(last(data.on_choice(session, visit, '{"question": 0, "reading": 0}')))
    source = visit.train.source
    assert source.ready and source.table.text_columns == ["first", "then"] and source.learns == ("label",)
    assert source.reading == {"text": "first", "roles": {"then": "text_b"}}


def test_the_names_of_tags_that_are_numbers_are_asked_for(tmp_path):
    visit, session = Visit(0.0), session_of(model())
    content = "tokens,ner_tags\n" + "".join(
        f"\"['Ada', 'ran', 'home', 'on', 'day', '{i}']\",\"[1, 0, 0, 0, 0, 0]\"\n" for i in range(12)
    )
    source = brought(tmp_path, content, visit=visit)
    asked = view.questions(source)
    assert source.learns == () and "What are the names of the tags in ner_tags?" in asked
    assert "at least 2 names" in asked and "Ada 1 · ran 0 · home 0" in asked
    assert "--names" not in view.doctor(source)
    named = '{"question": 0, "names": "O, B-PER"}'
    assert taken(last(data.on_choice(session, visit, named)))
    assert visit.train.source.table.tasks()["ner_tags"].labels == ("PER",)
    brought(tmp_path, content, visit=visit)
    assert taken(last(data.on_choice(session, visit, '{"question": 0, "reading": 0}')))
    assert visit.train.source.table.tasks()["ner_tags"].labels == ("1",)
    for wrong in (
        '{"question": 0, "names": ","}',
        '{"question": 5}',
        '{"question": 0, "reading": 7}',
        '{"question": []}',
    ):
        with pytest.raises(UserError):
            last(data.on_choice(session, visit, wrong))


# --- reading in a process of its own ---


def reading(visit, path, name="slow.csv"):
    return data.read(session_of(model()), visit, path, name)


def last(steps):
    return [*steps][-1]


def taken(result):
    """Whether a file was read to its end, and is what to learn from now."""
    return (result.status, result.data, result.stop.visible) == ("", 1, False)


@pytest.fixture
def leave(tmp_path, monkeypatch):
    """Until this file is there, tables are being read."""
    leave = tmp_path / "leave"
    monkeypatch.setattr(data, "read_for", partial(read_when, leave))
    return leave


@pytest.fixture
def slow(tmp_path):
    return write(tmp_path, rows_of(["a", "b"]), "slow.csv")


def test_what_takes_long_says_how_far_it_is(slow, leave):
    visit = Visit(0.0)
    steps = reading(visit, slow)
    result = next(steps)
    assert "Reading slow.csv" in result.status and result.stop.visible
    assert result.data is UNCHANGED
    assert visit.train.source is None
    leave.touch()
    assert taken(last(steps))
    assert visit.train.source.rows == 12
    assert visit.train.reading is None


def test_reading_can_be_stopped(tmp_path, slow, monkeypatch):
    visit = Visit(0.0)
    before = brought(tmp_path, rows_of(["warm", "cold"]), visit=visit)
    monkeypatch.setattr(data, "read_for", partial(read_when, tmp_path / "never"))
    steps = reading(visit, slow)
    next(steps)
    data.stop_reading(visit)
    result = last(steps)
    assert words.STOPPED in result.status and not result.stop.visible
    assert result.data is UNCHANGED
    assert visit.train.source is before


def test_a_new_file_takes_the_place_of_one_still_being_read(slow, leave, monkeypatch):
    visit = Visit(0.0)
    first = reading(visit, slow)
    next(first)
    monkeypatch.setattr(data, "read_for", read_for)
    assert taken(last(reading(visit, SAMPLES / "tickets.csv", "tickets.csv")))
    assert [*first] == []
    assert visit.train.source.name == "tickets.csv"


def test_closing_the_page_ends_the_reading_and_deletes_the_copy(slow, leave, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # tests beside this one make copies as well
    visit = Visit(0.0)
    steps = reading(visit, slow)
    next(steps)
    assert [*tmp_path.glob("mtl-upload-*")]
    steps.close()
    assert visit.train.reading is None
    assert not [*tmp_path.glob("mtl-upload-*")]


def test_a_large_file_that_waits_for_another_says_so(slow, leave, tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "LARGE", 10)
    first = reading(Visit(0.0), slow)
    next(first)
    second = reading(Visit(0.0), slow, "two.csv")
    assert "two.csv waits until another file has been read" in next(second).status
    leave.touch()
    assert taken(last(first)) and taken(last(second))


def test_thirty_who_bring_the_same_file_at_once_are_all_answered(tmp_path):
    """Gradio keeps what is uploaded by its content: all of them are given the same path."""
    path = write(tmp_path, rows_of(["warm", "cold"]), "same.csv")
    visits = [Visit(0.0) for _ in range(30)]
    with ThreadPoolExecutor(30) as pool:
        results = [*pool.map(lambda visit: last(reading(visit, path, "same.csv")), visits)]
    assert all(taken(result) for result in results)
    assert {visit.train.source.rows for visit in visits} == {12}
    assert len({visit.train.source.path for visit in visits}) == 30
    assert path.is_file()


# --- what to begin with ---


def test_a_newcomer_begins_with_a_sample():
    path, name, reading, _ = latest([])
    assert (path, name, reading) == (SAMPLES / "tickets.csv", "tickets.csv", {})
    assert {*words.SAMPLE_NAMES} == {path.name for path in SAMPLES.iterdir()}


def test_who_comes_back_finds_the_file_of_the_newest_run(tmp_path):
    runs = Runs(tmp_path / "runs")
    path = write(tmp_path, rows_of(["warm", "cold"]), "mine.csv")
    runs.start("me", SAMPLES / "reviews.csv")
    time.sleep(0.01)
    run = runs.start("me", path, text="text", roles={"mood": "ignored"})
    assert latest(runs.find("me")) == (
        run.folder / "data" / "mine.csv",
        "mine.csv",
        {"text": "text", "roles": {"mood": "ignored"}},
        None,
    )
    shutil.rmtree(run.folder / "data")
    assert latest(runs.find("me")) == (SAMPLES / "reviews.csv", "reviews.csv", {}, None)


def test_only_samples_can_be_picked():
    session, visit = session_of(model()), Visit(0.0)
    assert taken(last(data.on_sample(session, visit, "news.conll")))
    assert visit.train.source.path == SAMPLES / "news.conll" == SAMPLES / data.show(visit, 1).samples
    for name in ("../style.css", "nothing.csv", ""):
        with pytest.raises(UserError):
            last(data.on_sample(session, visit, name))


def test_a_choice_is_read_at_once_can_be_undone_and_follows_the_model(tmp_path):
    session, visit = session_of(model()), Visit(0.0)
    path = write(tmp_path, rows_of(["warm", "cold", "mild"]))
    result = last(data.on_file(session, visit, str(path)))
    assert taken(result) and result.file is None
    choice = {"column": "mood", "label": "warm", "value": view.OUT}
    assert taken(last(data.on_choice(session, visit, json.dumps(choice))))
    assert data.show(visit, 1).reset.visible and visit.train.source.learns == ("mood",)
    assert [*data.on_settings(session, visit)] == []
    visit.train.start_from = "another model"
    assert taken(last(data.on_settings(session, visit)))
    assert visit.train.source.reading == {"mapping": {"mood": {"warm": None}}}
    assert visit.train.source.start_from == "another model"
    assert taken(last(data.on_reset(session, visit)))
    assert not data.show(visit, 1).reset.visible and visit.train.source.reading == {}


def test_before_there_is_a_file_there_is_nothing_to_show_or_choose():
    shown = data.show(Visit(0.0), 0)
    assert not any((shown.linked, shown.samples, shown.summary, shown.columns, shown.reset.visible))
    with pytest.raises(UserError, match="No file yet"):
        last(data.on_reset(session_of(model()), Visit(0.0)))


# --- rows of one's own to test on ---


def test_rows_of_ones_own_are_tested_on_kept_through_choices_and_given_up(tmp_path):
    visit, session = Visit(0.0), session_of(model())
    brought(tmp_path, rows_of(["warm", "cold"]), visit=visit)
    own = write(tmp_path, "text,mood\nthis is sentence number 3 of many,cold\nanother one,warm\n", "test.csv")
    result = last(data.on_test_file(session, visit, str(own)))
    source = visit.train.source
    assert taken(result) and (source.row_counts.given, source.validation.name) == ((11, 2), "test.csv")
    assert source.validation.path.is_file() and source.validation.path != own
    shown = data.show(visit, result.data)
    assert "test.csv: 2 rows to test on. Of table.csv, 11 rows to learn from." in plain(shown.tested_on)
    assert "in line 5" in plain(shown.tested_on) and shown.no_test.visible
    last(data.on_choice(session, visit, json.dumps({"column": "text", "value": "text"})))
    assert visit.train.source.validation == source.validation and source.validation.path.is_file()
    last(data.on_no_test_file(session, visit))
    assert visit.train.source.validation is None and not source.validation.path.exists()
    assert data.show(visit, 1).tested_on == ""


def test_rows_to_test_on_that_do_not_fit_are_refused_and_other_data_leaves_them_behind(tmp_path):
    visit, session = Visit(0.0), session_of(model())
    brought(tmp_path, rows_of(["warm", "cold"]), visit=visit)
    result = last(data.on_test_file(session, visit, str(write(tmp_path, "body,mood\na b c d e,warm\n", "test.csv"))))
    assert "test.csv has no text column" in plain(result.status) and result.data is UNCHANGED
    last(data.on_test_file(session, visit, str(write(tmp_path, "text,mood\nanother one,warm\n", "test.csv"))))
    result = last(data.on_sample(session, visit, "tickets.csv"))
    assert "test.csv is no longer tested on" in plain(result.status) and visit.train.source.validation is None


def test_who_comes_back_finds_the_rows_to_test_on_of_the_newest_run(tmp_path):
    runs = Runs(tmp_path / "runs")
    path = write(tmp_path, rows_of(["warm", "cold"]), "mine.csv")
    run = runs.start("me", path, validation=write(tmp_path, "text,mood\nanother one,warm\n", "mine.csv"))
    assert latest(runs.find("me"))[3].path == run.folder / "validation" / "mine.csv"


def test_a_link_says_which_rows_to_test_on_and_waits_for_them(tmp_path):
    session = session_of(model())
    link = Link(name="tickets.csv", sample=True, validation="test.csv")
    visit, result = arrived(session, link)
    assert "This link tests on test.csv" in plain(data.show(visit, result.data).tested_on)
    assert visit.train.as_link("own") == link
    own = write(tmp_path, "ticket,team,urgency\nThe lamp is broken again.,hardware,low\n", "test.csv")
    last(data.on_test_file(session, visit, str(own)))
    assert visit.train.source.validation.name == "test.csv" and visit.train.awaited == ""
    assert visit.train.as_link("own") == link


# --- a link ---

ABOUT = {"columns": ("text", "mood"), "reading": {"mapping": {"mood": {"warm": "positive", "cold": None}}}}


def arrived(session, link=None):
    """A visitor who has come by a link, or not, once step 1 has done what it asks; and what that said."""
    visit = Visit(0.0)
    visit.train.linked = link
    if link:
        visit.train.config = link.config
    return visit, last(data.arrive(session, visit))


def test_a_link_about_a_sample_brings_it_as_it_was_read_with_the_settings():
    reading = {"roles": {"team": "ignored"}}
    link = Link(TrainConfig(epochs=2), name="tickets.csv", sample=True, reading=reading)
    visit, result = arrived(session_of(model()), link)
    assert taken(result) and result.status == ""
    assert (visit.train.source.name, visit.train.source.reading) == ("tickets.csv", reading)
    assert visit.train.as_link("own") == link and visit.train.linked is None


def test_a_link_about_a_sample_that_cannot_be_read_so_says_why():
    link = Link(name="tickets.csv", sample=True, reading={"roles": {"<b>": "ignored"}})
    visit, result = arrived(session_of(model()), link)
    assert "There is no column &#39;&lt;b&gt;&#39;" in result.status and 'class="status bad"' in result.status
    assert visit.train.source.reading == {} and visit.train.linked is None


def test_a_link_about_a_file_names_it_and_is_applied_once_it_is_there(tmp_path):
    session = session_of(model())
    link = Link(TrainConfig(epochs=2, freeze_heads=("mood",)), name="<i>mine.csv", **ABOUT)
    visit, result = arrived(session, link)
    shown = data.show(visit, result.data)
    assert visit.train.source is None and shown.summary == "" and "<i>" not in shown.linked
    assert "This link is about <i>mine.csv" in plain(shown.linked) and "Its columns: “text”, “mood”." in plain(
        shown.linked
    )
    assert visit.train.as_link("own") == link  # and so does a page that is loaded again
    visit.train.config = TrainConfig(epochs=2)  # a form without the file has no such head
    # Another file than that says which columns it lacks, and which it has instead.
    other = write(tmp_path, rows_of(["warm", "cold"], header="text,Mood"), "other.csv")
    result = last(data.on_file(session, visit, str(other)))
    assert "It has no column “mood”. Of its own columns the link does not know “Mood”." in plain(result.status)
    assert visit.train.source.name == "other.csv" and visit.train.source.reading == {}
    assert "<i>mine.csv" in plain(data.show(visit, 1).linked)
    mine = write(tmp_path, rows_of(["warm", "cold", "mild"]), "mine.csv")
    result = last(data.on_file(session, visit, str(mine)))
    assert "has been applied to mine.csv" in plain(result.status) and data.show(visit, 1).linked == ""
    assert visit.train.source.reading == ABOUT["reading"] and visit.train.config == link.config
    assert visit.train.source.table.columns[1].name == "mood" and not visit.train.source.misfit


def test_a_file_with_the_columns_but_not_the_labels_of_a_link_says_so(tmp_path):
    session = session_of(model())
    visit, _ = arrived(session, Link(name="mine.csv", **ABOUT))
    result = last(data.on_file(session, visit, str(write(tmp_path, rows_of(["hot", "icy"]), "mine.csv"))))
    assert "The table has no label" in plain(result.status) and visit.train.source.reading == {}


def test_who_takes_a_sample_waits_for_no_file():
    session = session_of(model())
    visit, _ = arrived(session, Link(name="mine.csv", **ABOUT))
    assert taken(last(data.on_sample(session, visit, "news.conll")))
    assert data.show(visit, 1).linked == "" and visit.train.source.name == "news.conll"


def test_the_file_of_ones_newest_run_need_not_be_brought_again(tmp_path):
    session = session_of(model())
    runs = Runs(tmp_path / "runs")
    runs.start("me", write(tmp_path, rows_of(["warm", "cold", "mild"]), "mine.csv"))
    session.runs.find = lambda owner: runs.find("me")
    visit, result = arrived(session, Link(name="mine.csv", **ABOUT))
    assert "applied to mine.csv" in result.status and visit.train.source.reading == ABOUT["reading"]


def test_who_chooses_before_the_page_has_begun_is_not_overruled():
    session, visit = session_of(model()), Visit(0.0)
    steps = data.on_sample(session, visit, "news.conll")
    visit.train.reading = Reading()
    assert [*data.arrive(session, visit)] == []
    assert taken(last(steps)) and visit.train.source.name == "news.conll"


def test_a_link_about_settings_alone_leaves_the_data_to_the_page():
    session = session_of(model())
    visit, _ = arrived(session, Link(TrainConfig(epochs=2)))
    assert visit.train.source.name == "tickets.csv" and visit.train.config.epochs == 2
    assert (visit.train.linked, visit.train.opening) == (None, None)
    visit, _ = arrived(session)
    assert visit.train.opening == visit.train.as_link("own")


def test_paths_of_this_machine_are_not_said(tmp_path):
    result = last(reading(Visit(0.0), tmp_path / "gone.csv", "gone.csv"))
    assert str(Path(tmp_path)) not in result.status
