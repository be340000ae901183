"""Where the parts are that the gate had no room for. Pure; places as in edge.gate.belt, at the ejector."""

from bisect import bisect_left, bisect_right

_MOST = 1000


class Crowding:
    """Stretches of belt too close to such a part: nothing passes there. Those that overlap are one.

    At most 1000 are kept; the last two then become one, with what lies between.
    """

    def __init__(self) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []

    def add(self, place: float, gap: float) -> None:
        """A part is here, and nothing may be closer to it than ``gap``."""
        start, end = place - gap, place + gap
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last], self._ends[first:last] = [start], [end]
        if len(self._starts) > _MOST:
            del self._starts[-1], self._ends[-2]

    def reaches(self, place: float) -> bool:
        """True if a part here is too close to one of them."""
        at = bisect_right(self._ends, place)
        return at < len(self._starts) and self._starts[at] < place

    def forget(self, before: float) -> None:
        """Stretches that end before this place are past the ejector."""
        past = bisect_left(self._ends, before)
        del self._starts[:past], self._ends[:past]

    def clear(self) -> None:
        """None of them is on the belt any more, so far as anybody knows."""
        self.forget(float("inf"))
