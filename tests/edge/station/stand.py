"""A station without a broker, and what it did."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np

from edge.core.frame import Frame
from edge.gate.gate import GateCommand
from edge.inspection.inspector import Inspection, Inspector
from edge.outputs.requests import Answer, CommandRequest, WaitingCommand
from edge.records.result import PartResult
from edge.station.app import Station
from testing.waiting import wait_for

GOOD, BAD = 200, 40


class Stand:
    """A station, what it told the gate, what it found, and what it recorded."""

    def __init__(
        self,
        station: Station,
        inspector: Inspector,
        *,
        commands: list[GateCommand],
        found: Sequence[Inspection],
        messages: Sequence[PartResult],
    ) -> None:
        self.station = station
        self.inspector = inspector
        self.commands = commands
        self.found = found
        self.messages = messages
        self._sequence = 0

    def show(
        self, level: int = GOOD, *, age_s: float = 0.0, missing: int = 0, source: str | None = None
    ) -> None:
        """A frame of this brightness; ``missing`` frames before it were dropped."""
        self._sequence += 1 + missing
        image = np.full((32, 32), level, np.uint8)
        captured = time.monotonic() - age_s
        now = datetime.now(UTC)
        frame = Frame(image, self._sequence, captured=captured, captured_at=now, source=source)
        self.station.see(frame, max_age_s=0.3)
        self.station.poll()

    def command(self, name: str, answer: Callable[[Answer], None] = lambda _: None, **more: str) -> None:
        """A command as it comes in."""
        payload = json.dumps({"id": str(time.monotonic_ns()), "command": name, **more}).encode()
        request = CommandRequest.model_validate_json(payload)
        self.station.requests.command(WaitingCommand(request, answer))
        self.station.poll()

    def change(self, name: str, **more: str) -> None:
        """A command that is done beside the line; returns when the line has taken it."""
        answers: list[Answer] = []
        self.command(name, answers.append, **more)

        def is_answered() -> bool:
            self.station.poll()
            return bool(answers)

        wait_for(is_answered)
        assert answers[0].error is None

    def recorded(self) -> list[tuple[str, str, str, int]]:
        """Verdict, model, recipe and frames of every part, as they are recorded."""
        return [(m.verdict, m.bundle_sha256, m.recipe, m.frames) for m in self.messages]

    @property
    def state(self) -> str:
        return self.station.states.current[0]

    def told(self, condition: Callable[[GateCommand], bool]) -> bool:
        """True if such a command was given within a moment."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if any(condition(command) for command in list(self.commands)):
                return True
            time.sleep(0.005)
        return False
