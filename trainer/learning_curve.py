"""Learning curves: held-out figures of models that learned from fewer parts, drawn out to twice as many.

The error falls about as a power of the number of parts (Hestness et al. 2017, arXiv:1712.00409). The interval
is over parts drawn again with replacement (Efron 1979, Ann. Statist. 7(1)), each time with a power law of its
own.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from edge.core.words import counted
from trainer.intervals import Draws, Measured, Statistic

SHARES = (0.25, 0.5, 0.75, 1.0)  # of the parts
MOST = 1000  # photographs that are asked
_FEWEST = 8  # parts of a class of which a quarter still tells something
_SHORT = 2.0  # times that the largest class may have the parts of another


class Point(BaseModel):
    """The error of a model that learned from so many ``parts``: the area above its ROC."""

    model_config = ConfigDict(frozen=True)

    parts: int
    error: Measured


class LearningCurve(BaseModel):
    """Errors measured at shares of the parts, and ``expected`` at twice as many as there are.

    ``short``: classes with far fewer parts than others, and how many they have.
    """

    model_config = ConfigDict(frozen=True)

    points: list[Point]
    expected: Point
    short: dict[str, int]

    def in_words(self) -> str:
        """One sentence or two."""
        now, then = self.points[-1].error, self.expected.error
        gain = f"The area under ROC is {_area(now)}; with twice as many parts about {_area(then)}."
        few = ", ".join(f"{name} ({counted(count, 'part')})" for name, count in self.short.items())
        return f"{gain} Short of parts: {few}." if few else gain


def _area(error: Measured) -> str:
    area = error.complement()
    if area.value is None or area.low is None or area.high is None:
        return "unknown"
    return f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})"


def learning_curve(
    error_of: Callable[[NDArray[np.bool_]], Statistic],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    classes: Sequence[str],
    *,
    seed: int,
) -> LearningCurve | None:
    """Ask for the held-out error with fewer parts; None where a class has too few parts to be cut down.

    ``error_of``: a mask (N,) of the photographs that may be learned from, to the error of weights (draws, N)
    of the photographs. ``labels`` and ``groups``: (N,).
    """
    parts = {name: len(np.unique(groups[labels == number])) for number, name in enumerate(classes)}
    if min(parts.values()) < _FEWEST:
        return None
    masks = [_some(labels, groups, share, seed=seed) for share in SHARES]
    counts = np.array([len(np.unique(groups[mask])) for mask in masks])
    errors = [error_of(mask) for mask in masks]
    draws = Draws(labels, groups)
    least = 0.5 / sum(parts.values())  # what no mistake may still be

    def expected(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        measured = np.stack([error(weights) for error in errors], axis=1)
        return extrapolated(counts, np.maximum(measured, least), 2 * int(counts[-1]))

    most = max(parts.values())
    return LearningCurve(
        points=[
            Point(parts=int(count), error=draws.measure(error))
            for count, error in zip(counts, errors, strict=True)
        ],
        expected=Point(parts=2 * int(counts[-1]), error=draws.measure(expected)),
        short={name: count for name, count in parts.items() if _SHORT * count < most},
    )


def extrapolated(parts: NDArray[np.int64], errors: NDArray[np.float64], wanted: int) -> NDArray[np.float64]:
    """The error at ``wanted`` parts, (draws,), by a power law through errors (draws, M) at ``parts`` (M,).

    From the last point on, with the slope of all, which is never upwards: more parts teach no less.
    """
    x = np.log(parts) - np.log(parts).mean()
    y = np.log(errors)
    slope = np.minimum(((y - y.mean(axis=1, keepdims=True)) * x).sum(axis=1) / np.square(x).sum(), 0.0)
    return np.asarray(errors[:, -1] * (wanted / parts[-1]) ** slope)


def _some(
    labels: NDArray[np.int64], groups: NDArray[np.int64], share: float, *, seed: int
) -> NDArray[np.bool_]:
    """The photographs of a share of the parts of each class; a larger share holds all of a smaller one."""
    chosen: list[NDArray[np.int64]] = []
    for label in np.unique(labels):
        mine = np.unique(groups[labels == label])
        order = np.random.default_rng([seed, int(label)]).permutation(mine)
        chosen.append(order[: max(2, round(share * len(mine)))])
    return np.isin(groups, np.concatenate(chosen))
