"""Intervals count parts, not photographs."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.core.metrics import wilson_interval
from trainer.intervals import Draws, Measured, share, weighted_sum


def of(hits: Sequence[int], groups: Sequence[int]) -> Measured:
    return share(np.array(hits, bool), np.ones(len(hits), bool), np.array(groups))


def width(measured: Measured) -> float:
    assert measured.low is not None
    assert measured.high is not None
    return measured.high - measured.low


def test_where_each_image_is_a_part_the_interval_is_wilsons() -> None:
    measured = of([1] * 90 + [0] * 10, list(range(100)))
    low, high = wilson_interval(90, 100)
    assert (measured.value, measured.low, measured.high) == pytest.approx((0.9, low, high))


def test_copies_make_no_interval_narrower() -> None:
    hits = [1] * 18 + [0] * 2
    once = of(hits, list(range(20)))
    copied = of(hits * 50, list(range(20)) * 50)
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high), abs=0.02)
    assert width(copied) >= width(once)


def test_a_scatter_known_from_two_parts_says_little() -> None:
    """Two parts of 300 photographs each that happen to agree."""
    measured = of(([1] * 210 + [0] * 90) + ([1] * 200 + [0] * 100), [0] * 300 + [1] * 300)
    assert width(measured) > 0.3


def test_without_a_mistake_the_parts_are_the_trials() -> None:
    measured = of([1] * 200, [number // 20 for number in range(200)])
    assert (measured.low, measured.high) == pytest.approx(wilson_interval(10, 10))


def test_nothing_to_measure_gives_no_figure() -> None:
    nothing = share(np.array([True]), np.array([False]), np.array([0]))
    assert nothing == Measured()
    assert weighted_sum([nothing], [1.0]) == Measured()


def test_intervals_of_shares_hold_what_is_true_of_parts() -> None:
    """Parts of ten photographs each that stand or fall together, seven in ten of them right."""
    chance = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 10).tolist()
    held = 0
    for _ in range(300):
        measured = of(np.repeat(chance.random(40) < 0.7, 10).tolist(), groups)
        held += measured.low <= 0.7 <= measured.high  # type: ignore[operator]
    assert 0.90 <= held / 300 <= 0.99


def test_a_sum_has_the_interval_of_its_parts_squared_and_added() -> None:
    part = Measured(value=0.5, low=0.4, high=0.7)
    both = weighted_sum([part, part], [0.5, 0.5])
    assert both.value == 0.5
    assert both.low == pytest.approx(0.5 - 0.1 / np.sqrt(2))
    assert both.high == pytest.approx(0.5 + 0.2 / np.sqrt(2))


def mean_of(values: NDArray[np.float64]) -> Measured:
    labels = np.zeros(len(values), np.int64)

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(weights @ values / weights.sum(axis=1))

    return Draws(labels, np.arange(len(values))).measure(statistic, floor=0.9)


def test_drawn_intervals_are_seeded_and_as_wide_as_the_standard_error_says() -> None:
    values = np.random.default_rng(1).normal(0, 1, 400)
    assert mean_of(values) == mean_of(values)
    assert width(mean_of(values)) == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_a_figure_that_no_draw_changes_has_its_floor() -> None:
    assert mean_of(np.ones(50)) == Measured(value=1.0, low=0.9, high=1.0)
