"""Reset and lot: once each, of this session, or not at all."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import RequestError
from edge.outputs.modbus.register_map import (
    LOT_AT,
    LOT_WORDS,
    RESET_AT,
    Bits,
    Outcome,
)
from edge.outputs.modbus.registers import Registers
from edge.outputs.modbus.writes import Refusal, RefusedError, Writes
from edge.outputs.requests import Answer, Receiver, WaitingCommand

SESSION = 0x12345678
HIGH, LOW = 0x1234, 0x5678


class Asked:
    """Notes what is asked of it."""

    def __init__(self) -> None:
        self.commands: list[WaitingCommand] = []
        self.lots: list[str | None] = []
        self.is_full = False

    def command(self, waiting: WaitingCommand) -> None:
        if self.is_full:
            raise RequestError("more than 16 commands wait")
        self.commands.append(waiting)

    def lot_begins(self, lot: str | None) -> None:
        self.lots.append(lot)


class Rig:
    def __init__(self) -> None:
        self.line = Asked()
        self.registers = Registers(SESSION, Bits.WRITES)
        self.writes = Writes(self.registers, cast("Receiver", self.line), run="12345678abcd")

    def reset(self, number: int) -> None:
        self.writes.write(RESET_AT, [HIGH, LOW, number])

    def lot(self, number: int, words: list[int]) -> None:
        self.writes.write(LOT_AT, [HIGH, LOW, number, *words, *[0] * (LOT_WORDS - len(words))])

    @property
    def taken(self) -> tuple[int, int, int]:
        reset, outcome, lot = self.registers.read(10, 3)
        return reset, outcome, lot


def in_words(text: str) -> list[int]:
    data = text.encode()
    data += b"\0" * (len(data) % 2)
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


def answer(error: str | None) -> Answer:
    return Answer(error, None, "running", "0" * 64, "default")


@pytest.mark.parametrize(("error", "outcome"), [(None, Outcome.DONE), ("no", Outcome.REFUSED)])
def test_a_reset_is_asked_once_and_answered(error: str | None, outcome: Outcome) -> None:
    rig = Rig()
    rig.reset(7)
    rig.reset(7)
    (waiting,) = rig.line.commands
    assert waiting.request is not None
    assert waiting.request.command == "reset"
    assert rig.taken == (7, Outcome.WAITS, 0)
    waiting.answer(answer(error))
    assert rig.taken == (7, outcome, 0)
    rig.reset(8)
    assert len({waiting.request.id for waiting in rig.line.commands if waiting.request}) == 2
    waiting.answer(answer(None))
    assert rig.taken == (8, Outcome.WAITS, 0), "the answer to the one before is no answer to this one"


def test_where_too_many_commands_wait_the_reset_is_refused_and_may_come_again() -> None:
    rig = Rig()
    rig.line.is_full = True
    with pytest.raises(RefusedError) as refused:
        rig.reset(7)
    assert refused.value.refusal == Refusal.BUSY
    assert rig.taken == (0, Outcome.NONE, 0)
    rig.line.is_full = False
    rig.reset(7)
    assert len(rig.line.commands) == 1


@pytest.mark.parametrize("lot", ["L", "2026-12-01:a.b_c", "x" * 64])
def test_a_lot_begins_once(lot: str) -> None:
    rig = Rig()
    rig.lot(1, in_words(lot))
    rig.lot(1, in_words(lot))
    assert rig.line.lots == [lot]
    assert rig.taken == (0, Outcome.NONE, 1)


def test_zeros_are_no_lot() -> None:
    rig = Rig()
    rig.lot(1, [])
    assert rig.line.lots == [None]


@pytest.mark.parametrize(
    "words", [in_words("a b"), in_words("ä"), [0x4100, 0x4200], [0x0041], [0xFFFF] * 32, [0x0A41]]
)
def test_what_cannot_be_the_name_of_a_lot_is_refused(words: list[int]) -> None:
    rig = Rig()
    with pytest.raises(RefusedError) as refused:
        rig.lot(1, words)
    assert (refused.value.refusal, rig.line.lots, rig.taken[2]) == (Refusal.VALUE, [], 0)
    assert rig.writes.refused == 1


@pytest.mark.parametrize(
    ("address", "values", "refusal"),
    [
        (RESET_AT, [HIGH, LOW + 1, 1], Refusal.VALUE),
        (RESET_AT, [HIGH + 1, LOW, 1], Refusal.VALUE),
        (RESET_AT, [LOW, HIGH, 1], Refusal.VALUE),
        (RESET_AT, [HIGH, LOW, 0], Refusal.VALUE),
        (RESET_AT, [HIGH, LOW], Refusal.ADDRESS),
        (RESET_AT, [HIGH, LOW, 1, 1], Refusal.ADDRESS),
        (RESET_AT + 2, [1], Refusal.ADDRESS),
        (LOT_AT, [HIGH, LOW, 1], Refusal.ADDRESS),
        (0, [1] * 3, Refusal.ADDRESS),
        (1000, [1] * 3, Refusal.ADDRESS),
    ],
)
def test_a_write_of_another_session_or_of_anything_else_does_nothing(
    address: int, values: list[int], refusal: Refusal
) -> None:
    rig = Rig()
    with pytest.raises(RefusedError) as refused:
        rig.writes.write(address, values)
    assert refused.value.refusal == refusal
    assert (rig.line.commands, rig.line.lots, rig.taken) == ([], [], (0, Outcome.NONE, 0))


@given(st.sampled_from([RESET_AT, LOT_AT]), st.lists(st.integers(0, 65535), max_size=123))
def test_nothing_that_is_written_at_random_is_taken(address: int, values: list[int]) -> None:
    rig = Rig()
    with pytest.raises(RefusedError):
        rig.writes.write(address, values)
    assert (rig.line.commands, rig.line.lots) == ([], [])
