"""The look of OK parts, whatever their pose: a memory of patches, of which the nearest one counts.

After Roth et al. 2022, "PatchCore" (CVPR, arXiv:2106.08265): of all places of all maps of OK parts, the
few prototypes are kept that leave no place far from all of them (greedy k-centre: Sener and Savarese 2018,
arXiv:1708.00489). README.md says what is different here and why.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from trainer.methods.place_map import PlaceMap

PROTOTYPES = 1024
DIMENSIONS = 128
SAMPLE = 20_000  # places that prototypes are chosen from
_COMPARED = 24  # dimensions, of a random projection, in which prototypes are chosen
_LEAST = 1e-6
INT8 = 127  # steps of the largest value
_REACH = 1.25  # times the largest value of OK parts: what is beyond is cut off
_AT_ONCE = 8192  # places


@dataclass(frozen=True)
class PatchMemory:
    """``projection`` (C, D) and ``offset`` (D,): of a place's channels to what is compared.

    ``prototypes``: (K, D). ``limit``: what is larger than it in a place is cut off.
    """

    projection: NDArray[np.float32]
    offset: NDArray[np.float32]
    prototypes: NDArray[np.float32]
    limit: float

    def by_place(self, maps: NDArray[np.floating]) -> NDArray[np.float32]:
        """Mean square of the differences from the nearest prototype, (N, H, W), of maps (N, H, W, C)."""
        rows = maps.reshape(-1, maps.shape[-1])
        found = np.empty(len(rows), np.float32)
        lengths = (self.prototypes**2).sum(axis=1) / 2
        for start in range(0, len(rows), _AT_ONCE):
            values = self._rounded(rows[start : start + _AT_ONCE].astype(np.float32) @ self.projection)
            nearest = (values @ self.prototypes.T - lengths).max(axis=1)
            squares = self.limit * _to_steps(values**2 / self.limit, self.limit)
            found[start : start + _AT_ONCE] = squares.sum(axis=1) - 2 * nearest
        by_place = np.maximum(found, 0).reshape(maps.shape[:-1])
        return np.asarray(by_place / len(self.offset), np.float32)

    def place_map(self, values: Any, *, most: float) -> PlaceMap:
        """The layers that say the same of a Keras tensor (N, H, W, C), up to a distance of ``most``."""
        from trainer.methods.patchcore.graph import add_memory

        return add_memory(values, self, most=most)

    def _rounded(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        return _to_steps(np.clip(values + self.offset, -self.limit, self.limit), self.limit)


def _to_steps(values: NDArray[np.float32], most: float) -> NDArray[np.float32]:
    """As int8 rounds in a range as large: what parts are held out for shows that error too."""
    step = np.float32(most / INT8)
    return np.asarray(np.round(values / step) * step, np.float32)


def learn_memory(maps: NDArray[np.floating], *, seed: int, most: int = PROTOTYPES) -> PatchMemory:
    """At most so many prototypes of ``maps``, (N, H, W, C) of OK photographs."""
    generator = np.random.default_rng(seed)
    rows = maps.reshape(-1, maps.shape[-1])
    chosen = np.sort(generator.permutation(len(rows))[:SAMPLE])
    rows = rows[chosen].astype(np.float32)
    with threadpool_limits(1, "blas"):
        projection = _projection(rows, generator)
        values = np.asarray(rows @ projection, np.float32)
        offset = np.asarray(-values.mean(axis=0), np.float32)
        values += offset
        prototypes = values[_far_apart(values, most, generator)]
    limit = _REACH * max(float(np.abs(values).max()), _LEAST)
    return PatchMemory(projection, offset, prototypes, limit)


def _projection(rows: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
    """(C, D): channels standardized, the directions kept in which they differ most, and turned at random.

    Turning leaves all distances as they are; the components then vary alike, and can share one int8 scale.
    """
    deviation = rows.std(axis=0)
    scale = 1 / (deviation + 1e-3 * float(deviation.max()) + _LEAST)
    _, vectors = np.linalg.eigh(
        np.cov((rows * scale).astype(np.float64), rowvar=False).reshape(len(scale), -1)
    )
    kept = vectors[:, -DIMENSIONS:]
    turn, _ = np.linalg.qr(generator.normal(size=(kept.shape[1], kept.shape[1])))
    return np.asarray(scale[:, np.newaxis] * (kept @ turn), np.float32)


def _far_apart(values: NDArray[np.float32], most: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Positions of rows, each the one that was farthest from all before it."""
    onto = generator.normal(size=(values.shape[1], min(_COMPARED, values.shape[1])))
    rows = values @ onto.astype(np.float32)
    lengths = (rows**2).sum(axis=1)
    distance = np.full(len(rows), np.inf, np.float32)
    chosen = [int(generator.integers(len(rows)))]
    while len(chosen) < min(most, len(rows)):
        last = chosen[-1]
        distance = np.minimum(distance, lengths - 2 * (rows @ rows[last]) + lengths[last])
        chosen.append(int(distance.argmax()))
    return np.asarray(chosen)
