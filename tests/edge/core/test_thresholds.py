"""Where the scores are cut, and what that is worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.decision import decide
from edge.core.errors import InputError
from edge.core.thresholds import (
    Costs,
    HeldOut,
    best_balanced,
    by_cost,
    by_escape_rate,
    by_expected_overkill,
    by_overkill_rate,
    logit,
)


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
    with pytest.raises(InputError, match="expected 279 more"):
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


def good_parts(logits: np.ndarray) -> HeldOut:
    return HeldOut(
        1 / (1 + np.exp(-logits)), np.zeros(len(logits), bool), np.arange(len(logits)), "held-out parts"
    )


def test_one_odd_good_part_of_few_does_not_decide_the_cut() -> None:
    ordinary = np.random.default_rng(1).normal(-4, 0.5, 57)
    with_odd = good_parts(np.append(ordinary, 0.0))
    without = by_expected_overkill(good_parts(np.append(ordinary, -4.0)), 0.01)
    cut = by_expected_overkill(with_odd, 0.01)
    assert logit(np.array(cut.defect_from)) < -2
    assert abs(logit(np.array(cut.defect_from)) - logit(np.array(without.defect_from))) < 0.6
    assert by_overkill_rate(with_odd, 0.01).defect_from > 0.5


@pytest.mark.parametrize("parts", [20, 60, 200])
def test_the_expected_share_of_new_good_parts_is_rejected(parts: int) -> None:
    chance = np.random.default_rng(2)
    rejected = []
    for _ in range(300):
        cut = by_expected_overkill(good_parts(-4 + chance.exponential(0.5, parts)), 0.01)
        rejected.append(np.exp(-(float(logit(np.array(cut.defect_from))) + 4) / 0.5))
    assert 0.005 < np.median(rejected) < 0.02


def test_many_good_parts_are_counted() -> None:
    many = found(2000)
    assert by_expected_overkill(many, 0.01) == by_overkill_rate(many, 0.01)


@given(st.lists(st.sampled_from([0.1, 0.100001, 0.9]), min_size=1, max_size=30), st.integers(1, 5))
def test_a_cut_above_good_parts_is_a_probability_however_few_and_equal_they_are(
    scores: list[float], each: int
) -> None:
    parts = np.arange(len(scores)) // each
    cut = by_expected_overkill(HeldOut(np.array(scores), np.zeros(len(scores), bool), parts, "parts"), 0.01)
    assert 0 < cut.ok_below == cut.defect_from <= 1
    assert cut.defect_from > min(scores)
