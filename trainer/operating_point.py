"""The worth of thresholds on a line, where mistakes have a price.

Everything here looks at scores of photographs whose parts the model never saw.
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from edge.core.decision import Thresholds, Verdict
from edge.core.thresholds import Costs, logit, rates, sigmoid, spent
from trainer.intervals import Measured, share, weighted_sum

_POINTS = 101  # of a curve


class LineFigures(BaseModel):
    """The worth of thresholds on a line with ``costs.defect_rate`` defective parts.

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


def on_the_line(
    scores: NDArray[np.float64],
    is_defect: NDArray[np.bool_],
    groups: NDArray[np.int64],
    verdicts: NDArray[np.str_],
    thresholds: Thresholds,
    costs: Costs,
) -> LineFigures:
    """The promise for the line of verdicts (N,) on photographs of unseen parts."""
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
    cuts, escapes, overkill, _ = rates(scores, is_defect)
    price = 1000 * spent(escapes, overkill, costs)
    chosen = np.union1d(_evenly(len(cuts)), price.argmin())
    return [(sigmoid(float(cuts[one])), float(price[one])) for one in chosen]


def _coverage_curve(
    scores: NDArray[np.float64], is_defect: NDArray[np.bool_], weights: NDArray[np.float64], cut: Thresholds
) -> list[tuple[float, float]]:
    ends = logit(np.array([cut.ok_below, cut.defect_from]))
    distance = logit(scores) - ends.mean()
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
