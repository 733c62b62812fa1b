"""Tables of pairs on the page: roles, preview, scores against cosines, heatmaps, and two sentences compared."""

from __future__ import annotations

import json
import re

import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec
from mtl.ui.embeddings import tab as embeddings
from mtl.ui.embeddings.view import about
from mtl.ui.kinds import shown
from mtl.ui.programs.functions import similarity
from mtl.ui.sentences import from_file
from mtl.ui.train.data import view
from mtl.ui.train.data.step import SAMPLES, with_choice
from mtl.ui.train.result import before_after
from mtl.ui.visitors import Asked, Visit, Work
from tests import uploads
from tests.uploads import brought, plain, take

TEXTS = ("A man plays the guitar.", "Somebody plays guitar.", "<b>Bread</b> & butter.")
TASKS = (TaskSpec("score", "similarity", low=0.0, high=5.0), TaskSpec("same", "pair_classification", ("no", "yes")))


@pytest.fixture(scope="module")
def model(tiny):
    torch.manual_seed(0)
    return checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS)).eval()


@pytest.fixture
def source():
    visit = Visit(0.0)
    take(visit, uploads.model(), SAMPLES / "pairs.csv", "pairs.csv")
    return visit.train.source


def uses(source, name):
    [said] = [said for said in (view._column(c, source) for c in source.table.columns) if said["column"].name == name]
    return {use: chosen for use, _, chosen in said["uses"]}


def test_the_sample_is_understood(source):
    assert source.ready and list(source.learns) == ["score"]
    said = plain(view.summary(source))
    assert "sentence1 is the text" in said and "sentence2 is the second text: 25% of its words" in said
    assert "score has numbers from 0 to 5: it trains the embedding itself." in said
    preview = plain(view.preview(source))
    assert "sentence1sentence2score" in preview and "Water is coming to the boil in the kitchen kettle." in preview
    assert uses(source, "sentence2")["text_b"] and "negative" in uses(source, "sentence2")
    assert {"similarity", "pair_classification", "regression"} <= uses(source, "score").keys()
    assert "contrastive" not in uses(source, "score")


def test_a_table_of_one_text_offers_a_second_one(tmp_path):
    source = brought(tmp_path, "text,other,mood\n" + "".join(f"a fine day {i},day {i},{i % 2}\n" for i in range(12)))
    assert {"text", "text_b"} <= uses(source, "other").keys()
    assert not {"negative", "similarity", "pair_classification"} & uses(source, "mood").keys()


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("sentence2", "ignored", ["sentence1"]),
        ("sentence2", "text", ["sentence2"]),
        ("sentence1", "text_b", ["sentence2", "sentence1"]),
        ("score", "regression", ["sentence1", "sentence2"]),
    ],
)
def test_uses_are_chosen(source, column, value, expected):
    chosen = json.dumps({"column": column, "value": value})
    visit = Visit(0.0)
    take(visit, uploads.model(), source.path, source.name, **with_choice(source, chosen))
    assert visit.train.source.table.text_columns == expected


def test_the_texts_of_a_file_of_pairs_are_both_analysed():
    sentences = from_file(SAMPLES / "pairs.csv")
    assert len(sentences.texts) == 2 * len(sentences.texts[::2]) == 2 * 134
    assert sentences.labels["score"][:4] == (5.0, 5.0, 4.8, 4.8)
    assert "sentence1 and sentence2 hold the sentences" in sentences.notes[0]


def test_scores_are_drawn_against_cosines():
    scores = {"rows": 3, "spearman": 0.5, "pearson": 0.4, "points": [[0.0, -0.1], [2.5, 0.4], [5.0, 0.9]]}
    html = shown("similarity").score_details(scores, {**scores, "points": [[5.0, 1.0]]})
    assert html.count("<circle") == 4 and html.count("<figure") == 2
    assert shown("similarity").score_details(None, scores).count("<figure") == 1
    assert "Guessing among 20 texts finds 5.0 %" in shown("contrastive").score_details(None, {"candidates": 20})


@pytest.mark.parametrize("task", ["score", "same"])
def test_heatmaps_show_an_embedding_that_was_moved_on_purpose(model, task):
    found = before_after.compare(model, model, TEXTS, [task])
    html = before_after.page(found)
    assert html.count("cosines") == (4 if task == "score" else 0)
    assert "score" not in found.tasks and "<b>Bread" not in html


def test_two_sentences_are_compared(model):
    work = Work(model, model.analyze(TEXTS))

    def chosen(html):
        return re.findall(r'<option value="(\d)" selected>', html)

    html = embeddings.show_pair(work)
    assert chosen(html) == ["1", "2"] and html.count("<option") == 6 and "<b>Bread" not in html
    [pair] = model.compare([TEXTS[:2]])
    said = plain(html)
    assert f"cosine{pair.cosine:.3f}score" in said and f"same{pair.results['same'].label} (" in said
    work.asked = Asked(one=3, other=9)
    assert chosen(embeddings.show_pair(work)) == ["3", "2"]
    assert embeddings.UNLIKE not in html
    assert embeddings.ONE_SENTENCE in embeddings.show_pair(Work(model, model.analyze(TEXTS[:1])))


def test_a_pair_with_a_text_unlike_those_that_the_model_knows_says_so(default_model):
    texts = ["The soup was warm and good.", "Wir fahren morgen mit dem Zug nach Hamburg.", "A dog is barking outside."]
    work = Work(default_model, default_model.analyze(texts))
    assert work.unfamiliar == {2} and embeddings.UNLIKE in embeddings.show_pair(work)
    work.asked = Asked(one=1, other=3)
    assert embeddings.UNLIKE not in embeddings.show_pair(work)
    answers = similarity(default_model, pairs=[texts[:2], texts[::2]])["pairs"]
    assert [answer["unfamiliar"] for answer in answers] == [True, False]
    assert answers[0]["familiarity"] == pytest.approx(work.familiarity[1], abs=0.01)


def test_of_two_chosen_sentences_the_heads_for_two_texts_answer(model):
    work = Work(model, model.analyze(TEXTS))
    [pair] = model.compare([(TEXTS[2], TEXTS[0])])
    found = about(work, [2, 0])
    answers = dict(found["answers"])
    assert found["mean"] == pytest.approx(pair.cosine, abs=1e-3)
    assert (
        answers["score"].startswith(f"{pair.results['score']:.2f} (") and pair.results["same"].label in answers["same"]
    )
    assert "answers" not in about(work, [0, 1, 2])
