"""What the functions for programs answer, and the sentence that says what is wrong with a call."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mtl.checkpoint import derive
from mtl.config import ModelConfig, TaskSpec, UserError
from mtl.ui.programs import functions
from mtl.ui.programs.functions import FUNCTIONS, MOST_COMPARED, MOST_PAIRS
from mtl.ui.programs.service import Programs
from mtl.ui.sentences import MAX_SENTENCES
from tests.handlers import TASKS, TEXTS

PAIRED = (TaskSpec("same", "pair_classification", ("no", "yes")),)


@pytest.fixture
def asked(model, session_of):
    return session_of(model).models.shared(None, "a program")


@pytest.fixture
def paired(headless, session_of):
    """A model with a head for one text and one for two."""
    tasks = (*TASKS[:1], *PAIRED)
    return session_of(derive(headless, ModelConfig(tasks=tasks)).eval()).models.shared(None, "a program")


@pytest.fixture
def without_heads(headless, session_of):
    return session_of(headless).models.shared(None, "a program")


def test_analyze_gives_the_command_lines_json(model, asked):
    found = functions.analyze(asked, list(TEXTS[:2]))["answers"]
    for one, other in zip(found, model.analyze(TEXTS[:2]), strict=True):
        assert one.keys() == other.to_json().keys() >= {"text", "embedding", "sentiment", "intensity", "entities"}


def test_predict_gives_the_answers_of_heads_by_task(model, asked):
    found = functions.predict(asked, list(TEXTS))["answers"]
    for one, other in zip(found, model.analyze(TEXTS), strict=True):
        assert one["text"] == other.text and "embedding" not in one
        assert one["answers"]["sentiment"]["label"] == other.sentiment.label
        assert sum(one["answers"]["sentiment"]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert one["answers"]["intensity"] == pytest.approx(other.intensity, abs=1e-5)
        for span in one["answers"]["entities"]:
            assert one["text"][span["start"] : span["end"]] == span["text"]
    [one] = functions.predict(asked, [TEXTS[0]], ["intensity"])["answers"]
    assert one["answers"].keys() == {"intensity"}


def test_parts_give_the_same_answers_as_the_whole(model, asked, monkeypatch):
    whole = [one.to_json() for one in model.analyze(TEXTS)]
    monkeypatch.setattr(functions, "PART", 4)
    for one, other in zip(functions.analyze(asked, list(TEXTS))["answers"], whole, strict=True):
        np.testing.assert_allclose(one["embedding"], other["embedding"], atol=1e-5)
        assert one["sentiment"]["label"] == other["sentiment"]["label"]


def test_embeddings_have_length_1_and_cut_texts_are_named(model, asked):
    texts = [TEXTS[0], "word " * 500, TEXTS[1]]
    found = functions.embed(asked, texts, "max")
    np.testing.assert_allclose(np.linalg.norm(found["embeddings"], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found["embeddings"], model.encode(texts, "max"), atol=1e-5)
    assert found["truncated"] == [1]


def test_texts_are_compared_each_with_each(model, asked):
    found = functions.similarity(asked, list(TEXTS))
    vectors = model.encode(TEXTS)
    np.testing.assert_allclose(found["cosines"], vectors @ vectors.T, atol=1e-5)
    assert found["truncated"] == []


def test_pairs_are_answered_by_the_heads_for_two_texts(paired):
    [pair] = functions.similarity(paired, pairs=[list(TEXTS[:2])])["pairs"]
    assert {"text", "text_b", "cosine", "same"} <= pair.keys() and "sentiment" not in pair


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "The list of texts is empty."),
        ("a text", "Give a list of texts."),
        ([1, 2], "Give a list of texts."),
        (None, "Give a list of texts."),
        (["a", " \n"], "Text 2 is empty. Leave it out or write something in it."),
        (["a"] * (MAX_SENTENCES + 1), "2,001 texts are too many for one call; send at most 2,000."),
    ],
)
@pytest.mark.parametrize("function", [functions.analyze, functions.predict, functions.embed])
def test_texts_that_are_wrong(asked, function, texts, said):
    with pytest.raises(UserError) as raised:
        function(asked, texts)
    assert str(raised.value) == said


def test_pairs_that_are_wrong(paired):
    for given, said in [
        ({}, "Give either texts"),
        ({"texts": ["a"], "pairs": [["a", "b"]]}, "Give either texts"),
        ({"texts": ["a"] * (MOST_COMPARED + 1)}, "501 texts are too many to compare each with each"),
        ({"pairs": "ab"}, "Give a list of pairs"),
        ({"pairs": [["a", "b"], ["a"]]}, "Pair 2 is not two texts"),
        ({"pairs": [["a", " "]]}, "Text 2 is empty"),
        ({"pairs": [["a", 1]]}, "Give a list of texts"),
        ({"pairs": []}, "The list of texts is empty"),
        ({"pairs": [["a", "b"]] * (MOST_PAIRS + 1)}, "1,001 pairs are too many for one call; send at most 1,000"),
    ]:
        with pytest.raises(UserError, match=said):
            functions.similarity(paired, **given)


def test_a_model_without_some_heads(asked, paired, without_heads):
    with pytest.raises(UserError, match="^This model has no task 'topic'; it has sentiment, intensity and"):
        functions.analyze(asked, ["a"], ["topic"])
    with pytest.raises(UserError, match="^Task 'same' reads two texts: similarity has its answers to pairs"):
        functions.predict(paired, ["a"], ["same"])
    with pytest.raises(UserError, match="^This model has no heads that read one text"):
        functions.predict(without_heads, ["a"])
    assert functions.analyze(without_heads, ["a"])["answers"][0]["embedding"]


@pytest.mark.parametrize("tasks", ["sentiment", [["sentiment"]], 3, {"a": 1}])
def test_tasks_of_a_wrong_type(asked, tasks):
    with pytest.raises(UserError, match="^Give tasks as a list of the names of heads"):
        functions.predict(asked, ["a"], tasks)


@pytest.mark.parametrize("pooling", ["median", 3, ["mean"]])
def test_an_unknown_pooling(asked, pooling):
    with pytest.raises(UserError, match="^Unknown pooling"):
        functions.embed(asked, ["a"], pooling)


def test_arguments_that_are_missing_or_unknown(model, session_of):
    programs = Programs(session_of(model).models, None)
    with pytest.raises(UserError, match="^texts is missing: predict needs texts"):
        programs.answer(FUNCTIONS["predict"], {}, "a program")
    with pytest.raises(UserError, match="^embed takes texts and pooling; 'task' is something else"):
        programs.answer(FUNCTIONS["embed"], {"texts": ["a"], "task": "x"}, "a program")


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_each_example_is_answered_with_a_version(model, session_of, function):
    found = Programs(session_of(model).models, "runs/first/checkpoint").answer(function, function.example, "a program")
    assert (found["version"], found["model"]) == (1, "first")
    json.dumps(found)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_each_argument_is_described_and_nothing_else(function):
    assert [parameter.name for parameter in function.parameters] == list(function.takes)
    assert function.example.keys() <= function.takes.keys()


def test_a_head_that_is_named_often_runs_once(model, asked, monkeypatch):
    heads, analyze = [], model.analyze

    def noted(texts, tasks, *others):
        heads.append(tasks)
        return analyze(texts, tasks, *others)

    monkeypatch.setattr(model, "analyze", noted)
    functions.predict(asked, ["a"], ["intensity"] * 100_000)
    assert heads == [["intensity"]]
