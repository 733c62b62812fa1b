"""Clusters of vectors: what belongs together comes together, in an order that stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.clusters import EACH, MOST, find_clusters


def around(centres, of):
    """A vector of length 1 near a centre for each number in `of`."""
    vectors = centres[of] + np.random.default_rng(0).normal(scale=0.05, size=(len(of), centres.shape[1]))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_it_finds_how_many_clusters_there_are_and_who_is_in_which(count):
    of = np.arange(40) % count
    found = find_clusters(around(np.eye(8)[:count], of))
    np.testing.assert_array_equal(found.numbers, of)
    assert found.silhouette > 0.7
    assert [of[row] for row in found.central] == list(range(count))


def test_a_sentence_at_the_end_renumbers_nothing():
    of = np.array([2, 0, 1, 2, 0, 1, 2, 0, 1, 1, 1, 1])
    vectors = around(np.eye(4), of)
    fewer, more = find_clusters(vectors[:-1]), find_clusters(vectors)
    np.testing.assert_array_equal(fewer.numbers, more.numbers[:-1])
    assert fewer.numbers[:3].tolist() == [0, 1, 2]


@given(st.integers(0, 30), st.integers(0, MOST), st.integers(1, 30), st.integers(0, 9))
def test_every_vector_is_in_one_of_at_most_so_many_clusters(size, count, different, seed):
    vectors = np.random.default_rng(seed).normal(size=(size, 4)).astype(np.float32)
    vectors = vectors[np.arange(size) % different % max(size, 1)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = find_clusters(vectors, count)
    assert found.numbers.shape == (size,)
    assert set(found.numbers) == set(range(len(found.central)))
    assert len(found.central) <= (count or max(min(MOST, size // EACH), 2)) or size == 1
    assert all(found.numbers[row] == number for number, row in enumerate(found.central))
