"""Maps: the right shape for any input, the same each time, and PCA where UMAP cannot work."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mtl.config import UserError
from mtl.maps import MIN_UMAP, is_warm, project, warm_up


def clusters(per_cluster: int = 12, dim: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around three directions, and which direction each belongs to."""
    rng = np.random.default_rng(1)
    centres = np.eye(3, dim, dtype=np.float32)
    group = np.repeat(np.arange(3), per_cluster)
    vectors = centres[group] + rng.normal(scale=0.03, size=(3 * per_cluster, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), group


def nearest(points: np.ndarray) -> np.ndarray:
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    return distance.argmin(axis=1)


@pytest.mark.parametrize("method", ["pca", "umap"])
@pytest.mark.parametrize("dims", [2, 3])
def test_neighbours_stay_neighbours(method, dims):
    vectors, group = clusters()
    result = project(vectors, method, dims)
    assert (result.method, result.note) == (method, "")
    assert result.points.shape == (len(vectors), dims) and result.points.dtype == np.float32
    assert (group[nearest(result.points)] == group).mean() > 0.9


@pytest.mark.parametrize("method", ["pca", "umap"])
def test_the_same_input_gives_the_same_map(method):
    vectors, _ = clusters(6)
    np.testing.assert_array_equal(project(vectors, method).points, project(vectors, method).points)


def test_another_seed_gives_another_umap():
    vectors, _ = clusters(6)
    assert not np.allclose(project(vectors, seed=0).points, project(vectors, seed=1).points)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("dims", [2, 3])
def test_few_sentences_are_pca_and_it_says_so(count, dims):
    vectors = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    result = project(vectors, "umap", dims)
    assert result.method == "pca" and result.points.shape == (count, dims)
    assert np.isfinite(result.points).all()
    assert str(MIN_UMAP) in result.note and str(count) in result.note


def test_one_sentence_lies_at_the_origin():
    assert project(np.ones((1, 8), dtype=np.float32), "pca").points.tolist() == [[0.0, 0.0]]


def test_copies_of_a_sentence_count_once():
    vectors = np.repeat(np.eye(4, 8, dtype=np.float32), 5, axis=0)
    assert project(vectors, "umap").method == "pca"


def test_points_that_differ_in_one_direction_alone_have_a_umap():
    line = np.zeros((9, 8), dtype=np.float32)
    line[:, 0], line[:, 1] = 1, np.arange(9)
    result = project(line, "umap")
    assert result.method == "umap" and np.isfinite(result.points).all()


def test_a_previous_map_is_kept_to():
    along = np.linspace(0, 2, 30)  # one connected curve: the distance between separate groups is UMAP's whim
    vectors = np.stack([np.cos(along), np.sin(along), 0.2 * np.sin(3 * along)], axis=1).astype(np.float32)
    turn = np.array([[0, 1], [1, 0]], dtype=np.float32)  # a quarter turn and a mirror
    for method in ("pca", "umap"):
        earlier = project(vectors, method).points @ turn + 5
        later = project(vectors + 0.001, method, previous=earlier).points
        np.testing.assert_allclose(later.mean(axis=0), earlier.mean(axis=0), atol=1e-3)
        a, b = later - later.mean(axis=0), earlier - earlier.mean(axis=0)
        assert (a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b)) > 0.7


def test_a_previous_map_of_another_shape_is_ignored():
    vectors, _ = clusters(4)
    np.testing.assert_array_equal(
        project(vectors, "pca", 3, previous=np.zeros((5, 2))).points, project(vectors, "pca", 3).points
    )


@pytest.mark.parametrize(
    ("arguments", "word"),
    [({"method": "tsne"}, "tsne"), ({"dims": 4}, "4"), ({"vectors": np.zeros(3)}, "shape")],
)
def test_wrong_arguments_are_named(arguments, word):
    with pytest.raises(UserError, match=word):
        project(**{"vectors": np.zeros((6, 3)), **arguments})


def test_two_fits_at_once_do_not_meet():
    vectors, _ = clusters(5)
    results = []
    threads = [threading.Thread(target=lambda: results.append(project(vectors).points)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 4
    for points in results[1:]:
        np.testing.assert_array_equal(points, results[0])


def test_warm_after_warming_up():
    warm_up()
    assert is_warm()


@settings(max_examples=40, deadline=None)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(0, 12), st.integers(1, 6)),
        elements=st.floats(-10, 10, width=32),
    ),
    st.sampled_from([2, 3]),
)
def test_pca_is_finite_centred_and_never_farther_apart_than_the_vectors(vectors, dims):
    points = project(vectors, "pca", dims).points
    assert points.shape == (len(vectors), dims) and np.isfinite(points).all()
    if len(vectors):
        assert np.abs(points.mean(axis=0)).max() < 1e-3
    for i in range(len(vectors)):
        for j in range(i):
            apart = np.linalg.norm(vectors[i].astype(float) - vectors[j])
            assert np.linalg.norm(points[i] - points[j]) <= apart + 1e-2
