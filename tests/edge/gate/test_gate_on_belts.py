"""A gate on a belt that stops, turns or counts, and another gate for the same belt."""

import pytest

from edge.core.decision import Verdict
from edge.gate.belt import CountedBelt, TimedBelt
from edge.gate.gate import (
    CHANGED,
    NO_ENCODER,
    TOO_CLOSE,
    UNKNOWN,
    Gate,
    GateCommand,
)
from edge.settings.gate import GateSettings
from tests.edge.gate.gates import MODES, gate_of, inspected, settings_of, swept, until

# -- a belt that stops


def test_a_part_on_a_belt_that_stands_waits_and_its_command_with_it() -> None:
    gate, belt = gate_of(belt="message", min_gap_ms=40)
    inspected(gate, Verdict.DEFECT, seen=0.0, decided=0.002)
    assert until(gate, 0.2) == []
    belt.move("stopped", 0.2)
    belt.move("forward", 5.2)
    assert gate.step(5.4) == []
    (command,) = gate.step(5.491)
    assert command.due == pytest.approx(5.5)


def test_a_command_that_was_under_way_when_the_belt_stopped_is_said_again() -> None:
    gate, belt = gate_of(belt="message", min_gap_ms=40)
    inspected(gate, Verdict.DEFECT, seen=0.0, decided=0.002)
    (first,) = gate.step(0.492)
    assert first.due == pytest.approx(0.5)
    belt.move("stopped", 0.493)
    assert gate.step(0.6) == []
    belt.move("forward", 1.0)
    (second,) = gate.step(1.0)
    assert second.due == pytest.approx(1.007)


def test_a_late_verdict_is_in_time_where_the_belt_stood() -> None:
    gate, belt = gate_of(belt="message", min_gap_ms=40)
    tracked = gate.expect("a", 0.0)
    belt.move("stopped", 0.1)
    gate.step(5.0)
    assert gate.decide(tracked, Verdict.OK, 5.0) is None


def test_a_part_that_comes_back_and_is_seen_again_does_not_pass_twice() -> None:
    gate, belt = gate_of(belt="message", min_gap_ms=40)
    inspected(gate, Verdict.OK, seen=0.0, decided=0.002, part="a")
    belt.move("reverse", 0.1)
    belt.move("forward", 0.2)
    assert inspected(gate, Verdict.OK, seen=0.2, decided=0.202, part="b").trouble == TOO_CLOSE


def test_a_pass_that_was_sent_before_the_belt_turned_is_not_said_again_for_a_part_then_seen_as_a_defect() -> (
    None
):
    gate, belt = gate_of(
        belt="message", mode="reject-unless-ok", travel_ms=60, min_gap_ms=40, lead_ms=10, confirm_ms=100
    )
    first = inspected(gate, Verdict.OK, seen=0.0, decided=0.002)
    (said,) = gate.step(0.0505)
    assert (said.part, said.action) == ("a", "pass")
    belt.move("reverse", 0.055)
    assert gate.step(0.055) == []
    belt.move("forward", 0.12)
    inspected(gate, Verdict.DEFECT, seen=0.13, decided=0.132, part="a again")
    again = []
    now = 0.13
    while now < 0.4:
        again += gate.step(now)
        now += 0.001
    assert again == []
    assert first.trouble == TOO_CLOSE
    assert gate.missing(0.5) == ["a", "a again"], "neither passed: the pass that was sent had run out"


def test_a_part_whose_pass_was_sent_is_not_missed_in_the_bin_though_another_follows_too_closely() -> None:
    gate, _ = gate_of(mode="reject-unless-ok", confirm_ms=100)
    inspected(gate, Verdict.OK, seen=0.0, decided=0.002)
    assert [command.action for _, command in until(gate, 0.1)] == ["pass"]
    inspected(gate, Verdict.DEFECT, seen=0.01, decided=0.12, part="too close, told late")
    assert gate.counts.not_withheld == 1
    until(gate, 0.6)
    assert gate.missing(1.0) == ["too close, told late"]


@pytest.mark.parametrize("mode", MODES)
def test_a_part_that_was_seen_before_it_was_known_where_the_belt_is_does_not_pass(mode: str) -> None:
    gate, _ = gate_of(belt="message", min_gap_ms=40, mode=mode)
    gate.lose("the broker is away")
    gate.found(0.1)
    assert inspected(gate, Verdict.OK, seen=0.099, decided=0.101).trouble == UNKNOWN
    assert inspected(gate, Verdict.OK, seen=0.2, decided=0.201, part="b").trouble is None


# -- an encoder


@pytest.mark.parametrize("belt", ["steady", "message"])
@pytest.mark.parametrize("mode", MODES)
def test_a_count_places_no_part_where_there_is_no_encoder(belt: str, mode: str) -> None:
    gate, _ = gate_of(belt=belt, min_gap_ms=40, mode=mode)
    tracked = gate.expect("a", 0.0, count=500)
    assert gate.decide(tracked, Verdict.OK, 0.002) == NO_ENCODER
    commands = [command for _, command in until(gate, 2.0)]
    if mode == "reject-unless-ok":
        assert commands == []
    else:
        assert [command.part for command in commands] == ["a"]
        assert commands[0].due == pytest.approx(0.5)


