"""What is remembered of whom, and for how long."""

from __future__ import annotations

import numpy as np
import pytest

from mtl.ui.embeddings import view as plots
from mtl.ui.entities import tab as entities
from mtl.ui.sentiment import tab as sentiment
from mtl.ui.visitors import Asked, Registry, Work


@pytest.mark.parametrize("session", [None, "", "x" * 65])
def test_of_a_request_without_a_session_nothing_is_remembered(work, session):
    registry = Registry()
    registry.set_work(registry.visit(session), work)
    registry.identify(session, "ada")
    assert registry.visit(session).work is None
    assert registry.visit(session).owner == ""
    assert registry.in_use() == set()


def test_a_closed_page_takes_no_room_and_goes_on_where_it_was_when_it_wakes(work, tmp_path):
    registry = Registry()
    visit = registry.identify("ada", "secret of ada")
    registry.set_work(visit, work)
    visit.train.run, visit.train.source = "a run", object()
    registry.release("ada")
    assert registry.visit("ada").work is None
    awake = registry.visit("ada")
    assert (awake.owner, awake.train.run, awake.train.source) == ("secret of ada", "a run", None)


def test_another_pooling_embeds_once_and_nothing_else_runs_again(work, counted):
    for _ in range(2):
        for pooling in ("mean", "max"):
            work.vectors(pooling)
            work.map(pooling, "pca", 2)
    work.asked = Asked(method="pca", pooling="max", order="intensity, lowest first")
    plots.map_of(work)
    sentiment.show_sentiment(work)
    entities.show_entities(work)
    assert counted == {"analyze": 0, "encode": 1}


def test_old_and_oversized_visits_are_dropped(work):
    now = [0.0]
    registry = Registry(max_age=100, max_bytes=int(2.5 * work.size), clock=lambda: now[0])
    registry.visit("a").owner = "ada"
    for visitor in "abc":
        registry.set_work(registry.visit(visitor), work)
    assert registry.visit("a").work is None
    assert registry.visit("a").owner == "ada"  # who follows a run goes on following it
    assert registry.visit("b").work is work and registry.visit("c").work is work
    now[0] = 50.0
    assert registry.visit("b").work is work
    now[0] = 120.0
    assert registry.visit("c").work is None and registry.visit("b").work is work


def test_one_analysis_is_kept_however_large_it_is(work):
    registry = Registry(max_bytes=1)
    registry.set_work(registry.visit("a"), work)
    assert registry.visit("a").work is work


def test_a_map_does_not_jump_when_one_sentence_changes(model):
    texts = [
        f"Sentence number {i} is about {word}."
        for i, word in enumerate(["bread", "trains", "bees", "rain", "Oslo", "tea"])
    ]
    before = Work(model, model.analyze(texts))
    after = Work(model, model.analyze([*texts[:-1], "Something else."]))
    asked = ("mean", "pca", 2)
    alone = after.map(*asked).points[:-1]
    following = Work(model, after.analyses)
    before.map(*asked)
    following.follow(before)
    lay, lies = before.map(*asked).points[:-1], following.map(*asked).points[:-1]
    assert np.linalg.norm(lies - lay) <= np.linalg.norm(alone - lay) + 1e-6
    np.testing.assert_allclose(np.linalg.norm(lies[0] - lies[1]), np.linalg.norm(alone[0] - alone[1]), rtol=1e-4)
