"""Trigger for which every frame is a part: hardware-triggered cameras, folders and simulated parts."""

from edge.core.frame import Frame
from edge.trigger.trigger import Observer, P, PartFrame, Trigger


class FreeRun(Trigger[P]):
    """Takes each frame as ``half_gap_s`` of belt on both sides; a missing frame is an unseen part."""

    trouble = None

    def __init__(self, observer: Observer[P], *, half_gap_s: float) -> None:
        self._observer = observer
        self.half_gap_s = half_gap_s
        self._last: tuple[int, float] | None = None

    def take(self, frame: Frame) -> list[PartFrame[P]]:
        """Return the frame as a part of its own."""
        if self._last is not None and frame.sequence != self._last[0] + 1:
            self.interrupt()
        if self._last is None:
            self._observer.watch(frame.captured - self.half_gap_s)
        self._last = frame.sequence, frame.captured
        return [PartFrame(self._observer.expect(None, frame.captured), frame)]

    def overdue(self, now: float) -> list[PartFrame[P]]:  # noqa: ARG002  the protocol's signature
        """Return nothing: a frame that does not come is no part."""
        return []

    def begin(self, now: float) -> None:
        """Do nothing: the first frame is the first part."""

    def end(self, now: float) -> None:  # noqa: ARG002
        """Report that nothing was seen after the last frame."""
        self.interrupt()

    def pace(self, gap_s: float) -> None:
        """Take each frame as half of ``gap_s`` of belt on both sides."""
        self.half_gap_s = gap_s / 2

    def interrupt(self) -> None:
        """Report that nothing was seen after the last frame."""
        if self._last is not None:
            self._observer.unwatch(self._last[1] + self.half_gap_s)
        self._last = None
