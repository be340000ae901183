"""The rules by which scores become thresholds: the best balanced accuracy, costs, or a rate of mistakes.

`trainer` chooses by them on scores of photographs whose parts the model never saw; `quantize` asks what they
say of int8 scores.
"""

from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from edge.core.decision import Thresholds
from edge.core.errors import InputError
from edge.core.tail_probabilities import KnownShare

_CONFIDENCE = 0.95
_BOOTSTRAPS = 200
_TAIL = 0.2  # of good parts, taken for exponential
_FEWEST_IN_TAIL = 5
_LEAST_SCALE = 1e-3  # a logit; equal scores all pass
_COUNTED = 5  # good parts above the cut, from which on they are counted
_MARGIN = 0.05  # above the highest score that passes, of its distance from the middle


@dataclass(frozen=True)
class HeldOut:
    """Photographs of unseen parts: scores (N,) from 0 to 1, whether they are defective, their groups."""

    scores: NDArray[np.float64]
    is_defect: NDArray[np.bool_]
    groups: NDArray[np.int64]
    held_out: str  # in words, which they are


@dataclass(frozen=True)
class Costs:
    """Costs of an escape and an overkill, in any one unit, and the share of defective parts on the line."""

    escape: float
    overkill: float
    defect_rate: float


class ThresholdRule(BaseModel):
    """Which rule: the first that is given of the rates and the costs, else the best balanced accuracy.

    ``max_overkill_rate`` and ``expected_overkill_rate`` are for models of OK parts alone.
    ``by_validation``: the scores that it was asked about were those of the validation images.
    """

    model_config = ConfigDict(frozen=True)

    max_overkill_rate: float | None = None
    expected_overkill_rate: float | None = None
    max_escape_rate: float | None = None
    costs: Costs | None = None
    seed: int = 1
    by_validation: bool = False

    @property
    def needs_defects(self) -> bool:
        """True unless good parts alone say where the threshold lies."""
        return self.max_overkill_rate is None and self.expected_overkill_rate is None

    def thresholds(self, found: HeldOut) -> Thresholds:
        """Thresholds for these scores; raises InputError where they are too few for it."""
        if self.max_overkill_rate is not None:
            return by_overkill_rate(found, self.max_overkill_rate)
        if self.expected_overkill_rate is not None:
            return by_expected_overkill(found, self.expected_overkill_rate)
        if self.max_escape_rate is not None:
            return by_escape_rate(found, self.max_escape_rate)
        if self.costs is not None:
            return by_cost(found, self.costs, seed=self.seed)
        return best_balanced(found)


def best_balanced(found: HeldOut) -> Thresholds:
    """One threshold at the best balanced accuracy, in the middle of the widest such gap of the logits."""
    cuts, escapes, overkill, widths = rates(found.scores, found.is_defect)
    cut = _widest(cuts, widths, np.round(escapes + overkill, 12))
    return _one(cut, f"best balanced accuracy on {found.held_out}")


def by_cost(found: HeldOut, costs: Costs, *, seed: int) -> Thresholds:
    """The cheapest cut, and an unsure band where another sample of parts would have put it.

    The band holds the middle 95 % of the cuts that are cheapest when groups are drawn again with
    replacement (Efron 1979, Ann. Statist. 7(1)), so it is wide where few parts speak.
    """
    cut = _cheapest(found.scores, found.is_defect, costs)
    chance = np.random.default_rng(seed)
    members = [np.flatnonzero(found.groups == group) for group in np.unique(found.groups)]
    again = []
    for _ in range(_BOOTSTRAPS):
        drawn = np.concatenate([members[number] for number in chance.integers(0, len(members), len(members))])
        if len(set(found.is_defect[drawn].tolist())) == 2:
            again.append(_cheapest(found.scores[drawn], found.is_defect[drawn], costs))
    tail = 100 * (1 - _CONFIDENCE) / 2
    low, high = np.percentile([*again, cut], (tail, 100 - tail))
    return Thresholds(
        ok_below=sigmoid(min(low, cut)),
        defect_from=sigmoid(max(high, cut)),
        chosen=(
            f"lowest cost on {found.held_out}: escape {costs.escape:g}, overkill {costs.overkill:g}, "
            f"defect rate {costs.defect_rate:g}; the band holds {_CONFIDENCE:.0%} of repeated choices"
        ),
    )


def by_escape_rate(found: HeldOut, limit: float) -> Thresholds:
    """The highest cut at which escapes stay under ``limit``, surely: by the upper bound of 95 %.

    Parts are counted, not photographs: copies prove nothing. The bound is Clopper and Pearson's
    (1934, Biometrika 26(4)), one-sided. Raises InputError, with the number of defective parts that
    are missing, where there are too few to prove it.
    """
    defects = np.unique(found.groups[found.is_defect])
    needed = ceil(log(1 - _CONFIDENCE) / log(1 - limit))
    if len(defects) < needed:
        raise InputError(
            f"--max-escape-rate {limit:.2%}: cannot be proved with {len(defects)} defective parts, "
            f"even if none escaped; expected {needed - len(defects)} more"
        )
    worst = np.sort([found.scores[(found.groups == g) & found.is_defect].min() for g in defects])
    allowed = max(k for k in range(len(worst)) if _is_proved(k, len(worst), limit))
    below = found.scores[found.scores < worst[allowed]].max(initial=0.0)
    cut = (logit(np.array(worst[allowed])) + logit(np.array(below))) / 2
    return _one(
        float(cut),
        f"at most {limit:.2%} of defective parts escape, upper bound of {_CONFIDENCE:.0%}: {allowed} of "
        f"{len(worst)} did, on {found.held_out}",
    )


