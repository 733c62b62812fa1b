"""Step 5 as plain functions: a table of new rows is read, answered by the model in use, and given back with answers."""

from __future__ import annotations

import json
import types
from dataclasses import replace
from functools import partial

import pandas as pd
import pytest
import torch

import mtl
from mtl import checkpoint, predictions
from mtl.__main__ import main
from mtl.config import ModelConfig, UserError
from mtl.ui.train.predict import step as predict
from mtl.ui.train.predict import view, words
from mtl.ui.train.state import Reading
from mtl.ui.visitors import Registry, Visit
from tests.calls import read_when
from tests.handlers import TASKS
from tests.uploads import plain, write

EVIL = "=SUM(A1) <img src=x>"


def table(rows=300, header="id,remark,sentiment"):
    moods = ("positive", "negative", "")
    lines = [f'r{i},"{EVIL} number {i}, of many",{moods[i % 3]}' for i in range(rows)]
    return "\n".join([header, *lines, "x,,positive", ""])


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    """The page's own model, as a checkpoint."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model") / "checkpoint"
    checkpoint.save(checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS)), folder)
    return folder


@pytest.fixture
def session(folder, session_of):
    session = session_of(mtl.load(folder))
    session.engine.wait = lambda: None
    session.runs = types.SimpleNamespace(root=folder.parents[1] / "runs")
    return session


def last(steps):
    return [*steps][-1]


def bring(session, visit, tmp_path, content, name="new rows.csv"):
    return last(predict.on_file(session, visit, str(write(tmp_path, content, name))))


def answered(session, tmp_path, content):
    visit = Visit(0.0)
    bring(session, visit, tmp_path, content)
    return visit, last(predict.answer(session, visit))


def test_only_the_chosen_heads_answer(session, folder, tmp_path):
    visit = Visit(0.0)
    bring(session, visit, tmp_path, table())
    shown = predict.show(session, visit, 1)
    assert shown.heads.visible and shown.heads.value == [*session.engine.model().tasks]
    shown = predict.on_heads(session, visit, ["sentiment"])
    assert shown.run.interactive and "--tasks sentiment" in shown.command
    said = plain(last(predict.answer(session, visit, ["sentiment"])).result)
    assert "sentiment: right on" in said and "intensity" not in said
    saved, theirs = predict.save(".csv", visit, tmp_path), tmp_path / "theirs.csv"
    options = ["--model", str(folder), "--tasks", "sentiment"]
    assert main(["predict", str(tmp_path / "new rows.csv"), str(theirs), *options]) == 0
    assert saved.read_bytes() == theirs.read_bytes()
    # None is no choice; it is kept for another table.
    assert not predict.on_heads(session, visit, []).run.interactive
    with pytest.raises(UserError, match="No head is chosen"):
        last(predict.answer_rows(session, visit, visit.train.new_rows.source, Reading()))


def test_the_files_are_those_of_the_command_line_to_the_last_byte(session, folder, tmp_path):
    visit, shown = answered(session, tmp_path, table())
    said = plain(shown.result)
    assert "300 rows answered by Built-in English model in" in said and "1 more has no text" in said
    assert "Against the labels of the table: sentiment: right on" in said and "of 200." in said
    assert shown.csv.visible and shown.parquet.visible and not shown.stop.visible and shown.progress == ""
    for ending in predictions.ENDINGS:
        saved = predict.save(ending, visit, tmp_path)
        assert saved.name == f"new rows-answers{ending}"
        theirs = tmp_path / f"theirs{ending}"
        assert main(["predict", str(tmp_path / "new rows.csv"), str(theirs), "--model", str(folder)]) == 0
        assert saved.read_bytes() == theirs.read_bytes()
    columns = [*pd.read_csv(tmp_path / "theirs.csv")]
    assert columns[:5] == ["line", "id", "remark", "sentiment", "predicted sentiment"]
    assert len(pd.read_parquet(tmp_path / "theirs.parquet")) == 301


def test_the_first_rows_are_shown_with_their_probability_and_nothing_of_them_is_markup(session, tmp_path):
    visit, shown = answered(session, tmp_path, table(30))
    answer = visit.train.new_rows.answers.first[0]
    share = answer.sentiment.probabilities[answer.sentiment.label]
    assert f"{answer.sentiment.label} ({100 * share:.1f} %)" in plain(shown.result)
    assert "The first 20 of 30 rows are shown" in shown.result and "<img" not in shown.result
    first_rows = shown.result.partition(words.FIRST)[2]
    assert first_rows.count("<tr") == 21


def test_rows_where_the_table_says_something_else_are_listed_for_a_look(session, tmp_path):
    visit, shown = answered(session, tmp_path, table(30))
    found = visit.train.new_rows.answers
    columns = pd.read_parquet(predict.save(".parquet", visit, tmp_path))
    labelled = columns[columns["sentiment"].ne("") & columns["predicted sentiment"].notna()]
    differ = labelled[labelled["sentiment"].ne(labelled["predicted sentiment"])]
    assert 0 < found.wrong == len(differ)
    first, row = found.differences[0], differ.iloc[0]
    assert (first.line, first.label, first.answer) == (row["line"], row["sentiment"], row["predicted sentiment"])
    assert f"{found.wrong} labels of the table are not what the model answers" in plain(shown.result)


def test_unfamiliar_rows_are_marked(session_of, default_model, tmp_path):
    content = "text\nThe soup was warm and good.\nWir fahren morgen mit dem Zug nach Hamburg.\n"
    visit, shown = answered(session_of(default_model), tmp_path, content)
    assert "1 unlike the texts that this model knows" in plain(shown.result)
    assert shown.result.count('class="unfamiliar"') == 1
    assert visit.train.new_rows.answers.agreement == []


def test_what_a_head_was_not_learnt_from_is_said_with_its_answers(tiny, session_of, tmp_path):
    tasks = (replace(TASKS[0], only_where='kind is "<b>"'), *TASKS[1:])
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=tasks))
    _, shown = answered(session_of(model), tmp_path, table(3))
    assert f'{TASKS[0].name} was learnt from rows whose kind is "<b>"' in plain(shown.result)
    assert "<b>" not in shown.result and shown.result.count("was learnt from") == 1


def test_a_text_column_can_be_chosen_and_an_answer_waits_for_it(session, tmp_path):
    visit = Visit(0.0)
    bring(session, visit, tmp_path, "a,b\n1,2\n3,4\n5,6\n")
    shown = predict.show(session, visit, 1)
    assert words.NO_TEXT in shown.reading and not shown.run.interactive
    with pytest.raises(UserError, match="No column looks like text"):
        last(predict.answer(session, visit))
    last(predict.on_choice(session, visit, json.dumps({"column": "a", "value": "text"})))
    shown = predict.show(session, visit, 2)
    assert "a is the text" in plain(shown.reading) and shown.run.interactive
    assert "teaches" not in shown.reading and "--text a" in shown.command
    assert "3 rows answered" in plain(last(predict.answer(session, visit)).result)


def test_what_is_no_table_is_refused_and_the_one_before_stays(session, tmp_path):
    visit, _ = answered(session, tmp_path, table(10))
    source, answers = visit.train.new_rows.source, visit.train.new_rows.answers
    refused = bring(session, visit, tmp_path, b"\x89PNG\r\n\x1a\n" + bytes(500), "picture.csv")
    assert "is a PNG image" in refused.status and "new rows.csv is still the table to answer" in refused.status
    assert (visit.train.new_rows.source, visit.train.new_rows.answers) == (source, answers)
    with pytest.raises(UserError, match="No table yet"):
        last(predict.answer(session, Visit(0.0)))


def test_a_model_without_heads_says_that_it_has_no_answers(session_of, headless, tmp_path):
    _, shown = answered(session_of(headless), tmp_path, table(10))
    assert words.NO_HEADS in shown.progress and shown.run.visible and shown.result == ""


def test_too_many_rows_are_refused_with_another_way(session, tmp_path, monkeypatch):
    monkeypatch.setattr(view, "MOST_ROWS", 9)
    visit = Visit(0.0)
    bring(session, visit, tmp_path, table(10))
    assert "10 rows are too many for this page" in predict.show(session, visit, 1).reading
    with pytest.raises(UserError, match="use the command below"):
        last(predict.answer(session, visit))


def test_what_is_answered_when_it_is_stopped_is_offered(session, tmp_path):
    visit = Visit(0.0)
    bring(session, visit, tmp_path, table(700))
    lines = []
    for shown in predict.answer(session, visit):
        lines.append(plain(shown.progress))
        if "256 of 700 rows answered · about" in lines[-1]:
            assert shown.stop.visible and not shown.run.visible
            predict.stop_answering(visit)
    assert lines[-2].startswith("256 of 700") and visit.train.new_rows.answering is None
    assert "The first 256 of 700 rows answered by" in plain(shown.result) and words.STOPPED_AFTER in shown.result
    assert len(pd.read_csv(predict.save(".csv", visit, tmp_path))) == 256


def test_stopped_before_any_row_there_is_nothing_to_download(session, tmp_path, monkeypatch):
    visit = Visit(0.0)
    bring(session, visit, tmp_path, table(10))
    monkeypatch.setattr(predict, "read_rows", partial(read_when, tmp_path / "never"))
    steps = predict.answer(session, visit)
    assert "Reading new rows.csv" in next(steps).progress
    predict.stop_answering(visit)
    shown = last(steps)
    assert words.STOPPED in shown.progress and not shown.csv.visible and shown.run.visible
    with pytest.raises(UserError):
        predict.save(".csv", visit, tmp_path)


def test_another_table_ends_the_answering_of_the_one_before(session, tmp_path):
    visit = Visit(0.0)
    bring(session, visit, tmp_path, table(700))
    steps = predict.answer(session, visit)
    while "256 of 700" not in next(steps).progress:
        pass
    old = visit.train.new_rows.source.path
    bring(session, visit, tmp_path, table(10), "other.csv")
    shown = last(steps)
    assert shown.progress == "" and not shown.csv.visible and not old.parent.exists()
    assert visit.train.new_rows.source.name == "other.csv" and visit.train.new_rows.answers is None


def test_answers_by_a_model_that_is_no_longer_in_use_say_so(session, folder, tmp_path):
    visit, _ = answered(session, tmp_path, table(10))
    assert "These answers are by" not in predict.show(session, visit, 1).result
    visit.train.model = folder
    shown = predict.show(session, visit, 1)
    assert "These answers are by Built-in English model. The model in use now is checkpoint" in plain(shown.result)
    assert shown.run.value == "Answer 10 rows again with checkpoint" and "checkpoint" in shown.model
    assert "10 rows answered by checkpoint" in plain(last(predict.answer(session, visit)).result)
    assert "These answers are by" not in predict.show(session, visit, 1).result


def test_sessions_have_answers_of_their_own_that_go_with_them(session, tmp_path):
    registry = Registry()
    ada, bob = registry.visit("ada"), registry.visit("bob")
    for visit, rows in ((ada, 5), (bob, 7)):
        bring(session, visit, tmp_path, table(rows))
        last(predict.answer(session, visit))
    folders = [visit.train.new_rows.answers.folder for visit in (ada, bob)]
    assert folders[0] != folders[1] and folders[0].parent.stat().st_mode & 0o077 == 0
    assert len(pd.read_csv(predict.save(".csv", ada, tmp_path))) == 6
    registry.release("ada")
    assert not folders[0].exists() and folders[1].exists()
    with pytest.raises(UserError):
        predict.save(".csv", ada, tmp_path)
