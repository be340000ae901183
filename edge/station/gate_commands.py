"""Send commands to the gate, count them, and report failures to a person."""

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
    """Sends and counts gate commands. Thread-safe."""

    outputs: Outputs
    counts: Statistics
    alarms: AlarmWatch

    def send(self, command: GateCommand) -> bool:
        """Send a command; return True if the gate can act on it in time."""
        sent = self.outputs.command(command)
        if sent:
            self.counts.command_sent()
        return sent

    def takes_back(self) -> bool:
        """Uncount a command that was not sent after all; return False if another output carries it out."""
        if self.outputs.carries_out:  # the pin has it
            return False
        self.counts.command_refused()
        return True

    def missed(self, commands: int) -> None:
        """Report commands that came too late for the ejector's pin and were skipped."""
        self.counts.commands_came_to_nothing(commands)
        logger.error("gate: %d commands came too late for the pin of the ejector", commands)
        self.alarms.tell(Alarm.PINS, f"pins.ejector: {commands} commands came too late")

    def unconfirmed(self, parts: Sequence[str]) -> None:
        """Report rejected parts that were not seen in the bin."""
        for part in parts:
            logger.error("gate: part %s was rejected and not seen in the bin", part)
        self.alarms.tell(Alarm.BIN, "a rejected part was not seen in the bin", part=parts[0])

    def confirmed(self) -> None:
        """Report that a rejected part was seen in the bin."""
        self.alarms.tell(Alarm.BIN, None)
