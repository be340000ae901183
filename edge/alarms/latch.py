"""Alarm for an external trouble that comes and goes: raised when it begins, cleared when it ends."""

import logging
import threading
from collections.abc import Callable

from edge.core.once import Once
from edge.settings.alarms import Alarm

logger = logging.getLogger(__name__)

TellAlarm = Callable[[Alarm, str | None], None]
"""Receives an alarm and its trouble, or None; returns at once."""


class AlarmLatch:
    """Latch of one alarm. Thread-safe."""

    def __init__(self, name: Alarm, alarm: TellAlarm) -> None:
        self._name = name
        self._alarm = alarm
        self._lock = threading.Lock()
        self._is_there = False
        self._said = Once()

    @property
    def is_there(self) -> bool:
        """True if the alarm is raised."""
        return self._is_there

    def begins(self, text: str) -> None:
        """Raise the alarm unless it is raised; a new reason is logged in either case."""
        with self._lock:
            begins, self._is_there = not self._is_there, True
            is_new = self._said.is_new(text)
        if is_new:
            logger.error("%s", text, stacklevel=2)  # the place that says it, as others do
        if begins:
            self._alarm(self._name, text)

    def ends(self, text: str) -> None:
        """Clear the alarm if it is raised."""
        with self._lock:
            ends, self._is_there = self._is_there, False
            self._said.clear()
        if ends:
            logger.warning("%s", text, stacklevel=2)
            self._alarm(self._name, None)
