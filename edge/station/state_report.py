"""The station's state as …/status and …/bits show it: when it changed, and after every connect."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from edge.core.decision import Verdict
from edge.core.state import State
from edge.outputs.mqtt.announcer import Announcer
from edge.station.states import States

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Part:
    """How it stands with the latest part; ``verdict`` is None while it has none."""

    name: str | None = None
    verdict: Verdict | None = None
    passes: bool = False


class StateReport:
    """Says what ``states`` are, in the log too; ``has_bits``: also as bits, for a PLC."""

    def __init__(self, states: States, say: Announcer, *, has_bits: bool) -> None:
        self._states = states
        self._say = say
        self._has_bits = has_bits
        self._state: State = "starting"
        self._reason: str | None = None
        self._part = _Part()
        self._was_ready = False
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
        self._say.status(self._state, self.since, self._reason)
        if (is_ready := self._is_ready) != self._was_ready:
            self._was_ready = is_ready
            if not is_ready:
                self._part = _Part()  # no result outlasts a fault or a stop
            self._say_bits()

    def repeat(self) -> None:
        """Say it again: somebody new may listen, or something else decides now."""
        self._say.status(self._state, self.since, self._reason)
        self._say_bits()

    def part(self, part: str, verdict: Verdict | None, *, passes: bool = False) -> None:
        """Say by bits how it stands with the latest part; ``verdict`` is None while it has none."""
        self._part = _Part(part, verdict, passes)
        self._say_bits()

    def _say_bits(self) -> None:
        """Say them, and again where another thread changed them meanwhile: what is retained is the latest.

        No lock, for what publishes must hold none.
        """
        said = None
        while self._has_bits and said != (now := (self._is_ready, self._part)):
            said = is_ready, part = now
            self._say.bits(
                ready=is_ready,
                busy=part.name is not None and part.verdict is None,
                result_valid=part.verdict is not None and part.verdict != Verdict.FAULT,
                result_ok=part.passes,
                part=part.name,
            )

    @property
    def _is_ready(self) -> bool:
        return self._states.current[0] in ("ready", "running")

    def farewell(self) -> bytes:
        """The last status, to be published when the link goes down."""
        return self._say.status_message(self._state, self.since, self._reason).payload()
