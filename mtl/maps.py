"""Maps: sentence vectors in two or three dimensions, by PCA or UMAP, and how well they keep nearest neighbours.

The same input gives the same layout: PCA follows from the vectors alone, UMAP of few points from the vectors and the
seed, and UMAP of more than `FEW` points from those and the layout it starts from. Where vectors differ by rounding
alone (another processor, another batch), PCA differs by as little, but UMAP may differ visibly.

umap-learn's first fit compiles for seconds: `warm_up` does that in advance, and `is_warm` says whether it has. A lock
guards its fits, since two at once can abort the process (numba's threading layer). Few points need neither.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtl.config import UserError

# UMAP crashes with two or three different points, and its neighbourhoods are meaningless with few more.
MIN_UMAP = 5
MAX_NEIGHBOURS = 15
# Up to this many points are laid out here: that keeps more than twice as many nearest neighbours as umap-learn, moves
# the others half as far when one text of twenty changes, and needs no warm-up and no lock.
FEW = 100
# Cosines closer than this are equal: the same text embedded in two batches differs by its rounding.
SAME_COSINE = 1e-5
# Rows compared at once, so that the distances of thousands of points never stand in memory together.
_BLOCK = 256

_fit_lock = threading.Lock()
_warm = threading.Event()


@dataclass(frozen=True)
class Projection:
    """`points`: float32 (n, dims). `method`: the one that was used, "umap" or "pca"; if it is not the requested one,
    `note` says why. `neighbours_kept`: the share of points whose nearest neighbour by cosine is also their nearest on
    the map, from 0 to 1."""

    points: np.ndarray
    method: str
    note: str
    neighbours_kept: float


def project(
    vectors: np.ndarray, method: str = "umap", dims: int = 2, previous: np.ndarray | None = None, seed: int = 0
) -> Projection:
    """Lay out `vectors` (n, dim) in `dims` dimensions.

    `previous` is an earlier layout (n, dims) of the same points: the new one is turned to match it, and UMAP of many
    points starts from it, so that the two can be compared. Raises `UserError` for an unknown method or number of
    dimensions.
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
        note = f"UMAP needs at least {MIN_UMAP} different sentences, not {different}: this is PCA."
    if method == "pca":
        points = _pca(vectors, dims)
    elif len(vectors) <= FEW:
        points = _umap_of_few(vectors, dims, seed)
    else:
        points = _umap(vectors, dims, previous, seed)
    if previous is not None:
        points = aligned(points, previous, [(row, row) for row in range(len(points))])
    return Projection(points, method, note, float(neighbours_kept(vectors, points).mean()) if len(points) else 1.0)


def neighbours_kept(vectors: np.ndarray, points: np.ndarray) -> np.ndarray:
    """For each point, whether its nearest neighbour by cosine is also its nearest on the map: 1 or 0.

    Several neighbours may be nearest by cosine (copies of a text): any of them will do. Where several points lie
    equally near on the map, the share of them that are nearest by cosine counts. A single point has nothing to lose: 1.
    """
    from scipy.spatial.distance import cdist

    kept = np.ones(len(points))
    if len(points) < 2:
        return kept
    directions = _directions(np.asarray(vectors))
    rounding = 1e-6 * np.ptp(points, axis=0).max()
    for start in range(0, len(points), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(points)))
        distances = cdist(points[rows], points)
        distances[np.arange(len(rows)), rows] = np.inf
        nearest = distances <= distances.min(axis=1, keepdims=True) + rounding
        kept[rows] = (nearest & _nearest(directions, rows)).sum(axis=1) / nearest.sum(axis=1)
    return kept


