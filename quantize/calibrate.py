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


def with_strange_parts(pixels: NDArray[np.uint8], *, seed: int) -> NDArray[np.uint8]:
    """The same images, uint8 (N, H, W, C), every second one with a piece of another one or of noise in it.

    An anomaly model is calibrated on OK parts alone; without anything strange its range would end
    where the first defect begins. Pieces of other images: Li et al. 2021, "CutPaste" (arXiv:2104.04015).
    """
    generator = np.random.default_rng(seed)
    changed = pixels.copy()
    height, width = pixels.shape[1:3]
    for number in range(1, len(pixels), 2):
        tall, wide = (int(generator.integers(side // 16 + 1, side // 3 + 2)) for side in (height, width))
        rows, columns, other_rows, other_columns = (
            int(generator.integers(0, side - piece + 1))
            for side, piece in ((height, tall), (width, wide)) * 2
        )
        piece = pixels[int(generator.integers(len(pixels)))]
        piece = piece[other_rows : other_rows + tall, other_columns : other_columns + wide]
        if number % 4 == 1:
            piece = generator.integers(0, 256, piece.shape, np.uint8)
        changed[number, rows : rows + tall, columns : columns + wide] = piece
    return changed
