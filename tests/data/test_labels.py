"""Labels of a table are matched with a model's, and the match can be changed and applied."""

from __future__ import annotations

import pytest

from mtl.config import KINDS, TaskSpec, UserError
from mtl.data.labels import match_labels, match_task
from mtl.data.rows import Column
from mtl.text.spans import Span

SENTIMENT = ("negative", "neutral", "positive")
ENTITIES = ("PER", "ORG", "LOC", "MISC")


@pytest.mark.parametrize(
    ("found", "known", "meant"),
    [
        ("Positive NEGATIVE", SENTIMENT, "positive negative"),
        ("pos neu neg", SENTIMENT, "positive neutral negative"),
        ("0 1", SENTIMENT, "negative positive"),
        ("1 0", ("negative", "positive"), "positive negative"),
        ("0 1 2", SENTIMENT, "negative neutral positive"),
        ("-1 0 1", SENTIMENT, "negative neutral positive"),
        ("1 2 3 4 5", SENTIMENT, "negative negative neutral positive positive"),
        ("1 5", SENTIMENT, "negative positive"),
        ("0 1 2 3 4", SENTIMENT, "negative negative neutral positive positive"),
        ("0 4", SENTIMENT, "negative positive"),
        ("1_star 2_stars", SENTIMENT, "negative negative"),
        ("PERSON LOCATION GPE Organization", ENTITIES, "PER LOC LOC ORG"),
        ("per geo gpe org", ENTITIES, "PER LOC LOC ORG"),
        ("PER LOC", ("person", "location"), "person location"),
        ("Creative_Work", ("creative-work",), "creative-work"),
        ("GPE place", ("GPE", "LOC"), "GPE LOC"),
        ("0 1", ("0", "1"), "0 1"),
        ("Tech other", ("Technology", "Science", "Other"), "Technology Other"),
    ],
)
def test_names_that_mean_the_same(found, known, meant):
    match = match_labels(found.split(), known)
    assert list(match.mapping.values()) == meant.split()
    assert match.fits
    assert match.labels == known
    assert match.meaning == match.mapping
    assert set(match.reasons) == set(found.split())


@pytest.mark.parametrize(
    ("found", "known", "new"),
    [
        ("pos neg sarcastic", SENTIMENT, ("sarcastic",)),
        ("1 2 3 4 5 6", SENTIMENT, ("1", "2", "3", "4", "5", "6")),
        ("0 1", ("cats", "dogs"), ("0", "1")),
        ("1 2 3", ("negative", "positive"), ("2",)),
        ("0 1 pos", SENTIMENT, ("0", "1")),
        ("-1", ("1",), ("-1",)),
        ("tim per", ENTITIES, ("tim",)),
    ],
)
def test_one_new_label_starts_a_new_head(found, known, new):
    match = match_labels(found.split(), known)
    assert match.new == new
    assert not match.fits
    assert match.labels == tuple(found.split())
    assert match.meaning == {label: label for label in found.split()}


def test_a_column_without_labels_fits_nothing():
    assert not match_labels([], SENTIMENT).fits


def test_the_mapping_can_be_changed():
    match = match_labels(["pos", "neg", "sarcastic"], SENTIMENT)
    changed = match.changed({"sarcastic": "negative"})
    assert changed.fits
    assert changed.mapping == {"pos": "positive", "neg": "negative", "sarcastic": "negative"}
    assert changed.reasons["sarcastic"] == "as you said"
    assert not match.fits


def test_a_label_can_be_left_out_of_either_head():
    kept = match_labels(["pos", "neg", "spam"], SENTIMENT).changed({"spam": None})
    assert kept.fits
    assert kept.labels == SENTIMENT
    anew = match_labels(["pos", "odd", "spam"], SENTIMENT).changed({"spam": None})
    assert anew.labels == ("pos", "odd")
    assert anew.meaning == {"pos": "pos", "odd": "odd", "spam": None}


def test_changes_with_unknown_labels_are_refused():
    match = match_labels(["pos"], SENTIMENT)
    with pytest.raises(UserError, match="no label 'poz'. It has: pos"):
        match.changed({"poz": "positive"})
    with pytest.raises(UserError, match="no label 'good'. It has: negative, neutral, positive"):
        match.changed({"pos": "good"})


def test_a_label_can_be_made_new_although_the_model_has_one_for_it():
    match = match_labels(["pos", "neg"], SENTIMENT).changed({"pos": "pos"})
    assert match.new == ("pos",)
    assert not match.fits
    assert match.labels == ("pos", "neg")
    assert match_labels(["positive"], SENTIMENT).changed({"positive": "positive"}).fits


def test_a_mapping_is_applied_to_classes():
    mapping = {"pos": "positive", "spam": None}
    translate = KINDS["classification"].translate
    assert [translate(label, mapping) for label in ("pos", "spam", "other")] == ["positive", None, "other"]


def test_a_mapping_is_applied_to_entities_and_leaves_numbers_alone():
    spans = (Span(0, 3, "person"), Span(4, 5, "num"))
    assert KINDS["tagging"].translate(spans, {"person": "PER", "num": None}) == (Span(0, 3, "PER"),)
    assert KINDS["regression"].translate(0.5, {"a": "b"}) == 0.5


def column(name, kind, *labels):
    return Column(name, "task", kind, labels, {}, "")


def test_a_column_finds_its_task():
    tasks = {
        "sentiment": TaskSpec("sentiment", "classification", SENTIMENT),
        "intensity": TaskSpec("intensity", "regression"),
        "entities": TaskSpec("entities", "tagging", ENTITIES),
    }
    assert match_task(column("Sentiment", "classification", "happy"), tasks) == "sentiment"
    assert match_task(column("label", "classification", "0", "1"), tasks) == "sentiment"
    assert match_task(column("label", "classification", "cat", "dog"), tasks) is None
    assert match_task(column("intensity", "regression"), tasks) == "intensity"
    assert match_task(column("price", "regression"), tasks) is None
    assert match_task(column("Tag", "tagging", "per", "geo"), tasks) == "entities"
    assert match_task(column("sentiment", "regression"), tasks) is None
