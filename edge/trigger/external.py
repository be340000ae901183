"""Trigger for parts announced from outside: by a message or an input line."""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Generic

from edge.core.frame import Frame
from edge.trigger.trigger import Observer, P, PartFrame, Trigger

WAITING = 1000


@dataclass
class _Waiting(Generic[P]):
    context: P
    given: int = 0


class ExternalTrigger(Trigger[P]):
    """Gives each part the first ``frames`` frames captured at least ``delay_s`` after its trigger.

    A frame belongs to one part: to the last one triggered before it. A part is a fault if it does not have
    all of them by ``timeout_s``, or none before the next part has one.
    """

    def __init__(self, observer: Observer[P], *, delay_s: float, timeout_s: float, frames: int) -> None:
        self._observer = observer
        self._delay_s = delay_s
        self._timeout_s = timeout_s
        self._frames = frames
        self._waiting: deque[_Waiting[P]] = deque()
        self._lock = threading.Lock()
        self._unheard: str | None = "nothing to listen to yet"
        self._begun = False

    @property
    def trouble(self) -> str | None:
        """Reason why triggers may not be received, or None."""
        return self._unheard

    def announce(self, part: str | None, at: float, *, count: int | None = None) -> bool:
        """Register a part at the camera; return False if too many wait for a frame. Thread-safe."""
        context = self._observer.expect(part, at, count=count)
        with self._lock:
            if len(self._waiting) >= WAITING:
                return False
            self._waiting.append(_Waiting(context))
        return True

    def hear(self, trouble: str | None, at: float) -> None:
        """Note that triggers are received from ``at`` on, or not if ``trouble`` is given. Thread-safe."""
        was_unheard, self._unheard = self._unheard is not None, trouble
        if self._begun and was_unheard != (trouble is not None):
            if trouble is None:
                self._observer.watch(at)
            else:
                self._observer.unwatch(at)

    def begin(self, now: float) -> None:
        """Start watching, if triggers are being received."""
        self._begun = True
        if self._unheard is None:
            self._observer.watch(now)

    def end(self, now: float) -> None:
        """Stop watching."""
        self._begun = False
        self._observer.unwatch(now)

    def take(self, frame: Frame) -> list[PartFrame[P]]:
        """Return the frame with the part it belongs to, and the end of parts that were passed over."""
        with self._lock:
            part_frames = self._drop_until(frame.captured)
            called = [w for w in self._waiting if frame.captured >= w.context.seen + self._delay_s]
            for passed in called[:-1]:
                self._waiting.remove(passed)
                part_frames.append(PartFrame(passed.context, None))
            if called:
                part = called[-1]
                part.given += 1
                is_last = part.given == self._frames
                if is_last:
                    self._waiting.remove(part)
                part_frames.append(PartFrame(part.context, frame, is_last))
        return part_frames

    def overdue(self, now: float) -> list[PartFrame[P]]:
        """Return parts for which no frame came in time."""
        with self._lock:
            return self._drop_until(now)

    def interrupt(self) -> None:
        """Do nothing: triggers still come without a camera, and their parts become faults."""

    def _drop_until(self, now: float) -> list[PartFrame[P]]:
        latest = self._delay_s + self._timeout_s
        gone = [w for w in self._waiting if now > w.context.seen + latest]
        for waiting in gone:
            self._waiting.remove(waiting)
            if waiting.given:
                came = f"only {waiting.given} of {self._frames} frames of this part came in time"
                waiting.context.trouble = came
        return [PartFrame(waiting.context, None) for waiting in gone]
