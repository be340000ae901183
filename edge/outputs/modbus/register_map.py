"""Which register means what: the one place that says it, to the server and to the documents.

Every value is a whole number of 16 bits; times are milliseconds from the moment of reading, and 65535 stands
for that or more. docs/reference/modbus.md shows the same as tables;
``python -m edge.outputs.modbus.register_map`` prints them.
"""

import sys
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from edge.core.decision import Verdict
from edge.core.state import State

MAP_VERSION = 1
LARGEST = 0xFFFF
COUNTERS = LARGEST + 1


class Bits(IntFlag):
    """The station in bits."""

    READY = 1
    """parts may come: a result will follow each"""
    SIMULATED = 2
    """the parts are simulated or stored ones: act on none"""
    PASSES = 4
    """gate.mode is "reject-unless-ok": eject what has no pass; else: eject what has a reject"""
    ALARM = 8
    """a person should look"""
    WRITES = 16
    """reset and lot may be written"""


STATES: dict[State, int] = {"starting": 1, "ready": 2, "running": 3, "fault": 4, "stopped": 5, "offline": 5}


class Result(IntEnum):
    """The known facts of a part."""

    NONE = 0
    """there is no such part"""
    WAITS = 1
    """seen, and has no verdict yet"""
    OK = 2
    DEFECT = 3
    UNSURE = 4
    FAULT = 5
    """no valid result"""


RESULTS = {
    Verdict.OK: Result.OK,
    Verdict.DEFECT: Result.DEFECT,
    Verdict.UNSURE: Result.UNSURE,
    Verdict.FAULT: Result.FAULT,
}


class Command(IntEnum):
    """The command to the gate for a part."""

    NONE = 0
    """nothing was said yet, or the time for it is over"""
    REJECT = 1
    PASS = 2


class Outcome(IntEnum):
    """The outcome of a reset."""

    NONE = 0
    WAITS = 1
    DONE = 2
    REFUSED = 3


@dataclass(frozen=True)
class Register:
    """One value and where it stands in its block."""

    offset: int
    name: str
    meaning: str


HEAD = (
    Register(0, "map", f"version of this map: {MAP_VERSION}"),
    Register(1, "session_high", "chosen anew at each start: the high word"),
    Register(2, "session_low", "the low word; the two as eight hexadecimal digits begin each result's id"),
    Register(3, "heartbeat", "grows by ten a second while the line is alive; 0 follows 65535"),
    Register(4, "state", "1 starting, 2 ready, 3 running, 4 fault, 5 stopped"),
    Register(5, "bits", "1 ready, 2 simulated, 4 passes, 8 alarm, 16 writes: added up"),
    Register(6, "parts", "parts seen in this session; 0 follows 65535"),
    Register(7, "decided", "number of the part with the latest verdict"),
    Register(8, "eject_for_ms", "eject everything for so long: what passes now was not seen"),
    Register(9, "alarms", "number of alarms that are raised"),
    Register(10, "reset_number", "number of the latest reset that was taken"),
    Register(11, "reset_outcome", "of that reset: 0 none, 1 waits, 2 done, 3 refused"),
    Register(12, "lot_number", "number of the latest lot that was taken"),
    Register(13, "spare", "0"),
    Register(14, "spare", "0"),
    Register(15, "spare", "0"),
)

SLOT = (
    Register(0, "session_low", "session of this part: its low word"),
    Register(1, "part", "number of the part in its session, from 1; 0 follows 65535"),
    Register(2, "result", "0 no such part, 1 waits, 2 ok, 3 defect, 4 unsure, 5 fault"),
    Register(3, "command", "0 none yet, or no longer valid; 1 reject; 2 pass"),
    Register(4, "due_in_ms", "time until the part is at the ejector"),
    Register(5, "valid_for_ms", "time for which the command may still be acted on"),
    Register(6, "pulse_ms", "length of the ejector's pulse"),
    Register(
        7,
        "part_again",
        "the number once more: if it differs from `part`, the entry was not read in one piece",
    ),
)

RESET = (
    Register(0, "session_high", "the session as read: high word"),
    Register(1, "session_low", "low word"),
    Register(2, "number", "1 to 65535, different from the last one; the same number again does nothing"),
)

LOT_WORDS = 32
LOT = (
    *RESET,
    Register(
        3, "text", f"{LOT_WORDS} registers, two characters each, the first in the high byte; filled up with 0"
    ),
)

HEAD_AT, HEAD_WORDS = 0, len(HEAD)
SLOT_WORDS = len(SLOT)
RECENT_AT, RECENT_SLOTS = HEAD_AT + HEAD_WORDS, 13
RING_AT, RING_SLOTS = 1000, 128
RESET_AT, RESET_WORDS = 3000, len(RESET)
LOT_AT, LOT_ALL_WORDS = 3100, len(RESET) + LOT_WORDS


def tables() -> str:
    """The map as Markdown."""
    ring_end = RING_AT + RING_SLOTS * SLOT_WORDS - 1
    recent_end = RECENT_AT + RECENT_SLOTS * SLOT_WORDS - 1
    return "\n".join(
        [
            "| address | what |",
            "| --- | --- |",
            f"| {HEAD_AT} to {RECENT_AT - 1} | the station |",
            f"| {RECENT_AT} to {recent_end} | the latest {RECENT_SLOTS} parts, {SLOT_WORDS} registers each, "
            f"the latest first: part `parts - k` begins at {RECENT_AT} + {SLOT_WORDS} k |",
            f"| {RING_AT} to {ring_end} | the latest {RING_SLOTS} parts by their number: part n begins at "
            f"{RING_AT} + {SLOT_WORDS} (n mod {RING_SLOTS}) |",
            f"| {RESET_AT} to {RESET_AT + RESET_WORDS - 1} | write: reset |",
            f"| {LOT_AT} to {LOT_AT + LOT_ALL_WORDS - 1} | write: lot |",
            *_block("The station", HEAD_AT, HEAD),
            *_block("A part", None, SLOT),
            *_block("Reset, written", RESET_AT, RESET),
            *_block("Lot, written", LOT_AT, LOT),
        ]
    )


def _block(title: str, at: int | None, registers: tuple[Register, ...]) -> list[str]:
    """One table; ``at`` is None where it stands at many addresses."""
    rows = [
        f"| {(at or 0) + register.offset} | `{register.name}` | {register.meaning} |"
        for register in registers
        if register.name != "spare"
    ]
    return [
        "",
        f"**{title}**",
        "",
        f"| {'offset' if at is None else 'address'} | name | meaning |",
        "| --- | --- | --- |",
        *rows,
    ]


if __name__ == "__main__":
    sys.stdout.write(tables() + "\n")
