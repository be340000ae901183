"""Scores of ok parts beside those of the manifest."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.alarms.drift import ScoreDrift, largest_distance
from edge.core.bundle.score_profile import MOST_SCORES, ScoreProfile, graded, profile_scores

OK_BELOW = 0.5


def scores(generator: np.random.Generator, count: int, *, shift: float = 0.0) -> NDArray[np.float64]:
    """Scores of good parts; like an int8 model's they are few levels."""
    logits = np.round(generator.normal(-3 + shift, 1, count) / 0.1) * 0.1
    return np.asarray(1 / (1 + np.exp(-logits)), np.float64)


def profile(generator: np.random.Generator, count: int = 300) -> ScoreProfile:
    made = profile_scores(scores(generator, count), parts=count)
    assert made is not None
    return made


def drift(profile: ScoreProfile, **changes: float) -> ScoreDrift:
    settings = {"ok_below": OK_BELOW, "window": 100, "distance": 0.3, "false_alarms": 1e-5} | changes
    return ScoreDrift(profile, **settings)  # type: ignore[arg-type]


def test_a_profile_keeps_all_scores_or_quantiles_of_many() -> None:
    few = profile_scores([0.3, 0.1, 0.2], parts=2)
    many = profile_scores(np.linspace(0, 1, 10_001), parts=10_001)
    assert few == ScoreProfile(count=3, parts=2, scores=[0.1, 0.2, 0.3])
    assert many is not None
    assert (many.count, len(many.scores)) == (10_001, MOST_SCORES)
    assert many.scores == pytest.approx((np.arange(MOST_SCORES) + 0.5) / MOST_SCORES, abs=2e-4)
    assert profile_scores([], parts=0) is None


def test_the_last_bit_of_a_score_does_not_make_another_level_of_it() -> None:
    level = 0.04742587317756678
    neighbours = np.array([level, np.nextafter(level, 1), np.nextafter(level, 0)])
    assert len(set(graded(neighbours))) == 1


def test_the_distance_is_that_of_the_distribution_functions() -> None:
    one, other = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.3, 0.4, 0.5, 0.6])
    assert largest_distance(one, other) == 0.5
    assert largest_distance(one, one) == 0.0


def test_parts_like_those_of_the_manifest_are_no_drift() -> None:
    generator = np.random.default_rng(1)
    rule = drift(profile(generator))
    for score in scores(generator, 20_000):
        rule.add(score)
        assert rule.trouble is None


def test_scores_that_moved_are_drift_until_they_are_back() -> None:
    generator = np.random.default_rng(1)
    rule = drift(profile(generator))
    for score in scores(generator, 150, shift=1.5):
        rule.add(score)
    assert "(alarms.drift_distance)" in str(rule.trouble)
    for score in scores(generator, 200):
        rule.add(score)
    assert rule.trouble is None


def test_more_defects_are_no_drift() -> None:
    generator = np.random.default_rng(2)
    rule = drift(profile(generator))
    for number, score in enumerate(scores(generator, 10_000)):
        rule.add(0.98 if number % 2 else score)
        assert rule.trouble is None


def test_a_bundle_with_few_scores_that_it_passes_has_nothing_to_compare_with() -> None:
    mostly_rejected = ScoreProfile(count=100, parts=40, scores=[0.1] * 20 + [0.9] * 80)
    rule = drift(mostly_rejected)
    assert (rule.is_possible, rule.reference_count) == (False, 8)
    for _ in range(1000):
        rule.add(0.4)
    assert rule.trouble is None


def test_photographs_of_few_parts_are_few_witnesses() -> None:
    generator = np.random.default_rng(1)
    few = profile(generator).model_copy(update={"parts": 40})
    assert drift(few).limit > 0.4 > 0.35 > drift(profile(generator)).limit
    assert not drift(few.model_copy(update={"parts": 9})).is_possible


def test_false_alarms_are_no_more_frequent_than_stated() -> None:
    generator = np.random.default_rng(5)
    stated, windows, out = 0.05, 0, 0
    for _ in range(300):
        rule = drift(profile(generator, 200), distance=1e-9, false_alarms=stated)
        for _ in range(4):
            rule.trouble = None
            filled = 0
            while filled < 100:
                (score,) = scores(generator, 1)
                filled += score < OK_BELOW
                rule.add(score)
            windows += 1
            out += rule.trouble is not None
    # Three standard deviations of the count of windows above what is stated.
    assert out / windows <= stated + 3 * (stated * (1 - stated) / windows) ** 0.5
