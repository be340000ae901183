"""Which parts are shown for review, each with a known chance: those that teach most, and random ones.

The chance follows from what is recorded of a part, and whether it is shown from a hash of its id: the same
answer whenever it is asked, and no part depends on another (Poisson sampling).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.core.decision import Thresholds, Verdict

NEAR_THRESHOLD, DISAGREEMENT, REJECTED, RANDOM = "near a threshold", "shadow disagrees", "rejected", "random"
_NEAR = 0.1  # of the score's scale from 0 to 1
_LATER = {NEAR_THRESHOLD: 0.25, DISAGREEMENT: 0.25, REJECTED: 0.5, RANDOM: 1.0}


@dataclass(frozen=True)
class Shares:
    """The chance of each kind of part to be shown, above 0 to 1."""

    near: float = 1.0
    rejected: float = 0.5
    random: float = 0.05


@dataclass(frozen=True)
class Chance:
    """The chance with which a part of this kind is shown, and the kind."""

    probability: float
    because: str


def chance_of(row: Mapping[str, Any], cut: Thresholds, shares: Shares, *, disagrees: bool = False) -> Chance:
    """The chance of an inspection, as the journal has it, to be shown."""
    score, verdict = row.get("score"), row.get("verdict")
    if disagrees:
        return Chance(shares.near, DISAGREEMENT)
    if verdict == Verdict.UNSURE or (isinstance(score, int | float) and _is_near(float(score), cut)):
        return Chance(shares.near, NEAR_THRESHOLD)
    if verdict != Verdict.OK:
        return Chance(shares.rejected, REJECTED)
    return Chance(shares.random, RANDOM)


def is_shown(inspection: str, chance: Chance) -> bool:
    """True if this inspection is among those that are shown."""
    return _lot(inspection) < chance.probability


def turn_of(inspection: str, chance: Chance) -> float:
    """The place in the queue, smaller is sooner; random parts are mixed with the others."""
    return _lot(inspection) / chance.probability * _LATER[chance.because]


def _lot(inspection: str) -> float:
    """Uniform from 0 to 1, by the id."""
    digest = hashlib.sha256(b"review " + inspection.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _is_near(score: float, cut: Thresholds) -> bool:
    return cut.ok_below - _NEAR <= score < cut.defect_from + _NEAR
