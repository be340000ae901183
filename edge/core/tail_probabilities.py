"""Exact probabilities of a count of rejects; what is expected is known, or was itself counted."""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray


class Expectation(Protocol):
    """The share of parts that is expected to be of one kind."""

    def chance(self, count: int, parts: int) -> float:
        """The chance that ``count`` or more of ``parts`` are."""

    def opposite(self) -> Self:
        """The same of the other kind."""

    def describe(self) -> str:
        """The share, for people."""


@dataclass(frozen=True)
class KnownShare:
    """A share from 0 to 1 that somebody knows: counts are binomial."""

    share: float

    def chance(self, count: int, parts: int) -> float:
        """The upper tail of the binomial distribution."""
        if count <= 0:
            return 1.0
        if self.share in (0.0, 1.0):
            return self.share
        counts = np.arange(count, parts + 1)
        logarithms = (
            _log_choose(parts, counts)
            + counts * np.log(self.share)
            + (parts - counts) * np.log1p(-self.share)
        )
        return _sum(logarithms)

    def opposite(self) -> Self:
        """The share of all others."""
        return type(self)(1.0 - self.share)

    def describe(self) -> str:
        """The share in per cent."""
        return f"{self.share:.2%}"


@dataclass(frozen=True)
class LearnedShare:
    """``count`` of ``of`` earlier parts: given how many there are in all, later counts are hypergeometric.

    Fisher's exact test (R. A. Fisher, Statistical Methods for Research Workers, 5th edition, 1934, section
    21.02): what is said holds whatever the true share is, and however few parts were learned from.
    """

    count: int
    of: int

    def chance(self, count: int, parts: int) -> float:
        """The chance that so many or more of all that were counted are among the later parts."""
        total = self.count + count
        counts = np.arange(count, min(total, parts) + 1)
        logarithms = (
            _log_choose(parts, counts)
            + _log_choose(self.of, total - counts)
            - _log_choose(parts + self.of, np.array([total]))
        )
        return _sum(logarithms)

    def opposite(self) -> Self:
        """The share of all others."""
        return type(self)(self.of - self.count, self.of)

    def describe(self) -> str:
        """The counts, and the share in per cent."""
        return f"{self.count / self.of:.2%}, learned from {self.of} parts,"


def first_unlikely_count(expectation: Expectation, parts: int, chance: float) -> int:
    """The least count out of ``parts`` that so many or more come up with at most this chance.

    ``parts + 1`` where there is none.
    """
    below, found = -1, parts + 1
    while found - below > 1:
        middle = (below + found) // 2
        if expectation.chance(middle, parts) <= chance:
            found = middle
        else:
            below = middle
    return found


def _log_choose(n: int, k: NDArray[np.int_]) -> NDArray[np.float64]:
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    return np.asarray(factorials[n] - factorials[k] - factorials[n - k], np.float64)


def _sum(logarithms: NDArray[np.float64]) -> float:
    return min(1.0, float(np.exp(logarithms).sum()))
