"""Which parts are shown for review: those that teach most, and random ones with a known chance."""

import pytest

from edge.core.decision import Thresholds
from edge.records.review_sample import (
    DISAGREEMENT,
    NEAR_THRESHOLD,
    RANDOM,
    REJECTED,
    Chance,
    Shares,
    chance_of,
    is_shown,
    turn_of,
)

CUT = Thresholds(ok_below=0.4, defect_from=0.6, chosen="test")
SHARES = Shares(near=0.9, rejected=0.5, random=0.05)


@pytest.mark.parametrize(
    ("verdict", "score", "because"),
    [
        ("ok", 0.01, RANDOM),
        ("ok", 0.35, NEAR_THRESHOLD),
        ("unsure", 0.5, NEAR_THRESHOLD),
        ("defect", 0.65, NEAR_THRESHOLD),
        ("defect", 0.99, REJECTED),
        ("fault", None, REJECTED),
    ],
)
def test_what_is_near_a_threshold_comes_first(verdict: str, score: float | None, because: str) -> None:
    chance = chance_of({"verdict": verdict, "score": score}, CUT, SHARES)
    expected = {NEAR_THRESHOLD: 0.9, REJECTED: 0.5, RANDOM: 0.05}[because]
    assert chance == Chance(expected, because)


def test_what_the_shadow_decides_otherwise_comes_first_too() -> None:
    row = {"verdict": "ok", "score": 0.01}
    assert chance_of(row, CUT, SHARES, disagrees=True) == Chance(0.9, DISAGREEMENT)


@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_as_many_are_shown_as_the_chance_says_and_always_the_same(share: float) -> None:
    shown = [is_shown(f"run-{number}", Chance(share, RANDOM)) for number in range(4000)]
    assert sum(shown) == pytest.approx(4000 * share, abs=4 * (4000 * share * (1 - share)) ** 0.5 + 1)
    assert shown == [is_shown(f"run-{number}", Chance(share, RANDOM)) for number in range(4000)]


def test_a_larger_chance_shows_all_that_a_smaller_one_does() -> None:
    for number in range(500):
        if is_shown(f"run-{number}", Chance(0.1, RANDOM)):
            assert is_shown(f"run-{number}", Chance(0.2, RANDOM))


def test_what_teaches_most_comes_first_and_random_parts_are_mixed_in() -> None:
    near, random = Chance(1.0, NEAR_THRESHOLD), Chance(0.05, RANDOM)
    queue = [(f"near-{number}", near) for number in range(200)]
    queue += [
        (name, random) for name in (f"any-{number}" for number in range(4000)) if is_shown(name, random)
    ]
    queue.sort(key=lambda one: turn_of(*one))
    first = [chance.because for _, chance in queue[:100]]
    assert 60 <= first.count(NEAR_THRESHOLD) < 100
    assert first.count(RANDOM) >= 8
