"""The images that the ranges of the int8 model are measured on."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quantize.run import FileLabel


def balanced_sample(files: Sequence[FileLabel], *, count: int, seed: int) -> list[FileLabel]:
    """At most ``count`` files, in random order, as many of each class as there are; seeded."""
    generator = np.random.default_rng(seed)
    by_label: dict[str, list[FileLabel]] = defaultdict(list)
    for item in files:
        by_label[item.label].append(item)
    queues = [
        [group[int(position)] for position in generator.permutation(len(group))]
        for _, group in sorted(by_label.items())
    ]
    chosen: list[FileLabel] = []
    for rank in range(max(map(len, queues), default=0)):
        for waiting in queues:
            if rank < len(waiting) and len(chosen) < count:
                chosen.append(waiting[rank])
    return [chosen[int(position)] for position in generator.permutation(len(chosen))]


def with_extremes(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same images with one black and one white pixel in the first.

    The measured range of the input is then the whole range, and a uint8 pixel goes in as it is.
    """
    changed = pixels.copy()
    changed[0, 0, 0], changed[0, -1, -1] = 0, 255
    return changed


def with_strange_parts(pixels: NDArray[np.uint8], *, seed: int) -> NDArray[np.uint8]:
    """The same images, uint8 (N, H, W, C), every second one with a strange piece in it.

    An anomaly model is calibrated on OK parts alone; without anything strange its range would end
    where the first defect begins. Pieces of other images, as in Li et al. 2021, "CutPaste"
    (arXiv:2104.04015), noise, black and white.
    """
    generator = np.random.default_rng(seed)
    changed = pixels.copy()
    sides = np.array(pixels.shape[1:3])
    for number in range(1, len(pixels), 2):
        size = generator.integers(sides // 16 + 1, sides // 3 + 2)
        here, there = (_rectangle(generator.integers(0, sides - size + 1), size) for _ in range(2))
        strange = (
            pixels[generator.integers(len(pixels))][there],
            generator.integers(0, 256, (*size, pixels.shape[3]), np.uint8),
            np.uint8(0),
            np.uint8(255),
        )
        changed[number][here] = strange[number // 2 % len(strange)]
    return changed


def _rectangle(corner: NDArray[np.int64], size: NDArray[np.int64]) -> tuple[slice, slice]:
    (top, left), (height, width) = corner, size
    return slice(top, top + height), slice(left, left + width)
