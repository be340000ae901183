"""A conveyor of drawn parts, with the truth about each, at a set rate."""

import time
from datetime import UTC, datetime

from edge.core.frame import Frame
from edge.core.pacing import Pacer
from edge.settings.camera import SimulatedSettings
from edge.simulation.parts import PartRenderer


class SimulatedCamera:
    """Draws one part a frame; the same seed gives the same parts."""

    live = False
    ignored: tuple[str, ...] = ()

    def __init__(self, settings: SimulatedSettings) -> None:
        self.description = f"simulated conveyor (seed {settings.seed}, {settings.replay_fps:g} parts/s)"
        self._renderer = PartRenderer(
            seed=settings.seed, size=settings.size, defect_rate=settings.defect_rate
        )
        self._count = settings.count
        self._pacer = Pacer(settings.replay_fps)
        self._sequence = 0

    def read(self) -> Frame | None:
        """The next part; None after the last one."""
        if self._count and self._sequence >= self._count:
            return None
        self._pacer.wait()
        part = self._renderer.render(self._sequence)  # not ahead, as in edge.camera.folder
        frame = Frame(
            image=part.image,
            sequence=self._sequence,
            captured=time.monotonic(),
            captured_at=datetime.now(UTC),
            truth=part.label,
            detail=part.kind,
        )
        self._sequence += 1
        return frame

    def close(self) -> None:
        """Nothing to let go of."""
