"""An observer that notes what a trigger tells it, and frames to show to triggers."""

from datetime import UTC, datetime

import numpy as np

from edge.core.frame import Frame
from edge.core.images import Image
from edge.trigger.trigger import PartContext

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class NotingObserver:
    """Notes everything in order."""

    def __init__(self) -> None:
        self.contexts: list[PartContext] = []
        self.watched: list[tuple[str, float]] = []

    def expect(self, part: str | None, seen: float, *, count: int | None = None) -> PartContext:
        number = len(self.contexts)
        name = part if part is not None else f"p{number}"
        self.contexts.append(PartContext(name, number, seen))
        return self.contexts[-1]

    def watch(self, at: float) -> None:
        self.watched.append(("watch", at))

    def unwatch(self, at: float) -> None:
        self.watched.append(("unwatch", at))


def frame(captured: float, sequence: int = 0, image: Image | None = None) -> Frame:
    return Frame(
        np.zeros((8, 8), np.uint8) if image is None else image, sequence, captured=captured, captured_at=NOW
    )
