"""All answers as one JSON object: what is read when, what is kept, what is drawn and said."""

from __future__ import annotations

import json
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtl
from mtl.clusters import MOST
from mtl.config import UserError
from mtl.ui import answers
from mtl.ui.embeddings import view as plots
from mtl.ui.engine import Engine
from mtl.ui.models import Models
from mtl.ui.sentences import Sentences
from mtl.ui.visitors import Asked, Registry
from tests.handlers import TEXTS

LINES = "\n".join(TEXTS)


@pytest.fixture
def session(model, session_of):
    return session_of(model)


def ask(session, visitor="me", **asked):
    return answers.answer(session, session.registry.visit(visitor), Asked.checked(asked))


# --- reading ---


def test_one_pass_per_sentence_and_the_result_is_kept(session, counted):
    found = ask(session, lines=LINES)
    assert "6 sentences · one pass · " in found["status"] and found["texts"] == list(TEXTS)
    assert counted == {"analyze": 1, "encode": 0}
    assert tuple(session.registry.visit("me").work.texts) == TEXTS
    assert session.registry.visit("someone else").work is None


def test_a_keystroke_costs_the_changed_line_alone(session, monkeypatch):
    ask(session, lines=LINES)
    read = []
    model = session.engine.model()
    analyze = model.analyze
    monkeypatch.setattr(model, "analyze", lambda texts, *rest: read.extend(texts) or analyze(texts, *rest))
    found = ask(session, lines=LINES.replace("fine", "finer"))
    assert read == ["A finer day."] and set(found["rows"]) == {"A finer day."}
    assert "6 sentences · 1 new, one pass" in found["status"]
    found = ask(session, lines="\n".join(reversed(TEXTS)))
    assert read == ["A finer day.", "A fine day."] and found["texts"] == list(reversed(TEXTS))
    found = ask(session, lines="\n".join(reversed(TEXTS)))
    assert len(read) == 2 and "nothing new to read" in found["status"] and found["rows"] == {}


def test_what_was_new_in_an_answer_that_nobody_heard_is_new_still(session, counted):
    lost = ask(session, lines=LINES)
    found = ask(session, lines=LINES, again=True)
    assert (found["status"], found["rows"], found["saved"]) == (lost["status"], lost["rows"], lost["saved"])
    more = ask(session, lines=LINES + "\nOne more.", again=True)
    assert set(more["rows"]) == {*TEXTS, "One more."} and "7 sentences · one pass" in more["status"]
    assert counted["analyze"] == 2
    assert "nothing new to read" in ask(session, lines=LINES)["status"]


def test_a_sentence_that_stands_twice_is_read_once_and_shown_twice(session):
    found = ask(session, lines="The same.\nThe same.\nAnother.")
    assert found["texts"] == ["The same.", "The same.", "Another."] and len(found["rows"]) == 2
    assert found["nearest"][0][:2] == [1, 0]


def test_anew_reads_all_again_and_all_rows_sends_them_again(session, counted):
    ask(session, lines=LINES)
    assert set(ask(session, all_rows=True)["rows"]) == set(TEXTS)
    assert counted["analyze"] == 1
    assert "6 sentences · one pass" in ask(session, lines=LINES, anew=True)["status"]
    assert counted["analyze"] == 2


def test_many_sentences_are_read_in_parts_that_tell_their_progress(session, monkeypatch):
    monkeypatch.setattr(answers, "PART", 2)
    first, second, third = ask(session, lines=LINES), ask(session), ask(session)
    assert set(first) == set(second) == {"progress"}
    assert "2 of 6 sentences" in first["progress"] and "s left" in first["progress"]
    assert "4 of 6 sentences" in second["progress"] and "width:67%" in second["progress"]
    assert third["texts"] == list(TEXTS) and set(third["rows"]) == set(TEXTS)


def test_sentences_that_were_put_away_are_asked_for(session):
    assert ask(session) == {"lines": True}
    ask(session, lines=LINES)
    session.registry.release("me")
    assert ask(session) == {"lines": True}


@pytest.mark.parametrize("nothing", ["", "  \n \n", "\u200b"])
def test_nothing_to_analyze_keeps_what_was_there(session, nothing):
    ask(session, lines="A sentence.")
    before = session.registry.visit("me").work
    found = ask(session, lines=nothing)
    assert answers.EMPTY in found["problem"] and 'class="status bad"' in found["problem"]
    assert session.registry.visit("me").work is before


def test_another_model_answers_anew(session, session_of, headless):
    ask(session, lines=LINES)
    one = session.registry.visit("me").work.model.identity
    other = session_of(headless).models.shared(None, "me")
    other.identity = "another"
    session.models.shared = lambda path, visitor: other
    found = ask(session, lines=LINES)
    assert found["model"] == "another" != one and set(found["rows"]) == set(TEXTS)
    assert [colouring["name"] for colouring in found["colourings"]] == [plots.CLUSTERS]


# --- what is asked and answered ---


ANYTHING = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text() | st.none())


