"""How familiar a text is: how near its vector lies to those of the texts that a model was trained on.

The relative Mahalanobis distance (Ren et al. 2021, after Lee et al. 2018): the squared distance to the mean of the
training texts' vectors, less the one to the mean of a background of scrambled texts, each in its own covariance. The
vectors are means of the token vectors that the pass gives on its way up, averaged over two layers: one at a third of
the way, which still sees the letters and signs of noise and code, and one at two thirds, which sees whether words form
a language that it knows. The upper ones keep only what the tasks need.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import torch

from mtl import weights
from mtl.config import UserError
from mtl.files import write_bytes

# How far a covariance is drawn to that of a sphere.
_SHRINKAGE = 0.5


def levels(groups: int) -> tuple[int, int]:
    """After how many of the layer groups, the lowest of which is the embeddings, the vectors are taken."""
    layers = groups - 1
    return 1 + layers // 3, 1 + layers * 2 // 3


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean (dim,) and covariance (dim, dim), in float32, of `count` vectors."""

    count: int
    mean: torch.Tensor
    covariance: torch.Tensor

    @classmethod
    def of(cls, vectors: torch.Tensor) -> Moments:
        vectors = vectors.double()
        return cls(len(vectors), vectors.mean(0).float(), torch.cov(vectors.T, correction=0).float())

    def mixed(self, other: Moments, share: float) -> Moments:
        """The moments of a mixture in which `other` has this share."""
        mean = torch.lerp(self.mean, other.mean, share)
        between = share * (1 - share) * torch.outer(self.mean - other.mean, self.mean - other.mean)
        covariance = torch.lerp(self.covariance, other.covariance, share) + between
        return Moments(self.count + other.count, mean, covariance)

    @cached_property
    def precision(self) -> torch.Tensor:
        """The inverse, in float64, of the covariance after shrinkage."""
        covariance = self.covariance.double()
        sphere = torch.eye(len(covariance), dtype=torch.float64) * (covariance.trace() / len(covariance))
        return torch.linalg.inv(torch.lerp(covariance, sphere, _SHRINKAGE))


@dataclass(frozen=True, eq=False)
class Familiarity:
    """Statistics of the vectors of training texts and of a background, taken after so many layer groups (`levels`).

    A text is unfamiliar if its score is above `threshold`; its familiarity is then below 0.5. `scale`: the difference
    of scores that takes the familiarity from 0.5 to 0.27 or 0.73.
    """

    known: Moments
    background: Moments
    threshold: float
    scale: float
    levels: tuple[int, ...]

    def scores(self, vectors: torch.Tensor) -> torch.Tensor:
        """The relative distances (rows,) of vectors (rows, dim); larger is less familiar."""
        quadratic, linear, constant = self._form
        vectors = vectors.double().cpu()
        return ((vectors @ quadratic) * vectors).sum(1) - 2 * vectors @ linear + constant

    @cached_property
    def _form(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The difference of both squared distances as one quadratic form."""
        (a, x), (b, y) = ((m.precision, m.mean.double()) for m in (self.known, self.background))
        return a - b, a @ x - b @ y, x @ a @ x - y @ b @ y

    def of(self, vectors: torch.Tensor) -> torch.Tensor:
        """The familiarity (rows,) of each vector, from 0 to 1."""
        return torch.sigmoid((self.threshold - self.scores(vectors)) / self.scale)

    # --- the file beside a checkpoint ---

    def write(self, folder: Path) -> None:
        from safetensors.torch import save

        tensors = {"numbers": torch.tensor([self.threshold, self.scale]), "levels": torch.tensor(self.levels)}
        for name, moments in (("known", self.known), ("background", self.background)):
            tensors[f"{name}.count"] = torch.tensor(moments.count)
            tensors[f"{name}.mean"] = moments.mean.contiguous()
            tensors[f"{name}.covariance"] = moments.covariance.half().contiguous()
        write_bytes(folder / weights.FAMILIARITY, save(tensors))

    @classmethod
    def read(cls, folder: Path, dim: int, groups: int) -> Familiarity | None:
        """The statistics in a checkpoint's folder, None if it has none. Raises `UserError` for a damaged file."""
        from safetensors.torch import load

        path = folder / weights.FAMILIARITY
        if not path.is_file():
            return None
        weights.check(path)
        tensors = load(path.read_bytes())
        try:
            known, background = (
                Moments(
                    int(tensors[f"{name}.count"]),
                    tensors[f"{name}.mean"].float(),
                    tensors[f"{name}.covariance"].float(),
                )
                for name in ("known", "background")
            )
            threshold, scale = tensors["numbers"].tolist()
            # Earlier files are from one level.
            taken = tuple(tensors["levels"].tolist()) if "levels" in tensors else (max(1, groups * 2 // 3),)
        except (KeyError, ValueError, RuntimeError) as error:
            raise UserError(f"{path} is damaged: {error} is missing or of the wrong shape.") from error
        shapes = {tuple(m.mean.shape) + tuple(m.covariance.shape) for m in (known, background)}
        read = cls(known, background, threshold, scale, taken)
        fits = shapes == {(dim, dim, dim)} and all(0 < low <= high for low, high in pairwise((*taken, groups)))
        if not fits or not read._usable:
            raise UserError(f"{path} does not fit the model beside it. Delete it, or copy it again.")
        return read

    @property
    def _usable(self) -> bool:
        try:
            numbers = (*self._form, torch.tensor([self.threshold, self.scale]))
        except torch.linalg.LinAlgError:
            return False
        return self.scale > 0 and all(bool(each.isfinite().all()) for each in numbers)
