"""The look of OK parts, place by place: a Gaussian of features at each position of a map.

After Defard et al. 2021, "PaDiM" (arXiv:2011.08785): each place has its own mean and covariance of
pretrained features. Three things are different, so that it fits a small int8 graph and few photographs.
The features are reduced by principal components. Each place's covariance is drawn towards that of
all places, the more the fewer photographs there are. And the distance is the mean absolute
whitened feature, each cut at CLIP, in place of the root of the squares.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from trainer.methods.place_map import PlaceMap

DIMENSIONS = 24
MOST = 2000  # photographs that Gaussians are learned from
CLIP = 6.0  # standard deviations
_RIDGE = 1e-3  # of the mean variance, where features do not vary at all
_LEAST = 1e-6
_AT_ONCE = 256  # photographs
_SAMPLE = 100_000  # places from which the principal components are found


@dataclass(frozen=True)
class PatchGaussians:
    """``projection``: (C, D); ``mean``: (H, W, D) of projected features; ``whitening``: (H, W, D, D).

    ``limits``: least and largest projected feature of OK parts, and CLIP deviations more.
    """

    projection: NDArray[np.float32]
    mean: NDArray[np.float32]
    whitening: NDArray[np.float32]
    limits: tuple[float, float]

    def distances(
        self, maps: NDArray[np.floating], at: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """The distance of the strangest place of each photograph from OK parts, (N,), of maps (N, H, W, C).

        ``at``: positions, by default all.
        """
        positions = np.arange(len(maps)) if at is None else at
        parts = [positions[start : start + _AT_ONCE] for start in range(0, len(positions), _AT_ONCE)]
        return np.concatenate([self.by_place(maps[part]).max(axis=(1, 2)) for part in parts])

    def by_place(self, maps: NDArray[np.floating]) -> NDArray[np.float32]:
        """The distance of each place from that place of OK parts, (N, H, W), of maps (N, H, W, C)."""
        centred = maps.astype(np.float32) @ self.projection - self.mean
        white = np.matmul(centred[..., np.newaxis, :], self.whitening)[..., 0, :]
        return np.asarray(np.minimum(np.abs(white), CLIP).mean(axis=-1), np.float32)

    def place_map(self, values: Any, *, most: float) -> PlaceMap:  # noqa: ARG002  CLIP cuts off already
        """The layers that say the same of a Keras tensor (N, H, W, C)."""
        from trainer.methods.padim.graph import add_gaussians

        return add_gaussians(values, self)


def learn_gaussians(maps: NDArray[np.floating], *, seed: int) -> PatchGaussians:
    """Means and covariances of ``maps``, (N, H, W, C) of OK photographs, as different as there are."""
    with threadpool_limits(1):  # many small matrices: threads would wait for each other
        projection = _principal_components(maps, seed=seed)
        projected = maps.astype(np.float32) @ projection
        mean = projected.mean(axis=0)
        covariance = _covariance_by_place(projected - mean)
        shared = covariance.mean(axis=(0, 1))
        pull = len(shared) / (len(shared) + len(maps))
        ridge = (_RIDGE * np.trace(shared) / len(shared) + _LEAST) * np.eye(len(shared))
        drawn = (1 - pull) * covariance + pull * shared + ridge
        whitening = np.linalg.cholesky(np.linalg.inv(drawn))
    scale = np.sqrt(np.diag(shared + ridge))  # all components share one int8 scale: they must be alike
    standard = projected / scale
    return PatchGaussians(
        np.asarray(projection / scale, np.float32),
        np.asarray(mean / scale, np.float32),
        np.asarray(whitening * scale[:, np.newaxis], np.float32),
        (min(0.0, float(standard.min()) - CLIP), max(0.0, float(standard.max()) + CLIP)),
    )


def _principal_components(maps: NDArray[np.floating], *, seed: int) -> NDArray[np.float32]:
    """Directions (C, D) in which the places of all photographs differ most."""
    rows = maps.reshape(-1, maps.shape[-1])
    chosen = np.random.default_rng(seed).permutation(len(rows))[:_SAMPLE]
    covariance = np.cov(rows[np.sort(chosen)].astype(np.float64), rowvar=False)
    _, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors[:, -DIMENSIONS:], np.float32)


def _covariance_by_place(centred: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, D, D) of (N, H, W, D)."""
    by_place = np.moveaxis(centred, 0, -1)
    return np.asarray(by_place @ np.swapaxes(by_place, -1, -2) / len(centred))
