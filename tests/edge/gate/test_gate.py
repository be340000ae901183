"""The words that the gate takes for each part, and until when."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.decision import Verdict
from edge.gate.belt import TimedBelt
from edge.gate.gate import (
    CHANGED,
    LATE,
    NO_ENCODER,
    TOO_CLOSE,
    TOO_MANY,
    UNKNOWN,
    Gate,
    GateCommand,
    at_sending,
)
from edge.settings.gate import GateSettings
from tests.edge.gate.gates import MODES, gate_of, inspected, sent, swept, until

# -- what a verdict means


def test_a_defect_is_rejected_at_once_with_the_time_it_is_at_the_ejector() -> None:
    gate, _ = gate_of()
    inspected(gate, Verdict.DEFECT, seen=0.0, decided=0.002)
    (command,) = gate.step(0.002)
    assert (command.part, command.action, command.reason) == ("a", "reject", None)
    assert command.due == pytest.approx(0.5)
    assert command.valid_until == pytest.approx(0.52)
    assert gate.step(0.003) == [], "once"


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("mode", MODES)
def test_each_mode_says_one_thing_and_only_an_ok_part_passes(mode: str, verdict: Verdict) -> None:
    gate, _ = gate_of(mode=mode)
    inspected(gate, verdict, seen=0.0, decided=0.002)
    rejects = mode == "reject-on-defect" and verdict != Verdict.OK
    passes = mode == "reject-unless-ok" and verdict == Verdict.OK
    assert [c.action for _, c in until(gate, 1.0)] == ["reject"] * rejects + ["pass"] * passes


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("verdict", [Verdict.UNSURE, Verdict.FAULT])
def test_the_settings_say_what_unsure_and_fault_get(mode: str, verdict: Verdict) -> None:
    gate, _ = gate_of(mode=mode, on_unsure="pass", on_fault="pass")
    inspected(gate, verdict, seen=0.0, decided=0.002)
    assert len(until(gate, 1.0)) == (mode == "reject-unless-ok")


# -- time


@given(st.sampled_from(MODES), st.sampled_from(list(Verdict)), st.floats(0, 1), st.floats(0, 1))
def test_no_command_leaves_after_its_part_has_passed(
    mode: str, verdict: Verdict, decided: float, asked: float
) -> None:
    gate, _ = gate_of(mode=mode)
    inspected(gate, verdict, seen=0.0, decided=decided)
    now = decided + asked
    assert all(now <= command.due < command.valid_until for command in gate.step(now))


def test_a_part_without_a_verdict_is_rejected_while_there_is_time() -> None:
    gate, _ = gate_of()
    gate.expect("a", 0.0)
    ((at, command),) = until(gate, 1.0)
    assert at == pytest.approx(0.495, abs=0.0011)
    assert (command.part, command.action, command.reason) == ("a", "reject", LATE)


@pytest.mark.parametrize("mode", MODES)
def test_a_verdict_that_comes_too_late_is_a_fault(mode: str) -> None:
    gate, _ = gate_of(mode=mode)
    tracked = gate.expect("a", 0.0)
    assert gate.decide(tracked, Verdict.OK, 0.4951) == LATE
    assert sent(gate, 0.4952) == ([("a", "reject")] if mode == "reject-on-defect" else [])


def test_a_verdict_in_time_counts() -> None:
    gate, _ = gate_of()
    assert gate.decide(gate.expect("a", 0.0), Verdict.OK, 0.4949) is None
    assert until(gate, 1.0) == []


def test_the_gate_says_when_it_wants_to_be_asked_again() -> None:
    gate, _ = gate_of()
    gate.step(0.0)
    assert gate.wake == float("inf")
    gate.expect("a", 0.0)
    gate.step(0.0)
    assert gate.wake == pytest.approx(0.495)


def test_a_command_that_could_not_be_sent_comes_again_while_there_is_time() -> None:
    gate, _ = gate_of()
    inspected(gate, Verdict.DEFECT, seen=0.0, decided=0.002)
    (command,) = gate.step(0.002)
    gate.unsent(command)
    (again,) = gate.step(0.3)
    assert again.due == command.due
    gate.unsent(again)
    assert gate.step(0.501) == []
    gate.step(0.6)
    assert gate.counts.too_late == 1


def test_a_command_whose_sending_failed_when_its_part_was_gone_is_counted() -> None:
    gate, _ = gate_of()
    inspected(gate, Verdict.DEFECT, seen=0.0, decided=0.002)
    (command,) = gate.step(0.002)
    gate.step(0.6)
    gate.unsent(command)
    assert gate.counts.too_late == 1


# -- parts that are close, and many


@pytest.mark.parametrize("mode", MODES)
def test_of_two_parts_that_are_too_close_neither_passes(mode: str) -> None:
    gate, _ = gate_of(mode=mode)
    assert inspected(gate, Verdict.OK, seen=0.0, decided=0.002, part="a").trouble is None
    gate.step(0.002)
    assert inspected(gate, Verdict.OK, seen=0.019, decided=0.021, part="b").trouble == TOO_CLOSE
    commands = [(command.part, command.action) for _, command in until(gate, 1.0)]
    assert commands == ([("a", "reject"), ("b", "reject")] if mode == "reject-on-defect" else [])


def test_a_pass_waits_until_nothing_can_follow_too_closely() -> None:
    gate, _ = gate_of(mode="reject-unless-ok")
    inspected(gate, Verdict.OK, seen=0.0, decided=0.002)
    ((at, _command),) = until(gate, 1.0)
    assert at == pytest.approx(0.025, abs=0.0011)


@pytest.mark.parametrize("mode", MODES)
def test_parts_beyond_the_bound_are_counted_and_do_not_pass(mode: str) -> None:
    gate, _ = gate_of(mode=mode, max_parts=2)
    for number in range(4):
        tracked = inspected(gate, Verdict.OK, seen=number / 10, decided=number / 10 + 0.002, part=str(number))
        assert tracked.trouble == (None if number < 2 else TOO_MANY)
    assert gate.in_flight == 2
    assert gate.counts.too_many == 2
    commands = [command for _, command in until(gate, 2.0)]
    if mode == "reject-unless-ok":
        assert [command.part for command in commands] == ["0", "1"]
    else:
        assert {command.part for command in commands} == {None}
        spans = [(c.due, c.due + c.pulse_ms / 1000) for c in commands]
        assert all(any(begin <= at <= end for begin, end in spans) for at in (0.7, 0.8))
        assert not any(begin <= at <= end for begin, end in spans for at in (0.5, 0.6))


def test_parts_are_in_the_order_of_their_places_whenever_they_are_told() -> None:
    gate, _ = gate_of(belt="message", min_gap_ms=40)
    inspected(gate, Verdict.DEFECT, seen=0.2, decided=0.21, part="second")
    inspected(gate, Verdict.DEFECT, seen=0.1, decided=0.22, part="first")
    assert [command.part for _, command in until(gate, 1.0)] == ["first", "second"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", ["ahead", "behind"])
def test_a_part_too_close_to_one_that_the_gate_has_no_room_for_does_not_pass(mode: str, order: str) -> None:
    gate, _ = gate_of(mode=mode, max_parts=1)
    first, second = (0.1, 0.101) if order == "ahead" else (0.101, 0.1)
    good = inspected(gate, Verdict.OK, seen=first, decided=0.102, part="good")
    inspected(gate, Verdict.DEFECT, seen=second, decided=0.103, part="beyond")
    assert (good.action, good.trouble) == ("reject", TOO_CLOSE)
    passed = [command.part for _, command in until(gate, 1.0) if command.action == "pass"]
    assert passed == []


@pytest.mark.parametrize("mode", MODES)
def test_one_without_room_is_kept_apart_from_those_that_come_when_there_is_room_again(mode: str) -> None:
    gate, _ = gate_of(mode=mode, max_parts=1, window_ms=1, min_gap_ms=20)
    inspected(gate, Verdict.OK, seen=0.0, decided=0.002, part="a")
    inspected(gate, Verdict.DEFECT, seen=0.495, decided=0.497, part="beyond")
    until(gate, 0.502)
    assert gate.in_flight == 0
    assert inspected(gate, Verdict.OK, seen=0.505, decided=0.507, part="close").trouble == TOO_CLOSE
    until(gate, 1.1)
    assert inspected(gate, Verdict.OK, seen=1.1, decided=1.102, part="later").trouble is None


# -- what nobody saw


def test_after_a_start_nothing_from_before_passes() -> None:
    gate = Gate(GateSettings(), TimedBelt(0.0))
    gate.watch(0.25)
    assert swept(until(gate, 2.0)) == pytest.approx([0.0, 0.75], abs=0.002)


def test_what_went_by_while_nobody_looked_is_rejected_when_it_arrives() -> None:
    gate, _ = gate_of()
    gate.unwatch(1.0)
    gate.watch(1.8)
    assert swept(until(gate, 5.0)) == pytest.approx([1.5, 2.3])


def test_no_single_command_rejects_for_long() -> None:
    gate = Gate(GateSettings(), TimedBelt(0.0))
    commands = until(gate, 3.0)
    assert len(commands) >= 6
    assert all(command.pulse_ms <= 500 for _, command in commands)


def test_reject_unless_ok_needs_no_command_for_what_nobody_saw() -> None:
    assert until(Gate(GateSettings(mode="reject-unless-ok"), TimedBelt(0.0)), 1.0) == []


def test_stretches_of_an_empty_belt_that_nobody_saw_are_joined() -> None:
    gate, _ = gate_of()
    for number in range(1000):
        gate.unwatch(1.0 + number / 1000)
        gate.watch(1.0005 + number / 1000)
    assert swept(until(gate, 4.0)) == pytest.approx([1.5, 2.4995])


def test_what_the_gate_has_no_room_for_is_rejected_where_it_is_though_the_belt_went_back() -> None:
    gate, belt = gate_of(belt="message", min_gap_ms=40, max_parts=2)
    for part, seen in (("a", 0.0), ("b", 0.15)):
        inspected(gate, Verdict.OK, seen=seen, decided=seen + 0.002, part=part)
    gate.unwatch(0.1)
    gate.watch(0.11)
    assert inspected(gate, Verdict.DEFECT, seen=0.2, decided=0.2, part="c").trouble == TOO_MANY
    belt.move("reverse", 0.2)
    assert inspected(gate, Verdict.DEFECT, seen=0.35, decided=0.35, part="d").trouble == TOO_MANY
    belt.move("forward", 0.36)
    there = 0.36 + 0.5 + 0.01  # the belt ran 10 ms back after it was seen
    sweeps = [command for _, command in until(gate, 1.5) if command.part is None]
    assert any(c.due <= there <= c.due + c.pulse_ms / 1000 for c in sweeps)


# -- a command that waits for its sending


@pytest.mark.parametrize("mode", MODES)
def test_a_command_may_leave_until_its_part_is_at_the_ejector(mode: str) -> None:
    gate, _ = gate_of(mode=mode)
    inspected(gate, Verdict.OK if mode == "reject-unless-ok" else Verdict.DEFECT, seen=0.0, decided=0.002)
    (command,) = gate.step(0.03)
    assert gate.holds(command, 0.4999)
    assert not gate.holds(command, 0.5001)


def test_a_pass_does_not_leave_any_more_when_its_part_became_a_fault_meanwhile() -> None:
    gate, _ = gate_of(mode="reject-unless-ok")
    inspected(gate, Verdict.OK, seen=0.0, decided=0.002)
    (command,) = gate.step(0.03)
    assert gate.holds(command, 0.031)
    gate.expect("told late", 0.01)
    assert not gate.holds(command, 0.031)


@pytest.mark.parametrize("mode", MODES)
def test_a_command_does_not_leave_when_the_belt_stopped_turned_or_is_lost_meanwhile(mode: str) -> None:
    gate, belt = gate_of(belt="message", min_gap_ms=40, mode=mode)
    inspected(gate, Verdict.OK if mode == "reject-unless-ok" else Verdict.DEFECT, seen=0.0, decided=0.002)
    (command,) = gate.step(0.492)
    belt.move("stopped", 0.4925)
    assert not gate.holds(command, 0.493)
    belt.move("forward", 0.494)
    assert gate.holds(command, 0.495), "1.5 ms later than said: within the window"
    gate.lose("the broker is away")
    assert not gate.holds(command, 0.495)


def test_what_nobody_saw_is_rejected_by_what_is_left_of_a_command_that_waited() -> None:
    sweep = GateCommand(None, "reject", 1.0, 1.52, 500.0, "not seen")
    assert at_sending(sweep, 0.999) == sweep
    assert at_sending(sweep, 1.2) == GateCommand(None, "reject", 1.2, 1.52, 300.0, "not seen")
    assert at_sending(sweep, 1.6) is None


# -- the bin


def test_a_rejected_part_that_is_not_seen_in_the_bin_is_missing_once() -> None:
    gate, _ = gate_of(confirm_ms=300)
    inspected(gate, Verdict.DEFECT, seen=0.0, decided=0.002, part="a")
    inspected(gate, Verdict.DEFECT, seen=0.1, decided=0.102, part="b")
    inspected(gate, Verdict.OK, seen=0.2, decided=0.202, part="c")
    until(gate, 0.55)
    assert gate.confirm(0.55)
    until(gate, 0.65)
    assert gate.missing(0.85) == []
    assert gate.missing(0.91) == ["b"]
    assert gate.missing(2.0) == []
    assert gate.counts.unconfirmed == 1


def test_what_falls_into_the_bin_unasked_is_counted() -> None:
    gate, _ = gate_of(confirm_ms=300)
    assert not gate.confirm(0.0)
    assert gate.counts.unexpected == 1


def test_a_part_that_got_no_pass_must_be_in_the_bin_too() -> None:
    gate, _ = gate_of(confirm_ms=300, mode="reject-unless-ok")
    gate.expect("a", 0.0)
    until(gate, 0.6)
    assert gate.missing(0.9) == ["a"]


def test_a_part_whose_verdict_was_due_when_the_bin_reports_is_the_one_in_the_bin() -> None:
    gate, _ = gate_of(confirm_ms=300)
    gate.expect("a", 0.0)
    assert gate.confirm(0.505)
    until(gate, 0.6)
    assert gate.missing(2.0) == []


def test_a_part_that_is_told_late_is_missing_in_its_own_time() -> None:
    gate, _ = gate_of(confirm_ms=300)
    gate.expect("a", 0.1)
    until(gate, 0.65)
    gate.expect("told late", 0.0)
    gate.step(0.66)
    assert gate.wake == pytest.approx(0.8)
    assert gate.missing(0.85) == ["told late"]
    assert gate.missing(0.91) == ["a"]


def test_at_the_end_what_has_no_verdict_is_rejected() -> None:
    gate, _ = gate_of()
    gate.expect("a", 0.0)
    assert not gate.is_settled
    gate.end()
    assert sent(gate, 0.01) == [("a", "reject")]
    assert gate.is_settled


def test_reasons_name_settings_that_there_are() -> None:
    named = re.findall(r"gate\.(\w+)", f"{CHANGED} {LATE} {TOO_CLOSE} {TOO_MANY} {NO_ENCODER} {UNKNOWN}")
    assert named
    assert set(named) <= set(GateSettings.model_fields)
