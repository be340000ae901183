"""Score to verdict, and outputs to score."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.core.decision import (
    Thresholds,
    Verdict,
    class_probabilities,
    decide,
    defect_scores,
    find_ok_class,
    normalized,
)

SCORES = st.floats(0, 1)


@given(SCORES, SCORES, SCORES)
def test_the_two_thresholds_cut_the_scores_in_three(score: float, a: float, b: float) -> None:
    thresholds = Thresholds(ok_below=min(a, b), defect_from=max(a, b))
    verdict = decide(score, thresholds)
    if verdict == Verdict.OK:
        assert score < thresholds.ok_below
    elif verdict == Verdict.DEFECT:
        assert score >= thresholds.defect_from
    else:
        assert verdict == Verdict.UNSURE
        assert thresholds.ok_below <= score < thresholds.defect_from


@given(SCORES, SCORES, SCORES)
def test_a_higher_score_is_never_better(low: float, high: float, threshold: float) -> None:
    low, high = min(low, high), max(low, high)
    thresholds = Thresholds(ok_below=threshold, defect_from=threshold)
    if decide(high, thresholds) == Verdict.OK:
        assert decide(low, thresholds) == Verdict.OK


@pytest.mark.parametrize("score", [math.nan, math.inf, -0.1, 1.1])
def test_a_score_that_is_none_is_a_fault(score: float) -> None:
    assert decide(score, Thresholds(ok_below=0.5, defect_from=0.5)) == Verdict.FAULT


def test_thresholds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValidationError, match="must not be greater"):
        Thresholds(ok_below=0.6, defect_from=0.5)


@given(st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=6))
def test_probabilities_sum_to_one(logits: list[float]) -> None:
    assert class_probabilities(np.array([logits]), "classes").sum() == pytest.approx(1)
    assert class_probabilities(np.array([logits[:1]]), "binary").sum() == pytest.approx(1)


def test_without_an_ok_class_every_part_is_defective() -> None:
    assert defect_scores(np.array([[0.9, 0.1]]), None).tolist() == [1.0]


@pytest.mark.parametrize(
    "name",
    ["Gut", "i.O.", "合格", "ok", "OK", "Good", "ok_front", "no_defect", "No-Defect", "Free", "normal"],
)
def test_the_ok_class_is_found_by_its_name(name: str) -> None:
    assert find_ok_class(["scratch", name]) == name


def test_two_ok_names_are_not_guessed_between() -> None:
    assert find_ok_class(["ok", "good", "bad"]) is None


def test_probabilities_are_made_to_sum_to_one_whatever_rounding_left() -> None:
    rounded = np.array([[0.5, 0.25, 0.2539], [1.0039, 0.0, -0.0039]])
    assert normalized(rounded, "classes").sum(axis=1) == pytest.approx([1, 1])
    assert normalized(rounded, "classes")[1, 0] == 1
    np.testing.assert_allclose(normalized(np.array([[0.25], [1.0039]]), "binary"), [[0.75, 0.25], [0.0, 1.0]])
