"""Belt position, past and predicted. Pure: times come in as monotonic seconds.

A place is a number that grows while the belt runs forward and falls while it runs back: milliseconds
of running at the belt's one speed, or counts of its encoder.
"""

from bisect import bisect_right
from collections import deque
from typing import Literal, Protocol

Direction = Literal["forward", "stopped", "reverse"]

_TURNS_KEPT = 64
_COUNTS_KEPT = 256
_SPEED_OVER_S = 0.05
_STANDS_AFTER_S = 0.025
_SPEEDS: dict[Direction, float] = {"forward": 1000.0, "stopped": 0.0, "reverse": -1000.0}


class Belt(Protocol):
    """Interface of a belt, for the gate and for reports; a report that a belt has no use for is ignored."""

    has_encoder: bool

    def move(self, direction: Direction, at: float) -> None:
        """Move in ``direction`` from ``at`` (monotonic seconds) on."""

    def count(self, count: int, at: float) -> bool:
        """Take the encoder's ``count`` at ``at``; return False if the belt cannot have moved so far."""

    def is_silent(self, now: float) -> bool:
        """Return True if the belt's position is unknown because no message came for too long."""

    def place(self, at: float) -> float:
        """Return the place at a moment, now or recent."""

    def arrival(self, place: float, now: float) -> float | None:
        """Return when the belt reaches ``place`` at its present speed; None unless it runs forward.

        The moment lies in the past for a place that has gone by.
        """


class TimedBelt:
    """A belt with one speed that can be stopped and reversed; places are milliseconds."""

    has_encoder = False

    def __init__(self, at: float, direction: Direction = "forward") -> None:
        self._turns: deque[tuple[float, float, float]] = deque(maxlen=_TURNS_KEPT)
        self._turns.append((at, 0.0, _SPEEDS[direction]))

    def move(self, direction: Direction, at: float) -> None:
        """Move in ``direction`` from ``at`` (monotonic seconds) on."""
        at = max(at, self._turns[-1][0])
        if _SPEEDS[direction] != self._turns[-1][2]:
            self._turns.append((at, self.place(at), _SPEEDS[direction]))

    def count(self, count: int, at: float) -> bool:  # noqa: ARG002  the protocol's signature
        """Ignore the count: this belt has no encoder."""
        return True

    def is_silent(self, now: float) -> bool:  # noqa: ARG002  the protocol's signature
        """Return False: the belt keeps moving as last reported."""
        return False

    def place(self, at: float) -> float:
        """Return the place in milliseconds."""
        since, place, speed = next((turn for turn in reversed(self._turns) if at >= turn[0]), self._turns[0])
        return place + (at - since) * speed

    def arrival(self, place: float, now: float) -> float | None:  # noqa: ARG002  the protocol's signature
        """Return when the belt reaches ``place``; see Belt."""
        since, begun, speed = self._turns[-1]
        return None if speed <= 0 else since + (place - begun) / speed


class CountedBelt:
    """A belt with an encoder; places are its counts. Between counts the last speed is assumed to continue."""

    has_encoder = True

    def __init__(self, *, silence_s: float, most_per_s: float) -> None:
        self._silence_s = silence_s
        self._most_per_s = most_per_s
        self._times: deque[float] = deque(maxlen=_COUNTS_KEPT)
        self._counts: deque[int] = deque(maxlen=_COUNTS_KEPT)
        self._speed = 0.0

    def move(self, direction: Direction, at: float) -> None:
        """Ignore the direction: the counts show it."""

    def count(self, count: int, at: float) -> bool:
        """Take the encoder's ``count`` at ``at``; return False if it was set back or its messages were lost.

        That is, if the belt cannot have moved so far or was silent too long; earlier counts are discarded.
        """
        if self._times:
            at = max(at, self._times[-1])
            possible = self._most_per_s * (at - self._times[-1] + _SPEED_OVER_S)
            if abs(count - self._counts[-1]) > possible or at - self._times[-1] > self._silence_s:
                self._times.clear()
                self._counts.clear()
                self._speed = 0.0
                self._append(count, at)
                return False
        self._append(count, at)
        return True

    def is_silent(self, now: float) -> bool:
        """Return True if position and speed are unknown: fewer than two counts, or none for ``silence_s``."""
        return len(self._times) < 2 or now - self._times[-1] > self._silence_s

    def place(self, at: float) -> float:
        """Return the place in counts; 0 before the first."""
        if not self._times:
            return 0.0
        after = bisect_right(self._times, at)
        if after == len(self._times):
            return self._counts[-1] + self._speed * min(at - self._times[-1], self._silence_s)
        if after == 0:
            return float(self._counts[0])
        begin, end = self._times[after - 1], self._times[after]
        share = (at - begin) / (end - begin)
        return self._counts[after - 1] + share * (self._counts[after] - self._counts[after - 1])

    def arrival(self, place: float, now: float) -> float | None:
        """Return when the belt reaches ``place``, None also while it is silent; see Belt."""
        if self._speed <= 0 or self.is_silent(now):
            return None
        return self._times[-1] + (place - self._counts[-1]) / self._speed

    def _append(self, count: int, at: float) -> None:
        self._times.append(at)
        self._counts.append(count)
        took, moved = self._since(at - _SPEED_OVER_S)
        waited, moved_lately = self._since(at - _STANDS_AFTER_S)
        stands = took <= 0 or (waited >= _STANDS_AFTER_S and moved_lately == 0)
        self._speed = 0.0 if stands else moved / took

    def _since(self, moment: float) -> tuple[float, int]:
        """Return seconds and counts from the last message before a moment to the newest."""
        first = max(0, bisect_right(self._times, moment) - 1)
        return self._times[-1] - self._times[first], self._counts[-1] - self._counts[first]
