"""The gate on a simulated conveyor: a judge finds no part treated wrongly. `make simulate` runs more."""

import pytest

from edge.gate.gate import LATE, Gate, TrackedPart
from testing.conveyor.world import SCENARIOS, World

PARTS = 3500


@pytest.mark.parametrize(("belt", "mode"), SCENARIOS)
def test_no_part_passes_that_must_not_and_no_command_is_late_or_for_another_part(
    belt: str, mode: str
) -> None:
    world = World(belt, mode, parts=PARTS, seed=11)
    world.run()
    assert world.errors == []
    assert world.counts["parts"] == PARTS
    assert world.counts["passed"] > PARTS / 2, "a gate that rejects everything is safe and useless"
    assert {"restarts", "blind", "late", "never answered"} <= set(world.counts)


@pytest.mark.parametrize(("belt", "mode"), SCENARIOS)
def test_no_part_is_treated_wrongly_where_the_gate_changes_with_the_product(belt: str, mode: str) -> None:
    world = World(belt, mode, parts=PARTS // 2, seed=12, switch_s=2.0)
    world.run()
    assert world.errors == []
    assert world.counts["switched"] >= 10
    assert world.counts["passed"] > PARTS / 8


class TrustingGate(Gate):
    """Takes a part for a good one until somebody says otherwise."""

    def _spoil(self, tracked: TrackedPart, trouble: str) -> None:
        if trouble == LATE:
            tracked.action = "pass"
        else:
            super()._spoil(tracked, trouble)


class CarelessGate(Gate):
    """Believes that parts never come too close."""

    def _keep_apart(self, tracked: TrackedPart) -> None:
        pass


class ForgetfulGate(Gate):
    """Knows nothing of parts that nobody saw, such as those from before a restart."""

    def _sweep(self, commands: object, now: float) -> None:
        pass


class StubbornGate(Gate):
    """Says everything once, also when the belt has stopped since."""

    def _consider(self, tracked: TrackedPart, due: float, now: float, commands: list) -> None:  # type: ignore[type-arg]
        if tracked.stated is None:
            super()._consider(tracked, due, now, commands)


@pytest.mark.parametrize(
    ("gate", "belt", "mode", "said"),
    [
        (TrustingGate, "steady", "reject-on-defect", "passed: nobody found it ok in time"),
        (CarelessGate, "steady", "reject-unless-ok", "passed: another part is too close"),
        (ForgetfulGate, "steady", "reject-on-defect", "passed: nobody found it ok in time"),
        (StubbornGate, "message", "reject-on-defect", "passed: nobody found it ok in time"),
    ],
)
def test_the_judge_notices_a_gate_without_one_of_its_rules(
    gate: type[Gate], belt: str, mode: str, said: str
) -> None:
    world = World(belt, mode, parts=PARTS, seed=11, make_gate=gate)
    world.run()
    assert any(said in error for error in world.errors)
