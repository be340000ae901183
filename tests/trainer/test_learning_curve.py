"""The number of parts that are enough: errors with fewer of them, drawn out to twice as many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trainer.intervals import Statistic
from trainer.learning_curve import LearningCurve, extrapolated, learning_curve

CLASSES = ["ok", "defect"]


def curve_of(parts: int, power: float, *, defects: int | None = None) -> LearningCurve | None:
    """Of a learner whose error is a power of the number of parts, on one photograph a part."""
    count = parts if defects is None else parts - defects
    labels = np.repeat([0, 1], [count, parts - count]) if defects is not None else np.arange(parts) % 2

    def error_of(mask: NDArray[np.bool_]) -> Statistic:
        error = float(mask.sum()) ** -power
        return lambda weights: np.full(len(weights), error)

    return learning_curve(error_of, labels, np.arange(parts), CLASSES, seed=1)


@given(st.integers(20, 500), st.floats(0.1, 1.0))
def test_a_power_law_is_drawn_out_as_it_is(parts: int, power: float) -> None:
    counts = np.array([parts // 4, parts // 2, 3 * parts // 4, parts])
    errors = counts[np.newaxis].astype(float) ** -power
    assert extrapolated(counts, errors, 2 * parts)[0] == pytest.approx((2 * parts) ** -power)


@given(st.lists(st.floats(0.01, 0.5), min_size=4, max_size=4))
def test_more_parts_are_never_expected_to_teach_less(errors: list[float]) -> None:
    counts = np.array([10, 20, 30, 40])
    assert extrapolated(counts, np.array([errors]), 80)[0] <= errors[-1]


def test_what_half_the_parts_say_of_all_holds_where_the_law_holds() -> None:
    half, whole = curve_of(100, 0.5), curve_of(200, 0.5)
    assert half is not None
    assert whole is not None
    assert half.expected.error.value == pytest.approx(whole.points[-1].error.value, rel=0.02)


def test_parts_are_counted_and_a_larger_share_holds_the_smaller_one() -> None:
    curve = curve_of(80, 0.5)
    assert curve is not None
    assert [point.parts for point in curve.points] == [20, 40, 60, 80]
    assert curve.expected.parts == 160


def test_a_class_with_far_fewer_parts_is_named() -> None:
    curve = curve_of(100, 0.5, defects=10)
    assert curve is not None
    assert curve.short == {"defect": 10}
    assert "Short of parts: defect (10 parts)" in curve.in_words()


def test_too_few_parts_of_a_class_say_nothing() -> None:
    assert curve_of(60, 0.5, defects=7) is None
