"""Examples near the threshold and far from it, however few there may be."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.core.decision import Thresholds
from quantize.golden import COUNT, choose_golden, size_limit
from tests.quantize.test_int8_thresholds import run

SCORES = np.array([0.10, 0.20, 0.30, 0.60, 0.70, 0.80])
CUT = Thresholds(ok_below=0.45, defect_from=0.45)


def test_half_is_near_and_half_is_far() -> None:
    assert choose_golden(run(None), SCORES, CUT) == [0, 2, 3, 5]


@given(st.integers(1, COUNT))
def test_of_fewer_near_and_far_ones_stay_in_turn(most: int) -> None:
    chosen = choose_golden(run(None), SCORES, CUT, most=most)
    assert len(chosen) == most
    assert len({2, 3} & set(chosen)) == (most + 1) // 2


def test_the_small_network_alone_has_a_limit() -> None:
    limit = size_limit("small")
    assert limit is not None
    assert limit < 120_000
    assert size_limit("default") is None
