"""Which photographs are shown when, read from pixels that may be larger than memory."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from trainer.head import balanced_weights

_READ_AHEAD = 4  # batches


def balanced_plan(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    steps: int,
    batch_size: int,
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """Positions (steps, batch_size) to show, each batch as even over classes, and groups in them, as can be.

    Systematic sampling (Madow and Madow 1944, Ann. Math. Stat. 15): the photographs lie in a row, by
    class and by group, each as long as its share; equal steps along the row pick them. A batch takes
    every so many of the steps, so it crosses the whole row.
    """
    shuffled_groups = generator.permutation(groups.max() + 1)[groups]
    order = np.lexsort((generator.random(len(labels)), shuffled_groups, labels))
    ends = np.cumsum(balanced_weights(labels, groups)[order])
    count = steps * batch_size
    ticks = (np.arange(count) + generator.random()) * (ends[-1] / count)
    picked = order[np.minimum(np.searchsorted(ends, ticks, side="right"), len(order) - 1)]
    return generator.permutation(picked.reshape(batch_size, steps).T)


def read_ahead(
    pixels: NDArray[np.uint8], plan: list[NDArray[np.int64]]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """The positions and pixels of each batch of ``plan``; a few are read while one is worked on."""
    waiting: deque[tuple[NDArray[np.int64], Future[NDArray[np.uint8]]]] = deque()
    with ThreadPoolExecutor(1) as reader:
        for positions in plan:
            waiting.append((positions, reader.submit(pixels.__getitem__, positions)))
            if len(waiting) > _READ_AHEAD:
                ready, images = waiting.popleft()
                yield ready, images.result()
        for ready, images in waiting:
            yield ready, images.result()
