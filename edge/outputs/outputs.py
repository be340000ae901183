"""All outputs of a station, told as one."""

from collections.abc import Sequence

from edge.alarms.register import AlarmEvent
from edge.gate.gate import GateCommand
from edge.outputs.events import Disagreement, LatestPart, PartDecided, PartInspected, PartSeen, StateChanged
from edge.outputs.output import Health, Output
from edge.outputs.statistics import StationStatistics
from edge.records.courier import Courier


class Outputs:
    """Tells each output; any thread. At first there is none."""

    def __init__(self, outputs: Sequence[Output] = ()) -> None:
        self.join(outputs)

    def join(self, outputs: Sequence[Output]) -> None:
        """These are told from now on; before any thread is started."""
        self._outputs = tuple(outputs)
        self._acting = tuple(output for output in outputs if output.gate_role == "acts")
        self._telling = tuple(output for output in outputs if output.gate_role == "tells")

    def start(self) -> None:
        """Start each, in the order of the list."""
        for output in self._outputs:
            output.start()

    def stop(self) -> None:
        """Stop each, the last one first."""
        for output in reversed(self._outputs):
            output.stop()

    @property
    def carries_out(self) -> bool:
        """True if one of them acts on commands itself."""
        return bool(self._acting)

    @property
    def couriers(self) -> list[Courier]:
        """Of those that must have every result."""
        return [output.courier for output in self._outputs if output.courier is not None]

    def command(self, command: GateCommand) -> bool:
        """True if the gate can act on it in time: who acts must, then the word of others does not count.

        Where there is nobody to be told, nobody will ever be.
        """
        if not all(output.command(command) for output in self._acting):
            return False  # it comes again, and the others are told then
        told = [output.command(command) for output in self._telling]
        return bool(self._acting) or not told or any(told)

    def line_turned(self) -> None:
        """The line is alive."""
        for output in self._outputs:
            output.line_turned()

    def part_seen(self, seen: PartSeen) -> None:
        """A part is at the camera."""
        for output in self._outputs:
            output.part_seen(seen)

    def part_decided(self, decided: PartDecided) -> None:
        """A part has its verdict."""
        for output in self._outputs:
            output.part_decided(decided)

    def state_changed(self, state: StateChanged) -> None:
        """The station's state, also when it is said again."""
        for output in self._outputs:
            output.state_changed(state)

    def latest_part(self, part: LatestPart) -> None:
        """The known facts of the latest part."""
        for output in self._outputs:
            output.latest_part(part)

    def part_inspected(self, part: PartInspected) -> None:
        """A part's result with its picture."""
        for output in self._outputs:
            output.part_inspected(part)

    def alarm_changed(self, event: AlarmEvent) -> None:
        """An alarm was raised or cleared."""
        for output in self._outputs:
            output.alarm_changed(event)

    def disagreement(self, found: Disagreement) -> None:
        """The shadow has another verdict."""
        for output in self._outputs:
            output.disagreement(found)

    def statistics(self, statistics: StationStatistics) -> None:
        """Counts since the start, every few seconds."""
        for output in self._outputs:
            output.statistics(statistics)

    def health(self) -> list[tuple[Output, Health]]:
        """Each with how it is now."""
        return [(output, output.health) for output in self._outputs]
