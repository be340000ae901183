"""How much each place of a photograph looks like a defect, learned from labels of whole photographs.

Multiple instance learning: a defective photograph has a defect somewhere, an OK one nowhere (Dietterich et
al. 1997, Artif. Intell. 89). It begins with the places of defective photographs that are least like those of
OK ones, and repeats: a linear discriminant between the most suspicious places of defective and of OK
photographs, then the most suspicious places anew. The discriminant is Fisher's (1936, Ann. Eugenics 7), with
the covariance of all places of OK photographs, so that it takes one product where a logistic regression
takes minutes. A photograph is scored by its strongest window of places.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

MOST = 1500  # photographs of OK parts, and as many of others, that it is learned from
WINDOW = 2  # places a side that are averaged: one place alone may be noise
_ROUNDS = 4
_SHARE = 0.01  # of the places of a photograph that are taken for its most suspicious
_FEWEST = 2  # places that are so taken
_SAMPLE = 50_000  # places from which the covariance is found
_RIDGE = 1e-2  # of the variance: few places say little about many channels
_LEAST = 1e-4  # deviation of a channel
_AT_ONCE = 64  # photographs

Maps = NDArray[np.floating]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class PlaceScore:
    """A place of channels (C,) scores ``kernel`` (C,) times these plus ``bias``."""

    kernel: NDArray[np.float32]
    bias: float

    def maps(self, places: Maps) -> NDArray[np.float32]:
        """The score of each place, (N, h, w), of maps (N, h, w, C)."""
        return np.asarray(places.astype(np.float32) @ self.kernel + np.float32(self.bias), np.float32)

    def scores(self, places: Maps, at: Positions) -> NDArray[np.float32]:
        """The strongest window of each photograph at some positions, (M,), of maps (N, h, w, C)."""
        parts = [at[start : start + _AT_ONCE] for start in range(0, len(at), _AT_ONCE)]
        found = [windows(self.maps(places[part])).max(axis=(1, 2)) for part in parts]
        return np.concatenate(found) if found else np.zeros(0, np.float32)


def windows(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """The means of all windows of WINDOW places a side, (N, h', w'), of maps (N, h, w)."""
    rows, columns = (min(WINDOW, side) for side in maps.shape[1:])
    height, width = maps.shape[1] - rows + 1, maps.shape[2] - columns + 1
    shifted = [
        maps[:, row : row + height, column : column + width]
        for row in range(rows)
        for column in range(columns)
    ]
    return np.asarray(np.mean(shifted, axis=0), np.float32)


def learn_place_score(places: Maps, is_defect: NDArray[np.bool_], at: Positions, *, seed: int) -> PlaceScore:
    """Learn from the photographs at some positions of maps (N, h, w, C); ``is_defect`` (N,).

    Some of each kind must be among them. The score is scaled so that OK places deviate by 1 around 0.
    """
    generator = np.random.default_rng(seed)
    defective, fine = at[is_defect[at]], at[~is_defect[at]]
    with threadpool_limits(1):  # small matrices: threads would wait for each other
        sample = _some_places(places, fine, generator)
        whitening, offset = _whitening(sample)
        bags = [_Bag(places, positions, whitening, offset) for positions in (defective, fine)]
        kernel = _discriminant(bags, None)
        for _ in range(_ROUNDS - 1):
            kernel = _discriminant(bags, kernel)
    return PlaceScore(np.asarray(whitening @ kernel, np.float32), float(offset @ kernel))


class _Bag:
    """Photographs of one kind, whose places are whitened in turns: all at once would not fit in memory."""

    def __init__(
        self,
        places: Maps,
        positions: Positions,
        whitening: NDArray[np.float32],
        offset: NDArray[np.float32],
    ) -> None:
        self._places, self._positions = places, positions
        self._whitening, self._offset = whitening, offset

    def most_suspicious(self, kernel: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """The mean (C,) of the whitened places with the highest score, or the strangest without a kernel."""
        means = []
        for start in range(0, len(self._positions), _AT_ONCE):
            chunk = self._places[self._positions[start : start + _AT_ONCE]].astype(np.float32)
            white = chunk.reshape(len(chunk), -1, chunk.shape[-1]) @ self._whitening + self._offset
            scores = white @ kernel if kernel is not None else np.square(white).mean(axis=-1)
            count = min(max(_FEWEST, round(_SHARE * scores.shape[1])), scores.shape[1])
            top = np.argpartition(scores, -count, axis=1)[:, -count:]
            means.append(np.take_along_axis(white, top[..., np.newaxis], axis=1).mean(axis=1))
        return np.asarray(np.concatenate(means).mean(axis=0), np.float32)


def _discriminant(bags: Sequence[_Bag], kernel: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Of unit length, (C,), between the most suspicious places of two bags."""
    suspicious, ordinary = (bag.most_suspicious(kernel) for bag in bags)
    difference = suspicious - ordinary
    return np.asarray(difference / max(float(np.linalg.norm(difference)), _LEAST), np.float32)


def _some_places(places: Maps, positions: Positions, generator: np.random.Generator) -> NDArray[np.float32]:
    """At most _SAMPLE places (M, C), of each photograph as many."""
    _, height, width, channels = places.shape
    count = min(height * width, max(1, _SAMPLE // len(positions)))
    found = np.empty((len(positions), count, channels), np.float32)
    for number, position in enumerate(positions):
        rows = places[position].reshape(-1, channels)
        found[number] = rows[generator.permutation(len(rows))[:count]]
    return found.reshape(-1, channels)[:_SAMPLE]


def _whitening(sample: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A matrix (C, C) and an offset (C,) with which the places of a sample have mean 0 and covariance 1."""
    mean, deviation = sample.mean(axis=0), np.maximum(sample.std(axis=0), _LEAST)
    standard = ((sample - mean) / deviation).astype(np.float64)
    covariance = standard.T @ standard / len(standard) + _RIDGE * np.eye(len(mean))
    matrix = np.linalg.cholesky(np.linalg.inv(covariance)) / deviation[:, np.newaxis]
    return matrix.astype(np.float32), np.asarray(-mean @ matrix, np.float32)
