"""Examples that a device must decide on as this machine did."""

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from edge.core.decision import Thresholds
from quantize.run import Run

COUNT, FEWEST = 4, 2
_UPPER_BITS, _HALF_A_LEVEL = np.uint8(0xF0), np.uint8(0x08)
_LIMITS = {"small": 119_500}  # bytes of a bundle; a signature has room beside


def size_limit(model_name: str) -> int | None:
    """The size of a bundle from which golden examples are left out; None: there is none."""
    return _LIMITS.get(model_name)


def with_fewer_levels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same pictures in 16 levels a channel, which take less room: without most of the camera's noise."""
    return (pixels & _UPPER_BITS) | _HALF_A_LEVEL


def choose_golden(
    run: Run, scores: NDArray[np.float64], thresholds: Thresholds, *, most: int | None = None
) -> list[int]:
    """Positions among all photographs: half nearest the threshold, half spread over the rest.

    With ``most`` so many of these at most, near and far ones in turn.
    """
    labels = [item.label for item in run.files]
    near, far = _near_and_far(scores, labels, run.classes, threshold=thresholds.defect_from)
    in_turn = [position for pair in zip_longest(near, far) for position in pair if position is not None]
    return sorted(in_turn[:most])


def spread_examples(
    scores: NDArray[np.float64], labels: Sequence[str], classes: Sequence[str], *, threshold: float
) -> list[int]:
    """Positions among images: half nearest the threshold, half spread over the rest; ``scores``: (N,)."""
    near, far = _near_and_far(scores, labels, classes, threshold=threshold)
    return sorted([*near, *far])


def _near_and_far(
    scores: NDArray[np.float64], labels: Sequence[str], classes: Sequence[str], *, threshold: float
) -> tuple[list[int], list[int]]:
    """The nearest of all, and of the rest one of each class that is missing, or the farthest."""
    distance = np.abs(_logit(scores) - _logit(np.array([threshold]))[0])
    order = [int(position) for position in np.argsort(distance, kind="stable")]
    near, rest = order[: COUNT // 2], order[: COUNT // 2 - 1 : -1]
    missing = [name for name in classes if name not in {labels[position] for position in near}]
    one_of_each = [next((p for p in rest if labels[p] == name), None) for name in missing]
    far = [position for position in one_of_each if position is not None]
    spread = [position for position in rest if position not in far]
    return near, [*far, *spread][: max(COUNT - len(near), len(far))]


def _logit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    bounded = np.clip(scores, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(bounded / (1 - bounded)), np.float64)
