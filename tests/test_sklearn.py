"""The encoder and the heads work wherever scikit-learn takes an estimator of texts."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import estimator_checks

import mtl
from mtl.config import UserError
from mtl.places import ASSETS
from mtl.sklearn import Encoder, Heads

TABLE = pd.read_csv(ASSETS / "samples" / "tickets.csv")
TEXTS, TEAMS = TABLE["ticket"], TABLE["team"]


# Those of scikit-learn's checks that give an estimator no numbers.
CHECKS = (
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_set_params,
    estimator_checks.check_valid_tag_types,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("estimator", [Encoder(), Heads()], ids=lambda each: type(each).__name__)
def test_what_scikit_learn_asks_of_every_estimator(estimator, check):
    check(type(estimator).__name__, estimator)


@pytest.mark.parametrize("given", [list, tuple, np.array, pd.Series, lambda x: pd.DataFrame({"t": x}), iter])
def test_texts_may_come_in_any_form(tiny, given):
    texts = ["one", "two words", "three more words"]
    found = (
        Encoder(str(tiny)).fit_transform(given(texts))
        if given is not iter
        else Encoder(str(tiny)).transform(iter(texts))
    )
    assert found.dtype == np.float32 and np.allclose(found, mtl.load(tiny).encode(texts))


def test_the_encoder_has_the_settings_of_the_model(tiny):
    model, texts = mtl.load(tiny), ["one", "two words"]
    encoder = Encoder(str(tiny), pooling="max", normalize=False)
    assert np.allclose(encoder.transform(texts), model.encode(texts, "max", normalize=False))
    assert encoder.get_feature_names_out()[:2].tolist() == ["encoder0", "encoder1"]
    assert encoder.set_output(transform="pandas").transform(texts).shape == (2, 32)
    assert clone(encoder).get_params() == {"model": str(tiny), "pooling": "max", "normalize": False}


def test_a_column_of_a_table_is_encoded_beside_others(tiny):
    table = pd.DataFrame({"text": ["one", "two"], "length": [3, 3]})
    both = ColumnTransformer([("texts", Encoder(str(tiny)), "text"), ("rest", "passthrough", ["length"])])
    assert both.fit_transform(table).shape == (2, 33)


def test_the_encoder_in_a_pipeline_learns_tickets():
    pipeline = make_pipeline(Encoder(), LogisticRegression(C=10, max_iter=1000))
    assert cross_val_score(pipeline, TEXTS, TEAMS, cv=3).mean() > 0.75


def test_settings_of_the_encoder_are_searched(tiny):
    steps = [("encoder", Encoder(str(tiny))), ("classifier", LogisticRegression())]
    search = GridSearchCV(Pipeline(steps), {"encoder__pooling": ["mean", "cls"]}, cv=2, error_score="raise")
    assert search.fit(TEXTS[:40], TEAMS[:40]).best_params_["encoder__pooling"] in ("mean", "cls")


def test_heads_learn_tickets():
    assert cross_val_score(Heads(epochs=10), TEXTS, TEAMS, cv=3).mean() > 0.75


def test_heads_are_searched_and_cloned(tiny):
    search = GridSearchCV(
        Heads(str(tiny), epochs=1), {"head_lr": [1e-3, 1e-2], "hidden": [0, 8]}, cv=2, error_score="raise"
    )
    best = search.fit(TEXTS[:40], TEAMS[:40]).best_estimator_
    assert best.predict_proba(TEXTS[:3]).shape == (3, len(best.classes_))
    assert clone(best).get_params() == best.get_params() and not hasattr(clone(best), "classes_")


@pytest.mark.parametrize("labels", [["b", "a"], [7, -1], [True, False], ["", "x"]])
def test_classes_are_those_of_the_column(tiny, labels):
    heads = Heads(str(tiny), epochs=30, head_lr=1e-2, dropout=0.0).fit(["good day", "rain again"] * 4, labels * 4)
    assert heads.classes_.tolist() == sorted(set(labels))
    assert heads.predict(["good day", "rain again"]).tolist() == labels
    assert np.allclose(heads.predict_proba(["good day"]).sum(1), 1)


def test_the_same_seed_gives_the_same_head_and_leaves_other_random_numbers_alone(tiny):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, two = (Heads(str(tiny), epochs=1, random_state=3).fit(TEXTS[:40], TEAMS[:40]) for _ in "ab")
    assert torch.rand(1) == expected
    assert np.array_equal(one.predict_proba(TEXTS[:5]), two.predict_proba(TEXTS[:5]))


def test_heads_are_pickled_without_the_backbone(tiny):
    heads = Heads(str(tiny), epochs=1).fit(TEXTS[:40], TEAMS[:40])
    answers = heads.predict_proba(TEXTS[:5])
    data = pickle.dumps(heads)
    assert len(data) < 50_000
    assert np.array_equal(pickle.loads(data).predict_proba(TEXTS[:5]), answers)


def test_a_part_of_the_rows_may_choose_the_best_epoch(tiny):
    heads = Heads(str(tiny), epochs=4, validation=0.3, patience=1).fit(TEXTS, TEAMS)
    assert heads.predict(TEXTS[:2]).shape == (2,)


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (lambda model: Encoder(model).transform("one text"), "Give a list of texts, not one text"),
        (lambda model: Encoder(model).transform(["fine", None]), "Text 2 is not a text but NoneType"),
        (lambda model: Encoder(model).transform(["fine", " "]), "Text 2 is empty"),
        (lambda model: Encoder(model).transform(np.array([["a", "b"]])), "Give one column of texts, not 2"),
        (lambda model: Heads(model).fit(["a", ""], ["x", "y"]), "Text 2 is empty"),
        (lambda model: Heads(model).fit(["a", "b"], ["x"]), "There are 2 texts and 1 labels"),
        (lambda model: Heads(model).fit(["a", "b"], ["x", "x"]), "every label is 'x'"),
        (lambda model: Heads(model, epochs=0).fit(["a", "b"], ["x", "y"]), "epochs must be"),
        (lambda model: Heads("/nowhere").fit(["a", "b"], ["x", "y"]), "There is no folder /nowhere"),
    ],
)
def test_what_cannot_be_is_said(tiny, work, said):
    with pytest.raises(UserError, match=said):
        work(str(tiny))
