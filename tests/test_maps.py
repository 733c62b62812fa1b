"""Maps: the right shape for any input, the same each time, and PCA where UMAP cannot work."""

from __future__ import annotations

import threading
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import pdist

import mtl
from mtl import maps
from mtl.config import UserError
from mtl.maps import FEW, MIN_UMAP, aligned, is_ready, is_warm, neighbours_kept, project, warm_up
from mtl.ui.examples import OPENING, SETS


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
@pytest.mark.parametrize("per_cluster", [6, FEW // 3 + 1])
def test_the_same_input_gives_the_same_map(method, per_cluster):
    vectors, _ = clusters(per_cluster)
    np.testing.assert_array_equal(project(vectors, method).points, project(vectors, method).points)


def test_another_seed_gives_another_umap():
    vectors, _ = clusters(FEW // 3 + 1)
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


def test_a_map_says_how_many_nearest_neighbours_it_keeps():
    vectors = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], dtype=np.float32)
    kept = neighbours_kept(vectors, np.array([[0, 0], [1, 0], [5, 0], [1.5, 0]]))
    assert kept.tolist() == [1, 0, 1, 0]
    result = project(vectors, "pca")
    assert result.neighbours_kept == neighbours_kept(vectors, result.points).mean() == 1


def test_any_copy_of_the_nearest_text_is_the_nearest():
    vectors = np.array([[1, 0], [1, 1e-7], [1, 0], [0.9, 0.5], [-1, 0.1]], dtype=np.float32)
    assert neighbours_kept(vectors, np.array([[0, 0], [2, 0], [1, 0], [4, 0], [5, 9]])).tolist() == [1] * 5


@given(st.integers(2, 30), st.integers(0, 99))
def test_a_map_with_all_points_in_one_place_keeps_what_chance_keeps(count, seed):
    vectors = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    np.testing.assert_allclose(neighbours_kept(vectors, np.zeros((count, 2))), 1 / (count - 1))


@pytest.mark.parametrize("count", [0, 1])
def test_a_map_without_neighbours_loses_none(count):
    assert project(np.ones((count, 4), dtype=np.float32)).neighbours_kept == 1


@given(st.integers(2, 12), st.integers(0, 99), st.floats(0.01, 100))
def test_what_is_kept_depends_on_neither_size_nor_place_nor_block(count, seed, size):
    rng = np.random.default_rng(seed)
    vectors, points = rng.normal(size=(count, 8)).astype(np.float32), rng.normal(size=(count, 2))
    kept = neighbours_kept(vectors, points)
    cosines = vectors @ vectors.T / np.outer(*[np.linalg.norm(vectors, axis=1)] * 2)
    np.fill_diagonal(cosines, -np.inf)
    assert kept.tolist() == (cosines.argmax(axis=1) == nearest(points)).tolist()
    np.testing.assert_array_equal(neighbours_kept(3 * vectors, size * points + 1), kept)
    with mock.patch("mtl.maps._BLOCK", 5):
        np.testing.assert_array_equal(neighbours_kept(vectors, points), kept)


@given(st.integers(3, 12), st.sampled_from([2, 3]), st.integers(0, 99))
def test_shared_points_return_to_where_they_lay(count, dims, seed):
    rng = np.random.default_rng(seed)
    earlier = rng.normal(size=(count + 2, dims))
    turn, _ = np.linalg.qr(rng.normal(size=(dims, dims)))
    rows = rng.permutation(count + 2)[:count]
    points = np.concatenate([rng.normal(size=(1, dims)), earlier[rows] @ turn + 7])  # and one that is new
    result = aligned(points, earlier, [(i + 1, int(row)) for i, row in enumerate(rows)])
    np.testing.assert_allclose(result[1:], earlier[rows], atol=1e-4)
    np.testing.assert_allclose(pdist(result), pdist(points), atol=1e-4)


def test_one_shared_point_shifts_the_map_and_none_leaves_it():
    points = np.array([[0, 0], [1, 2]], dtype=np.float32)
    assert aligned(points, np.array([[5, 5]]), [(1, 0)]).tolist() == [[4, 3], [5, 5]]
    assert aligned(points, np.zeros((0, 2)), []) is points


@pytest.mark.parametrize(
    ("arguments", "word"),
    [({"method": "tsne"}, "tsne"), ({"dims": 4}, "4"), ({"vectors": np.zeros(3)}, "shape")],
)
def test_wrong_arguments_are_named(arguments, word):
    with pytest.raises(UserError, match=word):
        project(**{"vectors": np.zeros((6, 3)), **arguments})


def test_two_fits_at_once_do_not_meet():
    vectors, _ = clusters(FEW // 3 + 1)
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


def test_few_points_wait_neither_for_the_warm_up_nor_for_another_fit(monkeypatch):
    monkeypatch.setattr(maps, "_warm", threading.Event())
    assert is_ready(FEW) and not is_ready(FEW + 1)
    maps._warm.set()
    assert is_ready(FEW + 1)
    vectors = np.random.default_rng(0).normal(size=(FEW, 8))
    with maps._fit_lock:
        assert is_ready(FEW) and not is_ready(FEW + 1)
        assert project(vectors).method == "umap"


def test_umap_of_few_keeps_the_nearest_neighbours_that_pca_loses():
    kept = {"umap": [], "pca": []}
    for seed in range(5):
        rng = np.random.default_rng(seed)
        vectors = rng.normal(size=(20, 64)) + 2 * rng.normal(size=(6, 64))[rng.integers(0, 6, 20)]
        for method, shares in kept.items():
            shares.append(project(vectors, method).neighbours_kept)
    assert np.mean(kept["umap"]) > 0.85 > 0.6 > np.mean(kept["pca"])


def test_the_opening_example_keeps_nine_of_twelve():
    vectors = mtl.load().encode(list(SETS[OPENING]))
    assert project(vectors).neighbours_kept * len(vectors) >= 9


def test_umap_of_few_is_the_same_in_whatever_order_the_texts_come():
    vectors, _ = clusters(6)
    order = np.random.default_rng(0).permutation(len(vectors))
    np.testing.assert_allclose(pdist(project(vectors[order]).points), pdist(project(vectors).points[order]), atol=1e-3)


def test_umap_of_few_follows_umaps_curve():
    from umap.umap_ import find_ab_params

    np.testing.assert_allclose(find_ab_params(1.0, 0.2), (1.26, 1), atol=0.01)


def test_another_text_among_twenty_leaves_the_others_near_where_they_lay():
    vectors, _ = clusters(7)
    earlier = project(vectors).points
    changed = vectors.copy()
    changed[9] = np.eye(24)[7]
    pairs = [(row, row) for row in range(len(vectors)) if row != 9]
    moved = aligned(project(changed).points, earlier, pairs) - earlier
    assert np.linalg.norm(np.delete(moved, 9, axis=0), axis=1).mean() < 0.2 * np.ptp(earlier, axis=0).max()


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.float32, st.tuples(st.integers(0, 12), st.integers(1, 6)), elements=st.floats(-10, 10, width=32)),
    st.sampled_from([2, 3]),
)
def test_umap_of_any_few_vectors_is_finite_and_keeps_a_share_of_neighbours(vectors, dims):
    result = project(np.concatenate([vectors, vectors[:3]]), "umap", dims)
    assert result.points.shape == (len(vectors) + min(3, len(vectors)), dims) and np.isfinite(result.points).all()
    assert 0 <= result.neighbours_kept <= 1


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
