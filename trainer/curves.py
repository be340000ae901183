"""Figures of scores at every cut: ROC and precision-recall curves with their areas."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Curve:
    """Points (N,) of a curve, from cutting above every score to below every score, and its area."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    area: float


def roc(scores: NDArray[np.float64], is_defect: NDArray[np.bool_]) -> Curve:
    """Share of good parts rejected (x) against share of defects found (y); the area by trapezia."""
    found, rejected = _counts(scores, is_defect)
    x, y = rejected / max(1, rejected[-1]), found / max(1, found[-1])
    return Curve(x, y, float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum()))


def precision_recall(scores: NDArray[np.float64], is_defect: NDArray[np.bool_]) -> Curve:
    """Share of defects found (x) against share of defects among the rejected (y).

    The area is the average precision.
    """
    found, rejected = _counts(scores, is_defect)
    recall = found / max(1, found[-1])
    taken = found + rejected
    precision = np.divide(found, taken, out=np.ones_like(found), where=taken > 0)
    return Curve(recall, precision, float((np.diff(recall) * precision[1:]).sum()))


def areas(
    scores: NDArray[np.float64], is_defect: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Area under ROC and average precision, (draws,) each, for weights (draws, N) of the photographs."""
    order = np.argsort(-scores, kind="stable")
    first_of_each = np.append(0, np.flatnonzero(np.diff(scores[order])) + 1)
    ordered = weights[:, order]
    bad = np.add.reduceat(ordered * is_defect[order], first_of_each, axis=1)
    good = np.add.reduceat(ordered * ~is_defect[order], first_of_each, axis=1)
    found, rejected = bad.cumsum(axis=1), good.cumsum(axis=1)
    all_bad, all_good = np.maximum(found[:, -1], 1e-9), np.maximum(rejected[:, -1], 1e-9)
    below = all_good[:, np.newaxis] - rejected + good / 2
    precision = found / np.maximum(found + rejected, 1e-9)
    return (bad * below).sum(axis=1) / (all_bad * all_good), (bad * precision).sum(axis=1) / all_bad


def _counts(
    scores: NDArray[np.float64], is_defect: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Defects and good parts at or above each different score, from the highest on; first none."""
    order = np.argsort(-scores, kind="stable")
    last_of_each = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    found = np.cumsum(is_defect[order])[last_of_each]
    return np.append(0, found).astype(float), np.append(0, last_of_each + 1 - found).astype(float)
