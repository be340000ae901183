"""An encoder on an input line of this device: what its edges say of the belt. Pure."""

import threading
from collections.abc import Sequence

from edge.trigger.inputs import Edge

_NUMBERS = 2**32  # the kernel's numbers begin again after so many


class EdgeCounter:
    """Counts the edges of one line, also those that came too fast to be read one by one.

    One line tells no direction: the count only grows. A line without edges may be a belt that stands, or a
    broken wire: that the belt stands is believed until a part comes though nothing was counted since the
    last one. Any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._number: int | None = None
        self._moved = False
        self._believed = True

    def add(self, edges: Sequence[Edge], now: float) -> tuple[int, float] | None:
        """The count and when it was that; None while nobody can believe it."""
        with self._lock:
            if edges:
                first = edges[0].number - 1 if self._number is None else self._number
                self._count += (edges[-1].number - first) % _NUMBERS
                self._number = edges[-1].number
                self._moved = self._believed = True
                return self._count, edges[-1].at
            return (self._count, now) if self._believed else None

    def part_seen(self) -> None:
        """A part came."""
        with self._lock:
            self._believed = self._believed and self._moved
            self._moved = False

    def reopened(self) -> None:
        """The line was requested anew: its numbers begin again."""
        with self._lock:
            self._number = None
