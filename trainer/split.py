"""Which photographs train and which validate."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.dataset import Photograph


def random_split(
    photographs: Sequence[Photograph], *, share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions for training and for validation; ``share`` of each class validates, at least one image.

    Files with the same bytes stay on one side.
    """
    by_label: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for position, photograph in enumerate(photographs):
        by_label[photograph.label][photograph.digest].append(position)
    generator = np.random.default_rng(seed)
    validation: list[int] = []
    for label in sorted(by_label):
        groups = [by_label[label][digest] for digest in sorted(by_label[label])]
        total = sum(len(group) for group in groups)
        wanted = max(1, round(share * total))
        chosen: list[int] = []
        for number in generator.permutation(len(groups)):
            if len(chosen) >= wanted:
                break
            chosen += groups[number]
        validation += chosen
    held_back = set(validation)
    training = [position for position in range(len(photographs)) if position not in held_back]
    return np.array(training, np.int64), np.array(sorted(validation), np.int64)
