"""Interface between a trigger and the rest of the station."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from edge.core.frame import Frame


@dataclass(eq=False)
class PartContext:
    """A part seen at a monotonic time; an observer may return a subclass that holds more.

    ``trouble`` is why the part is a fault whatever its frames show: some were lost. ``lot`` is its lot.
    """

    part: str
    number: int
    seen: float
    trouble: str | None = None
    lot: str | None = None


P = TypeVar("P", bound=PartContext)
P_co = TypeVar("P_co", bound=PartContext, covariant=True)


@dataclass(frozen=True)
class PartFrame(Generic[P]):
    """A frame of a part, to be inspected; None if none came. After the last one the part is decided."""

    context: P
    frame: Frame | None
    is_last: bool = True


class Observer(Protocol[P_co]):
    """Receiver of a trigger's reports. Thread-safe."""

    def expect(self, part: str | None, seen: float, *, count: int | None = None) -> P_co:
        """Register a part seen at ``seen``, or at encoder position ``count``; None as id assigns one."""

    def watch(self, at: float) -> None:
        """Note that every part is seen from ``at`` on."""

    def unwatch(self, at: float) -> None:
        """Note that parts may pass unseen from ``at`` on."""


class Trigger(Protocol[P]):
    """Detects parts, and selects the frames to inspect of each. Not thread-safe, except as stated."""

    def take(self, frame: Frame) -> list[PartFrame[P]]:
        """Return the frame with each part it belongs to; frames come in order, some may be missing."""

    def overdue(self, now: float) -> list[PartFrame[P]]:
        """Return parts whose frames did not come in time."""

    def interrupt(self) -> None:
        """Note that the camera was lost: the next frame does not follow on the last."""

    def begin(self, now: float) -> None:
        """Start counting parts."""

    def end(self, now: float) -> None:
        """Stop watching: the station was stopped."""

    @property
    def trouble(self) -> str | None:
        """Reason why parts may pass unseen, for a person, or None."""

    def announce(self, part: str | None, at: float, *, count: int | None = None) -> bool:  # noqa: ARG002
        """Register a part announced from outside; return False if it can't be taken. Thread-safe."""
        return False

    def hear(self, trouble: str | None, at: float) -> None:  # noqa: ARG002
        """Note that announcements are received from ``at`` on, or not, given ``trouble``. Thread-safe."""
        return  # without it mypy takes the method for an abstract one

    def reset(self) -> None:
        """Clear the trouble: a person says that its cause is gone."""
        return  # without it mypy takes the method for an abstract one

    def pace(self, gap_s: float) -> None:  # noqa: ARG002
        """Set the smallest gap between parts, in seconds."""
        return  # without it mypy takes the method for an abstract one