def test_by_encoder_a_part_is_due_at_a_count_however_fast_the_belt_runs() -> None:
    belt = CountedBelt(silence_s=0.1, most_per_s=100000)
    settings = GateSettings(belt="encoder", travel_counts=1000, min_gap_counts=50)
    gate = Gate(settings, belt)
    belt.count(0, 0.0)
    belt.count(10, 0.01)
    gate.found(0.01)
    gate.watch(0.01)
    tracked = gate.expect("a", 0.01)
    latched = gate.expect("b", 0.01, count=300)
    assert (tracked.place, latched.place) == (1010, 1300)
    gate.decide(tracked, Verdict.DEFECT, 0.02)
    now, count = 0.01, 10.0
    commands: list[GateCommand] = []
    while now < 1.7:
        now, count = now + 0.01, count + (10 if now < 0.5 else 5)
        belt.count(int(count), now)
        commands += [command for command in gate.step(now) if command.part == "a"]
    assert [command.due_count for command in commands] == [1010]
    assert commands[0].due == pytest.approx(1.51, abs=0.011)


@pytest.mark.parametrize("mode", MODES)
def test_when_nobody_knows_where_the_belt_is_nothing_passes_until_what_was_on_it_is_gone(mode: str) -> None:
    gate, _ = gate_of(belt="message", min_gap_ms=40, mode=mode)
    tracked = inspected(gate, Verdict.OK, seen=0.0, decided=0.002)
    gate.lose("the broker is away")
    assert tracked.trouble == "the broker is away"
    assert inspected(gate, Verdict.OK, seen=0.1, decided=0.1).trouble == "the broker is away"
    assert gate.in_flight == 0
    lost = until(gate, 0.3)
    gate.found(0.3)
    after = [(now, c) for now, c in until(gate, 3.0) if now >= 0.3]
    if mode == "reject-unless-ok":
        assert lost + after == []
    else:
        assert swept(lost)[0] == 0.0
        assert swept(after)[-1] == pytest.approx(0.8, abs=0.01)


def test_a_belt_that_gives_messages_is_nowhere_before_the_first() -> None:
    gate = Gate(GateSettings(belt="message", min_gap_ms=40), TimedBelt(0.0, "stopped"))
    assert gate.lost is not None
    assert gate.expect("a", 0.0).trouble == gate.lost


# -- another gate, of another product


@pytest.mark.parametrize("mode", MODES)
def test_nothing_passes_that_is_on_its_way_when_the_gate_changes(mode: str) -> None:
    gate, _ = gate_of(mode=mode, belt="steady")
    early = inspected(gate, Verdict.OK, seen=0.0, decided=0.002, part="early")
    under_way = gate.expect("under way", 0.1)
    gate.change(settings_of(mode=mode, travel_ms=300), 0.11)
    assert gate.decide(under_way, Verdict.OK, 0.12) == CHANGED
    assert early.trouble == CHANGED
    between = inspected(gate, Verdict.OK, seen=0.15, decided=0.16, part="between")
    assert between.trouble == CHANGED, "at the ejector before the last one of the old gate is"
    inspected(gate, Verdict.OK, seen=0.4, decided=0.41, part="later")
    passed = {command.part for _, command in until(gate, 1.5) if command.action == "pass"}
    assert passed == ({"later"} if mode == "reject-unless-ok" else set())


def test_what_was_on_its_way_when_the_gate_changed_is_rejected_until_the_last_of_it_is_past() -> None:
    gate, _ = gate_of()
    inspected(gate, Verdict.OK, seen=0.0, decided=0.002)
    gate.change(settings_of(travel_ms=300), 0.1)
    inspected(gate, Verdict.OK, seen=0.9, decided=0.902, part="later")
    sweeps = [command for _, command in until(gate, 2.0)]
    assert {command.part for command in sweeps} == {None}
    assert max(c.valid_until for c in sweeps) == pytest.approx(0.6 + 0.02, abs=0.002)


def test_a_longer_travel_counts_from_the_change_on() -> None:
    gate, _ = gate_of()
    gate.change(settings_of(travel_ms=900), 0.0)
    assert gate.decide(gate.expect("soon", 0.001), Verdict.OK, 0.01) is None
    inspected(gate, Verdict.DEFECT, seen=0.1, decided=0.11)
    (command,) = [c for _, c in until(gate, 0.2) if c.part == "a"]
    assert command.due == pytest.approx(1.0)


def test_a_gate_that_changes_while_nobody_looks_rejects_until_somebody_did_for_long_enough() -> None:
    gate, _ = gate_of()
    gate.unwatch(0.0)
    gate.change(settings_of(travel_ms=100), 0.01)
    gate.watch(0.02)
    ends = max(command.valid_until for _, command in until(gate, 2.0))
    assert ends == pytest.approx(0.01 + 0.5 + 0.02, abs=0.002)


def test_a_gate_that_does_not_know_the_belt_does_not_after_a_change_either() -> None:
    gate, _ = gate_of()
    gate.lose("the encoder is silent")
    gate.change(settings_of(travel_ms=300), 0.1)
    assert gate.lost == "the encoder is silent"
