"""Do classes depend on what the random changes change? Asked before anything is learned.

A mirrored "left" is a "right", and a darkened bright part a dark one. Such a photograph, changed,
is as near to photographs of the other class as these are to each other, and far nearer than to its
own class; and the other way round, for each change can be undone. Looked for by nearest neighbours
on small pixels, never among images of the same part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.preprocess import to_network_input
from trainer.augment import (
    BRIGHTNESS,
    CONTRAST,
    FLIP,
    KINDS,
    NEUTRAL,
    RANGES,
    ROTATION,
    SHIFT,
    ZOOM,
    move,
    relight,
)
from trainer.batches import balanced_plan
from trainer.dataset import Dataset
from trainer.learners.learner import Positions

_SIDE = 24
_SAMPLE = 512  # photographs
_FEWEST_GROUPS = 4
_NEARER = 0.8  # times the distance to the own class
_USUAL = 0.9  # of the photographs of a class have another one within the distance that counts as usual
_RISE, _MISTAKEN_ANYWAY = 0.45, 0.3  # shares of a class
_LIGHT = (CONTRAST, BRIGHTNESS)
_SAME_LIGHT = {"contrast": NEUTRAL[CONTRAST], "brightness": NEUTRAL[BRIGHTNESS]}
_SAME_PLACE = {
    "flip": NEUTRAL[FLIP],
    "angle": NEUTRAL[ROTATION],
    "zoom": NEUTRAL[ZOOM],
    "right": NEUTRAL[SHIFT],
    "down": NEUTRAL[SHIFT],
}


@dataclass(frozen=True)
class HarmfulAugmentation:
    """A class that a kind of change turns into another; shares of its parts, with and without the change."""

    kind: str
    label: str
    other: str
    changed: float
    unchanged: float


def warn_of_harmful_augmentations(
    dataset: Dataset, train: Positions, kinds: Sequence[str], *, seed: int
) -> list[str]:
    """At most one line: which classes depend on which of ``kinds``, and how to switch these off."""
    found = find_harmful_augmentations(dataset, train, kinds, seed=seed)
    if not found:
        return []
    seen = "; ".join(
        f"{one.kind} makes {one.label} look like {one.other} ({one.changed:.0%} of its parts, "
        f"{one.unchanged:.0%} without)"
        for one in found
    )
    left = ",".join(kind for kind in kinds if kind not in {one.kind for one in found}) or "none"
    return [f"the random changes may change the class: {seen}; --augment {left} leaves them out"]


def find_harmful_augmentations(
    dataset: Dataset, train: Positions, kinds: Sequence[str], *, seed: int
) -> list[HarmfulAugmentation]:
    """For each kind the pair of classes that it mixes up most, if it does."""
    sample = _sample(dataset, train, seed)
    images, labels = _small(dataset, sample), dataset.labels[sample]
    groups = dataset.groups.numbers[sample]
    found = []
    for kind in [kind for kind in KINDS if kind in kinds]:
        vectors = _light_vectors if kind in _LIGHT else _shape_vectors
        search = _Search(vectors(images), labels, groups)
        before = search.taken_for(vectors(images))
        after = np.max([search.taken_for(vectors(changed)) for changed in _changes(images, kind)], axis=0)
        rise = np.where((before < _MISTAKEN_ANYWAY) & search.is_known, after - before, 0)
        mutual = np.minimum(rise, rise.T)
        label, other = np.unravel_index(int(mutual.argmax()), mutual.shape)
        if mutual[label, other] > _RISE:
            names = dataset.classes[label], dataset.classes[other]
            found.append(
                HarmfulAugmentation(kind, *names, float(after[label, other]), float(before[label, other]))
            )
    return found


class _Search:
    """Nearest neighbours among photographs (N, D) of other parts."""

    def __init__(
        self, known: NDArray[np.float32], labels: NDArray[np.int64], groups: NDArray[np.int64]
    ) -> None:
        self._known, self._labels, self._groups = known, labels, groups
        classes = range(int(labels.max()) + 1)
        self._of_class = [labels == number for number in classes]
        counts = np.array([len(np.unique(groups[mine])) for mine in self._of_class])
        enough = counts >= _FEWEST_GROUPS
        self.is_known = enough[:, np.newaxis] & enough
        own = self._nearest(known)[np.arange(len(labels)), labels]
        self._usual = [
            np.quantile(own[mine], _USUAL) if good else 0.0
            for mine, good in zip(self._of_class, enough, strict=True)
        ]

    def taken_for(self, asked: NDArray[np.float32]) -> NDArray[np.float64]:
        """The share of each class (rows) that looks like each other one (columns); parts weigh the same."""
        nearest = self._nearest(asked)
        own = nearest[np.arange(len(self._labels)), self._labels]
        shares = np.zeros((len(self._of_class), len(self._of_class)))
        for other, usual in enumerate(self._usual):
            is_taken = (nearest[:, other] < _NEARER * own) & (nearest[:, other] <= usual)
            for label, mine in enumerate(self._of_class):
                if label != other and mine.any():
                    shares[label, other] = _mean_by_group(is_taken[mine], self._groups[mine])
        return shares

    def _nearest(self, asked: NDArray[np.float32]) -> NDArray[np.float64]:
        """The distance (N, classes) to the nearest photograph of each class and another part."""
        squares = (asked**2).sum(axis=1)[:, np.newaxis] + (self._known**2).sum(axis=1)
        distances = np.sqrt(np.maximum(squares - 2 * asked @ self._known.T, 0))
        distances[self._groups[:, np.newaxis] == self._groups] = np.inf
        nothing = np.full(len(asked), np.inf)
        return np.stack(
            [distances[:, mine].min(axis=1) if mine.any() else nothing for mine in self._of_class], axis=1
        )


def _sample(dataset: Dataset, train: Positions, seed: int) -> Positions:
    labels, groups = dataset.labels[train], dataset.groups.numbers[train]
    plan = balanced_plan(
        labels, groups, steps=1, batch_size=_SAMPLE, generator=np.random.default_rng([seed, 1])
    )
    return train[np.unique(plan)]


def _small(dataset: Dataset, positions: Positions) -> NDArray[np.float32]:
    """The photographs as float32 (N, _SIDE, _SIDE, C) in -1…1, read one by one."""
    rows = [
        cv2.resize(dataset.pixels[int(position)], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        for position in positions
    ]
    return to_network_input(np.stack(rows).reshape(len(rows), _SIDE, _SIDE, -1))


def _light_vectors(images: NDArray[np.float32]) -> NDArray[np.float32]:
    return images.reshape(len(images), -1)


def _shape_vectors(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without brightness and contrast, which would hide the shape."""
    flat = images.reshape(len(images), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(lengths, 1e-6), np.float32)


