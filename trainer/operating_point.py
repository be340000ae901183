"""Where to cut the scores: at the best balanced accuracy, by what mistakes cost, or at an escape rate.

Everything here looks at scores of photographs whose parts the model never saw.
"""

from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from edge.decision import Thresholds, Verdict
from edge.errors import InputError
from trainer.intervals import CONFIDENCE, Measured, share, weighted_sum

_BOOTSTRAPS = 200
_MARGIN = 0.05  # above the highest score that passes, of its distance from the middle
_POINTS = 101  # of a curve


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


class LineFigures(BaseModel):
    """What the thresholds are worth on a line with ``costs.defect_rate`` defective parts.

    Of 1,000 parts: ``escapes``, ``overkill`` and ``unsure`` ones, which count as rejected, and the
    ``cost``; ``cost_passing_all`` and ``cost_rejecting_all``: without a model. ``precision``: the share
    of defective parts among the rejected. ``decided``: the share of parts outside the unsure band, and
    ``error_decided`` the mistakes among these. ``cost_curve``: (threshold, cost) of single thresholds;
    ``coverage_curve``: (share decided, share of mistakes among these) for bands of any width around the
    middle of the chosen one (El-Yaniv and Wiener 2010, J. Mach. Learn. Res. 11).
    """

    model_config = ConfigDict(frozen=True)

    costs: Costs
    cost: Measured
    escapes: Measured
    overkill: Measured
    unsure: Measured
    cost_passing_all: float
    cost_rejecting_all: float
    precision: Measured
    decided: Measured
    error_decided: float | None
    cost_curve: list[tuple[float, float]]
    coverage_curve: list[tuple[float, float]]


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


def by_overkill_rate(found: HeldOut, limit: float) -> Thresholds:
    """The lowest cut that rejects at most ``limit`` of the good parts that were held out.

    For where no defective photograph is known. Each part counts once, by what share of its images.
    """
    good = ~found.is_defect
    logits, groups = _logit(found.scores[good]), found.groups[good]
    parts, of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(-logits, kind="stable")
    rejected = np.cumsum(1 / sizes[of[order]]) / len(parts)
    gone = int(np.searchsorted(rejected, limit + 1e-9, side="right"))  # of the highest
    highest = logits[order[min(gone, len(order) - 1)]]
    margin = _MARGIN * (highest - np.median(logits))
    above = logits[logits > highest].min(initial=np.inf)
    return _one(
        float(highest + min(margin, (above - highest) / 2)),
        f"at most {limit:.2%} of {len(parts)} good parts rejected, on {found.held_out}",
    )


def on_the_line(
    scores: NDArray[np.float64],
    is_defect: NDArray[np.bool_],
    groups: NDArray[np.int64],
    verdicts: NDArray[np.str_],
    thresholds: Thresholds,
    costs: Costs,
) -> LineFigures:
    """What verdicts (N,) on photographs of unseen parts promise for the line."""
    rate, good_rate = costs.defect_rate, 1 - costs.defect_rate
    passed, unsure = verdicts == Verdict.OK, verdicts == Verdict.UNSURE
    escaped, overkilled = share(passed, is_defect, groups), share(~passed, ~is_defect, groups)
    doubtful = [share(unsure, is_defect, groups), share(unsure, ~is_defect, groups)]
    weights = np.where(is_defect, rate / max(1, is_defect.sum()), good_rate / max(1, (~is_defect).sum()))
    wrong = passed == is_defect
    return LineFigures(
        costs=costs,
        cost=weighted_sum(
            [escaped, overkilled], [1000 * rate * costs.escape, 1000 * good_rate * costs.overkill]
        ),
        escapes=weighted_sum([escaped], [1000 * rate]),
        overkill=weighted_sum([overkilled], [1000 * good_rate]),
        unsure=weighted_sum(doubtful, [1000 * rate, 1000 * good_rate]),
        cost_passing_all=1000 * rate * costs.escape,
        cost_rejecting_all=1000 * good_rate * costs.overkill,
        precision=_precision(escaped, overkilled, rate),
        decided=weighted_sum(doubtful, [rate, good_rate]).complement(),
        error_decided=_ratio(weights[wrong & ~unsure].sum(), weights[~unsure].sum()),
        cost_curve=_cost_curve(scores, is_defect, costs),
        coverage_curve=_coverage_curve(scores, is_defect, weights, thresholds),
    )


def _precision(escaped: Measured, overkilled: Measured, rate: float) -> Measured:
    """At both worse ends of the two intervals, and at both better ones: wider than 95 %, if anything."""

    def of(escapes: float | None, overkill: float | None) -> float | None:
        if escapes is None or overkill is None:
            return None
        found = rate * (1 - escapes)
        return _ratio(found, found + (1 - rate) * overkill)

    return Measured(
        value=of(escaped.value, overkilled.value),
        low=of(escaped.high, overkilled.high),
        high=of(escaped.low, overkilled.low),
    )


def _cost_curve(
    scores: NDArray[np.float64], is_defect: NDArray[np.bool_], costs: Costs
) -> list[tuple[float, float]]:
    cuts, escapes, overkill, _ = _rates(scores, is_defect)
    spent = 1000 * _spent(escapes, overkill, costs)
    chosen = np.union1d(_evenly(len(cuts)), spent.argmin())
    return [(_sigmoid(float(cuts[one])), float(spent[one])) for one in chosen]


def _coverage_curve(
    scores: NDArray[np.float64], is_defect: NDArray[np.bool_], weights: NDArray[np.float64], cut: Thresholds
) -> list[tuple[float, float]]:
    ends = _logit(np.array([cut.ok_below, cut.defect_from]))
    distance = _logit(scores) - ends.mean()
    order = np.argsort(-np.abs(distance), kind="stable")
    wrong = (distance >= 0) != is_defect
    decided = np.cumsum(weights[order])
    mistakes = np.cumsum((weights * wrong)[order])
    chosen = _evenly(len(order))
    return [(float(decided[one]), float(mistakes[one] / decided[one])) for one in chosen]


def _evenly(count: int) -> NDArray[np.int64]:
    """At most _POINTS positions, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, _POINTS).round().astype(np.int64))


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None


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
    return _widest(cuts, widths, np.round(_spent(escapes, overkill, costs), 12))


def _spent(escapes: NDArray[np.float64], overkill: NDArray[np.float64], costs: Costs) -> NDArray[np.float64]:
    """What a part costs on average."""
    rate = costs.defect_rate
    return np.asarray(rate * costs.escape * escapes + (1 - rate) * costs.overkill * overkill)


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
