"""Shortcut probes: trivial classifiers that should fail on honest photographs.

Where one does well, the photographs give the label away by something else than the part, or the
test images are copies of training images; a network will learn the same shortcut.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.images import Image
from edge.core.metrics import wilson_interval
from trainer.dataset import Dataset
from trainer.intervals import share, weighted_sum

SIDE = 32
_BORDER = 3  # of SIDE pixels, on each side
_TREES = 100
NEIGHBOUR = "a nearest-neighbour search, 32x32"
BORDER = "the border of the picture alone"
PROPERTIES = "size, brightness, compression alone"
VALIDATION = "the validation images"
KEEPS_COPIES = "a split that keeps copies together"
_MEANING = {
    NEIGHBOUR: "parts of a class look alike as a whole, or have copies that were not recognised",
    BORDER: "the background tells the label; a network will learn the background",
    PROPERTIES: "the way the files were made tells the label, or the light does",
}


@dataclass(frozen=True)
class Sketch:
    """The view of a photograph that the probes have: float32 vectors."""

    pixels: NDArray[np.float32]
    border: NDArray[np.float32]
    properties: NDArray[np.float32]


@dataclass(frozen=True)
class Probe:
    """The figures of one shortcut; ``chance`` is what guessing gives, of the balanced accuracy.

    ``balanced_low``: the lower end of its 95 % interval over parts.
    """

    name: str
    split: str
    images: int
    correct: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    balanced_accuracy: float
    balanced_low: float
    chance: float

    @property
    def is_suspicious(self) -> bool:
        """Surely above chance: its lower bound is a quarter of the way from guessing to perfect."""
        return self.balanced_low > self.chance + (1 - self.chance) / 4

    def line(self) -> str:
        """One line of a table."""
        return (
            f"{self.name:<36} on {self.split:<34} {self.accuracy:6.1%} right of {self.images}, "
            f"balanced {self.balanced_accuracy:.1%} (guessing {self.chance:.1%})"
        )

    def in_words(self) -> str:
        """The meaning of a suspicious figure."""
        return (
            f"{self.name}: already {self.accuracy:.1%} right on {self.split} "
            f"(balanced {self.balanced_accuracy:.1%}, guessing {self.chance:.1%}): {_MEANING[self.name]}"
        )


def sketch(image: Image, file_bytes: int) -> Sketch:
    """The views of an image, uint8 (H, W) or (H, W, 3)."""
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    inner = np.zeros((SIDE, SIDE), bool)
    inner[_BORDER:-_BORDER, _BORDER:-_BORDER] = True
    height, width = grey.shape
    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(grey))
    properties = [height, width, np.log(file_bytes), file_bytes / (height * width), mean, deviation]
    centred = small - small.mean()
    length = max(float(np.linalg.norm(centred)), 1e-6)
    return Sketch((centred / length).ravel(), small[~inner], np.array(properties, np.float32))


def run_probes(
    sketches: Sequence[Sketch],
    labels: NDArray[np.int64],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    *,
    groups: NDArray[np.int64],
    split: str,
) -> list[Probe]:
    """All probes, learned from the positions ``train`` and scored on ``test``; ``groups``: (N,) parts."""
    views = {
        NEIGHBOUR: (_nearest, [view.pixels for view in sketches]),
        BORDER: (_forest, [view.border for view in sketches]),
        PROPERTIES: (_forest, [view.properties for view in sketches]),
    }
    probes = []
    for name, (guess, vectors) in views.items():
        matrix = np.stack(vectors)
        predicted = guess(matrix[train], labels[train], matrix[test])
        right = predicted == labels[test]
        probes.append(_score(name, split, right, labels[test], groups[test], int(labels.max()) + 1))
    return probes


def probe_dataset(dataset: Dataset, train: NDArray[np.int64], test: NDArray[np.int64]) -> list[Probe]:
    """All probes on the split that a model learns by; none where a file is gone or a class is missing."""
    labels = dataset.labels
    if not set(labels[test].tolist()) <= set(labels[train].tolist()):
        return []
    try:
        sizes = [(dataset.root / photograph.file).stat().st_size for photograph in dataset.photographs]
    except OSError:
        return []
    sketches = [
        sketch(pixels[..., 0] if pixels.shape[-1] == 1 else pixels, size)
        for pixels, size in zip(dataset.pixels, sizes, strict=True)
    ]
    return run_probes(sketches, labels, train, test, groups=dataset.groups.numbers, split=VALIDATION)


def _nearest(
    known: NDArray[np.float32], labels: NDArray[np.int64], asked: NDArray[np.float32]
) -> NDArray[np.int64]:
    return np.concatenate(
        [
            labels[(asked[start : start + 1024] @ known.T).argmax(axis=1)]
            for start in range(0, len(asked), 1024)
        ]
    )


def _forest(
    known: NDArray[np.float32], labels: NDArray[np.int64], asked: NDArray[np.float32]
) -> NDArray[np.int64]:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        _TREES, random_state=0, class_weight="balanced", min_samples_leaf=3, n_jobs=-1
    )
    return np.asarray(forest.fit(known, labels).predict(asked), np.int64)


def _score(
    name: str,
    split: str,
    right: NDArray[np.bool_],
    truth: NDArray[np.int64],
    groups: NDArray[np.int64],
    classes: int,
) -> Probe:
    low, high = wilson_interval(int(right.sum()), len(right))
    recalls = [share(right, truth == number, groups) for number in np.unique(truth)]
    balanced = weighted_sum(recalls, [1 / len(recalls)] * len(recalls))
    return Probe(
        name,
        split,
        images=len(truth),
        correct=int(right.sum()),
        accuracy=float(right.mean()),
        accuracy_low=low or 0.0,
        accuracy_high=high or 0.0,
        balanced_accuracy=balanced.value or 0.0,
        balanced_low=balanced.low or 0.0,
        chance=1 / classes,
    )
