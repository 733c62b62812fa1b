"""Clusters of sentence vectors by Ward's method: as many as the silhouette says, or as many as were asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST = 8
# The silhouette of a few vectors is best with a cluster for every two of them, which says nothing.
EACH = 3


@dataclass(frozen=True)
class Clusters:
    """`numbers`: the cluster of each vector, from 0, in the order of their first vectors. `central`: the row nearest
    to the centre of each cluster. `silhouette`: how far apart they are, at most 1; None where that means nothing."""

    numbers: np.ndarray
    central: list[int]
    silhouette: float | None


def find_clusters(vectors: np.ndarray, count: int = 0) -> Clusters:
    """`count` clusters of vectors (n, dim) of length 1, fewer where fewer vectors differ; 0: the number with the best
    silhouette, from 2 to `MOST` and with `EACH` vectors or more a cluster on average."""
    from scipy.cluster.hierarchy import fcluster, ward
    from scipy.spatial.distance import squareform

    if len(vectors) < 2:
        return Clusters(np.zeros(len(vectors), dtype=int), list(range(len(vectors))), None)
    distances = np.sqrt(np.maximum(2 - 2 * (vectors @ vectors.T).astype(np.float64), 0))
    np.fill_diagonal(distances, 0)
    tree = ward(squareform(distances, checks=False))
    candidates = range(2, max(min(MOST, len(vectors) // EACH), 2) + 1)
    found = {number: fcluster(tree, number, "maxclust") for number in ([count] if count else candidates)}
    silhouettes = {number: _silhouette(distances, numbers) for number, numbers in found.items()}
    best = max(found, key=lambda number: -1 if silhouettes[number] is None else silhouettes[number])
    # Numbered by where they first appear, so that a sentence added at the end renames no cluster.
    labels, firsts = np.unique(found[best], return_index=True)
    central = []
    numbers = np.empty(len(vectors), dtype=int)
    for number, label in enumerate(labels[firsts.argsort()]):
        rows = np.flatnonzero(found[best] == label)
        numbers[rows] = number
        central.append(int(rows[(vectors[rows] @ vectors[rows].mean(axis=0)).argmax()]))
    return Clusters(numbers, central, silhouettes[best])


def _silhouette(distances: np.ndarray, numbers: np.ndarray) -> float | None:
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(numbers)) < len(numbers):
        return None
    return float(silhouette_score(distances, numbers, metric="precomputed"))