def _mean_by_group(values: NDArray[np.bool_], groups: NDArray[np.int64]) -> float:
    _, positions = np.unique(groups, return_inverse=True)
    return float((np.bincount(positions, values) / np.bincount(positions)).mean())


def _changes(images: NDArray[np.float32], kind: str) -> list[NDArray[np.float32]]:
    """The images, changed by thirds of what this kind may change; turned by eighths."""
    if kind == FLIP:
        return [_changed(images, {"flip": -1.0}, kind)]
    low, high = RANGES[kind]
    if kind == ROTATION:
        values = [high * eighth / 8 for eighth in range(1, 8)]
    else:
        values = [
            NEUTRAL[kind] + share * (end - NEUTRAL[kind]) for end in (low, high) for share in (0.5, 1.0)
        ]
    names = {ROTATION: ["angle"], SHIFT: ["right", "down"]}.get(kind, [kind])
    return [_changed(images, {name: value}, kind) for name in names for value in values]


def _changed(images: NDArray[np.float32], step: dict[str, float], kind: str) -> NDArray[np.float32]:
    import tensorflow as tf

    def each(value: float) -> Any:
        return tf.fill([len(images)], tf.constant(value, tf.float32))

    change, still = (relight, _SAME_LIGHT) if kind in _LIGHT else (move, _SAME_PLACE)
    return np.asarray(change(images, **{name: each(value) for name, value in {**still, **step}.items()}))
