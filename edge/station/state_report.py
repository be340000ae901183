"""Report the station's state and latest part to the outputs whenever they change."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from edge.core.decision import Verdict
from edge.core.state import State
from edge.outputs.events import LatestPart, StateChanged
from edge.outputs.outputs import Outputs
from edge.station.states import States

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Part:
    """The latest part; ``verdict`` is None until it is decided."""

    name: str | None = None
    verdict: Verdict | None = None
    passes: bool = False


class StateReport:
    """Reports state to outputs and log, and the latest part to outputs as bits."""

    def __init__(self, states: States, outputs: Outputs, *, bundle_sha256: str, recipe: str) -> None:
        self._states = states
        self._outputs = outputs
        self._deployment = bundle_sha256, recipe
        self._state: State = "starting"
        self._reason: str | None = None
        self._part = _Part()
        self._was_ready = False
        self._since = datetime.now(UTC)

    def deployed(self, bundle_sha256: str, recipe: str) -> None:
        """Set the deployment that the next reports name."""
        self._deployment = bundle_sha256, recipe

    def update(self) -> None:
        """Report the state if it changed."""
        state, reason = self._states.current
        if (state, reason) == (self._state, self._reason):
            return
        if state != self._state:
            self._since = datetime.now(UTC)
            log = logger.error if state == "fault" else logger.info
            log("state: %s%s", state, f" ({reason})" if reason else "")
        self._state, self._reason = state, reason
        self._say_state()
        if (is_ready := self._is_ready) != self._was_ready:
            self._was_ready = is_ready
            if not is_ready:
                self._part = _Part()  # no result outlasts a fault or a stop
            self._say_part()

    def repeat(self) -> None:
        """Report state and part unchanged: at the start, or after a new deployment."""
        self._say_state()
        self._say_part()

    def part(self, part: str, verdict: Verdict | None, *, passes: bool = False) -> None:
        """Report the latest part; ``verdict`` is None until it is decided."""
        self._part = _Part(part, verdict, passes)
        self._say_part()

    def _say_state(self) -> None:
        self._outputs.state_changed(StateChanged(self._state, self._since, self._reason, *self._deployment))

    def _say_part(self) -> None:
        """Report the part, again if another thread changed it meanwhile: the last report is the latest.

        No lock, as none may be held while publishing.
        """
        said = None
        while said != (now := (self._is_ready, self._part)):
            said = is_ready, part = now
            self._outputs.latest_part(
                LatestPart(
                    ready=is_ready,
                    busy=part.name is not None and part.verdict is None,
                    result_valid=part.verdict is not None and part.verdict != Verdict.FAULT,
                    result_ok=part.passes,
                    part=part.name,
                )
            )

    @property
    def _is_ready(self) -> bool:
        return self._states.current[0] in ("ready", "running")
