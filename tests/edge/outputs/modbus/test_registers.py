"""The registers that a PLC reads, with a clock that stands: nothing outlives its time or its part."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.alarms.register import AlarmEvent, Change
from edge.core.decision import Verdict
from edge.core.state import State
from edge.gate.gate import GateCommand
from edge.outputs.events import PartDecided, PartSeen, StateChanged
from edge.outputs.modbus.register_map import (
    HEAD,
    RECENT_AT,
    RECENT_SLOTS,
    RING_AT,
    RING_SLOTS,
    SLOT,
    SLOT_WORDS,
    Bits,
    Command,
    Result,
)
from edge.outputs.modbus.registers import LINE_S, NoSuchRegisterError, Registers
from edge.settings.alarms import Alarm

SESSION = 0x12345678
HEAD_NAMES = [register.name for register in HEAD]
SLOT_NAMES = [register.name for register in SLOT]


class Clock:
    """Monotonic seconds that stand until they are moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registers(clock: Clock) -> Registers:
    return Registers(SESSION, Bits.PASSES, clock)


def head(registers: Registers) -> dict[str, int]:
    return dict(zip(HEAD_NAMES, registers.read(0, len(HEAD)), strict=True))


def slot(registers: Registers, number: int) -> dict[str, int]:
    words = registers.read(RING_AT + SLOT_WORDS * (number % RING_SLOTS), SLOT_WORDS)
    return dict(zip(SLOT_NAMES, words, strict=True))


def seen(registers: Registers, number: int) -> None:
    registers.part_seen(PartSeen(f"A-{number}", number, 0.0))


def passes(number: int, due: float) -> GateCommand:
    return GateCommand(f"A-{number}", "pass", due, due + 1 / 64, 50.0)


def state(registers: Registers, name: State) -> None:
    registers.state_changed(StateChanged(name, datetime.now(UTC), None, None, None))


def alarm(registers: Registers, name: str, *, raised: bool) -> None:
    registers.alarm_changed(AlarmEvent(Change(Alarm(name), "text", None, 1, raised), datetime.now(UTC)))


def test_at_the_start_there_is_a_session_and_nothing_else(registers: Registers) -> None:
    now = head(registers)
    assert (now["session_high"], now["session_low"]) == (0x1234, 0x5678)
    assert (now["state"], now["bits"], now["parts"]) == (1, Bits.PASSES, 0)
    assert all(word == 0 for word in registers.read(RECENT_AT, RECENT_SLOTS * SLOT_WORDS))
    assert all(word == 0 for word in registers.read(RING_AT, RING_SLOTS * SLOT_WORDS))


def test_a_part_waits_then_has_its_verdict_then_its_command(registers: Registers, clock: Clock) -> None:
    seen(registers, 1)
    assert slot(registers, 1)["result"] == Result.WAITS
    registers.part_decided(PartDecided("A-1", 1, Verdict.OK))
    assert (slot(registers, 1)["result"], slot(registers, 1)["command"]) == (Result.OK, Command.NONE)
    assert registers.command(passes(1, clock.now + 0.5))
    assert slot(registers, 1) == {
        "session_low": 0x5678, "part": 1, "result": Result.OK, "command": Command.PASS,
        "due_in_ms": 500, "valid_for_ms": 515, "pulse_ms": 50, "part_again": 1,
    }  # fmt: skip
    assert (head(registers)["parts"], head(registers)["decided"]) == (1, 1)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_each_verdict_has_its_number(registers: Registers, verdict: Verdict) -> None:
    seen(registers, 1)
    registers.part_decided(PartDecided("A-1", 1, verdict))
    assert Result(slot(registers, 1)["result"]).name == verdict.name


def test_a_command_counts_down_and_is_gone_when_its_time_is_over(registers: Registers, clock: Clock) -> None:
    seen(registers, 1)
    registers.command(passes(1, clock.now + 0.5))
    clock.now += 0.5
    assert (slot(registers, 1)["due_in_ms"], slot(registers, 1)["valid_for_ms"]) == (0, 15)
    clock.now += 0.015
    assert slot(registers, 1)["command"] == Command.NONE, "less than a millisecond is none"
    clock.now += 3600
    assert slot(registers, 1)["command"] == Command.NONE
    assert slot(registers, 1)["pulse_ms"] == 0


def test_recent_parts_and_those_by_number_are_the_same(registers: Registers, clock: Clock) -> None:
    for number in range(1, 301):
        seen(registers, number)
        registers.command(passes(number, clock.now + 1))
    recent = registers.read(RECENT_AT, RECENT_SLOTS * SLOT_WORDS)
    for k in range(RECENT_SLOTS):
        words = recent[SLOT_WORDS * k : SLOT_WORDS * (k + 1)]
        assert dict(zip(SLOT_NAMES, words, strict=True)) == slot(registers, 300 - k)
        assert words[1] == 300 - k


def test_the_first_parts_have_no_parts_before_them(registers: Registers) -> None:
    seen(registers, 1)
    recent = registers.read(RECENT_AT, RECENT_SLOTS * SLOT_WORDS)
    assert recent[1] == 1
    assert recent[SLOT_WORDS:] == [0] * (RECENT_SLOTS - 1) * SLOT_WORDS