def by_overkill_rate(found: HeldOut, limit: float) -> Thresholds:
    """The lowest cut that rejects at most ``limit`` of the good parts that were held out.

    For where no defective photograph is known. Each part counts once, by what share of its images.
    """
    parts, logits, shares = _good_parts(found)
    gone = int(np.searchsorted(np.cumsum(shares), limit + 1e-9, side="right"))  # of the highest
    highest = logits[min(gone, len(logits) - 1)]
    margin = _MARGIN * (highest - np.median(logits))
    above = logits[logits > highest].min(initial=np.inf)
    return _one(
        float(highest + min(margin, (above - highest) / 2)),
        f"at most {limit:.2%} of {parts} good parts rejected, on {found.held_out}",
    )


def by_expected_overkill(found: HeldOut, rate: float) -> Thresholds:
    """The cut above which this share of good parts is expected, by the tail of those that were held out.

    Of few good parts the single strangest would say where one in a hundred lies, and one odd part would let
    defects pass. So the highest fifth of the logits is taken for exponential, its highest quarter for
    known by number only (Epstein and Sobel 1953, J. Am. Stat. Assoc. 48(263), censored life tests).
    Where parts are many they are counted. Each part counts once, by what share of its images.
    """
    parts, logits, shares = _good_parts(found)
    if rate * parts >= _COUNTED:
        return by_overkill_rate(found, rate)
    chosen = f"{rate:.2%} of good parts expected above it, estimated from {parts} on {found.held_out}"
    return _one(_tail_quantile(logits, shares, rate), chosen)


def _good_parts(found: HeldOut) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
    """The number of good parts; the logits of their images, highest first; the share of each image."""
    good = ~found.is_defect
    logits = logit(found.scores[good])
    parts, of, sizes = np.unique(found.groups[good], return_inverse=True, return_counts=True)
    order = np.argsort(-logits, kind="stable")
    return len(parts), logits[order], 1 / sizes[of[order]] / len(parts)


def _tail_quantile(values: NDArray[np.float64], shares: NDArray[np.float64], rate: float) -> float:
    """Where ``rate`` lies above: of values (N,), the highest first, and the share that each stands for."""
    above = np.cumsum(shares)
    tail = min(max(int(np.searchsorted(above, _TAIL)), _FEWEST_IN_TAIL), len(values) - 1)
    if tail < 1:
        return float(values[0]) + _LEAST_SCALE
    censored = tail // 4
    excess = values[:tail] - values[tail]
    scale = np.minimum(excess, excess[censored]) @ shares[:tail] / shares[censored:tail].sum()
    return float(values[tail] + max(scale, _LEAST_SCALE) * log(above[tail - 1] / rate))


def _one(cut: float, chosen: str) -> Thresholds:
    threshold = sigmoid(cut)
    return Thresholds(ok_below=threshold, defect_from=threshold, chosen=chosen)


def rates(
    scores: NDArray[np.float64], is_defect: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Cuts (logits) between the scores, shares of escapes and overkill at each, and widths of the gaps."""
    positions = logit(scores)
    edges = np.unique(positions)
    cuts = np.concatenate([[edges[0] - 1], (edges[1:] + edges[:-1]) / 2, [edges[-1] + 1]])
    widths = np.concatenate([[0], np.diff(edges), [0]])
    bad, good = np.sort(positions[is_defect]), np.sort(positions[~is_defect])
    escapes = np.searchsorted(bad, cuts) / max(1, len(bad))
    overkill = 1 - np.searchsorted(good, cuts) / max(1, len(good))
    return cuts, escapes, overkill, widths


def _cheapest(scores: NDArray[np.float64], is_defect: NDArray[np.bool_], costs: Costs) -> float:
    cuts, escapes, overkill, widths = rates(scores, is_defect)
    return _widest(cuts, widths, np.round(spent(escapes, overkill, costs), 12))


def spent(escapes: NDArray[np.float64], overkill: NDArray[np.float64], costs: Costs) -> NDArray[np.float64]:
    """The average cost of a part."""
    rate = costs.defect_rate
    return np.asarray(rate * costs.escape * escapes + (1 - rate) * costs.overkill * overkill)


def _widest(cuts: NDArray[np.float64], widths: NDArray[np.float64], loss: NDArray[np.float64]) -> float:
    best = np.flatnonzero(loss == loss.min())
    return float(cuts[best[np.argmax(widths[best])]])


def _is_proved(escaped: int, parts: int, limit: float) -> bool:
    """True if so few would escape with a chance of 5 % at most, if the true rate were the limit."""
    return KnownShare(1 - limit).chance(parts - escaped, parts) <= 1 - _CONFIDENCE


def logit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of scores from 0 to 1; those at the ends stay finite."""
    bounded = np.clip(scores, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(bounded / (1 - bounded)), np.float64)


def sigmoid(cut: float) -> float:
    """The score of a logit."""
    return float(1 / (1 + np.exp(-cut)))
