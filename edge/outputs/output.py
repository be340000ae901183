"""The seam between a station and whoever is told of it: one output a protocol.

A station tells every output the same events, and starts and stops them all; it knows no protocol. What comes
in by a protocol becomes one of the requests in edge.outputs.requests. edge.outputs.named lists the outputs.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from edge.alarms.register import AlarmEvent
from edge.gate.gate import GateCommand
from edge.outputs.events import Disagreement, LatestPart, PartDecided, PartInspected, PartSeen, StateChanged
from edge.outputs.statistics import StationStatistics
from edge.records.courier import Courier, Receipt
from edge.settings.alarms import Alarm

GateRole = Literal["acts", "tells", "none"]


@dataclass(frozen=True)
class Health:
    """The condition of an output.

    ``fault`` says why no part may pass: commands cannot be carried out. ``trouble`` is what a person should
    know, and an alarm. ``connected`` is None where there is nothing to connect to. ``connections`` counts how
    often there was one, ``refused`` the requests that were not taken, since the start.
    """

    is_alive: bool
    fault: str | None = None
    trouble: str | None = None
    connected: bool | None = None
    connections: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Checked:
    """The observation of `edge --check`, and what should be fixed though the station works without it."""

    text: str
    warnings: tuple[str, ...] = field(default=())


class Results(Protocol):
    """Hands results to a courier, and hears what became of them; any thread, and nothing waits."""

    def wake(self) -> None:
        """There is a connection."""

    def acknowledged(self, receipt: Receipt) -> None:
        """The other side has this; it may be any message of the station's."""

    def refused(self, receipt: Receipt) -> None:
        """The other side does not take this, for now."""


class Output:
    """Told of everything, from any thread, and returns at once; what it does not need it leaves out."""

    name: ClassVar[str]
    """For people, as "the pins"."""
    alarm: ClassVar[Alarm | None] = None
    """The alarm that its trouble is; None where nobody needs to know."""
    gate_role: GateRole = "none"
    """Whether it acts on commands itself, as an ejector on a pin, or tells a gate that does."""
    courier: Courier | None = None
    """Takes every result out of the journal, where results must not be lost; see edge.records.courier."""

    def start(self) -> None:
        """Begin; what is not available now is tried again, for ever. The latest state was told before."""

    def stop(self) -> None:
        """Say goodbye, and end; what is told later goes nowhere."""

    def command(self, command: GateCommand) -> bool:  # noqa: ARG002  here nobody is told
        """Act, or tell the gate; False where that is not possible in time, now: then it comes again.

        Whose ``gate_role`` is "none" is not asked.
        """
        return False

    def line_turned(self) -> None:
        """The line is alive; said some times a second, by its own thread."""

    def part_seen(self, seen: PartSeen) -> None:
        """A part is at the camera, and has no result yet."""

    def part_decided(self, decided: PartDecided) -> None:
        """A part has its verdict; at once, and once: the journal keeps it for whoever must have every one."""

    def state_changed(self, state: StateChanged) -> None:
        """The station's state, also when it is said again."""

    def latest_part(self, part: LatestPart) -> None:
        """The known facts of the latest part."""

    def part_inspected(self, part: PartInspected) -> None:
        """A part's result with its picture, after the gate was told."""

    def alarm_changed(self, event: AlarmEvent) -> None:
        """An alarm was raised or cleared."""

    def disagreement(self, found: Disagreement) -> None:
        """The shadow has another verdict."""

    def statistics(self, statistics: StationStatistics) -> None:
        """Counts since the start, every few seconds."""

    @property
    def health(self) -> Health:
        """Its present condition; cheap, for it is asked some times a second."""
        return Health(is_alive=True)