@given(count=st.integers(1, 400), lost=st.integers(0, 300))
def test_no_part_has_the_command_of_another(count: int, lost: int) -> None:
    """However late a command comes, it stands at its own part or nowhere."""
    registers = Registers(SESSION, Bits(0), Clock())
    for number in range(1, count + 1):
        seen(registers, number)
    late = max(1, count - lost)
    is_shown = registers.command(passes(late, 1001.0))
    assert is_shown == (count - late < RING_SLOTS)
    shown = [slot(registers, n)["part"] for n in range(RING_SLOTS) if slot(registers, n)["command"]]
    assert shown == ([late] if is_shown else [])


def test_a_verdict_that_comes_a_ring_too_late_is_shown_nowhere(registers: Registers) -> None:
    for number in range(1, RING_SLOTS + 2):
        seen(registers, number)
    registers.part_decided(PartDecided("A-1", 1, Verdict.OK))
    assert slot(registers, 1)["part"] == RING_SLOTS + 1
    assert slot(registers, 1)["result"] == Result.WAITS
    assert head(registers)["decided"] == 0


def test_counters_go_on_at_0_and_keep_their_places(registers: Registers, clock: Clock) -> None:
    for number in range(65530, 65540):
        seen(registers, number)
        registers.part_decided(PartDecided(f"A-{number}", number, Verdict.OK))
    assert head(registers)["parts"] == 65539 - 65536
    assert [slot(registers, n)["part"] for n in (65535, 0, 1, 2, 3)] == [65535, 0, 1, 2, 3]
    assert slot(registers, 0)["result"] == Result.OK, "part 0 there is, once so many were counted"
    assert registers.read(RECENT_AT + 1, 1) == [3]


def test_a_line_that_hangs_stops_the_heartbeat_and_is_not_ready(registers: Registers, clock: Clock) -> None:
    state(registers, "running")
    beats = []
    for _ in range(5):
        clock.now += 0.1
        registers.line_turned()
        beats.append(head(registers)["heartbeat"])
    assert beats == sorted(set(beats))
    assert Bits(head(registers)["bits"]) & Bits.READY
    clock.now += LINE_S
    assert head(registers)["heartbeat"] == beats[-1]
    assert not Bits(head(registers)["bits"]) & Bits.READY


@pytest.mark.parametrize(
    ("name", "number", "is_ready"),
    [
        ("starting", 1, False),
        ("ready", 2, True),
        ("running", 3, True),
        ("fault", 4, False),
        ("stopped", 5, False),
    ],
)
def test_each_state_has_its_number(registers: Registers, name: State, number: int, is_ready: bool) -> None:
    registers.line_turned()
    state(registers, name)
    assert head(registers)["state"] == number
    assert bool(Bits(head(registers)["bits"]) & Bits.READY) == is_ready


def test_alarms_are_counted_each_once(registers: Registers) -> None:
    for name in ("camera", "disk", "disk"):
        alarm(registers, name, raised=True)
    assert (head(registers)["alarms"], bool(head(registers)["bits"] & Bits.ALARM)) == (2, True)
    for name in ("camera", "disk"):
        alarm(registers, name, raised=False)
    assert (head(registers)["alarms"], bool(head(registers)["bits"] & Bits.ALARM)) == (0, False)


def test_what_was_not_seen_is_ejected_for_so_long(registers: Registers, clock: Clock) -> None:
    registers.command(GateCommand(None, "reject", clock.now, clock.now + 0.51, 500.0))
    registers.command(GateCommand(None, "reject", clock.now, clock.now + 0.11, 100.0))
    assert head(registers)["eject_for_ms"] == 500
    clock.now += 0.6
    assert head(registers)["eject_for_ms"] == 0


def test_what_is_longer_than_a_register_is_the_largest(registers: Registers, clock: Clock) -> None:
    seen(registers, 1)
    registers.command(GateCommand("A-1", "pass", clock.now + 600, clock.now + 601, 60000.0))
    assert (slot(registers, 1)["due_in_ms"], slot(registers, 1)["pulse_ms"]) == (65535, 60000)


@pytest.mark.parametrize(
    ("address", "count"),
    [(110, 11), (120, 1), (999, 1), (999, 2), (1000, 1025), (2023, 2), (2024, 1), (3000, 3), (65535, 1)],
)
def test_other_addresses_there_are_none(registers: Registers, address: int, count: int) -> None:
    with pytest.raises(NoSuchRegisterError):
        registers.read(address, count)


@given(address=st.integers(0, 119), count=st.integers(1, 120))
def test_a_part_of_the_block_is_what_the_whole_block_says(address: int, count: int) -> None:
    registers = Registers(SESSION, Bits(0), Clock())
    for number in range(1, 20):
        seen(registers, number)
    count = min(count, 120 - address)
    assert registers.read(address, count) == registers.read(0, 120)[address : address + count]


@given(at=st.integers(0, 1023), count=st.integers(1, 125))
def test_a_part_of_the_ring_is_what_the_ring_says(at: int, count: int) -> None:
    registers = Registers(SESSION, Bits(0), Clock())
    for number in range(1, 200):
        seen(registers, number)
    count = min(count, RING_SLOTS * SLOT_WORDS - at)
    whole = registers.read(RING_AT, RING_SLOTS * SLOT_WORDS)
    assert registers.read(RING_AT + at, count) == whole[at : at + count]
