"""Intervals of figures: 95 %, and they count parts, not photographs.

Photographs of one part stand or fall together. A share gets Wilson's interval (1927) over as many
independent trials as its scatter over parts is worth; for other figures parts are drawn again
with replacement (Efron 1979, Ann. Statist. 7(1)).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from edge.core.metrics import wilson_interval

CONFIDENCE = 0.95
DRAWS = 1000
_CHUNK = 2_000_000  # weights at once

Weights = NDArray[np.float64]
Statistic = Callable[[Weights], NDArray[np.float64]]


class Measured(BaseModel):
    """A figure and its 95 % interval; None where nothing was there to measure it on."""

    model_config = ConfigDict(frozen=True)

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def mapped(self, rule: Callable[[float], float]) -> "Measured":
        """The figure of a rule that only rises."""
        if self.value is None or self.low is None or self.high is None:
            return self
        return Measured(value=rule(self.value), low=rule(self.low), high=rule(self.high))

    def complement(self) -> "Measured":
        """The rest to 1."""
        if self.value is None or self.low is None or self.high is None:
            return self
        return Measured(value=1 - self.value, low=1 - self.high, high=1 - self.low)


def share(hits: NDArray[np.bool_], among: NDArray[np.bool_], groups: NDArray[np.int64]) -> Measured:
    """The share of ``hits`` (N,) ``among`` the photographs (N,) that count.

    The trials are worth p (1 - p) over the variance that the scatter between groups gives the share,
    less where it is known from few groups (Korn and Graubard 1998, Survey Methodology 24(2)); as many as
    there are groups where all agree.
    """
    numbers = np.unique(groups[among], return_inverse=True)[1]
    if not len(numbers):
        return Measured()
    counts = np.bincount(numbers).astype(float)
    found = np.bincount(numbers, weights=hits[among])
    value = float(found.sum() / counts.sum())
    scatter = float(((found - value * counts) ** 2).sum()) / counts.sum() ** 2
    worth = float(len(counts))
    if scatter > 0:
        images = float(counts.sum())
        known = (_student(images - 1) / _student(len(counts) - 1)) ** 2
        worth = max(1.0, min(value * (1 - value) / scatter, images) * known)
    low, high = wilson_interval(value * worth, worth)
    return Measured(value=value, low=low, high=high)


def _student(freedom: float) -> float:
    """The factor of a standard error that is known with so many degrees of freedom."""
    from scipy.stats import t

    return float(t.ppf((1 + CONFIDENCE) / 2, freedom))


def weighted_sum(parts: Sequence[Measured], weights: Sequence[float]) -> Measured:
    """Of independent figures, with weights that are not negative.

    The square-and-add interval of Zou and Donner (2008, Stat. Med. 27(10)).
    """
    known = [(part, weight) for part, weight in zip(parts, weights, strict=True) if part.value is not None]
    if not known:
        return Measured()
    value = sum(weight * (part.value or 0.0) for part, weight in known)
    below = sqrt(sum((weight * ((part.value or 0.0) - (part.low or 0.0))) ** 2 for part, weight in known))
    above = sqrt(sum((weight * ((part.high or 0.0) - (part.value or 0.0))) ** 2 for part, weight in known))
    return Measured(value=value, low=max(0.0, value - below), high=value + above)


@dataclass(frozen=True)
class Draws:
    """Draws groups again with replacement, those of each class by themselves.

    ``labels`` and ``groups``: (N,); a group belongs to the class that most of its images have.
    """

    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    seed: int = 1

    def measure(self, statistic: Statistic, *, floor: float | None = None) -> Measured:
        """The interval of a statistic of weights (draws, N), one value (draws,) each.

        ``floor``: the lower end where no draw differs, as from figures without a mistake.
        """
        value = float(statistic(np.ones((1, len(self.labels))))[0])
        drawn = np.concatenate([statistic(weights) for weights in self._weights()])
        low, high = np.quantile(drawn, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
        if low == high and floor is not None:
            low = floor
        return Measured(value=value, low=min(float(low), value), high=max(float(high), value))

    def standard_error(self, statistic: Statistic) -> float:
        """The deviation of a statistic of weights (draws, N) over the draws."""
        return float(np.concatenate([statistic(weights) for weights in self._weights()]).std())

    def _weights(self) -> Iterator[Weights]:
        names, members = np.unique(self.groups, return_inverse=True)
        votes = np.zeros((len(names), int(self.labels.max()) + 1))
        np.add.at(votes, (members, self.labels), 1)
        stratum = votes.argmax(axis=1)
        chance = np.random.default_rng(self.seed)
        counts = np.zeros((DRAWS, len(names)))
        for label in np.unique(stratum):
            mine = np.flatnonzero(stratum == label)
            counts[:, mine] = chance.multinomial(len(mine), np.full(len(mine), 1 / len(mine)), DRAWS)
        step = max(1, _CHUNK // len(members))
        for start in range(0, DRAWS, step):
            yield counts[start : start + step][:, members]
