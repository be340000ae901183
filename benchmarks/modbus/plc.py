"""A PLC and its line, as a program of its own that may be killed: it trusts nothing but what it compares.

It follows docs/guides/modbus.md with its own clock and its own count, reads by libmodbus, and notes on a
file what it did, a line each: ``T part seconds`` a part at the light barrier, ``P part seconds`` one that
passes at the ejector, and when its pass was taken, ``E part`` one that it ejected, ``A`` the count is sure,
``M part`` a pass that the broker carried.
The seconds are of the machine's monotonic clock. ``naive`` compares nothing.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from testing.modbus_clients import LibModbus

GAP_S, TRAVEL_S = 0.1, 0.5
BASE = "inspection/station-1"
_TOLERANCE_S = 0.02
_HEARTBEAT_S = 1.0
_QUIET_S = 0.25
_COUNTERS = 65536
_PASSES, _PASS = 4, 2


@dataclass
class BeltPart:
    """One part between the light barrier and the ejector."""

    name: str
    number: int
    seen: float
    is_void: bool = False
    """The count was lost while it was on the belt: it is ejected, whatever is read of it later."""
    taken: float | None = None
    """When a pass was taken for it."""


@dataclass(frozen=True)
class Answer:
    """Registers 0 to 119, and when they were asked for."""

    words: list[int]
    asked: float

    @property
    def session(self) -> tuple[int, int]:
        """Both words."""
        return self.words[1], self.words[2]

    @property
    def parts(self) -> int:
        """The station's count."""
        return self.words[6]


class Plc:
    """The cycle. ``publish`` is the light barrier's wire: it tells the station that a part is there."""

    def __init__(self, port: int, notes: IO[str], trigger: "Trigger") -> None:
        self._port = port
        self._notes = notes
        self._trigger = trigger
        self._client: LibModbus | None = None
        self._belt: list[BeltPart] = []
        self._run = f"{os.getpid()}-{time.monotonic_ns() // 1000 % 10**9}"
        self._own = self._made = 0
        self._is_armed = False
        self._session = (0, 0)
        self._heartbeat, self._beat_at = -1, 0.0
        self._quiet_since = self._next_part = time.monotonic()

    def turn(self) -> None:
        """One cycle."""
        answer = self._read()
        now = time.monotonic()
        self._eject(now)
        if answer is None or not self._is_alive(answer, now) or not self._counts_alike(answer):
            self._disarm(now)
        if answer is not None:
            if not self._is_armed and now - self._quiet_since > _QUIET_S and self._is_alive(answer, now):
                self._arm(answer, now)
            elif self._is_armed:
                self._compare(answer)
        if self._is_armed and answer is not None and now >= self._next_part:
            self._light_barrier(answer, now)

    def _read(self) -> Answer | None:
        asked = time.monotonic()
        try:
            if self._client is None:
                self._client = LibModbus(self._port, timeout_s=0.1)
            return Answer(self._client.read(0, 120), asked)
        except OSError:
            if self._client is not None:
                self._client.close()
            self._client = None
            time.sleep(0.02)
            return None

    def _is_alive(self, answer: Answer, now: float) -> bool:
        if answer.words[3] != self._heartbeat:
            self._heartbeat, self._beat_at = answer.words[3], now
        return now - self._beat_at < _HEARTBEAT_S and bool(answer.words[5] & 1)

    def _counts_alike(self, answer: Answer) -> bool:
        """False where another session counts, or a part was counted that was none."""
        ahead = (answer.parts - self._own) % _COUNTERS
        return answer.session == self._session and (ahead == 0 or ahead > _COUNTERS // 2)

    def _arm(self, answer: Answer, now: float) -> None:
        self._is_armed, self._session, self._own = True, answer.session, answer.parts
        self._next_part = now
        self._note("A")

    def _disarm(self, now: float) -> None:
        """Nothing on the belt passes any more, and the feeder pauses."""
        if self._is_armed:
            self._is_armed, self._quiet_since = False, now
            for part in self._belt:
                part.is_void = True

    def _light_barrier(self, answer: Answer, now: float) -> None:
        if answer.parts != self._own:  # one was lost, or came twice
            self._disarm(now)
            return
        self._own = (self._own + 1) % _COUNTERS
        self._made += 1
        part = BeltPart(f"{self._run}-{self._made}", self._own, time.monotonic())
        self._belt.append(part)
        self._note(f"T {part.name} {part.seen:.6f}")
        self._trigger.say(part.name)
        self._next_part = max(self._next_part + GAP_S, now)

    def _compare(self, answer: Answer) -> None:
        now = time.monotonic()
        for part in self._belt:
            if not part.is_void and part.taken is None and self._may_pass(answer, part, now):
                part.taken = now

    def _may_pass(self, answer: Answer, part: BeltPart, now: float) -> bool:
        behind = (answer.parts - part.number) % _COUNTERS
        if behind > 12 or not answer.words[5] & _PASSES:
            return False
        session, number, _, command, due_in_ms, valid_for_ms, _, again = answer.words[16 + 8 * behind :][:8]
        off_by = answer.asked - part.seen + due_in_ms / 1000 - TRAVEL_S
        return (
            (session, number, again) == (self._session[1], part.number, part.number)
            and command == _PASS
            and now - answer.asked < valid_for_ms / 1000
            and abs(off_by) < _TOLERANCE_S
            and now - part.seen < TRAVEL_S
        )

    def _eject(self, now: float) -> None:
        for part in [part for part in self._belt if part.seen + TRAVEL_S <= now]:
            self._belt.remove(part)
            if part.taken is not None and not part.is_void:
                self._note(f"P {part.name} {part.taken:.6f}")
            else:
                self._note(f"E {part.name}")

    def _note(self, line: str) -> None:
        self._notes.write(f"{line}\n")


class NaivePlc(Plc):
    """Takes the latest registers that it has for those of the latest part, as some do."""

    _last: Answer | None = None

    def _read(self) -> Answer | None:
        self._last = super()._read() or self._last
        return self._last

    def _is_alive(self, answer: Answer, now: float) -> bool:  # noqa: ARG002  it asks for no sign of life
        return True

    def _light_barrier(self, answer: Answer, now: float) -> None:
        self._own = answer.parts
        super()._light_barrier(answer, now)

    def _disarm(self, now: float) -> None:
        pass

    def _may_pass(self, answer: Answer, part: BeltPart, now: float) -> bool:  # noqa: ARG002  whenever
        return part is self._belt[-1] and answer.words[16 + 3] == _PASS


class Trigger:
    """Says over MQTT that a part is there, and hears which parts pass."""

    def __init__(self, port: int, notes: IO[str]) -> None:
        self._notes = notes
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{BASE}/pass", qos=1)
        self._client.on_message = self._heard
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _heard(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self._notes.write(f"M {json.loads(message.payload)['part']}\n")

    def say(self, part: str) -> None:
        """A part is there."""
        self._client.publish(f"{BASE}/trigger", json.dumps({"part": part}), qos=0)


def run(modbus: int, broker: int, file: Path, kind: str) -> None:
    """Run until somebody kills it, with the ports of the station and of the broker; "careful" or "naive"."""
    with file.open("a", buffering=1, encoding="ascii") as notes:
        plc = {"careful": Plc, "naive": NaivePlc}[kind](modbus, notes, Trigger(broker, notes))
        while True:
            began = time.monotonic()
            plc.turn()
            time.sleep(max(0.0, 0.005 - (time.monotonic() - began)))
