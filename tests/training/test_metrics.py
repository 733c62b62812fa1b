"""Scores equal those of the field's own tools, and a missing label is never counted."""

import numpy as np
import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec
from mtl.data.rows import Row
from mtl.kinds.classification import Classes, calibration_error
from mtl.kinds.regression import spearman
from mtl.kinds.tagging import Entity
from mtl.text.spans import Span
from mtl.training import metrics

TASKS = (
    TaskSpec("mood", "classification", ("good", "bad", "so")),
    TaskSpec("stars", "regression", low=1, high=5),
    TaskSpec("names", "tagging", ("PER", "ORG"), hidden=8),
)


@pytest.fixture(scope="module")
def model(tiny):
    torch.manual_seed(3)
    return checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS)).eval()


ROWS = [
    Row(f"Person {i} of Acme said {'yes ' * (i % 7)}", {"mood": "good" if i % 2 else "bad", "stars": 1 + i % 5}, i)
    for i in range(40)
]


def test_classification_and_regression_agree_with_the_answers(model):
    from scipy.stats import spearmanr
    from sklearn.metrics import accuracy_score, f1_score

    scores = metrics.evaluate(model, ROWS)
    answers = model.analyze([r.text for r in ROWS])
    truth, found = [r.labels["mood"] for r in ROWS], [a.mood.label for a in answers]
    assert scores["mood"]["accuracy"] == accuracy_score(truth, found)
    expected = f1_score(truth, found, labels=["good", "bad"], average="macro", zero_division=0)
    assert scores["mood"]["macro_f1"] == pytest.approx(expected)
    assert np.array(scores["mood"]["confusion"]).sum() == 40
    stars = [a.stars for a in answers]
    assert scores["stars"]["spearman"] == pytest.approx(spearmanr([r.labels["stars"] for r in ROWS], stars).statistic)
    assert "names" not in scores


def test_rows_without_a_label_do_not_count(model):
    blank = [Row("No label here.", {}, 99), Row("Only a mood.", {"mood": "so"}, 100)]
    assert metrics.evaluate(model, ROWS + blank, ["stars"]) == metrics.evaluate(model, ROWS, ["stars"])
    assert metrics.evaluate(model, ROWS + blank)["mood"]["rows"] == 41


def test_batches_do_not_change_scores(model, monkeypatch):
    whole = metrics.evaluate(model, ROWS)
    monkeypatch.setattr("mtl.model.ROWS_PER_BATCH", 3)
    small = metrics.evaluate(model, ROWS)
    assert small["mood"]["accuracy"] == whole["mood"]["accuracy"]
    assert small["mood"]["loss"] == pytest.approx(whole["mood"]["loss"], abs=1e-5)


def _tagged(model, rows, answers, monkeypatch):
    monkeypatch.setattr(
        type(model.head("names")), "decode", lambda self, logits, texts, words: [answers[t] for t in texts]
    )
    return metrics.evaluate(model, rows, ["names"])["names"]


def test_entity_f1_counts_whole_spans_of_the_right_type(model, monkeypatch):
    text = "Ada Lovelace met Bob at Acme Corp today"
    truth = (Span(0, 12, "PER"), Span(17, 20, "PER"), Span(24, 33, "ORG"))
    found = (Entity(0, 3, "PER", "Ada", 1), Entity(17, 20, "PER", "Bob", 1), Entity(24, 33, "PER", "Acme Corp", 1))
    scores = _tagged(model, [Row(text, {"names": truth}, 1)], {text: found}, monkeypatch)
    assert scores["precision"] == scores["recall"] == pytest.approx(1 / 3)
    assert scores["per_class"]["PER"]["rows"] == 2


def test_entity_f1_of_no_entities_at_all_is_zero_and_not_an_error(model, monkeypatch):
    assert _tagged(model, [Row("nothing", {"names": ()}, 1)], {"nothing": ()}, monkeypatch)["f1"] == 0.0


def test_calibration_error_is_zero_when_confidence_is_deserved():
    confidence = np.array([0.75] * 4)
    assert calibration_error(confidence, np.array([True, True, True, False])) == 0
    assert calibration_error(confidence, np.array([False] * 4)) == 0.75


def test_spearman_of_a_constant_is_zero():
    assert spearman(np.array([1.0, 1.0]), np.array([1.0, 2.0])) == 0.0


def test_probabilities_of_a_classes_answer_stay_a_plain_dictionary():
    assert vars(Classes("a", {"a": 1.0})) == {"label": "a", "probabilities": {"a": 1.0}}
