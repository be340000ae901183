"""Which of several candidates to take, by what they say of parts that were held out, and by what they cost.

The strongest backbone at the largest size holds on more kinds of parts than any choice by few parts does
(docs/research/experiments.md). So it is taken, unless another does better by more than two standard errors of
the difference. A cheaper one takes its place where it is not worse, with three of these errors on top, by
more than half of the area that the best lacks. For the error parts are drawn again with replacement (Efron
1979, Ann. Statist. 7(1)).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edge.core.words import counted
from trainer.intervals import Draws, Measured, Statistic
from trainer.methods.frozen.truth import Truth, area_under_roc

ENOUGH = 20  # parts of each class: fewer tell nothing apart
_BETTER, _AS_GOOD = 2.0, 3.0  # standard errors
_MOST, _OF_ERROR = 0.02, 0.5  # by how much of the area a cheaper one may be worse, and of what the best lacks


@dataclass(frozen=True)
class Comparison:
    """Each candidate's answers for the same photographs: probabilities (N, classes), held out by part.

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

    def is_behind(self, one: int, other: int, *, errors: float, margin: float = 0.0) -> bool:
        """True if one is worse than another by more than the margin and so many standard errors."""
        this, that = self._statistics[one], self._statistics[other]
        error = self._draws.standard_error(lambda weights: that(weights) - this(weights))
        return self.areas[other] - self.areas[one] > margin + errors * error

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


def prefer(seen: Comparison) -> Preferred:
    """Choose one of the candidates."""
    strongest = strongest_and_largest(seen.milliseconds, seen.is_strongest)
    if too_few := why_too_few(seen.truth.labels, seen.truth.groups):
        return Preferred(strongest, too_few)
    best = strongest
    if seen.is_behind(strongest, seen.top, errors=_BETTER):
        best = seen.top
    margin = min(_MOST, _OF_ERROR * (1 - seen.areas[best]))
    for number in seen.cheapest_first:
        if number == best:
            break
        if not seen.is_behind(number, best, errors=-_AS_GOOD, margin=margin):
            return Preferred(number, "the cheapest that held-out parts show to be as good as the best")
    if best != strongest:
        return Preferred(best, "the best on held-out parts, beyond chance")
    return Preferred(best, "the strongest and largest; on held-out parts none is better beyond chance")


def strongest_and_largest(sizes: Sequence[float], is_strongest: Sequence[bool]) -> int:
    """The number of the largest candidate with the strongest backbone, by pixels or by time."""
    strongest = [number for number, is_so in enumerate(is_strongest) if is_so]
    return max(strongest, key=sizes.__getitem__)


def why_too_few(labels: NDArray[np.int64], groups: NDArray[np.int64]) -> str:
    """In words, where the parts (N,) of a class are too few to choose by; else nothing."""
    parts = min(len(np.unique(groups[labels == label])) for label in np.unique(labels))
    if parts >= ENOUGH:
        return ""
    return f"the strongest and largest; {counted(parts, 'part')} of a class are too few to choose by"