@given(st.dictionaries(st.sampled_from([*vars(Asked()), "more"]), ANYTHING))
def test_whatever_a_browser_sends_is_a_question(given):
    asked = Asked.checked(given)
    assert asked.method in ("umap", "pca") and asked.dims in (2, 3)
    assert asked.lines is None or isinstance(asked.lines, str)
    assert all(isinstance(view, str) for view in asked.views) and all(type(row) is int for row in asked.chosen)
    assert asked.clusters == 0 or 2 <= asked.clusters <= MOST
    assert {type(value) for value in (asked.pooling, asked.head, asked.order, asked.colour, asked.like)} == {str}
    assert Asked.checked(list(given)) == Asked()


def test_views_are_drawn_where_they_are_in_sight(session):
    found = ask(session, lines=LINES, views=["letters", "unknown"])
    assert found["views"] == {"letters": str(sum(map(len, TEXTS)))}
    assert ask(session)["views"] == {}


def test_of_chosen_sentences_it_says_what_they_have_in_common_and_nothing_else(session, counted):
    assert ask(session, chosen=[0]) == {"lines": True}
    ask(session, lines=LINES)
    vectors = session.registry.visit("me").work.vectors("mean")
    (nearest,) = ask(session, chosen=[3])["chosen"].values()
    cosines = vectors @ vectors[3]
    assert [row for row, _ in nearest] == [row for row in np.argsort(-cosines) if row != 3]
    assert nearest[0][1] == pytest.approx(cosines[nearest[0][0]], abs=1e-3)
    assert ask(session, chosen=[0, 2])["chosen"]["mean"] == pytest.approx(vectors[0] @ vectors[2], abs=1e-3)
    three = [vectors[i] @ vectors[j] for i, j in ((0, 1), (0, 2), (1, 2))]
    assert ask(session, chosen=[2, 0, 1, 0, 99, -1])["chosen"]["mean"] == pytest.approx(np.mean(three), abs=1e-3)
    assert ask(session, chosen=[99]) == {"chosen": {}}
    assert counted == {"analyze": 1, "encode": 0}


def test_words_are_answered_by_the_sentences_nearest_to_them_and_nothing_else(session, counted):
    assert ask(session, like="letters") == {"lines": True}
    ask(session, lines=LINES)
    found = ask(session, like=TEXTS[3])["like"]
    assert found[0] == (3, pytest.approx(1, abs=1e-3)) and len(found) == 5
    assert [cosine for _, cosine in found] == sorted((cosine for _, cosine in found), reverse=True)
    assert "texts" in ask(session, like=" ")
    assert counted == {"analyze": 1, "encode": 1}


def test_an_answer_is_json(session):
    found = json.loads(answers.answer_or_problem(session, "me", {"lines": "One <i>.\nTwo."}))
    assert found["shown"] == 2 and found["texts"] == ["One <i>.", "Two."]
    assert "<i>." not in found["rows"]["One <i>."]


def test_one_pass_is_set_beside_a_pass_for_each_task(session):
    said = ask(session, lines=LINES)["saved"]
    assert "One pass" in said and "for 6 sentences in " in said and "3 passes, " in said
    assert "at the server's start" in said
    assert "saved" not in ask(session)


def test_a_text_that_is_too_long_is_reported(session):
    said = ask(session, lines="Short.\n" + "word " * 10_000)["status"]
    assert "Sentence 2 is longer than the model reads" in said and str(session.engine.model().max_tokens) in said


def test_sentences_without_a_known_word_are_reported(session_of):
    said = ask(session_of(mtl.load()), lines="Short.\n😡🤮\n" + "x" * 300)["status"]
    assert "Sentences 2, 3 have no word that the model knows" in said


def test_a_model_that_cannot_be_loaded_is_said_in_plain_words():
    engine = Engine("no/such/folder-of-mine")
    with pytest.raises(UserError, match="could not be loaded: .*folder-of-mine"):
        engine.model()
    session = types.SimpleNamespace(engine=engine, models=Models(engine), registry=Registry())
    found = json.loads(answers.answer_or_problem(session, "me", {"lines": "A sentence."}))
    assert "folder-of-mine" in found["problem"] and "Traceback" not in found["problem"]


def test_a_files_labels_are_known_whichever_of_its_sentences_are_left():
    upload = Sentences(("a", "b", "c"), {"mood": ("sad", None, "glad"), "stars": (1.0, 2.0, 3.0)})
    assert answers.labels_in(upload) == {"mood": ["glad", "sad"], "stars": []}
    assert answers.labels_in(None) == {}


def test_labels_follow_their_sentence():
    upload = Sentences(("a", "b", "a"), {"x": (1.0, 2.0, 3.0)})
    assert answers.labels_for(("a", "b", "a"), upload) == {"x": (1.0, 2.0, 3.0)}
    assert answers.labels_for(("b", "new", "a"), upload) == {"x": (2.0, None, 3.0)}
    assert answers.labels_for(("new",), upload) == {}
    assert answers.labels_for(("a",), None) == {}
