"""Frames at a set rate, for sources that have no clock of their own."""

import time


class Pacer:
    """Waits until the next frame is due; keeps the rate over time, without catching up in bursts."""

    def __init__(self, rate: float) -> None:
        self._interval = 1.0 / rate
        self._due: float | None = None

    def wait(self) -> None:
        """Sleep until the next frame is due."""
        now = time.monotonic()
        if self._due is None or now - self._due > self._interval:
            self._due = now
        if self._due > now:
            time.sleep(self._due - now)
        self._due += self._interval
