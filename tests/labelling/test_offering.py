"""A model's answers are offered as they are; those that do not fit are counted, and none overrides a person."""

from __future__ import annotations

import pytest

from mtl.data.labels import match_labels
from mtl.kinds.classification import Classes, Classification
from mtl.kinds.multilabel import Labels
from mtl.kinds.tagging import Entity, Tagging
from mtl.labelling.offering import certainty_of, offer_answers
from mtl.labelling.project import Project, accept, add, give, leave_out
from mtl.labelling.scheme import Scheme
from mtl.text.spans import Span
from tests.labelling.labelled import MOOD, TEAM, project


def test_answers_are_offered_where_nobody_has_said_anything():
    answer = Classes("billing", {"billing": 0.7, "delivery": 0.2, "hardware": 0.1})
    some = leave_out(give(project(), 0, "hardware"), [1])
    added = offer_answers(some, [answer] * 5 + [None], "a model")
    offered = [item.offered for item in added.project.items]
    assert [offer and offer.value for offer in offered] == [None, None, "billing", "billing", "billing", None]
    assert offered[2].certainty == pytest.approx(0.5) and offered[2].by == "a model"
    assert added.project.values == some.values and added.notes == ()


def test_labels_of_the_model_are_those_of_the_scheme_or_counted():
    scheme = Scheme("mood", Classification.name, ("bad", "good"))
    answers = [Classes(label, {label: 1.0}) for label in ("positive", "negative", "neutral")]
    meaning = match_labels(["negative", "neutral", "positive"], scheme.labels).mapping
    assert meaning == {"negative": "bad", "neutral": None, "positive": "good"}
    added = offer_answers(project(scheme, 3), answers, "a model", [0.1, 0.2, 0.3], meaning)
    assert [item.offered and item.offered.value for item in added.project.items] == ["good", "bad", None]
    assert added.notes == ("1 answer not offered: mood has no label for 'neutral'.",)
    assert offer_answers(project(TEAM, 3), answers, "a model").notes[0].startswith("3 answers not offered: ")


def test_certainty_follows_from_the_answer():
    assert certainty_of(Classes("a", {"a": 0.6, "b": 0.4})) == pytest.approx(0.2)
    assert certainty_of(Labels(("a",), {"a": 0.9, "b": 0.4}, {"a": 0.5, "b": 0.5})) == pytest.approx(0.2)
    assert certainty_of((Entity(0, 3, "PER", "Ada", 0.9), Entity(4, 8, "ORG", "Acme", 0.6))) == 0.6
    assert (certainty_of(()), certainty_of(0.3)) == (1.0, 0.0)
    assert offer_answers(project(MOOD, 1), [0.5], "a model").project.items[0].offered.value == 0.5


def test_the_built_in_model_offers_names_that_are_accepted_or_mended(default_model):
    texts = ["Marie Curie worked in Paris.", "Nothing is named here."]
    scheme = Scheme("names", Tagging.name, default_model.tasks["entities"].labels)
    some = add(Project(scheme), texts).project
    answers = [analysis.results["entities"] for analysis in default_model.analyze(texts, ["entities"])]
    some = offer_answers(some, answers, "Built-in English model").project
    assert some.values == [None, None]
    some = accept(some, [0, 1])
    assert some.values == [(Span(0, 11, "PER"), Span(22, 27, "LOC")), ()]
    assert give(some, 0, some.values[0][:1]).values[0] == (Span(0, 11, "PER"),)
