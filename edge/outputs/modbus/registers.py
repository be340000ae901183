"""The content of the registers: told by the station, read by whoever asks, each block of one moment.

Nothing outlives its time in here: a command is gone when nobody may act on it any more, whoever reads it, and
everything is of one session, which ends with the process.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.alarms.register import AlarmEvent
from edge.core.state import State
from edge.gate.gate import GateCommand
from edge.outputs.events import PartDecided, PartSeen, StateChanged
from edge.outputs.modbus.register_map import (
    COUNTERS,
    HEAD_AT,
    HEAD_WORDS,
    LARGEST,
    MAP_VERSION,
    RECENT_AT,
    RECENT_SLOTS,
    RESULTS,
    RING_AT,
    RING_SLOTS,
    SLOT_WORDS,
    STATES,
    Bits,
    Command,
    Outcome,
    Result,
)

LINE_S = 1.0
"""A line that says nothing for so long is not ready for parts."""
_STEP_S = 0.1
COMMANDS = {"reject": Command.REJECT, "pass": Command.PASS}


class NoSuchRegisterError(Exception):
    """An address that the map does not have."""


@dataclass
class _Slot:
    """The known facts of one part."""

    number: int = 0
    part: str = ""
    result: Result = Result.NONE
    command: GateCommand | None = None


@dataclass(frozen=True)
class Taken:
    """The latest writes that were taken, by their numbers, and what became of the reset."""

    reset: int = 0
    outcome: Outcome = Outcome.NONE
    lot: int = 0


class Registers:
    """The registers of one session; any thread. ``bits`` are those that never change.

    ``clock`` gives monotonic seconds.
    """

    def __init__(self, session: int, bits: Bits, clock: Callable[[], float] = time.monotonic) -> None:
        self.session = session
        self._clock = clock
        self._fixed = bits
        self._lock = threading.Lock()
        self._began = self._turned = clock()
        self._state: State = "starting"
        self._alarms: set[str] = set()
        self._parts = self._decided = 0
        self._slots = [_Slot() for _ in range(RING_SLOTS)]
        self._by_name: dict[str, _Slot] = {}
        self._eject_until = 0.0
        self._taken = Taken()

    def line_turned(self) -> None:
        """The line is alive."""
        self._turned = self._clock()

    def state_changed(self, state: StateChanged) -> None:
        """The station's state."""
        self._state = state.state

    def alarm_changed(self, event: AlarmEvent) -> None:
        """An alarm was raised or cleared."""
        change = event.change
        with self._lock:
            (self._alarms.add if change.raised else self._alarms.discard)(change.alarm)

    def part_seen(self, seen: PartSeen) -> None:
        """One more part, in the place of the one that came a ring earlier."""
        with self._lock:
            place = seen.number % RING_SLOTS
            gone = self._slots[place]
            if self._by_name.get(gone.part) is gone:
                del self._by_name[gone.part]
            self._slots[place] = self._by_name[seen.part] = _Slot(seen.number, seen.part, Result.WAITS)
            self._parts = seen.number

    def part_decided(self, decided: PartDecided) -> None:
        """Its verdict, where it still has its place."""
        with self._lock:
            slot = self._slots[decided.number % RING_SLOTS]
            if slot.number == decided.number:
                slot.result = RESULTS[decided.verdict]
                self._decided = decided.number

    def command(self, command: GateCommand) -> bool:
        """Show a command; False where its part has no place any more."""
        with self._lock:
            if command.part is None:
                self._eject_until = max(self._eject_until, command.due + command.pulse_ms / 1000)
                return True
            slot = self._by_name.get(command.part)
            if slot is None:
                return False
            slot.command = command
            return True

    def taken(self, taken: Taken) -> None:
        """The latest write."""
        self._taken = taken

    def read(self, address: int, count: int) -> list[int]:
        """So many registers from this one on, all of one moment; raises NoSuchRegisterError."""
        with self._lock:
            now = self._clock()
            if address >= HEAD_AT and address + count <= RECENT_AT + RECENT_SLOTS * SLOT_WORDS:
                numbers = [self._parts - k for k in range(RECENT_SLOTS)]
                words = self._head(now) + self._words(numbers, address + count - RECENT_AT, now)
                return words[address : address + count]
            first, skip = divmod(address - RING_AT, SLOT_WORDS)
            last = (address + count - 1 - RING_AT) // SLOT_WORDS
            if first < 0 or last >= RING_SLOTS:
                raise NoSuchRegisterError
            words = [word for slot in self._slots[first : last + 1] for word in self._slot(slot, now)]
            return words[skip : skip + count]

    def _words(self, numbers: Sequence[int], most: int, now: float) -> list[int]:
        """The places of these parts, as far as ``most`` words; a part that never was has an empty one."""
        words: list[int] = []
        for number in numbers:
            if len(words) >= most:
                break
            slot = self._slots[number % RING_SLOTS]
            words += self._slot(slot if slot.number == number else _Slot(), now)
        return words

    def _head(self, now: float) -> list[int]:
        is_alive = now - self._turned < LINE_S
        is_ready = is_alive and self._state in ("ready", "running")
        bits = self._fixed | (Bits.READY if is_ready else 0) | (Bits.ALARM if self._alarms else 0)
        head = [
            MAP_VERSION,
            self.session >> 16,
            self.session & LARGEST,
            int((self._turned - self._began) / _STEP_S) % COUNTERS,
            STATES[self._state],
            int(bits),
            self._parts % COUNTERS,
            self._decided % COUNTERS,
            _ms(self._eject_until - now),
            len(self._alarms),
            self._taken.reset,
            self._taken.outcome,
            self._taken.lot,
        ]
        return head + [0] * (HEAD_WORDS - len(head))

    def _slot(self, slot: _Slot, now: float) -> list[int]:
        if slot.result is Result.NONE:
            return [0] * SLOT_WORDS
        number, command = slot.number % COUNTERS, slot.command
        said = [Command.NONE, 0, 0, 0]
        if command is not None and (valid_for := _ms(command.valid_until - now)):
            due_in, pulse = _ms(command.due - now), min(LARGEST, round(command.pulse_ms))
            said = [COMMANDS[command.action], due_in, valid_for, pulse]
        return [self.session & LARGEST, number, slot.result, *said, number]


def _ms(seconds: float) -> int:
    """Whole milliseconds, never more than there are; 0 where it is over."""
    return int(min(max(seconds * 1000, 0.0), LARGEST))
