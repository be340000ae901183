"""A score of defects for each place of a photograph, learned from labels of whole photographs.

Multiple instance learning: a defective photograph has a defect somewhere, an OK one nowhere (Dietterich et
al. 1997, Artif. Intell. 89). It begins with the places of defective photographs that are least like those of
OK ones, and repeats: a linear discriminant between the most suspicious places of defective and of OK
photographs, then the most suspicious places anew. The discriminant is Fisher's (1936, Ann. Eugenics 7), with
the covariance of all places of OK photographs, so that it takes one product where a logistic regression
takes minutes. A photograph is scored by its strongest window of places.
"""

from collections.abc import Callable
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
Score = Callable[[NDArray[np.float32]], NDArray[np.float32]]


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
        whitening, offset = _whitening(_some_places(places, fine, generator))

        def strangeness(rows: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.asarray(np.square(rows @ whitening + offset).mean(axis=-1), np.float32)

        some = generator.permutation(fine)[: len(defective)]  # whitening takes long
        kernel = _discriminant(places, (defective, some), strangeness, whitening)
        for _ in range(_ROUNDS - 1):
            direction = np.asarray(whitening @ kernel, np.float32)
            kernel = _discriminant(places, (defective, fine), lambda rows: rows @ direction, whitening)  # noqa: B023  used at once
    return PlaceScore(np.asarray(whitening @ kernel, np.float32), float(offset @ kernel))


def _discriminant(
    places: Maps, kinds: tuple[Positions, Positions], score: Score, whitening: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Between the most suspicious places of two kinds, of unit length: (C,) of whitened channels."""
    suspicious, ordinary = (_most_suspicious(places, kind, score) for kind in kinds)
    difference = (suspicious - ordinary) @ whitening
    return np.asarray(difference / max(float(np.linalg.norm(difference)), _LEAST), np.float32)


def _most_suspicious(places: Maps, positions: Positions, score: Score) -> NDArray[np.float32]:
    """The mean (C,) of the places with the highest score in each photograph; a few photographs at a time."""
    means = []
    for start in range(0, len(positions), _AT_ONCE):
        chunk = places[positions[start : start + _AT_ONCE]].astype(np.float32)
        rows = chunk.reshape(len(chunk), -1, chunk.shape[-1])
        scores = score(rows)
        count = min(max(_FEWEST, round(_SHARE * scores.shape[1])), scores.shape[1])
        top = np.argpartition(scores, -count, axis=1)[:, -count:]
        means.append(np.take_along_axis(rows, top[..., np.newaxis], axis=1).mean(axis=1))
    return np.asarray(np.concatenate(means).mean(axis=0), np.float32)


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
