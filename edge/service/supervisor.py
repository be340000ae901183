"""The signs of life of a running line for systemd; the line's own thread gives them with each turn.

A loop that hangs feeds nothing, since it is the loop that feeds; a loop that turns while something else in
the daemon is dead stops feeding. Waiting for a camera, a broker or a part is life.
"""

import logging

from edge.service.heartbeat import Heartbeat
from edge.service.notify import Notifier

logger = logging.getLogger(__name__)

FED_S = 1.0  # how often the watchdog is fed, where its limit is not shorter
LIMIT_S = 10.0  # without a sign of life for so long, where systemd names no limit


class Supervisor:
    """Ready once, a status line when it changes, food for the watchdog while every sign of life is there."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._heartbeat = Heartbeat()
        self._limit_s = notifier.watchdog_s or LIMIT_S
        self._pause_s = min(FED_S, self._limit_s / 4)
        self._fed: float | None = None
        self._missed = False
        self._ready = False
        self._status = ""

    def check(self, name: str, now: float, *, seen: bool, more_s: float = 0.0) -> None:
        """True if a sign of life is there now; ``more_s`` is how much longer than others it may be away."""
        self._heartbeat.check(name, now, seen=seen, limit_s=self._limit_s + more_s)

    def turn(self, now: float, status: str) -> None:
        """The loop turned; ``status`` is one line for people."""
        if status != self._status:
            self._status = status
            self._notifier.status(status)
        missed = self._heartbeat.missed(now)
        if missed is not None and not self._missed:
            logger.critical("%s: the watchdog is fed no more, systemd starts a new process", missed)
        self._missed = missed is not None
        if missed is None and (self._fed is None or now - self._fed >= self._pause_s):
            self._fed = now
            self._notifier.alive()

    def ready(self) -> None:
        """Frames can flow, or the camera was tried and is said to be away; only the first call says it."""
        if not self._ready:
            self._ready = True
            self._notifier.ready()

    def stopping(self) -> None:
        """The end begins."""
        self._notifier.stopping()
