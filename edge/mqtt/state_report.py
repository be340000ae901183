"""The station's state as …/status and …/bits show it: when it changed, and after every connect."""

import logging
from datetime import UTC, datetime

from edge.decision import Verdict
from edge.mqtt.announcer import Announcer
from edge.states import State, States

logger = logging.getLogger(__name__)


class StateReport:
    """Says what ``states`` are, in the log too; ``has_bits``: also as bits, for a PLC."""

    def __init__(self, states: States, say: Announcer, *, has_bits: bool) -> None:
        self._states = states
        self._say = say
        self._has_bits = has_bits
        self._state: State = "starting"
        self._reason: str | None = None
        self.since = datetime.now(UTC)
        """When this state began."""

    def update(self) -> None:
        """Say the state where it changed."""
        state, reason = self._states.current
        if (state, reason) == (self._state, self._reason):
            return
        if state != self._state:
            self.since = datetime.now(UTC)
            log = logger.error if state == "fault" else logger.info
            log("state: %s%s", state, f" ({reason})" if reason else "")
        self._state, self._reason = state, reason
        self.repeat()

    def repeat(self) -> None:
        """Say it again: somebody new may listen, or something else decides now."""
        self._say.status(self._state, self.since, self._reason)
        self.part(None, None)

    def part(self, part: str | None, verdict: Verdict | None, *, passes: bool = False) -> None:
        """Say by bits how it stands with a part, if there is one; ``verdict`` is None while it has none."""
        if self._has_bits:
            self._say.bits(
                ready=self._states.current[0] in ("ready", "running"),
                busy=part is not None and verdict is None,
                result_valid=verdict is not None and verdict != Verdict.FAULT,
                result_ok=passes,
                part=part,
            )

    def farewell(self) -> bytes:
        """The last status, to be published when the link goes down."""
        return self._say.status_message(self._state, self.since, self._reason).payload()