def aligned(points: np.ndarray, earlier: np.ndarray, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """`points` turned, mirrored and shifted as a whole, so that those that an earlier layout shows too lie as near as
    possible to where they lay. The distances between them stay as they are.

    `pairs` holds (row in `points`, row in `earlier`) of each shared point. With none, `points` are returned unchanged.
    """
    from scipy.linalg import orthogonal_procrustes

    if not len(pairs):
        return points
    rows, earlier_rows = np.transpose(pairs)
    shared, target = points[rows], np.asarray(earlier)[earlier_rows]
    centre, target_centre = shared.mean(axis=0), target.mean(axis=0)
    turn, _ = orthogonal_procrustes(shared - centre, target - target_centre)
    return ((points - centre) @ turn + target_centre).astype(np.float32)


def count_different(vectors: np.ndarray) -> int:
    """The number of different rows of `vectors`; below `MIN_UMAP` every map is PCA."""
    return len(_different(vectors)[0])


def warm_up() -> None:
    """Let UMAP compile what later fits need, which takes seconds the first time."""
    if not _warm.is_set():
        vectors = np.random.default_rng(0).normal(size=(MAX_NEIGHBOURS + 1, 8)).astype(np.float32)
        _umap(vectors, 2, None, 0)
        _warm.set()


def is_warm() -> bool:
    """Whether umap-learn's first fit is over."""
    return _warm.is_set()


def is_ready(count: int) -> bool:
    """Whether UMAP of `count` points starts at once: of few always, of many once it is warm and nobody else's runs."""
    return count <= FEW or (is_warm() and not _fit_lock.locked())


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


def _different(vectors: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """The different rows, in an order that does not depend on that of `vectors`, and which of them each row is."""
    rows = {row.tobytes(): row for row in vectors + 0.0}  # -0.0 is 0.0
    places = {content: place for place, content in enumerate(sorted(rows))}
    return np.array([rows[content] for content in places]), [places[row.tobytes()] for row in vectors + 0.0]


def _directions(vectors: np.ndarray) -> np.ndarray:
    """`vectors` at length 1; zeros stay zeros."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _nearest(directions: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """For each of `rows`, which of all points are its nearest by cosine: bool (rows, n)."""
    cosines = directions[rows] @ directions.T
    cosines[np.arange(len(rows)), rows] = -np.inf
    return cosines >= cosines.max(axis=1, keepdims=True) - SAME_COSINE


def _umap_of_few(vectors: np.ndarray, dims: int, seed: int) -> np.ndarray:
    """UMAP's graph and forces, then nearest neighbours drawn together.

    It starts at PCA, takes the mean of UMAP's random steps, and stops early: so the map changes little with its texts.
    """
    different, copies = _different(vectors)
    directions = _directions(different)
    points = _pca(different, dims).astype(np.float64)
    points *= 10 / max(np.ptp(points, axis=0).max(), 1e-12)  # the size that UMAP's forces are made for
    # No force parts points that lie in one place.
    points += np.random.default_rng(seed).normal(scale=1e-3, size=points.shape)
    _take_mean_steps(points, _neighbour_graph(directions))
    _draw_nearest_together(points, _nearest(directions, np.arange(len(points))))
    return (points - points.mean(axis=0)).astype(np.float32)[copies]


def _neighbour_graph(directions: np.ndarray, neighbours: int = 3) -> np.ndarray:
    """UMAP's weights (n, n) between each point and its neighbours by cosine, from 0 to 1."""
    distances = 1 - (directions @ directions.T).astype(np.float64)
    np.fill_diagonal(distances, np.inf)
    near = np.sort(distances, axis=1)[:, :neighbours]
    excess = distances - near[:, :1]
    # The nearest weighs 1; the width makes all of a point's weights sum to log2(neighbours + 1).
    low, high = np.full((len(near), 1), 1e-6), np.full((len(near), 1), 10.0)
    for _ in range(30):
        width = (low + high) / 2
        above = np.exp(-(near - near[:, :1]) / width).sum(axis=1, keepdims=True) > np.log2(neighbours + 1)
        low, high = np.where(above, low, width), np.where(above, width, high)
    weights = np.where(distances <= near[:, -1:], np.exp(-excess / width), 0)
    return weights + weights.T - weights * weights.T


def _take_mean_steps(points: np.ndarray, graph: np.ndarray, steps: int = 60, rate: float = 0.1) -> None:
    """Move `points` by the mean of the steps that UMAP draws at random."""
    # On the map two points are alike by 1 / (1 + a * distance ** 2), which is UMAP's curve for min_dist = 0.2.
    a = 1.26
    # UMAP draws five points to push away for each neighbour to pull.
    push = 5 * graph.sum(axis=1, keepdims=True) / len(points)
    for now in np.linspace(rate, 0, steps, endpoint=False):
        gaps = points[:, None] - points
        squared = (gaps**2).sum(axis=-1)
        force = (2 * push / (0.001 + squared) - 4 * a * graph) / (1 + a * squared)
        points += now * np.clip(force[..., None] * gaps, -4, 4).sum(axis=1)


def _draw_nearest_together(points: np.ndarray, nearest: np.ndarray, steps: int = 100, margin: float = 0.1) -> None:
    """Wherever another point lies nearer than a nearest neighbour, draw that neighbour in and push the other away, by
    a third of what is missing at a time, until all lie right or the steps are used up."""
    rows = np.arange(len(points))
    # Added to distances, these leave the neighbours alone, or the others.
    not_near, not_far = np.where(nearest, 0, np.inf), np.where(nearest | np.eye(len(points), dtype=bool), np.inf, 0)
    for _ in range(steps):
        gaps = points[:, None] - points
        distances = np.sqrt(np.einsum("ijk,ijk->ij", gaps, gaps))
        near, far = distances + not_near, distances + not_far
        neighbour, intruder = near.argmin(axis=1), far.argmin(axis=1)
        missing = (1 + margin) * near[rows, neighbour] - far[rows, intruder]
        wrong = np.flatnonzero(missing > 0)
        if not len(wrong):
            break
        neighbour, intruder, third = neighbour[wrong], intruder[wrong], missing[wrong, None] / 3
        closer = third * -gaps[wrong, neighbour] / np.maximum(distances[wrong, neighbour, None], 1e-12)
        away = third * gaps[wrong, intruder] / np.maximum(distances[wrong, intruder, None], 1e-12)
        ends = np.concatenate((wrong, neighbour, intruder))
        moves = np.zeros_like(points)
        np.add.at(moves, ends, np.concatenate((closer + away, -closer, -away)))
        points += moves / np.maximum(np.bincount(ends, minlength=len(points)), 1)[:, None]


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
