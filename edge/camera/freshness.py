"""When a frame was taken: monotonic time, which buffers on the way cannot make look fresh."""

from collections import deque
from typing import Protocol

_KEPT = 15
_LEAST = 3
_CATCH_UP = 1.25  # frames out of a buffer: else an interval taken too short would make all look old
_MAX_AGE_S = 10.0
_DRIFT = 0.0005  # seconds a second by which two clocks may run apart; crystals stay within a tenth of it


class SourceClock(Protocol):
    """Tells when a frame was taken from when it arrived and what its source stamped on it."""

    def taken(self, arrived: float, stamp: float) -> float:
        """Monotonic seconds, from those of the arrival and the stamp in seconds of whatever clock."""


class ArrivalClock:
    """For a source that comes at no steady rate, such as a triggered one: taken when it came."""

    def taken(self, arrived: float, stamp: float) -> float:  # noqa: ARG002  this source has none
        """The arrival."""
        return arrived


class DriverClock:
    """V4L2 stamps a buffer with monotonic time when it was filled; a few drivers use another clock."""

    def taken(self, arrived: float, stamp: float) -> float:
        """The stamp, or the arrival where it cannot be one."""
        return stamp if 0 <= arrived - stamp <= _MAX_AGE_S else arrived


class StampClock:
    """For streams whose frames carry the camera's own time, as those of RTSP do.

    Least delay seen between stamp and arrival is that of a fresh frame; what came later was held up
    by so much, be it in a burst or on a link that gets slower and slower.
    """

    def __init__(self) -> None:
        self._delay: float | None = None
        self._arrived = 0.0

    def taken(self, arrived: float, stamp: float) -> float:
        """The arrival, less what this frame was held up."""
        delay = arrived - stamp
        if (
            self._delay is None or delay - self._delay > _MAX_AGE_S
        ):  # the first, or the camera's clock was set
            self._delay = delay
        self._delay = min(delay, self._delay + _DRIFT * (arrived - self._arrived))
        self._arrived = arrived
        return stamp + self._delay


class SteadyClock:
    """For sources without stamps, such as motion JPEG over HTTP: by the rate at which frames arrive.

    A camera takes pictures at a steady rate. A frame that comes at its time was taken when it came.
    After a gap, and in the burst that follows, frames come out of a buffer: each was taken about
    one interval after the one before, so it is as old as it looks. A camera that really paused makes
    one frame look old, which is the safe mistake.
    """

    def __init__(self) -> None:
        self._intervals: deque[float] = deque(maxlen=_KEPT)
        self._arrived: float | None = None
        self._taken = 0.0

    def taken(self, arrived: float, stamp: float) -> float:  # noqa: ARG002  these sources have none
        """The arrival, or for a frame out of a buffer an interval after the one before."""
        if self._arrived is None:
            self._arrived = self._taken = arrived
            return arrived
        interval = arrived - self._arrived
        usual = self._usual(interval)
        regular = usual / 2 <= interval <= usual * 2
        self._taken = arrived if regular else min(arrived, self._taken + usual * _CATCH_UP)
        if interval >= usual / 2 or self._taken == arrived:  # the pace of a burst is not the camera's
            self._intervals.append(interval)
        self._arrived = arrived
        return self._taken

    def _usual(self, interval: float) -> float:
        """The mean interval, which pairs of frames do not change, without the longest, which may be a gap."""
        if len(self._intervals) < _LEAST:
            return interval
        return (sum(self._intervals) - max(self._intervals)) / (len(self._intervals) - 1)
