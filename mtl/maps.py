"""Maps: sentence vectors laid out in two or three dimensions, by PCA or by UMAP.

UMAP compiles for seconds at its first fit, so `warm_up` does one in the background and `is_warm` tells when
it is done. One lock around every fit: two at once can abort the whole process (numba's threading layer).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from mtl.config import UserError

# With fewer different points UMAP's neighbourhoods mean nothing, and its start-up crashes at two or three.
MIN_UMAP = 5
MAX_NEIGHBOURS = 15

_fit_lock = threading.Lock()
_warm = threading.Event()


@dataclass(frozen=True)
class Projection:
    """`points` float32 (n, dims); `method` is the one that was used, "umap" or "pca"; `note` says why where
    that is not the one asked for."""

    points: np.ndarray
    method: str
    note: str


def project(
    vectors: np.ndarray,
    method: str = "umap",
    dims: int = 2,
    previous: np.ndarray | None = None,
    seed: int = 0,
) -> Projection:
    """Lay out `vectors` (n, dim) in `dims` dimensions.

    `previous` is an earlier layout of the same n points, (n, dims): the new one starts from it (UMAP) and is
    turned the same way round, so that two maps can be compared. The same input and seed give the same points.
    Raises `UserError` on an unknown method or number of dimensions.
    """
    vectors = np.asarray(vectors, dtype=np.float32)
    if method not in ("umap", "pca"):
        raise UserError(f"There is no map method called {method!r}. Choose umap or pca.")
    if dims not in (2, 3):
        raise UserError(f"A map has 2 or 3 dimensions, not {dims!r}.")
    if vectors.ndim != 2:
        raise UserError(f"Vectors for a map must be a table of rows, not of shape {vectors.shape}.")
    if previous is not None and np.shape(previous) != (len(vectors), dims):
        previous = None
    note = ""
    if method == "umap":
        different = count_different(vectors)
        if different < MIN_UMAP:
            method = "pca"
            note = f"UMAP needs {MIN_UMAP} different sentences and there are {different}: this is PCA."
    points = _pca(vectors, dims) if method == "pca" else _umap(vectors, dims, previous, seed)
    return Projection(points if previous is None else _turned(points, previous), method, note)


def count_different(vectors: np.ndarray) -> int:
    """How many different rows `vectors` has. Below `MIN_UMAP` every map is PCA."""
    return len({row.tobytes() for row in vectors})


def warm_up() -> None:
    """Make UMAP compile what later fits need. Takes seconds the first time and nothing after that."""
    if not _warm.is_set():
        vectors = np.random.default_rng(0).normal(size=(MAX_NEIGHBOURS + 1, 8)).astype(np.float32)
        _umap(vectors, 2, None, 0)
        _warm.set()


def is_warm() -> bool:
    """Whether a UMAP fit starts at once."""
    return _warm.is_set()


def _pca(vectors: np.ndarray, dims: int) -> np.ndarray:
    points = np.zeros((len(vectors), dims), dtype=np.float32)
    if len(vectors) < 2:
        return points
    left, sizes, right = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    kept = min(dims, len(sizes))
    # An axis of a PCA has no direction of its own; without a rule it could flip from one run to the next.
    directions = np.sign(right[np.arange(kept), np.abs(right[:kept]).argmax(axis=1)])
    points[:, :kept] = left[:, :kept] * sizes[:kept] * directions
    return points


def _turned(points: np.ndarray, previous: np.ndarray) -> np.ndarray:
    """`points` moved, turned and mirrored as a whole so that they lie as near to `previous` as they can."""
    if len(points) < 2:
        return points
    centre, previous_centre = points.mean(axis=0), np.mean(previous, axis=0)
    left, _, right = np.linalg.svd((points - centre).T @ (previous - previous_centre))
    return ((points - centre) @ (left @ right) + previous_centre).astype(np.float32)


def _umap(vectors: np.ndarray, dims: int, previous: np.ndarray | None, seed: int) -> np.ndarray:
    import warnings

    with _fit_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap

        start = _pca(vectors, dims) if previous is None else np.array(previous, dtype=np.float32)
        # UMAP scales its start to a box: an axis on which all points are equal would divide by zero.
        spread = max(float(np.abs(start).max()), 1.0)
        start += np.random.default_rng(seed).normal(scale=1e-4 * spread, size=start.shape).astype(np.float32)
        fit = umap.UMAP(
            n_components=dims,
            n_neighbors=min(MAX_NEIGHBOURS, len(vectors) - 1),
            min_dist=0.2,
            metric="cosine",
            init=start,
            n_epochs=500 if len(vectors) <= 500 else 200,
            random_state=seed,
            n_jobs=1,
        )
        points = fit.fit_transform(vectors)
    return np.ascontiguousarray(points, dtype=np.float32)
