"""Writes of a PLC: a reset and a lot, each a whole block that names the session and a new number.

A write that was meant for the session before, or comes a second time, does nothing.
"""

import re
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum

from edge.core.allowed import ID
from edge.core.errors import RequestError
from edge.outputs.modbus.register_map import LARGEST, LOT_ALL_WORDS, LOT_AT, RESET_AT, RESET_WORDS, Outcome
from edge.outputs.modbus.registers import Registers, Taken
from edge.outputs.requests import Answer, CommandRequest, Receiver, WaitingCommand


class Refusal(IntEnum):
    """Why a request is refused, as Modbus has it."""

    FUNCTION = 0x01
    ADDRESS = 0x02
    VALUE = 0x03
    BUSY = 0x06
    UNIT = 0x0B


class RefusedError(Exception):
    """A write that is not taken."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.name)
        self.refusal = refusal


class Writes:
    """Turns what is written into requests; for the server's thread. Answers come on any."""

    def __init__(self, registers: Registers, receiver: Receiver, *, run: str) -> None:
        self._registers = registers
        self._receiver = receiver
        self._run = run
        self._lock = threading.Lock()
        self._taken = Taken()
        self._blocks = {RESET_AT: (RESET_WORDS, self._reset), LOT_AT: (LOT_ALL_WORDS, self._lot)}
        self._refused: Counter[Refusal] = Counter()

    @property
    def refused(self) -> int:
        """The number of writes that were not taken."""
        return self._refused.total()

    def write(self, address: int, values: Sequence[int]) -> None:
        """Take a whole block; raises RefusedError."""
        try:
            words, take = self._blocks.get(address, (0, None))
            if take is None or len(values) != words:
                raise RefusedError(Refusal.ADDRESS)
            session, number = (values[0] << 16) + values[1], values[2]
            if session != self._registers.session or not number:
                raise RefusedError(Refusal.VALUE)
            take(number, values[RESET_WORDS:])
        except RefusedError as error:
            self._refused[error.refusal] += 1
            raise

    def _reset(self, number: int, _nothing: Sequence[int]) -> None:
        if number == self._taken.reset:
            return
        request = CommandRequest(id=f"modbus-{self._run}-{number}", command="reset")
        before = self._taken
        self._note(reset=number, outcome=Outcome.WAITS)
        try:
            self._receiver.command(WaitingCommand(request, lambda answer: self._answered(number, answer)))
        except RequestError:
            self._note(reset=before.reset, outcome=before.outcome)
            raise RefusedError(Refusal.BUSY) from None

    def _answered(self, number: int, answer: Answer) -> None:
        if number == self._taken.reset:
            self._note(outcome=Outcome.DONE if answer.error is None else Outcome.REFUSED)

    def _lot(self, number: int, text: Sequence[int]) -> None:
        if number == self._taken.lot:
            return
        self._receiver.lot_begins(_lot_of(text))
        self._note(lot=number)

    def _note(self, **changes: int) -> None:
        with self._lock:
            self._taken = replace(self._taken, **changes)  # type: ignore[arg-type]
            self._registers.taken(self._taken)


def _lot_of(text: Sequence[int]) -> str | None:
    """The lot in these words, or that there is none; raises RefusedError."""
    letters = b"".join(word.to_bytes(2, "big") for word in text if 0 <= word <= LARGEST).rstrip(b"\0")
    if not letters:
        return None
    lot = letters.decode("ascii", errors="replace")
    if re.fullmatch(ID, lot) is None:
        raise RefusedError(Refusal.VALUE)
    return lot
