"""What the map and the grid show."""

from __future__ import annotations

import base64
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl import maps
from mtl.config import TaskSpec
from mtl.kinds.multilabel import NONE, Labels
from mtl.ui.embeddings import view
from mtl.ui.visitors import Asked, Work
from mtl.ui.widgets.colours import GREY
from tests.handlers import TEXTS


def test_points_are_coloured_by_tasks_and_by_the_files_own_columns(work):
    found = {colouring["name"]: colouring for colouring in view.colourings(work)}
    assert list(found) == ["sentiment", "intensity", "file: mood", "file: stars", view.CLUSTERS]
    assert found["intensity"]["looks"] is None and found["file: stars"]["values"] == [1.0, 2.0, 3.0, None, 5.0, 4.0]
    assert found["file: mood"]["values"] == ["good", "bad", view.NO_LABEL, "good", "good", "bad"]
    assert set(found["sentiment"]["values"]) <= set(found["sentiment"]["looks"])


def test_a_label_has_the_same_symbol_whatever_is_on_the_map(model):
    looks = [
        view.colourings(Work(model, model.analyze(TEXTS[:count])))[0]["looks"]["positive"] for count in (1, len(TEXTS))
    ]
    assert looks[0] == looks[1]


def test_a_files_label_looks_the_same_when_others_come_and_go(model):
    looks = [
        view.colourings(
            Work(model, model.analyze(TEXTS[: len(moods)]), {"mood": moods}, {"mood": ["bad", "good", "so-so"]})
        )
        for moods in (("good", "so-so", "bad"), ("good", "good"))
    ]
    of_good = [next(c for c in found if c["name"] == "file: mood")["looks"]["good"] for found in looks]
    assert of_good[0] == of_good[1]


def test_two_labels_share_their_colour_or_their_symbol_but_not_both():
    looks = view.looks([f"label {i}" for i in range(49)])
    assert len(set(looks.values())) == 49


def test_several_labels_are_coloured_by_the_likeliest_one(work, monkeypatch):
    spec = TaskSpec("moods", "multilabel", ("anger", "fear", "joy"))
    thresholds = dict.fromkeys(spec.labels, 0.5)
    shares = [(0.6, 0.9, 0.1), (0.1, 0.1, 0.1), (0.1, 0.2, 0.7)]
    answers = []
    for row in shares:
        found = dict(zip(spec.labels, row, strict=True))
        answers.append(Labels(tuple(label for label in found if found[label] >= 0.5), found, thresholds))
    many = types.SimpleNamespace(
        model=types.SimpleNamespace(tasks={"moods": spec}),
        analyses=[types.SimpleNamespace(results={"moods": answer}) for answer in answers],
        answers=lambda task: answers,
        labels={},
        asked=Asked(),
    )
    colouring = view.colourings(many)[0]
    assert colouring["values"] == ["fear", NONE, "joy"] and colouring["besides"] == [1, 0, 0]
    assert colouring["looks"][NONE][0] == GREY != colouring["looks"]["fear"][0]


def test_clusters_are_named_by_a_sentence_of_theirs_once_they_are_asked_for(work):
    assert view.colourings(work)[-1]["values"] == [None] * 6
    work.asked = Asked(colour=view.CLUSTERS, clusters=2)
    found = view.colourings(work)[-1]
    assert len(set(found["values"])) == 2 and set(found["values"]) == set(found["looks"])
    for name in found["looks"]:
        central = work.texts.index(name.partition(": ")[2])
        assert found["values"][central] == name
    assert found["note"].startswith("2 clusters by Ward's method") and "Silhouette" in found["note"]
    assert view.BEST_NUMBER not in found["note"]
    work.asked = Asked(colour=view.CLUSTERS)
    assert view.BEST_NUMBER in view.colourings(work)[-1]["note"]


def test_more_labels_than_symbols_are_taken_together(model):
    labels = tuple(f"label {i // 2}" for i in range(40))
    many = Work(model, model.analyze([f"Sentence {i}." for i in range(40)]), {"colour": labels})
    (colouring,) = [found for found in view.colourings(many) if found["name"] == "file: colour"]
    assert view.OTHERS in colouring["values"]
    assert len({symbol for _, symbol in colouring["looks"].values()}) <= len(view.SYMBOLS)


def test_a_map_of_few_is_there_at_once_and_says_how_many_neighbours_it_keeps(work, monkeypatch):
    monkeypatch.setattr(maps, "is_warm", lambda: False)
    found, again = view.map_of(work)
    assert found["note"].startswith(view.UMAP_NOTE) and "of 6 sentences lie nearest" in found["note"]
    assert (found["method"], again) == ("umap", None) and np.shape(found["points"]) == (6, 2)


def test_a_map_of_many_is_pca_until_umap_is_ready_and_says_so(work, monkeypatch):
    monkeypatch.setattr(maps, "FEW", 3)
    monkeypatch.setattr(maps, "is_warm", lambda: False)
    found, again = view.map_of(work)
    assert found["note"].startswith(view.UMAP_WARMING) and (found["method"], again) == ("pca", view.WARMING)


def test_a_map_that_takes_long_comes_in_a_second_answer(work, monkeypatch):
    monkeypatch.setattr(maps, "is_warm", lambda: True)
    monkeypatch.setattr(maps, "FEW", 3)
    found, again = view.map_of(work)
    assert "UMAP is placing 6 sentences" in found["note"] and again == 0.0
    work.asked = Asked(patient=True)
    found, again = view.map_of(work)
    assert found["method"] == "umap" and again is None


@pytest.mark.parametrize("dims", [2, 3])
def test_pca_is_said_to_be_pca(work, dims):
    work.asked = Asked(method="pca", dims=dims)
    found, again = view.map_of(work)
    assert found["note"].startswith(view.PCA_NOTE) and again is None and np.shape(found["points"]) == (6, dims)


@given(st.integers(2, 600), st.integers(0, 9))
def test_the_nearest_is_the_one_of_the_largest_cosine(count, seed):
    vectors = np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    others, cosines = view.nearest(vectors)
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -np.inf)
    np.testing.assert_array_equal(others, similar.argmax(axis=1))
    np.testing.assert_allclose(cosines, similar.max(axis=1), atol=1e-4)


@pytest.mark.parametrize("count", [2, 150, 151, 2000])
def test_the_grid_holds_cosines_and_is_a_sample_of_many(count):
    vectors = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    grid = view.grid(vectors)
    rows = grid["rows"]
    assert len(rows) == min(count, view.MAX_CELLS) and rows[0] == 0 and rows[-1] == count - 1
    cells = np.frombuffer(base64.b64decode(grid["cells"]), "<i2").reshape(len(rows), len(rows)) / 10_000
    np.testing.assert_allclose(cells, vectors[rows] @ vectors[rows].T, atol=1e-4)
