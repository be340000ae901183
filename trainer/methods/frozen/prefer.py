"""Which of several candidates to take, by what they say of parts that were held out, and by what they cost.

Few parts tell nothing apart, and a stronger backbone and more pixels hold on more kinds of parts. So it
begins with the strongest backbone at the largest size, unless another does better by more than the standard
error of the difference. A cheaper one takes its place where it is not worse, with that error on top, by more
than a margin. For the error parts are drawn again with replacement (Efron 1979, Ann. Statist. 7(1)).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trainer.intervals import Draws, Measured, Statistic
from trainer.methods.frozen.truth import Truth, area_under_roc

MARGIN = 0.02  # of the area under ROC, by which a cheaper one may be worse


@dataclass(frozen=True)
class Comparison:
    """What each candidate says of the same photographs: probabilities (N, classes), held out by part.

    ``milliseconds``: for one picture, of each; ``is_strongest``: whether it has the strongest backbone.
    """

    said: Sequence[NDArray[np.float64]]
    truth: Truth
    milliseconds: Sequence[float]
    is_strongest: Sequence[bool]

    @cached_property
    def measured(self) -> list[Measured]:
        """The area under ROC of each, with its interval."""
        return [self._draws.measure(statistic) for statistic in self._statistics]

    @cached_property
    def areas(self) -> list[float]:
        """The area under ROC of each; 0 where it is unknown."""
        return [one.value or 0.0 for one in self.measured]

    @property
    def top(self) -> int:
        """The one with the largest area, the first of equals."""
        return max(range(len(self.said)), key=self.areas.__getitem__)

    @property
    def cheapest_first(self) -> list[int]:
        """All of them, by time."""
        return sorted(range(len(self.said)), key=self.milliseconds.__getitem__)

    def behind(self, one: int, other: int) -> tuple[float, float]:
        """How much one is worse than another, and the standard error of that."""
        this, that = self._statistics[one], self._statistics[other]
        error = self._draws.standard_error(lambda weights: that(weights) - this(weights))
        return self.areas[other] - self.areas[one], error

    def is_clearly_behind(self, one: int, other: int) -> bool:
        """True if the difference is larger than its standard error."""
        deficit, error = self.behind(one, other)
        return deficit > error

    @cached_property
    def _draws(self) -> Draws:
        return Draws(self.truth.labels, self.truth.groups)

    @cached_property
    def _statistics(self) -> list[Statistic]:
        return [area_under_roc(one, self.truth) for one in self.said]


@dataclass(frozen=True)
class Preferred:
    """The number of the candidate to take, and why, in words."""

    number: int
    why: str


def prefer(seen: Comparison, margin: float = MARGIN) -> Preferred:
    """Choose one of the candidates."""
    strongest = [number for number, is_strongest in enumerate(seen.is_strongest) if is_strongest]
    strongest.sort(key=lambda number: -seen.milliseconds[number])
    top = seen.top
    best = next((number for number in strongest if not seen.is_clearly_behind(number, top)), top)
    for number in seen.cheapest_first:
        if number == best:
            break
        if sum(seen.behind(number, best)) <= margin:
            return Preferred(number, "the cheapest that held-out parts show to be as good as the best")
    if best == top:
        return Preferred(best, "the best on held-out parts")
    return Preferred(best, "on held-out parts none is better beyond chance")
