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


def to_network_input(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 (pixel - 128) / 127.5: what the network was trained on."""
    return (pixels.astype(np.float32) - 128) / np.float32(127.5)


def with_extremes(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same images with one black and one white pixel in the first.

    The measured range of the input is then the whole range, and a uint8 pixel goes in as it is.
    """
    changed = pixels.copy()
    changed[0, 0, 0], changed[0, -1, -1] = 0, 255
    return changed
