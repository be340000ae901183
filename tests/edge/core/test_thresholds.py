"""Where the scores are cut, and what that is worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.decision import decide
from edge.core.errors import InputError
from edge.core.thresholds import Costs, HeldOut, best_balanced, by_cost, by_escape_rate, by_overkill_rate


def found(parts: int, *, overlap: float = 1.0, seed: int = 1, copies: int = 1) -> HeldOut:
    """Half good and half defective parts whose logits are normal, 4 apart, with this deviation."""
    chance = np.random.default_rng(seed)
    is_defect = np.arange(parts) % 2 == 1
    logits = np.where(is_defect, 2.0, -2.0) + chance.normal(0, overlap, parts)
    repeated = np.repeat(np.arange(parts), copies)
    return HeldOut(1 / (1 + np.exp(-logits[repeated])), is_defect[repeated], repeated, "held-out parts")


def test_separable_scores_are_cut_in_the_middle_of_the_gap() -> None:
    scores = np.array([0.1, 0.2, 0.8, 0.9])
    cut = best_balanced(HeldOut(scores, scores > 0.5, np.arange(4), "parts"))
    assert cut.ok_below == cut.defect_from == pytest.approx(0.5)


@given(st.integers(0, 200))
def test_no_single_cut_is_better_balanced(seed: int) -> None:
    data = found(40, overlap=2.5, seed=seed)

    def balanced(cut: float) -> float:
        rejected = data.scores >= cut
        return float(rejected[data.is_defect].mean() + (~rejected)[~data.is_defect].mean())

    chosen = best_balanced(data).defect_from
    assert all(balanced(chosen) >= balanced(score) - 1e-9 for score in data.scores)


def test_dear_escapes_lower_the_cut_and_dear_overkill_raises_it() -> None:
    data = found(400, overlap=1.5)
    cuts = [by_cost(data, Costs(escape, 1, 0.5), seed=1).ok_below for escape in (0.05, 1, 20)]
    assert cuts == sorted(cuts, reverse=True)
    assert cuts[0] > cuts[-1]


def test_rare_defects_raise_the_cut() -> None:
    data = found(400, overlap=1.5)
    often, rarely = (by_cost(data, Costs(10, 1, rate), seed=1) for rate in (0.3, 0.001))
    assert rarely.defect_from > often.defect_from


def test_the_unsure_band_narrows_with_more_parts_but_not_with_more_copies() -> None:
    def width(data: HeldOut) -> float:
        cut = by_cost(data, Costs(1, 1, 0.5), seed=1)
        return float(
            np.log(cut.defect_from / (1 - cut.defect_from)) - np.log(cut.ok_below / (1 - cut.ok_below))
        )

    few, copied, many = found(40, overlap=1.5), found(40, overlap=1.5, copies=25), found(1000, overlap=1.5)
    assert width(many) < width(few)
    assert width(copied) == pytest.approx(width(few), rel=0.5)


def test_an_escape_rate_is_kept_with_its_upper_bound() -> None:
    data = found(2000, overlap=1.0)
    cut = by_escape_rate(data, 0.05)
    escaped = [decide(float(score), cut) == "ok" for score in data.scores[data.is_defect]]
    assert 0.02 < np.mean(escaped) < 0.05
    assert "escape" in cut.chosen


def test_too_few_parts_prove_nothing_however_many_copies_there_are() -> None:
    with pytest.raises(InputError, match="279 more would be right"):
        by_escape_rate(found(40, copies=50), 0.01)


@given(st.integers(0, 200), st.sampled_from([0.01, 0.05, 0.2]))
def test_of_good_parts_alone_no_more_are_rejected_than_was_allowed(seed: int, limit: float) -> None:
    good = found(300, seed=seed, copies=3)
    rejected = good.scores >= by_overkill_rate(good, limit).defect_from
    share = rejected[~good.is_defect].mean()
    assert limit - 2 / 150 <= share <= limit


def test_with_few_good_parts_the_cut_lies_above_them_all() -> None:
    few = HeldOut(np.array([0.1, 0.2, 0.3]), np.zeros(3, bool), np.arange(3), "parts")
    assert 0.3 < by_overkill_rate(few, 0.01).defect_from < 0.4
