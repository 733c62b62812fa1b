"""Whatever table is brought: the page says what it understood, and a run reads it the same way."""

from __future__ import annotations

import gzip
import json
import re

import pytest

from mtl.config import TrainConfig, UserError
from mtl.training import jobs
from mtl.training.runs.service import Runs
from mtl.ui.train.data import view as understood
from mtl.ui.train.data.step import SAMPLES, with_choice
from mtl.ui.visitors import Visit
from tests.uploads import TASKS, brought, model, plain, rows_of, take, write

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
    "several labels": (
        columns("text,moods", lambda i: ("warm; dry", "[]", "cold", "warm")[i % 4]),
        "i.csv",
        ("moods",),
        12,
    ),
    "a column for each label": (
        columns("text,warm,dry,cold", lambda i: ("1,1,0", "0,0,0", "0,,1", "1,0,0")[i % 4]),
        "j.csv",
        ("labels",),
        12,
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
    assert "review is the text: 20 distinct texts, 7 words on average." in said
    assert "sentiment has 2 labels: the model's head sentiment goes on learning." in said
    assert "stars has 5 labels: a new head." in said
    assert "price has numbers from 0 to 4.75: a new head." in said
    assert "id: ignored." in said


def test_rows_that_cannot_be_used_are_named_and_block_nothing(tmp_path):
    source = brought(tmp_path, rows_of(["warm", "cold"]) + ",warm\n")
    assert source.ready
    said = plain(understood.summary(source))
    assert "Ready to train." in said
    assert "Line 14, column text: The text is empty. The row is skipped." in said
    assert "Errors 1 · left out" in plain(understood.doctor(source))


def test_what_teaches_nothing_blocks_start(tmp_path):
    source = brought(tmp_path, rows_of(["same"]))
    assert source.learns == () and not source.ready
    assert "Start is blocked: no column teaches anything." in plain(understood.summary(source))
    junk = brought(tmp_path, "\n".join(f"lorem {i} ipsum dolor sit amet" for i in range(100)), "junk.txt")
    assert "Start is blocked: this file holds texts alone" in plain(understood.summary(junk))


def test_a_heading_of_the_doctors_counts_what_stands_below_it(tmp_path):
    source = brought(tmp_path, rows_of(["warm,1", "cold,2", "warm,", "cold,"], 40, header="text,mood,stars"))
    assert [(f.code, f.count) for f in source.table.findings] == [("label-blank", 20)]
    said = plain(understood.doctor(source))
    assert "Remarks 1 ·" in said and "The same in 19 more places" in said


def test_the_doctor_names_line_column_problem_deed_and_cure():
    source = take(Visit(0.0), model(), SAMPLES / "broken.csv", "broken.csv")
    report = understood.doctor(source)
    levels = re.findall(r'<details class="fold findings (\w+)"( open)?', report)
    assert levels == [("error", " open"), ("warning", " open"), ("note", "")]
    assert "15 entities The span 37 to 73 (LOC)" in plain(report.replace("</td>", " "))
    for part in ("The row is not used for this task.", "Count characters from 0"):
        assert part in plain(report)


def test_a_file_without_faults_is_said_to_be_well(tmp_path):
    assert "Nothing is wrong with this file." in understood.doctor(brought(tmp_path, rows_of(["warm", "cold"])))


def test_one_new_label_among_known_ones_is_pointed_out(tmp_path):
    source = brought(tmp_path, rows_of(["pos", "neg", "odd"], header="text,sentiment"))
    assert "starts afresh, because the model's lacks odd" in plain(understood.summary(source))
    assert '<details class="fold meanings" open>' in understood.columns(source)
    kept = brought(
        tmp_path, rows_of(["pos", "neg", "odd"], header="text,sentiment"), mapping={"sentiment": {"odd": None}}
    )
    assert kept.tasks["sentiment"] == TASKS["sentiment"]


def test_numbers_that_the_models_head_does_not_cover_start_it_anew(tmp_path):
    numbers = [f"{i}.5" for i in range(12)]
    source = brought(tmp_path, rows_of(numbers, header="text,intensity"))
    assert "the head intensity starts afresh, because the model's does not fit." in plain(understood.summary(source))
    within = brought(tmp_path, rows_of([f"0.{i}5" for i in range(9)], header="text,intensity"))
    assert "the model's head intensity goes on learning" in plain(understood.summary(within))


# --- choices ---


def source_for_choices(tmp_path, **reading):
    content = "title,body,mood\n" + "".join(f"head {i},a long story about it {i},{warm(i)}\n" for i in range(12))
    return brought(tmp_path, content, **reading)


def choose(source, **choice):
    return with_choice(source, json.dumps(choice))


def test_a_table_whose_tasks_are_all_known_says_what_one_can_learn_from_it(tmp_path):
    known = brought(tmp_path, rows_of(["pos", "neg"], header="review,label"))
    assert "knows all of these tasks" in understood.summary(known)
    assert "knows all of these tasks" not in understood.summary(source_for_choices(tmp_path))


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
    assert visit.train.source is source
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


def test_a_column_that_says_which_rows_train_is_shown_and_can_be_given_another_use(tmp_path):
    sides = ["train"] * 8 + ["val"] * 4
    content = "text,mood,split\n" + "".join(f"a text number {i},{'ab'[i % 2]},{side}\n" for i, side in enumerate(sides))
    visit = Visit(0.0)
    source = brought(tmp_path, content, visit=visit)
    assert "split says which rows train: 8 do, 4 are held out." in plain(understood.summary(source))
    assert '<option value="split" selected>which rows train</option>' in understood.columns(source)
    assert with_choice(source, json.dumps({"column": "split", "value": "ignored"})) == {"roles": {"split": "ignored"}}
    one_sided = brought(tmp_path, content.replace("val", "train"), visit=visit, roles={"split": "split"})
    assert "holds no row out" in plain(understood.summary(one_sided))


def test_a_column_that_a_text_hardly_tells_is_left_out_and_has_a_button(tmp_path):
    lines = [f"the bus number {i} was late,{warm(i)},{(0, 0, 0, 0, i % 4)[i % 5]},{i}" for i in range(40)]
    table = "\n".join(["text,mood,shares,row", *lines])
    source = brought(tmp_path, table)
    assert [*source.matched.specs] == ["mood"]
    html, said = understood.columns(source), plain(understood.summary(source))
    assert "shares: left out, as a text hardly tells what they hold" in said and "row: ignored." in said
    # Before what is ignored for good, so that it is seen.
    assert html.index('data-column="shares"') < html.index('data-column="row"')
    [button] = re.findall(r"<button.*?>", html)
    column, value = re.search(r'data-column="(.*?)".* value="(.*?)"', button).groups()
    chosen = with_choice(source, json.dumps({"column": column, "value": value}))
    learned = brought(tmp_path, table, **chosen)
    assert [*learned.matched.specs] == ["mood", "shares"] and "<button" not in understood.columns(learned)
    assert "<button" not in understood.columns(source, teaching=False)
