"""The interface between a trigger and the rest of the station."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from edge.core.frame import Frame


@dataclass(eq=False)
class PartContext:
    """A part that was seen at a monotonic time; who is told of it may know more, in a subclass.

    ``trouble`` says why it is a fault whatever its frames show: some were lost. ``lot`` is what it belongs
    to, where somebody said so.
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
    """A frame of a part, to be inspected; None where none came. After the last one the part is decided."""

    context: P
    frame: Frame | None
    is_last: bool = True


class Observer(Protocol[P_co]):
    """Whom a trigger tells what it sees; any thread may call."""

    def expect(self, part: str | None, seen: float, *, count: int | None = None) -> P_co:
        """A part was at the camera at ``seen``; without an id it gets one."""

    def watch(self, at: float) -> None:
        """From ``at`` on every part is seen."""

    def unwatch(self, at: float) -> None:
        """From ``at`` on parts may go by unseen."""


class Trigger(Protocol[P]):
    """Finds parts, and the frames to inspect of each. Only the line's own thread calls it."""

    def take(self, frame: Frame) -> list[PartFrame[P]]:
        """The frame for the parts that it is of; frames come in order, some may be missing."""

    def overdue(self, now: float) -> list[PartFrame[P]]:
        """Parts whose frames did not come in time."""

    def interrupt(self) -> None:
        """The camera went away: what comes next follows on nothing."""

    def begin(self, now: float) -> None:
        """Parts count from now on."""

    def end(self, now: float) -> None:
        """The station was stopped: nobody looks any more."""

    @property
    def trouble(self) -> str | None:
        """Why parts may go by unseen, in words for a person, or None."""

    def announce(self, part: str | None, at: float, *, count: int | None = None) -> bool:  # noqa: ARG002
        """Something else says that a part is here; False where it can't be taken. Any thread may call."""
        return False

    def hear(self, trouble: str | None, at: float) -> None:  # noqa: ARG002
        """Announcements are heard from ``at`` on, or not, for the reason given. Any thread may call."""
        return  # without it mypy takes the method for an abstract one

    def reset(self) -> None:
        """A person says that what troubles it is over."""
        return  # without it mypy takes the method for an abstract one

    def pace(self, gap_s: float) -> None:  # noqa: ARG002
        """Parts follow one another at least so closely from now on."""
        return  # without it mypy takes the method for an abstract one
