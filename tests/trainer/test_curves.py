import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.metrics import area_under_roc
from trainer.curves import precision_recall, roc

SCORED = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=4, max_size=60).filter(
    lambda pairs: len({defect for _, defect in pairs}) == 2
)


@given(SCORED)
def test_the_area_is_the_chance_that_a_defect_scores_higher(pairs: list[tuple[int, bool]]) -> None:
    scores, is_defect = (np.array(column) for column in zip(*pairs, strict=True))
    area = roc(scores / 9, is_defect).area
    assert area == pytest.approx(area_under_roc(scores[is_defect].tolist(), scores[~is_defect].tolist()))


def test_a_perfect_score_has_all_the_area() -> None:
    scores, is_defect = np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True])
    assert roc(scores, is_defect).area == 1
    assert precision_recall(scores, is_defect).area == 1


def test_precision_ends_at_the_share_of_defects() -> None:
    scores, is_defect = np.array([0.1, 0.6, 0.5, 0.9]), np.array([False, False, True, True])
    curve = precision_recall(scores, is_defect)
    assert curve.y.tolist() == pytest.approx([1, 1, 1 / 2, 2 / 3, 1 / 2])
    assert curve.area == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)
