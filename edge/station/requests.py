"""Pass requests and reports of outputs to the components concerned."""

from dataclasses import dataclass

from edge.core.errors import RequestError
from edge.gate.belt import Direction
from edge.gate.controller import GateController
from edge.gate.gate import NO_ENCODER, GateCommand
from edge.outputs.requests import CommandQueue, Receiver, WaitingCommand
from edge.settings.settings import Settings
from edge.station.gate_commands import GateCommands
from edge.station.parts import InspectedPart, SeenParts
from edge.station.states import States
from edge.trigger.trigger import Trigger


@dataclass(frozen=True)
class Requests(Receiver):
    """Implementation of edge.outputs.requests.Receiver. Thread-safe."""

    settings: Settings
    states: States
    parts: SeenParts
    trigger: Trigger[InspectedPart]
    controller: GateController
    gate_commands: GateCommands
    commands: CommandQueue

    def triggered(self, part: str, at: float, count: int | None) -> None:
        """Announce a part at the camera; raises RequestError if it is refused or made a fault."""
        if self.states.is_stopped:
            raise RequestError("the station is stopped")
        if self.settings.trigger.kind != "message":
            raise RequestError('trigger.kind is not "message"')
        if not self.trigger.announce(part, at, count=count):
            raise RequestError("too many parts wait for their frame")
        if count is not None and self.settings.gate.belt != "encoder":
            # The part is there all the same: the gate makes it a fault.
            raise RequestError(f"count: {NO_ENCODER}; the part is a fault")

    def triggers_heard(self, trouble: str | None, at: float) -> None:
        """Note that trigger messages are received from ``at`` on, or not if ``trouble`` is given."""
        self.trigger.hear(trouble, at)

    def belt_moves(self, direction: Direction, at: float) -> None:
        """Note the belt's direction from ``at`` on."""
        self.controller.move(direction, at)

    def belt_counts(self, count: int, at: float) -> None:
        """Note the encoder's count at ``at``."""
        self.controller.count(count, at)

    def belt_lost(self, reason: str) -> None:
        """Note that the belt's position is unknown."""
        self.controller.lose(reason)

    def confirmed(self) -> None:
        """Register a rejected part seen in the bin."""
        self.controller.confirm()

    def lot_begins(self, lot: str | None) -> None:
        """Assign parts seen from now on to this lot, or to none."""
        self.parts.begin_lot(lot)

    def command(self, waiting: WaitingCommand) -> None:
        """Queue a command for the line's own thread, which executes it at its next turn."""
        self.commands.put(waiting)

    def undelivered(self, command: GateCommand) -> None:
        """Take back a sent command that did not reach the gate; it is sent again while there is time."""
        if self.gate_commands.takes_back():
            self.controller.undelivered(command)
