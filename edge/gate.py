"""What the gate is told about a part, and until when that may be said. Pure: times come in as numbers."""

from dataclasses import dataclass
from typing import Literal

from edge.decision import Verdict
from edge.settings import GateSettings


@dataclass(frozen=True)
class GateCommand:
    """A command to the gate; ``due`` and ``valid_until`` are monotonic seconds."""

    action: Literal["reject", "pass"]
    due: float
    valid_until: float
    pulse_ms: float


class Gate:
    """Knows how long a part travels to the ejector and what each verdict means there."""

    def __init__(self, settings: GateSettings) -> None:
        self._settings = settings

    def deadline(self, captured: float) -> float:
        """The monotonic time at which the part seen at ``captured`` is at the ejector."""
        return captured + self._settings.travel_ms / 1000

    def action(self, verdict: Verdict) -> Literal["reject", "pass"]:
        """What happens to a part with this verdict."""
        if verdict == Verdict.OK:
            return "pass"
        if verdict == Verdict.UNSURE:
            return self._settings.on_unsure
        if verdict == Verdict.FAULT:
            return self._settings.on_fault
        return "reject"

    def command(self, verdict: Verdict, captured: float, now: float) -> GateCommand | None:
        """What to send for a part; None where this mode sends nothing, or the part is past the ejector.

        In "reject-on-defect" only rejects are sent, in "reject-unless-ok" only passes: there the
        PLC ejects every part for which no pass came.
        """
        action = self.action(verdict)
        wanted = "reject" if self._settings.mode == "reject-on-defect" else "pass"
        due = self.deadline(captured)
        if action != wanted or now > due:
            return None
        return GateCommand(action, due, due + self._settings.window_ms / 1000, self._settings.pulse_ms)
