"""Commands on their way to the gate: sent, counted, and what a person must know of them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from edge.alarms.watch import AlarmWatch
from edge.gate.gate import GateCommand
from edge.inspection.statistics import Statistics
from edge.outputs.outputs import Outputs
from edge.settings.alarms import Alarm

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GateCommands:
    """Any thread."""

    outputs: Outputs
    counts: Statistics
    alarms: AlarmWatch

    def send(self, command: GateCommand) -> bool:
        """True if the gate can act on it in time."""
        sent = self.outputs.command(command)
        if sent:
            self.counts.command_sent()
        return sent

    def takes_back(self) -> bool:
        """A command that was counted as sent was not; False where it reached the gate by another output."""
        if self.outputs.carries_out:  # the pin has it
            return False
        self.counts.command_refused()
        return True

    def missed(self, commands: int) -> None:
        """The ejector's pin was late for commands, and left them."""
        self.counts.commands_came_to_nothing(commands)
        logger.error("gate: %d commands came too late for the pin of the ejector", commands)
        self.alarms.tell(Alarm.PINS, f"pins.ejector: {commands} commands came too late")

    def unconfirmed(self, parts: Sequence[str]) -> None:
        """Parts that should be in the bin and were not seen there."""
        for part in parts:
            logger.error("gate: part %s was rejected and not seen in the bin", part)
        self.alarms.tell(Alarm.BIN, "a rejected part was not seen in the bin", part=parts[0])

    def confirmed(self) -> None:
        """A rejected part was seen in the bin."""
        self.alarms.tell(Alarm.BIN, None)
