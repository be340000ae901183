"""Capture time of a frame: monotonic, and not made to look fresh by buffers on the way."""

from collections import deque
from typing import Protocol

_KEPT = 15
_LEAST = 3
_CATCH_UP = 1.25  # frames out of a buffer: else an interval taken too short would make all look old
_MAX_AGE_S = 10.0
_DRIFT = 0.0005  # seconds a second by which two clocks may run apart; crystals stay within a tenth of it


class SourceClock(Protocol):
    """Estimates when a frame was captured from its arrival and the source's time stamp."""

    def taken(self, arrived: float, stamp: float) -> float:
        """Return monotonic seconds, from those of the arrival and a stamp in seconds of any clock."""


class ArrivalClock:
    """For sources without a steady rate, such as triggered ones: capture time is arrival."""

    def taken(self, arrived: float, stamp: float) -> float:  # noqa: ARG002  this source has none
        """Return the arrival."""
        return arrived


class DriverClock:
    """For V4L2, which stamps a filled buffer with monotonic time; a few drivers use another clock."""

    def taken(self, arrived: float, stamp: float) -> float:
        """Return the stamp, or the arrival if the stamp is implausible."""
        return stamp if 0 <= arrived - stamp <= _MAX_AGE_S else arrived


class StampClock:
    """For streams whose frames carry the camera's own time, such as RTSP.

    The least delay seen between stamp and arrival is that of a fresh frame; any more is the time that a frame
    was held up, be it in a burst or on a link that gets slower and slower.
    """

    def __init__(self) -> None:
        self._delay: float | None = None
        self._arrived = 0.0

    def taken(self, arrived: float, stamp: float) -> float:
        """Return the arrival, less the time that this frame was held up."""
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

    A camera captures at a steady rate. A frame that arrives on time was captured on arrival. After a gap, and
    in the burst that follows, frames come out of a buffer: each was captured about one interval after the one
    before, so it is as old as it looks. A camera that really paused makes one frame look old, which is the
    safe mistake.
    """

    def __init__(self) -> None:
        self._intervals: deque[float] = deque(maxlen=_KEPT)
        self._arrived: float | None = None
        self._taken = 0.0

    def taken(self, arrived: float, stamp: float) -> float:  # noqa: ARG002  these sources have none
        """Return the arrival, or for a buffered frame one interval after the one before."""
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
        """Return the mean interval, robust to pairs of frames, without the longest, which may be a gap."""
        if len(self._intervals) < _LEAST:
            return interval
        return (sum(self._intervals) - max(self._intervals)) / (len(self._intervals) - 1)
