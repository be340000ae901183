"""A changer with a line that does as it is told."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from edge.core.frame import Frame
from edge.deployment.deployment import (
    Prepare,
    Served,
    serve_first,
)
from edge.deployment.manager import Change, Changer, Outcome
from edge.inspection.inspector import Inspection
from edge.settings.settings import Settings

GOOD, BAD = 200, 40


class Bench:
    """A changer with a line that takes what it is offered, and says what it was told."""

    def __init__(self, settings: Settings, file: Path) -> None:
        self.file = file
        self.alarms: list[str | None] = []
        self.taken: list[Served] = []
        served, self.notes = serve_first(settings, file)
        self.changer = Changer(served, file=file, take=self.taken.append, alarm=self._alarm)
        self.changer.start()

    def _alarm(self, name: str, text: str | None) -> None:
        assert name == "bundle"
        self.alarms.append(text)

    @property
    def served(self) -> Served:
        return self.changer.served

    @property
    def bundle_sha256(self) -> str:
        return self.served.inspector.model.bundle.sha256

    def tend_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "not in time"
            self.changer.tend()
            threading.Event().wait(0.005)

    def change(self, prepare: Prepare) -> Outcome:
        """Have a change made, and wait for what comes of it."""
        outcomes: list[Outcome] = []
        assert self.changer.ask(Change("a change", prepare, outcomes.append)) is None
        self.tend_until(lambda: bool(outcomes))
        return outcomes[0]

    def show(self, level: int = GOOD, *, spoilt: str | None = None) -> Inspection:
        """One frame through what decides now, as a station does it."""
        inspector = self.served.inspector
        image = np.full((32, 32), level, np.uint8)
        frame = Frame(image, 0, captured=0.0, captured_at=datetime.now(UTC), fault=spoilt)
        inspection = inspector.inspect(frame)
        self.changer.judge(inspector, inspection)
        return inspection

    def crash(self) -> None:
        """End a changer as a crash does: its thread writes nothing any more."""
        folder = self.file.parent
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        self.changer.stop()
        for path, content in before.items():
            path.write_bytes(content)
