"""True rates from reviews: what is known exactly is said so, and the interval holds the truth."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.review_coverage import LINES, cover
from edge.records.review_estimate import Reviewed, estimate


def of(passed: bool, wrong: int, right: int, chance: float = 1.0) -> list[Reviewed]:
    """Reviews of parts that passed or were rejected, so many of them wrongly."""
    return [Reviewed(passed, passed, chance)] * wrong + [Reviewed(passed, not passed, chance)] * right


def test_where_every_part_was_reviewed_nothing_is_uncertain() -> None:
    found = estimate([*of(True, 3, 97), *of(False, 2, 8)], passed=100, rejected=10)
    assert found is not None
    for rate, number in ((found.escapes, 3), (found.overkill, 2)):
        assert (rate.number, rate.low, rate.high) == (number, number, number)
    assert found.escapes.share == pytest.approx(3 / 110)


def test_each_review_stands_for_as_many_parts_as_its_chance_says() -> None:
    # Of 1,000 parts that passed, 100 near the threshold were all seen, and one in ten of the others.
    reviewed = [*of(True, 10, 90), *of(True, 1, 89, chance=0.1), *of(False, 0, 5)]
    found = estimate(reviewed, passed=1000, rejected=5)
    assert found is not None
    assert found.escapes.number == pytest.approx(20)
    assert found.escapes.low < 20 < found.escapes.high


def test_no_escape_among_a_few_does_not_mean_none() -> None:
    few = estimate([*of(True, 0, 10, chance=0.01), *of(False, 0, 5)], passed=1000, rejected=5)
    many = estimate([*of(True, 0, 500, chance=0.5), *of(False, 0, 5)], passed=1000, rejected=5)
    assert few is not None
    assert many is not None
    assert few.escapes.low == many.escapes.low == 0
    assert few.escapes.high > 100
    assert many.escapes.high < 10


def test_without_a_review_of_either_kind_nothing_is_said() -> None:
    assert estimate([], passed=10, rejected=1) is None
    assert estimate(of(True, 0, 5), passed=10, rejected=1) is None
    assert estimate(of(True, 0, 5), passed=10, rejected=0) is not None, "none was rejected"


strata = st.tuples(st.booleans(), st.integers(0, 20), st.integers(0, 20), st.sampled_from([1.0, 0.5, 0.05]))


@settings(deadline=None, max_examples=50)
@given(st.lists(strata, max_size=5), st.integers(0, 3000), st.integers(0, 300))
def test_the_interval_holds_the_estimate_and_lies_within_what_is_possible(
    found: list[tuple[bool, int, int, float]], passed: int, rejected: int
) -> None:
    reviewed = [one for kind in found for one in of(*kind)]
    passed = max(passed, sum(one.passed for one in reviewed))
    rejected = max(rejected, sum(not one.passed for one in reviewed))
    rates = estimate(reviewed, passed=passed, rejected=rejected)
    if rates is None:
        return
    for rate, most in ((rates.escapes, passed), (rates.overkill, rejected)):
        assert 0 <= rate.low <= rate.number <= rate.high <= most + len(reviewed)
    assert estimate(reviewed[::-1], passed=passed, rejected=rejected) == rates, "in whatever order"


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_the_interval_holds_the_truth_of_a_simulated_line(line: object) -> None:
    assert isinstance(line, type(LINES[0]))
    found = cover(replace(line, parts=min(line.parts, 3000)), runs=25, seed=5)
    assert found.runs == 25
    assert min(found.escapes, found.overkill) >= 21
