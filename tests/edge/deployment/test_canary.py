"""When a new bundle has done its work, and when it has failed."""

import pytest

from edge.deployment.canary import Canary


@pytest.mark.parametrize(
    ("outcomes", "is_over", "has_failed"),
    [
        ("....", False, False),
        (".....", True, False),
        ("x...x", True, True),
        ("xx", True, True),
        ("x....", True, False),
        ("x....x", True, False),  # the sixth frame is none of its first
        (".....xx", True, False),
    ],
)
def test_a_trial_of_five_frames_fails_with_the_second_fault(
    outcomes: str, is_over: bool, has_failed: bool
) -> None:
    canary = Canary(frames=5, faults=2)
    for outcome in outcomes:
        canary.note(failed=outcome == "x")
    assert (canary.is_over, canary.has_failed) == (is_over, has_failed)


def test_it_says_what_came_of_it() -> None:
    canary = Canary(frames=50, faults=2)
    for failed in (False, True, False, True):
        canary.note(failed=failed)
    assert str(canary) == "2 of its first 4 frames were faults"
