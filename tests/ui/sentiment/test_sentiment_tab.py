"""The Sentiment tab: what one head answers, sorted by any of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mtl.config import ModelConfig, TaskSpec
from mtl.ui.entities import tab as entities
from mtl.ui.sentiment import tab as sentiment
from mtl.ui.visitors import Asked, Work
from tests.handlers import TEXTS

OTHERS = (
    TaskSpec("team", "classification", ("hardware", "<b>billing</b>")),
    TaskSpec("mood", "classification", ("good", "bad")),
    TaskSpec("parts", "tagging", ("SCREW",)),
)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("order of entry", [0, 1, 2]),
        ("most negative first", [1, 2, 0]),
        ("most positive first", [0, 2, 1]),
        ("intensity, lowest first", [2, 1, 0]),
        ("intensity, highest first", [0, 1, 2]),
        ("least certain first", [2, 1, 0]),
    ],
)
def test_sentences_are_sorted_by_any_answer(order, expected):
    probabilities = [
        {"negative": 0.05, "positive": 0.95},
        {"negative": 0.8, "positive": 0.2},
        {"negative": 0.4, "positive": 0.6},
    ]
    orders = sentiment.orders(probabilities, [0.9, -0.1, -0.6])
    assert sorted(range(3), key=orders[order]) == expected and len(orders) == 6


def test_sentiment_shows_and_gives_away_the_models_numbers(work, rows_of):
    work.asked = Asked(order="intensity, lowest first")
    html = sentiment.show_sentiment(work)
    assert 'data-asks="head"' not in html and html.count('class="bar-row"') == len(TEXTS)
    assert '<option value="intensity, lowest first" selected>' in html
    header, *rows = rows_of(sentiment.sentiment_csv(work))
    assert header == ["text", "sentiment", "negative", "neutral", "positive", "intensity"]
    for row, one in zip(rows, work.analyses, strict=True):
        assert row[1] == one.sentiment.label
        assert [float(x) for x in row[2:5]] == pytest.approx(list(one.sentiment.probabilities.values()))
        assert float(row[5]) == pytest.approx(one.intensity)


def test_what_the_model_does_not_know_is_said_in_every_tab_and_given_away(work, rows_of):
    assert "trust" not in sentiment.show_sentiment(work) + entities.show_entities(work)
    analyses = [replace(each, familiarity=i / 10) for i, each in enumerate(work.analyses, 3)]  # two of six below 0.5
    work = Work(work.model, analyses, asked=Asked(order="most negative first"))
    for html, row in (
        (sentiment.show_sentiment(work), '<li class="bar-row" data-row="{}"'),
        (entities.show_entities(work), '<li data-row="{}"'),
    ):
        assert html.count("do not trust these answers") == 2
        for i, each in enumerate(analyses):
            listed = html.partition(row.format(i))[2].partition("</li>")[0]
            assert ("do not trust these answers" in listed) == each.unfamiliar
    header, *rows = rows_of(sentiment.sentiment_csv(work))
    assert header[-1] == "familiarity" and [float(row[-1]) for row in rows] == [a.familiarity for a in analyses]
    header, *rows = rows_of(entities.entities_csv(work))
    assert header[-1] == "familiarity"
    assert all(float(row[-1]) == analyses[int(row[0]) - 1].familiarity for row in rows)


def test_a_model_without_heads_says_so_in_every_tab(headless, rows_of):
    bare = Work(headless, headless.analyze(TEXTS))
    assert "no sentiment head" in sentiment.show_sentiment(bare)
    assert "no entities head" in entities.show_entities(bare)
    assert len(rows_of(sentiment.sentiment_csv(bare))) == 1 + len(TEXTS)
    assert len(rows_of(entities.entities_csv(bare))) == 1


def test_heads_of_the_same_kind_stand_in_for_those_that_a_model_lacks(headless, rows_of):
    from mtl.checkpoint import derive

    other = derive(headless, ModelConfig(tasks=OTHERS)).eval()
    work = Work(other, other.analyze(TEXTS), asked=Asked(head="sentiment"))
    html = sentiment.show_sentiment(work)
    assert "no sentiment head; this is its head team" in html
    assert "&lt;b&gt;billing" in html and "<b>billing" not in html
    assert '<option value="team" selected>' in html and '<option value="mood">' in html
    work.asked = Asked(head="mood")
    assert '<option value="mood" selected>' in sentiment.show_sentiment(work)
    assert rows_of(sentiment.sentiment_csv(work))[0] == ["text", "mood", "good", "bad"]
    assert "no entities head; this is its head parts" in entities.show_entities(work)
