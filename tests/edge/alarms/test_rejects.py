"""Too many rejects."""

from collections.abc import Iterable

import numpy as np
import pytest

from edge.alarms.rejects import RejectRate, RejectsInRow


def when(rule: RejectsInRow | RejectRate, rejected: Iterable[bool]) -> list[tuple[int, bool]]:
    """After which part (from 1) the rule found trouble (True), or its end."""
    changes = []
    was = rule.trouble is not None
    for number, is_rejected in enumerate(rejected, 1):
        rule.add(rejected=bool(is_rejected))
        if (rule.trouble is not None) != was:
            was = not was
            changes.append((number, was))
    return changes


def test_so_many_in_a_row_are_too_many_until_as_many_in_a_row_passed() -> None:
    parts = [*[True] * 2, False, *[True] * 5, False, False, True, *[False] * 4]
    assert when(RejectsInRow(3), parts) == [(6, True), (14, False)]


def rate(**changes: float | None) -> RejectRate:
    settings = {"window": 100, "false_alarms": 1e-3, "expected": 0.1, "learn": 500} | changes
    return RejectRate(**settings)  # type: ignore[arg-type]


def every(number: int, parts: int) -> list[bool]:
    """Of so many parts each so manieth is rejected; 0: none."""
    return [bool(number) and part % number == 0 for part in range(1, parts + 1)]


def test_a_rate_as_expected_is_no_trouble() -> None:
    assert when(rate(), every(10, 1000)) == []


def test_a_window_with_too_many_rejects_is_said_before_it_is_full() -> None:
    rule = rate()
    ((number, raised),) = when(rule, every(2, 100))
    assert (number, raised) == (44, True)
    assert rule.trouble == (
        "22 of 44 parts were rejected; with 10.00% expected, 2 to 21 of 100 are usual (alarms.rate_window)"
    )


def test_too_few_rejects_are_trouble_too_for_a_blind_model_passes_all() -> None:
    rule = rate()
    ((number, raised),) = when(rule, every(0, 100))
    assert (number, raised) == (99, True)


def test_it_is_over_after_a_window_that_is_usual_and_not_at_the_limit() -> None:
    rule = rate()
    at_the_limit = ([True] * 20 + [False] * 80) * 3
    assert when(rule, [*every(2, 44), *at_the_limit, *every(10, 100)]) == [(44, True), (444, False)]


def test_what_is_usual_is_learned_from_the_first_parts() -> None:
    rule = rate(expected=None)
    changes = when(rule, [*every(4, 500), *every(4, 300), *every(2, 100)])
    assert [raised for _, raised in changes] == [True]
    assert changes[0][0] > 800
    assert "with 25.00%, learned from 500 parts, expected" in str(rule.trouble)


@pytest.mark.parametrize("share", [0.005, 0.05, 0.3])
@pytest.mark.parametrize("expected", ["known", "learned"])
def test_false_alarms_are_no_more_frequent_than_stated(share: float, expected: str) -> None:
    generator = np.random.default_rng(7)
    stated, windows, out = 0.05, 0, 0
    for _ in range(150):
        rule = rate(false_alarms=stated, expected=share if expected == "known" else None)
        if expected == "learned":
            for rejected in generator.random(500) < share:
                rule.add(rejected=bool(rejected))
        for _ in range(4):
            rule.trouble = None
            before = rule.trouble
            for rejected in generator.random(100) < share:
                rule.add(rejected=bool(rejected))
                before = before or rule.trouble
            rule.begin_window()
            windows += 1
            out += before is not None
    # Three standard deviations of the count of windows above what is stated.
    assert out / windows <= stated + 3 * (stated * (1 - stated) / windows) ** 0.5


def test_a_doubled_rate_is_found_within_a_few_windows_as_set_by_default() -> None:
    generator = np.random.default_rng(3)
    rule = rate(window=200, false_alarms=1e-5, expected=None, learn=1000)
    steady, doubled = generator.random(20_000) < 0.05, generator.random(4000) < 0.15
    changes = when(rule, [*steady, *doubled])
    assert [raised for number, raised in changes if number <= 20_000] == []
    assert changes[0][0] < 20_400
