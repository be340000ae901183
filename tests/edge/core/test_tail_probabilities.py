"""Chances of counts, beside the sums that define them."""

from fractions import Fraction
from math import comb

import pytest

from edge.core.tail_probabilities import KnownShare, LearnedShare, first_unlikely_count


@pytest.mark.parametrize("count", [0, 1, 3, 17, 40])
def test_with_a_known_share_it_is_the_binomial_tail(count: int) -> None:
    share = Fraction(1, 8)
    exact = sum(comb(40, k) * share**k * (1 - share) ** (40 - k) for k in range(count, 41))
    assert KnownShare(0.125).chance(count, 40) == pytest.approx(float(exact), rel=1e-9)


@pytest.mark.parametrize("count", [0, 1, 3, 17, 40])
def test_with_a_learned_share_it_is_the_hypergeometric_tail(count: int) -> None:
    learned, of, parts = 5, 100, 40
    total = learned + count
    exact = Fraction(
        sum(comb(parts, k) * comb(of, total - k) for k in range(count, min(total, parts) + 1)),
        comb(parts + of, total),
    )
    assert LearnedShare(learned, of).chance(count, parts) == pytest.approx(float(exact), rel=1e-9)


def test_a_share_of_nothing_or_all_leaves_no_doubt() -> None:
    assert [KnownShare(0.0).chance(count, 10) for count in (0, 1)] == [1.0, 0.0]
    assert [KnownShare(1.0).chance(count, 10) for count in (0, 10)] == [1.0, 1.0]


@pytest.mark.parametrize("expectation", [KnownShare(0.1), LearnedShare(0, 200), LearnedShare(20, 200)])
def test_the_first_unlikely_count_is_unlikely_and_the_one_before_is_not(
    expectation: KnownShare | LearnedShare,
) -> None:
    first = first_unlikely_count(expectation, 50, 0.001)
    assert expectation.chance(first, 50) <= 0.001 < expectation.chance(first - 1, 50)


def test_where_every_count_is_likely_none_is_unlikely() -> None:
    assert first_unlikely_count(KnownShare(0.9), 10, 0.001) == 11
