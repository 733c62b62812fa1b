"""Maps: sentence vectors in two or three dimensions, by PCA or UMAP.

UMAP's first fit compiles for seconds: `warm_up` does that in advance, and `is_warm` says whether it has. A lock guards
every fit, since two at once can abort the process (numba's threading layer).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from mtl.config import UserError

# UMAP crashes with two or three different points, and its neighbourhoods are meaningless with few more.
MIN_UMAP = 5
MAX_NEIGHBOURS = 15

_fit_lock = threading.Lock()
_warm = threading.Event()


@dataclass(frozen=True)
class Projection:
    """`points`: float32 (n, dims). `method`: the one that was used, "umap" or "pca"; if it is not the requested one,
    `note` says why."""

    points: np.ndarray
    method: str
    note: str


def project(
    vectors: np.ndarray, method: str = "umap", dims: int = 2, previous: np.ndarray | None = None, seed: int = 0
) -> Projection:
    """Lay out `vectors` (n, dim) in `dims` dimensions.

    `previous` is an earlier layout (n, dims) of the same points: the new one starts from it (UMAP) and is rotated to
    match it, so that the two can be compared. Deterministic for the same seed. Raises `UserError` for an unknown
    method or number of dimensions.
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
    if method == "umap" and (different := count_different(vectors)) < MIN_UMAP:
        method = "pca"
        note = f"UMAP needs {MIN_UMAP} different sentences and there are {different}: this is PCA."
    points = _pca(vectors, dims) if method == "pca" else _umap(vectors, dims, previous, seed)
    return Projection(points if previous is None else _turned(points, previous), method, note)


def count_different(vectors: np.ndarray) -> int:
    """The number of different rows of `vectors`; below `MIN_UMAP` every map is PCA."""
    return len({row.tobytes() for row in vectors})


def warm_up() -> None:
    """Let UMAP compile what later fits need, which takes seconds the first time."""
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
    axes = min(dims, len(sizes))
    # The sign of an axis is arbitrary; fixing it keeps maps from flipping between runs.
    signs = np.sign(right[np.arange(axes), np.abs(right[:axes]).argmax(axis=1)])
    points[:, :axes] = left[:, :axes] * sizes[:axes] * signs
    return points


def _turned(points: np.ndarray, previous: np.ndarray) -> np.ndarray:
    """`points` shifted, rotated and mirrored to match `previous`."""
    from scipy.linalg import orthogonal_procrustes

    if len(points) < 2:
        return points
    centre, previous_centre = points.mean(axis=0), np.mean(previous, axis=0)
    turn, _ = orthogonal_procrustes(points - centre, previous - previous_centre)
    return ((points - centre) @ turn + previous_centre).astype(np.float32)


def _umap(vectors: np.ndarray, dims: int, previous: np.ndarray | None, seed: int) -> np.ndarray:
    import warnings

    with _fit_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap

        start = _pca(vectors, dims) if previous is None else np.array(previous, dtype=np.float32)
        # UMAP scales its start to a box, and would divide by zero on an axis where all points are equal.
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
