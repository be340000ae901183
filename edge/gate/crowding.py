"""Places of parts that the gate had no room for. Pure; places as in edge.gate.belt, at the ejector."""

from bisect import bisect_left, bisect_right

_MOST = 1000


class Crowding:
    """Stretches of belt too close to such a part, where nothing passes; overlapping ones are merged.

    At most 1000 are kept; beyond that the last two are merged, with what lies between.
    """

    def __init__(self) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []

    def add(self, place: float, gap: float) -> None:
        """Add a part at ``place``; nothing may be closer to it than ``gap``."""
        start, end = place - gap, place + gap
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last], self._ends[first:last] = [start], [end]
        if len(self._starts) > _MOST:
            del self._starts[-1], self._ends[-2]

    def reaches(self, place: float) -> bool:
        """Return True if a part at ``place`` is too close to one of them."""
        at = bisect_right(self._ends, place)
        return at < len(self._starts) and self._starts[at] < place

    def forget(self, before: float) -> None:
        """Drop stretches that end before this place: they are past the ejector."""
        past = bisect_left(self._ends, before)
        del self._starts[:past], self._ends[:past]

    def clear(self) -> None:
        """Drop all stretches."""
        self.forget(float("inf"))
