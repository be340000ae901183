"""Examples that a device must decide on as this machine did."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.decision import Thresholds
from quantize.run import Run

COUNT = 4


def choose_golden(run: Run, scores: NDArray[np.float64], thresholds: Thresholds) -> list[int]:
    """Positions among the validation images: half nearest the threshold, half spread over the rest."""
    labels = [item.label for item in run.validation]
    return spread_examples(scores, labels, run.classes, threshold=thresholds.defect_from)


def spread_examples(
    scores: NDArray[np.float64], labels: Sequence[str], classes: Sequence[str], *, threshold: float
) -> list[int]:
    """Positions among images: half nearest the threshold, half spread over the rest; ``scores``: (N,)."""
    distance = np.abs(_logit(scores) - _logit(np.array([threshold]))[0])
    order = [int(position) for position in np.argsort(distance, kind="stable")]
    near, rest = order[: COUNT // 2], order[: COUNT // 2 - 1 : -1]
    missing = [name for name in classes if name not in {labels[position] for position in near}]
    one_of_each = [next((p for p in rest if labels[p] == name), None) for name in missing]
    far = [position for position in one_of_each if position is not None]
    spread = [position for position in rest if position not in far]
    return sorted([*near, *far, *spread][: max(COUNT, len(near) + len(far))])


def _logit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    bounded = np.clip(scores, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(bounded / (1 - bounded)), np.float64)
