"""Alarm for scores of good parts that differ from validation: a dirty lens, a new lamp. Pure."""

import math

import numpy as np
from numpy.typing import NDArray

from edge.core.bundle.score_profile import ScoreProfile, graded

LEAST_REFERENCE = 10
_OVER_BELOW = 2 / 3  # of the limit: less than that ends the alarm


class ScoreDrift:
    """The scores of each window of ok parts against those of the manifest, by their largest distance.

    The two-sample test of Kolmogorov and Smirnov (N. Smirnov, Annals of Mathematical Statistics 19, 1948):
    the distance is the largest difference between the two distribution functions, 0 to 1. Windows of parts
    like those of the manifest, independent of each other, are beyond its critical value with a chance of at
    most ``false_alarms``, less where scores are few levels. The manifest's photographs count as many as
    their parts. A test finds differences that matter to nobody, so the distance must be more than
    ``distance``, too.

    Only scores under ``ok_below`` count, here and there: more or fewer defects are no drift.
    """

    def __init__(
        self, profile: ScoreProfile, *, ok_below: float, window: int, distance: float, false_alarms: float
    ) -> None:
        self._reference = np.sort([score for score in profile.scores if score < ok_below])
        share = len(self._reference) / len(profile.scores)
        self.reference_count = round(profile.parts * share)
        self._ok_below = ok_below
        self._window = window
        critical = critical_distance(window, max(1, self.reference_count), false_alarms)
        self.limit = max(distance, critical)
        self._scores: list[float] = []
        self.trouble: str | None = None

    @property
    def is_possible(self) -> bool:
        """True if there are enough parts to compare with, and the limit can be exceeded."""
        return self.reference_count >= LEAST_REFERENCE and self.limit < 1

    def add(self, score: float) -> None:
        """Add the score of the next ok part."""
        if not self.is_possible or score >= self._ok_below:
            return
        self._scores.append(score)
        if len(self._scores) < self._window:
            return
        scores = np.sort(graded(self._scores))
        self._scores.clear()
        found = largest_distance(self._reference, scores)
        if found > self.limit and self.trouble is None:
            self.trouble = (
                f"the scores of {self._window} ok parts are off by {found:.2f}, more than {self.limit:.2f} "
                f"(alarms.drift_distance): their median is {np.median(scores):.3g}, "
                f"it was {np.median(self._reference):.3g} at validation"
            )
        elif found < self.limit * _OVER_BELOW:
            self.trouble = None


def largest_distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the largest difference between the distribution functions of two sorted samples, 0 to 1."""
    places = np.concatenate([one, other])
    shares = [np.searchsorted(sample, places, side="right") / len(sample) for sample in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def critical_distance(count: int, other_count: int, chance: float) -> float:
    """Return the distance that two samples of one distribution exceed with at most this chance."""
    return math.sqrt(-math.log(chance / 2) / 2 * (1 / count + 1 / other_count))
