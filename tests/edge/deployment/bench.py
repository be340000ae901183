"""A changer with a line that does as it is told."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from edge.core.frame import Frame
from edge.deployment.deployment import (
    Deployment,
    Prepare,
    first_deployment,
)
from edge.deployment.manager import Change, DeploymentManager, Outcome
from edge.inspection.inspector import Inspection
from edge.settings.settings import Settings

GOOD, BAD = 200, 40


class Bench:
    """A changer with a line that takes what it is offered, and says what it was told."""

    def __init__(self, settings: Settings, file: Path) -> None:
        self.file = file
        self.alarms: list[str | None] = []
        self.taken: list[Deployment] = []
        deployment, self.notes = first_deployment(settings, file)
        self.manager = DeploymentManager(deployment, file=file, take=self.taken.append, alarm=self._alarm)
        self.manager.start()

    def _alarm(self, name: str, text: str | None) -> None:
        assert name == "bundle"
        self.alarms.append(text)

    @property
    def deployment(self) -> Deployment:
        return self.manager.deployment

    @property
    def bundle_sha256(self) -> str:
        return self.deployment.inspector.model.bundle.sha256

    def poll_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "not in time"
            self.manager.poll()
            threading.Event().wait(0.005)

    def change(self, prepare: Prepare) -> Outcome:
        """Have a change made, and wait for what comes of it."""
        outcomes: list[Outcome] = []
        assert self.manager.ask(Change("a change", prepare, outcomes.append)) is None
        self.poll_until(lambda: bool(outcomes))
        return outcomes[0]

    def show(self, level: int = GOOD, *, spoilt: str | None = None) -> Inspection:
        """One frame through what decides now, as a station does it."""
        inspector = self.deployment.inspector
        image = np.full((32, 32), level, np.uint8)
        frame = Frame(image, 0, captured=0.0, captured_at=datetime.now(UTC), fault=spoilt)
        inspection = inspector.inspect(frame)
        self.manager.judge(inspector, inspection)
        return inspection

    def crash(self) -> None:
        """End a changer as a crash does: its thread writes nothing any more."""
        folder = self.file.parent
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        self.manager.stop()
        for path, content in before.items():
            path.write_bytes(content)
