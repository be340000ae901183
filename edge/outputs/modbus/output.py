"""A Modbus TCP server as an output: registers for a PLC that asks, again and again."""

import math
import time
from collections.abc import Callable

from edge.alarms.register import AlarmEvent
from edge.gate.gate import GateCommand, at_sending
from edge.outputs.events import PartDecided, PartSeen, StateChanged
from edge.outputs.modbus.register_map import RECENT_AT, Bits
from edge.outputs.modbus.registers import Registers
from edge.outputs.modbus.writes import Writes
from edge.outputs.output import GateRole, Health, Output
from edge.outputs.requests import Receiver
from edge.settings.alarms import Alarm
from edge.settings.settings import Settings

READ_S = 1.0
"""Whoever reads no part for so long is not told of commands any more."""
SILENT_S = 10.0


class ModbusOutput(Output):
    """Shows what happens in registers; raises SettingsError where the extra is missing.

    A PLC that reads is told of a command by its next reading; without one that reads nobody is told.
    ``run`` begins the ids of this start's results, and names the session.
    """

    name = "the Modbus server"
    alarm = Alarm.MODBUS
    gate_role: GateRole = "tells"

    def __init__(
        self,
        settings: Settings,
        receiver: Receiver,
        *,
        run: str,
        simulated: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from edge.outputs.modbus.protocol import Protocol  # the extra: here it says so where it is missing
        from edge.outputs.modbus.server import Server  # asyncio, for which other stations need not wait

        its = settings.modbus
        self._clock = clock
        self._registers = Registers(session_of(run), _fixed_bits(settings, simulated=simulated), clock)
        self._writes = Writes(self._registers, receiver, run=run) if its.writes else None
        protocol = Protocol(self._registers, self._writes, unit=its.unit, on_read=self._read)
        self._server = Server(its.address, its.port, protocol.answer)
        self._began = self._read_at = -math.inf

    def start(self) -> None:
        """Serve; an address that is taken is tried again."""
        self._began = self._clock()
        self._server.start()

    def stop(self) -> None:
        """Hang up: a PLC that reads no heartbeat lets nothing pass."""
        self._server.stop()

    def command(self, command: GateCommand) -> bool:
        """Show it to a PLC that reads; False where none does, or it is too late."""
        now = self._clock()
        said = at_sending(command, now)
        return said is not None and now - self._read_at < READ_S and self._registers.command(said)

    def line_turned(self) -> None:
        """One more sign of life."""
        self._registers.line_turned()

    def part_seen(self, seen: PartSeen) -> None:
        """It has a place now, and no result."""
        self._registers.part_seen(seen)

    def part_decided(self, decided: PartDecided) -> None:
        """Show its verdict."""
        self._registers.part_decided(decided)

    def state_changed(self, state: StateChanged) -> None:
        """Show it."""
        self._registers.state_changed(state)

    def alarm_changed(self, event: AlarmEvent) -> None:
        """Count it."""
        self._registers.alarm_changed(event)

    @property
    def health(self) -> Health:
        """True if it can be reached, and is read."""
        return Health(
            is_alive=self._server.is_alive,
            trouble=self._server.trouble or self._silence(),
            refused=self._writes.refused if self._writes is not None else 0,
        )

    def _silence(self) -> str | None:
        since = max(self._began, self._read_at)
        if self._clock() - since <= SILENT_S:
            return None
        return f"modbus: nobody has read the parts for {SILENT_S:g} s"

    def _read(self, first: int, count: int) -> None:
        """Somebody read; who reads the state alone does nothing with a command."""
        if first + count > RECENT_AT:
            self._read_at = self._clock()


def session_of(run: str) -> int:
    """The session's number: the first eight hexadecimal digits of the run."""
    return int(run[:8], 16)


def modbus_output(
    settings: Settings, receiver: Receiver, *, run: str, simulated: bool
) -> ModbusOutput | None:
    """The output, where modbus.enabled."""
    return ModbusOutput(settings, receiver, run=run, simulated=simulated) if settings.modbus.enabled else None


def _fixed_bits(settings: Settings, *, simulated: bool) -> Bits:
    bits = Bits(0)
    if simulated:
        bits |= Bits.SIMULATED
    if settings.gate.mode == "reject-unless-ok":
        bits |= Bits.PASSES
    if settings.modbus.writes:
        bits |= Bits.WRITES
    return bits
