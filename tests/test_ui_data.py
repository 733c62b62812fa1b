"""Whatever table is brought: the page says what it understood, takes changes to it, and a run reads it the same way."""

from __future__ import annotations

import gc
import gzip
import json
import re
import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from mtl.config import TaskSpec, TrainConfig, UserError
from mtl.training import jobs
from mtl.training.runs import Runs
from mtl.ui.text import data as words
from mtl.ui.train import data, understood
from mtl.ui.train.data import SAMPLES, latest, safe_name, take, with_choice
from mtl.ui.visits import Registry, Visit

TASKS = {
    "sentiment": TaskSpec("sentiment", "classification", ("negative", "neutral", "positive")),
    "intensity": TaskSpec("intensity", "regression"),
    "entities": TaskSpec("entities", "tagging", ("PER", "ORG", "LOC", "MISC")),
}


def model(limit=256):
    return SimpleNamespace(tasks=TASKS, max_tokens=limit, token_counts=lambda texts: [len(t) // 3 for t in texts])


def write(tmp_path, content, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def brought(tmp_path, content, name="table.csv", visit=None, **reading):
    return take(visit or Visit(0.0), model(), write(tmp_path, content, name), name, **reading)


def rows_of(labels, count=12, header="text,mood"):
    lines = [f"this is sentence number {i} of many,{labels[i % len(labels)]}" for i in range(count)]
    return "\n".join([header, *lines, ""])


def plain(html):
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", "", html)).replace("&#x27;", "'")


# --- every kind of table, the whole way ---

NAMES = ("Ada", "Bob", "Eve", "Kim")
NEWS = [f"{NAMES[i % 4]} met Acme in town {i} times" for i in range(12)]


def spans(i):
    end = len(NAMES[i % 4])
    return json.dumps(
        [{"start": 0, "end": end, "label": "PER"}, {"start": end + 5, "end": end + 9, "label": "ORG"}]
    ).replace('"', '""')


WIDE = "\n".join(
    [" text , stars ,score,names", *(f'{t},{i % 5 + 1},{i / 8},"{spans(i)}"' for i, t in enumerate(NEWS)), "Plain,,,"]
)
WORDS = "Sentence #,Word,POS,Tag\n" + "".join(
    f"Sentence: {i},{NAMES[i % 4]},NNP,B-per\n,flew,VBD,O\n,to,TO,O\n,Málaga,NNP,B-geo\n" for i in range(12)
)
IOB1 = "".join(f"{NAMES[i % 4]} NNP I-NP I-PER\nleft VBD I-VP O\nAcme NNP I-NP I-ORG\n\n" for i in range(12))
BIO = "".join(f"{NAMES[i % 4]} B-PER\nleft O\nAcme B-ORG\nHoldings I-ORG\n\n" for i in range(12))
BARE = "".join(f"It was a fine day number {i}\twarm\nIt rained all day {i}\tcold\n" for i in range(8))


def columns(header, *cells, between=",", end="\n"):
    """Twelve rows of a text and what `cells` (functions of the row's number) say."""
    lines = [between.join([f"the bus number {i} was late", *(cell(i) for cell in cells)]) for i in range(12)]
    return end.join([header, *lines, ""])


def warm(i):
    return ("warm", "cold")[i % 2]


KINDS = {
    "wide": (WIDE, "a.csv", ("stars", "score", "entities"), 13),
    **{
        name: (columns(f"{name},mood", warm), "b.csv", ("mood",), 12)
        for name in ("sentence", "review", "content", "tweet", "whatever")
    },
    "known labels": (columns("review,label", lambda i: ("pos", "neg")[i % 2]), "b.csv", ("sentiment",), 12),
    "markup": (
        "text,names\n" + "".join(f"{t},[{t[:3]}](PER){t[3:]}\n" for t in NEWS),
        "c.csv",
        ("entities",),
        12,
    ),
    "marked text": ("text\n" + "".join(f"[{t[:3]}](PER){t[3:]}\n" for t in NEWS), "c.csv", ("entities",), 12),
    "BIO cells": (
        "text,tags\n" + "".join(f"{t},B-PER O B-ORG O O O O\n" for t in NEWS),
        "d.csv",
        ("entities",),
        12,
    ),
    "one word per row, Latin-1": (WORDS.encode("latin-1"), "ner.csv", ("entities",), 12),
    "IOB1": (IOB1, "eng.conll", ("entities",), 12),
    "BIO": (BIO, "eng.txt", ("entities",), 12),
    "no header": (BARE, "bare.tsv", ("label",), 16),
    "byte order mark": (
        columns("text,mood", warm, end="\r\n").encode("utf-8-sig"),
        "e.csv",
        ("mood",),
        12,
    ),
    "UTF-16": (columns("text,mood", warm).encode("utf-16"), "e.csv", ("mood",), 12),
    "cp1252": (columns("text,mood", lambda i: ("schön", "übel")[i % 2]).encode("cp1252"), "e.csv", ("mood",), 12),
    "semicolons": (columns("text;mood", warm, between=";"), "f.csv", ("mood",), 12),
    "tabs": (columns("text\tmood", warm, between="\t"), "f.tsv", ("mood",), 12),
    "pipes": (columns("text|mood", warm, between="|"), "f.txt", ("mood",), 12),
    "quotes and line ends": (
        "text,mood\n" + '"A ""fine"" day\nand long",warm\n"Dull, grey,\nand short",cold\n' * 5,
        "g.csv",
        ("mood",),
        10,
    ),
    "packed": (gzip.compress(columns("text,mood", warm).encode()), "h.csv.gz", ("mood",), 12),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table_goes_the_whole_way(tmp_path, default_model, kind):
    """Brought, shown, started, and read again by the run's own process: the same rows teach the same tasks."""
    content, name, learns, rows = KINDS[kind]
    visit = Visit(0.0)
    source = take(visit, default_model, write(tmp_path, content, name), name)
    assert source.ready, understood.blocked(source)
    assert (source.learns, source.rows) == (learns, rows)
    for part in (understood.summary, understood.columns, understood.doctor, understood.preview):
        assert part(source)

    run = Runs(tmp_path / "runs").start("me", source.path, TrainConfig(), None, **source.reading)
    told = json.loads((run.folder / "config.json").read_text())
    job = jobs.prepare(run.folder / told["file"], TrainConfig(), told["start_from"], **told["reading"])
    held_out = job.dataset.validation.get("validation", [])
    learnt = [*job.dataset.parts[0].rows, *held_out]
    assert len(learnt) == source.rows
    assert {task for row in learnt for task in row.labels} == {*source.learns}
    assert {spec.name: spec for spec in job.model.tasks} == source.tasks


def test_changes_go_the_whole_way_too(tmp_path, default_model):
    content = "id,review,note,stars\n" + "".join(
        f"{i},the tea was {'cold' if i % 2 else 'hot'} today {i},my long remark about row number {i},{i % 5 + 1}\n"
        for i in range(15)
    )
    visit, path = Visit(0.0), write(tmp_path, content)
    source = take(visit, default_model, path, "tea.csv")
    assert (source.table.text_column, source.learns) == ("review", ("stars",))
    for choice in (
        {"column": "note", "value": "text"},
        {"column": "stars", "label": "1", "value": "known:negative"},
        {"column": "stars", "label": "2", "value": "known:negative"},
        {"column": "stars", "label": "3", "value": "out"},
        {"column": "stars", "label": "4", "value": "known:positive"},
        {"column": "stars", "label": "5", "value": "known:positive"},
    ):
        source = take(visit, default_model, source.path, "tea.csv", **with_choice(source, json.dumps(choice)))
    assert source.table.text_column == "note"
    assert source.learns == ("sentiment",)
    run = Runs(tmp_path / "runs").start("me", source.path, TrainConfig(), None, **source.reading)
    told = json.loads((run.folder / "config.json").read_text())
    job = jobs.prepare(run.folder / told["file"], TrainConfig(validation=0), None, **told["reading"])
    found = [row.labels.get("sentiment") for row in job.dataset.parts[0].rows]
    assert found == ["negative", "negative", None, "positive", "positive"] * 3
    assert "my long remark" in job.dataset.parts[0].rows[0].text
    assert job.model.tasks == default_model.config.tasks


# --- what is said ---


def test_what_was_understood_is_said_in_sentences(tmp_path):
    content = "id,review,sentiment,stars,price\n" + "".join(
        f"row-{i},the tea was fine on day {i},{('pos', 'neg')[i % 2]},{i % 5 + 1},{i / 4}\n" for i in range(20)
    )
    said = plain(understood.summary(brought(tmp_path, content, "tea.csv")))
    assert "tea.csv: 20 rows. Ready to train." in said
    assert "review is the text: by its name." in said
    assert "sentiment has 2 labels: the model's head sentiment goes on learning." in said
    assert "stars has 5 labels: a new head." in said
    assert "price has numbers from 0 to 4.75: a new head." in said
    assert "id: ignored." in said


def test_an_error_blocks_start_until_it_is_mended_or_accepted(tmp_path):
    visit = Visit(0.0)
    source = brought(tmp_path, rows_of(["warm", "cold"]) + ",warm\n", visit=visit)
    assert not source.ready
    said = plain(understood.summary(source))
    assert "Start is blocked by 1 error. Mend the file" in said
    assert "Line 14: The text is empty. The row was left out." in said
    assert data.show(visit, 1)[2]["visible"]
    data.accept_errors(visit, True)
    assert visit.lesson.source.ready
    assert "Ready to train without what has errors." in plain(understood.summary(visit.lesson.source))
    assert "left out, as you said" in plain(understood.doctor(visit.lesson.source))


def test_what_no_row_can_teach_cannot_be_accepted(tmp_path):
    visit = Visit(0.0)
    source = brought(tmp_path, rows_of(["same"]), visit=visit)
    assert source.learns == ()
    assert not data.show(visit, 1)[2]["visible"]
    data.accept_errors(visit, True)
    assert not visit.lesson.source.ready


def test_the_doctor_names_line_column_problem_deed_and_cure():
    source = take(Visit(0.0), model(), SAMPLES / "broken.csv", "broken.csv")
    report = understood.doctor(source)
    levels = re.findall(r'<details class="fold findings (\w+)"( open)?', report)
    assert levels == [("error", " open"), ("warning", " open"), ("note", "")]
    assert "15 entities The span 37 to 73 (LOC)" in plain(report.replace("</td>", " "))
    for part in ("The row is not used for this task.", "Count characters from 0"):
        assert part in plain(report)


def test_a_file_without_faults_is_said_to_be_well(tmp_path):
    assert words.HEALTHY in understood.doctor(brought(tmp_path, rows_of(["warm", "cold"])))


def test_one_new_label_among_known_ones_is_pointed_out(tmp_path):
    source = brought(tmp_path, rows_of(["pos", "neg", "odd"], header="text,sentiment"))
    assert "starts anew, because the model's does not have odd" in plain(understood.summary(source))
    assert '<details class="fold meanings" open>' in understood.columns(source)
    kept = brought(
        tmp_path, rows_of(["pos", "neg", "odd"], header="text,sentiment"), mapping={"sentiment": {"odd": None}}
    )
    assert kept.tasks["sentiment"] == TASKS["sentiment"]


def test_numbers_that_the_models_head_does_not_cover_start_it_anew(tmp_path):
    numbers = [f"{i}.5" for i in range(12)]
    source = brought(tmp_path, rows_of(numbers, header="text,intensity"))
    assert "the head intensity starts anew, because the model's does not fit." in plain(understood.summary(source))
    within = brought(tmp_path, rows_of([f"0.{i}5" for i in range(9)], header="text,intensity"))
    assert "the model's head intensity goes on learning" in plain(understood.summary(within))


# --- choices ---


def source_for_choices(tmp_path, **reading):
    content = "title,body,mood\n" + "".join(f"head {i},a long story about it {i},{warm(i)}\n" for i in range(12))
    return brought(tmp_path, content, **reading)


def choose(source, **choice):
    return with_choice(source, json.dumps(choice))


def test_a_choice_changes_how_the_file_is_read(tmp_path):
    source = source_for_choices(tmp_path)
    assert choose(source, column="mood", value="ignored") == {"roles": {"mood": "ignored"}}
    assert choose(source, column="title", value="text") == {"text": "title"}
    mapped = choose(source, column="mood", label="warm", value="known:positive")
    assert mapped == {"mapping": {"mood": {"warm": "positive"}}}
    assert choose(source, column="mood", label="warm", value="out") == {"mapping": {"mood": {"warm": None}}}
    assert choose(source, column="mood", label="warm", value="new") == {"mapping": {"mood": {"warm": "warm"}}}


def test_another_use_of_a_column_forgets_what_was_said_of_it_before(tmp_path):
    source = source_for_choices(tmp_path, text="title", mapping={"mood": {"warm": None}})
    assert choose(source, column="mood", value="ignored") == {"text": "title", "roles": {"mood": "ignored"}}
    assert choose(source, column="title", value="ignored")["roles"] == {"title": "ignored"}
    assert "text" not in choose(source, column="title", value="ignored")


@pytest.mark.parametrize(
    "hostile", ["", "null", "[]", "{", '{"column": 3, "value": "text"}', '{"value": "text"}', '{"column":{},"value":1}']
)
def test_a_choice_that_is_none_of_the_pages_is_refused(tmp_path, hostile):
    with pytest.raises(UserError, match="not one of the page's"):
        with_choice(source_for_choices(tmp_path), hostile)


@pytest.mark.parametrize(
    "reading",
    [
        {"roles": {"nowhere": "ignored"}},
        {"roles": {"mood": "<b>"}},
        {"text": "nowhere"},
        {"mapping": {"mood": {"warm": "nowhere"}}},
        {"mapping": {"mood": {"nowhere": None}}},
        {"mapping": {"title": {"x": None}}},
    ],
)
def test_a_choice_that_makes_no_sense_leaves_everything_as_it_was(tmp_path, reading):
    visit = Visit(0.0)
    source = source_for_choices(tmp_path, visit=visit)
    with pytest.raises(UserError):
        take(visit, model(), source.path, source.name, **reading)
    assert visit.lesson.source is source
    assert source.path.is_file()


def test_each_column_and_label_has_its_choice(tmp_path):
    html = understood.columns(source_for_choices(tmp_path), revision=7)
    assert 'data-revision="7"' in html
    chosen = re.findall(r'<select data-column="(\w+)"[^>]*>.*?<option value="(\w+)" selected', html)
    assert chosen[:3] == [("body", "text"), ("mood", "classification"), ("mood", "new")]
    # What is about no task of the model may be made to teach one.
    assert html.count('<option value="known:positive"') == 2


def test_of_a_file_with_a_word_per_line_only_the_tags_can_be_left_out(tmp_path):
    source = brought(tmp_path, BIO, "eng.conll")
    assert understood.columns(source).count("<select") == 1 + 2
    ignored = brought(tmp_path, BIO, "eng.conll", roles={"entities": "ignored"})
    assert not ignored.ready
    assert understood.columns(ignored).count("<select") == 1


def test_a_label_can_be_taken_back_from_the_models_head(tmp_path):
    content = rows_of(["pos", "neg"], header="text,sentiment")
    assert brought(tmp_path, content).tasks["sentiment"] == TASKS["sentiment"]
    anew = brought(tmp_path, content, mapping={"sentiment": {"pos": "pos"}})
    assert anew.tasks["sentiment"].labels == ("neg", "pos")


# --- strangers' files ---

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("picture.csv", PNG, "is a PNG image"),
        ("noise.csv", bytes(range(256)) * 200, "does not look like text"),
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"\n \n", "is empty"),
        ("sheet.csv", b"PK\x03\x04" + b"xl/workbook" + bytes(200), "an Excel or other Office file"),
        ("recipe.json", b'{"train_on": [{"file": "/etc/passwd"}]}', "is JSON, not a table"),
        ("cut.csv.gz", gzip.compress(b"text,label\n" * 99)[:40], "cut off"),
        ("bomb.csv.gz", gzip.compress(bytes(30_000_000)), "larger than 20 MB unpacked"),
    ],
)
def test_what_is_no_table_is_refused_and_what_was_there_stays(tmp_path, name, content, message):
    visit = Visit(0.0)
    before = brought(tmp_path, rows_of(["warm", "cold"]), visit=visit)
    said = [*data.read(visit, lambda name: model(), write(tmp_path, content, name), name)]
    assert message in said[-1][0]
    assert "stays what is learnt from" in said[-1][0]
    assert not said[-1][1]
    assert visit.lesson.source is before
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
    assert message in plain(understood.doctor(source)).replace("&quot;", '"')
    assert learns or "Start is blocked" in understood.summary(source)


EVIL = "<img src=x onerror=alert(1)>"


def test_nothing_of_a_strangers_file_is_markup(tmp_path):
    cells = [f'"{EVIL} is what text {i} says","{EVIL}{i % 2}","{EVIL}"' for i in range(12)]
    # An error that quotes a cell, and a warning that quotes a label.
    content = f'text,"{EVIL}","{EVIL}2"\n' + "\n".join(cells) + f'\n,x,"{EVIL}"\na text,{EVIL.upper()}0,y\n'
    source = brought(tmp_path, content, f"{EVIL}.csv".replace("/", ""), roles={EVIL + "2": "regression"})
    for part in (understood.summary, understood.columns, understood.doctor, understood.preview):
        html = part(source)
        assert "&lt;img" in html.lower(), part
        assert "<img" not in html.lower(), part


def test_formulas_are_labels_like_any_other(tmp_path):
    source = brought(tmp_path, rows_of(['"=HYPERLINK(""x"")"', "@SUM(A1)"]))
    assert source.tasks["mood"].labels == ('=HYPERLINK("x")', "@SUM(A1)")
    assert "=HYPERLINK(&quot;x&quot;)" in understood.columns(source)


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
    assert ada.lesson.source.path != bob.lesson.source.path
    assert ada.lesson.source.tasks["mood"].labels == ("cold", "warm")


def test_little_is_kept_of_a_large_table(tmp_path):
    text = "a very long text " * 60
    content = "text,mood\n" + "".join(f"{text}{i},{warm(i)}\n" for i in range(5000))
    source = brought(tmp_path, content)
    assert source.rows == 5000
    assert len(source.table.rows) == len(source.matched.rows) == data.ROWS_KEPT
    kept = sum(len(row.text) for row in (*source.table.rows, *source.matched.rows))
    assert kept <= 2 * data.ROWS_KEPT * data.CHARACTERS_KEPT
    assert understood.preview(source).count("<tr") == 1 + understood.ROWS_SHOWN


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
    source = take(Visit(0.0), model(), write(tmp_path, content), "wide.csv", progress=shares.append)
    assert source.rows == 1000
    assert len(source.learns) == 20
    assert shares == sorted(shares)
    assert len(shares) > 20
    assert shares[-1] == 1.0
    for part in (understood.summary, understood.columns, understood.doctor, understood.preview):
        assert len(part(source)) < 100_000


def test_many_labels_are_shown_in_part(tmp_path):
    source = brought(tmp_path, rows_of([f"label {i}" for i in range(300)], 900))
    html = understood.columns(source)
    assert html.count("<select") == 2 + understood.LABELS_SHOWN
    assert "240 more labels" in html


# --- reading in the background ---


def slow_model(entered, leave):
    def token_counts(texts):
        entered.set()
        assert leave.wait(20)
        return [1] * len(texts)

    return SimpleNamespace(tasks=TASKS, max_tokens=10, token_counts=token_counts)


def test_what_takes_long_says_how_far_it_is(tmp_path):
    visit, entered, leave = Visit(0.0), threading.Event(), threading.Event()
    steps = data.read(visit, lambda name: slow_model(entered, leave), write(tmp_path, rows_of(["a", "b"])), "slow.csv")
    said, changed = next(steps)
    assert "Reading slow.csv" in said
    assert not changed
    assert visit.lesson.source is None
    leave.set()
    assert [*steps][-1] == ("", True)
    assert visit.lesson.source.rows == 12
    assert visit.lesson.reading is None


def test_reading_can_be_stopped(tmp_path):
    visit, entered, leave = Visit(0.0), threading.Event(), threading.Event()
    before = brought(tmp_path, rows_of(["warm", "cold"]), visit=visit)
    path = write(tmp_path, rows_of(["a", "b"]), "slow.csv")
    steps = data.read(visit, lambda name: slow_model(entered, leave), path, "slow.csv")
    next(steps)
    assert entered.wait(20)
    data.stop_reading(visit)
    leave.set()
    said, changed = [*steps][-1]
    assert words.STOPPED in said
    assert not changed
    assert visit.lesson.source is before


def test_a_new_file_takes_the_place_of_one_still_being_read(tmp_path):
    visit, entered, leave = Visit(0.0), threading.Event(), threading.Event()
    path = write(tmp_path, rows_of(["a", "b"]), "slow.csv")
    slow = data.read(visit, lambda name: slow_model(entered, leave), path, "slow.csv")
    next(slow)
    assert entered.wait(20)
    quick = [*data.read(visit, lambda name: model(), SAMPLES / "tickets.csv", "tickets.csv")]
    assert quick[-1] == ("", True)
    leave.set()
    assert [*slow] == []
    assert visit.lesson.source.name == "tickets.csv"


def test_closing_the_page_ends_the_reading(tmp_path):
    visit, entered, leave = Visit(0.0), threading.Event(), threading.Event()
    path = write(tmp_path, rows_of(["a", "b"]), "slow.csv")
    steps = data.read(visit, lambda name: slow_model(entered, leave), path, "slow.csv")
    next(steps)
    assert entered.wait(20)
    task = visit.lesson.reading
    steps.close()
    leave.set()
    task.join(20)
    assert not task.is_alive()
    assert visit.lesson.source is None


def test_large_files_are_read_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "_LARGE", 10)
    ada, bob = Visit(0.0), Visit(0.0)
    entered, leave = threading.Event(), threading.Event()
    path = write(tmp_path, rows_of(["a", "b"]))
    first = data.read(ada, lambda name: slow_model(entered, leave), path, "one.csv")
    next(first)
    assert entered.wait(20)
    second = data.read(bob, lambda name: model(), path, "two.csv")
    assert "two.csv is large and waits" in next(second)[0]
    leave.set()
    assert [*first][-1] == [*second][-1] == ("", True)


# --- what to begin with ---


def test_a_newcomer_begins_with_a_sample():
    path, name, reading = latest([])
    assert (path, name, reading) == (SAMPLES / "workshop.csv", "workshop.csv", {})
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
    )
    shutil.rmtree(run.folder / "data")
    assert latest(runs.find("me")) == (SAMPLES / "reviews.csv", "reviews.csv", {})


def test_only_samples_can_be_picked():
    assert data.sample("news.conll") == SAMPLES / "news.conll"
    for name in ("../style.css", "nothing.csv", ""):
        with pytest.raises(UserError):
            data.sample(name)


def test_before_there_is_a_file_nothing_is_shown():
    shown = data.show(Visit(0.0), 0)
    assert shown[0] is None
    assert [*shown[1::2]][:1] == [""]
    with pytest.raises(UserError, match="No file yet"):
        data.accept_errors(Visit(0.0), True)


def test_paths_of_this_machine_are_not_said(tmp_path):
    said = [*data.read(Visit(0.0), lambda name: model(), tmp_path / "gone.csv", "gone.csv")][-1][0]
    assert str(Path(tmp_path)) not in said
