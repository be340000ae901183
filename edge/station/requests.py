"""Requests and reports of outputs, handed on to whom they concern."""

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
    """Any thread; see edge.outputs.requests.Receiver."""

    settings: Settings
    states: States
    parts: SeenParts
    trigger: Trigger[InspectedPart]
    controller: GateController
    gate_commands: GateCommands
    commands: CommandQueue

    def triggered(self, part: str, at: float, count: int | None) -> None:
        """A part is at the camera."""
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
        """True if messages that parts are here arrive."""
        self.trigger.hear(trouble, at)

    def belt_moves(self, direction: Direction, at: float) -> None:
        """The belt goes this way from now on."""
        self.controller.move(direction, at)

    def belt_counts(self, count: int, at: float) -> None:
        """The encoder stands here."""
        self.controller.count(count, at)

    def belt_lost(self, reason: str) -> None:
        """The movement of the belt is not known any more."""
        self.controller.lose(reason)

    def confirmed(self) -> None:
        """A rejected part is in the bin."""
        self.controller.confirm()

    def lot_begins(self, lot: str | None) -> None:
        """Parts that are seen from now on are of this lot."""
        self.parts.begin_lot(lot)

    def command(self, waiting: WaitingCommand) -> None:
        """Done on the line's own thread, at its next turn."""
        self.commands.put(waiting)

    def undelivered(self, command: GateCommand) -> None:
        """The gate did not get a command though it was sent: it comes again while there is time."""
        if self.gate_commands.takes_back():
            self.controller.undelivered(command)
