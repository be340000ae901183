"""True rates of escapes and overkill of a running line, from reviews of some of its parts.

Parts that were reviewed stand for those that were not: each for as many as 1 / its chance of being shown
(Horvitz and Thompson 1952, J. Am. Stat. Assoc. 47; weights brought to the known numbers of passed and of
rejected parts, Hajek 1971). Within a stratum of passed or rejected parts with one chance, the share of the
others that were decided wrongly has Jeffreys' beta distribution, and their number is binomial; what was
reviewed is known. The size of a stratum is drawn from a gamma distribution of its reviews.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_DRAWS, _SEED = 20_000, 7


@dataclass(frozen=True)
class Reviewed:
    """A part whose truth a person told, and the chance with which it came to be looked at."""

    passed: bool
    is_defect: bool
    probability: float


@dataclass(frozen=True)
class Rate:
    """A number of parts and its share of all; ``low`` and ``high`` are the 95 % interval of the number."""

    number: float
    low: float
    high: float
    parts: int

    @property
    def share(self) -> float:
        """Of all parts, 0 to 1."""
        return self.number / self.parts if self.parts else 0.0


@dataclass(frozen=True)
class TrueRates:
    """Defects that passed and good parts that were rejected, among all parts of a time."""

    escapes: Rate
    overkill: Rate
    reviewed: int
    parts: int


def estimate(reviewed: Iterable[Reviewed], *, passed: int, rejected: int) -> TrueRates | None:
    """The rates among so many parts; None where none was reviewed of the passed or of the rejected ones.

    ``passed`` and ``rejected`` count all parts, also those whose pictures are gone: they are taken to be
    like the others of their kind.
    """
    told = list(reviewed)
    escapes = _wrong([one for one in told if one.passed], passed)
    overkill = _wrong([one for one in told if not one.passed], rejected)
    if escapes is None or overkill is None:
        return None
    parts = passed + rejected
    return TrueRates(_rate(*escapes, parts), _rate(*overkill, parts), len(told), parts)


def _wrong(reviewed: list[Reviewed], total: int) -> tuple[float, NDArray[np.float64]] | None:
    """The number of ``total`` parts that were decided wrongly: an estimate, and draws of it."""
    if total == 0:
        return 0.0, np.zeros(_DRAWS)
    if not reviewed:
        return None
    strata: dict[float, list[bool]] = defaultdict(list)
    for one in sorted(reviewed, key=lambda one: one.probability):
        strata[one.probability].append(one.is_defect == one.passed)
    chance = np.random.default_rng(_SEED)
    counts = np.array([len(found) for found in strata.values()])
    inverse = 1 / np.array(list(strata))
    sizes = _sizes(counts * inverse, total)
    # How the parts divide among the strata is known by those that were reviewed alone.
    drawn = _sizes(chance.gamma(counts, size=(_DRAWS, len(counts))) * inverse, total)
    number, draws = 0.0, np.zeros(_DRAWS)
    for place, found in enumerate(strata.values()):
        seen, wrong = len(found), sum(found)
        number += wrong / seen * sizes[place]
        others = np.maximum(np.rint(drawn[:, place]) - seen, 0).astype(np.int64)
        draws += wrong + chance.binomial(others, chance.beta(wrong + 0.5, seen - wrong + 0.5, _DRAWS))
    return number, draws


def _sizes(weights: NDArray[np.float64], total: int) -> NDArray[np.float64]:
    """Weights brought to ``total`` along their last axis."""
    return np.asarray(total * weights / weights.sum(axis=-1, keepdims=True))


def _rate(number: float, draws: NDArray[np.float64], parts: int) -> Rate:
    low, high = np.percentile(draws, [2.5, 97.5])
    return Rate(number, float(min(low, number)), float(max(high, number)), parts)
