"""Where to cut the scores: at the best balanced accuracy, by what mistakes cost, or at an escape rate.

Everything here looks at scores of photographs whose parts the model never saw.
"""

from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray

from edge.decision import Thresholds
from edge.errors import InputError

CONFIDENCE = 0.95
_BOOTSTRAPS = 200


@dataclass(frozen=True)
class HeldOut:
    """Photographs of unseen parts: scores (N,) from 0 to 1, whether they are defective, their groups."""

    scores: NDArray[np.float64]
    is_defect: NDArray[np.bool_]
    groups: NDArray[np.int64]
    held_out: str  # in words, which they are


@dataclass(frozen=True)
class Costs:
    """What an escape and an overkill cost, in any one unit, and the share of defective parts on the line."""

    escape: float
    overkill: float
    defect_rate: float


def best_balanced(found: HeldOut) -> Thresholds:
    """One threshold at the best balanced accuracy, in the middle of the widest such gap of the logits."""
    cuts, escapes, overkill, widths = _rates(found.scores, found.is_defect)
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
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile([*again, cut], (tail, 100 - tail))
    return Thresholds(
        ok_below=_sigmoid(min(low, cut)),
        defect_from=_sigmoid(max(high, cut)),
        chosen=(
            f"lowest cost on {found.held_out}: escape {costs.escape:g}, overkill {costs.overkill:g}, "
            f"defect rate {costs.defect_rate:g}; the band holds {CONFIDENCE:.0%} of repeated choices"
        ),
    )


def by_escape_rate(found: HeldOut, limit: float) -> Thresholds:
    """The highest cut at which escapes stay under ``limit``, surely: by the upper bound of 95 %.

    Parts are counted, not photographs: copies prove nothing. The bound is Clopper and Pearson's
    (1934, Biometrika 26(4)), one-sided. Raises InputError, with the number of defective parts that
    are missing, where there are too few to prove it.
    """
    defects = np.unique(found.groups[found.is_defect])
    needed = ceil(log(1 - CONFIDENCE) / log(1 - limit))
    if len(defects) < needed:
        raise InputError(
            f"--max-escape-rate {limit:.2%}: cannot be proved with {len(defects)} defective parts, "
            f"even if none escaped; {needed - len(defects)} more would be right"
        )
    worst = np.sort([found.scores[(found.groups == g) & found.is_defect].min() for g in defects])
    allowed = max(k for k in range(len(worst)) if _upper_bound(k, len(worst)) <= limit)
    below = found.scores[found.scores < worst[allowed]].max(initial=0.0)
    cut = (_logit(np.array(worst[allowed])) + _logit(np.array(below))) / 2
    return _one(
        float(cut),
        f"at most {limit:.2%} of defective parts escape, upper bound of {CONFIDENCE:.0%}: {allowed} of "
        f"{len(worst)} did, on {found.held_out}",
    )


def _one(cut: float, chosen: str) -> Thresholds:
    threshold = _sigmoid(cut)
    return Thresholds(ok_below=threshold, defect_from=threshold, chosen=chosen)


def _rates(
    scores: NDArray[np.float64], is_defect: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Cuts (logits) between the scores, shares of escapes and overkill at each, and widths of the gaps."""
    positions = _logit(scores)
    edges = np.unique(positions)
    cuts = np.concatenate([[edges[0] - 1], (edges[1:] + edges[:-1]) / 2, [edges[-1] + 1]])
    widths = np.concatenate([[0], np.diff(edges), [0]])
    bad, good = np.sort(positions[is_defect]), np.sort(positions[~is_defect])
    escapes = np.searchsorted(bad, cuts) / max(1, len(bad))
    overkill = 1 - np.searchsorted(good, cuts) / max(1, len(good))
    return cuts, escapes, overkill, widths


def _cheapest(scores: NDArray[np.float64], is_defect: NDArray[np.bool_], costs: Costs) -> float:
    cuts, escapes, overkill, widths = _rates(scores, is_defect)
    spent = costs.defect_rate * costs.escape * escapes + (1 - costs.defect_rate) * costs.overkill * overkill
    return _widest(cuts, widths, np.round(spent, 12))


def _widest(cuts: NDArray[np.float64], widths: NDArray[np.float64], loss: NDArray[np.float64]) -> float:
    best = np.flatnonzero(loss == loss.min())
    return float(cuts[best[np.argmax(widths[best])]])


def _upper_bound(escaped: int, parts: int) -> float:
    from scipy.stats import beta

    return 1.0 if escaped >= parts else float(beta.ppf(CONFIDENCE, escaped + 1, parts - escaped))


def _logit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    bounded = np.clip(scores, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(bounded / (1 - bounded)), np.float64)


def _sigmoid(cut: float) -> float:
    return float(1 / (1 + np.exp(-cut)))
