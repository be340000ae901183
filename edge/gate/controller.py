"""Run a gate in real time.

Commands that an event makes due are sent from the caller's thread; a background thread sends the rest.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge.core.decision import Verdict
from edge.gate.belt import Belt, CountedBelt, Direction, TimedBelt
from edge.gate.gate import Gate, GateCommand, GateCounts, TrackedPart
from edge.settings.gate import Action, GateSettings

logger = logging.getLogger(__name__)

_RETRY_S = 0.02
_LEAST_PAUSE_S = 0.001
_LONGEST_SLEEP_S = 0.5
_ALIVE_S = 5.0


class GateController:
    """Thread-safe gate; only ``stop`` waits.

    ``send`` delivers a command and returns True if it could; it is never called with the lock held, and must
    check the time itself. ``on_missing`` receives rejected parts that were not seen in the bin,
    ``on_confirmed`` is called for each that was. ``clock`` returns monotonic seconds.
    """

    def __init__(
        self,
        settings: GateSettings,
        *,
        send: Callable[[GateCommand], bool],
        on_missing: Callable[[list[str]], None] = lambda _: None,
        on_confirmed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        now = clock()
        self._belt = _belt(settings, now)
        self._gate = Gate(settings, self._belt)
        self._send = send
        self._on_missing = on_missing
        self._on_confirmed = on_confirmed
        self._changed = threading.Condition()
        self._failed = False
        silence_s = settings.encoder_silence_ms / 1000 if settings.belt == "encoder" else math.inf
        self._longest_sleep_s = min(_LONGEST_SLEEP_S, silence_s / 4)
        self._turned = now
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gate", daemon=True)

    def start(self) -> None:
        """Start the thread that sends commands as they become due."""
        self._thread.start()

    def end(self) -> None:
        """Make faults of parts without a verdict; commands already decided are still sent."""
        with self._acting():
            self._gate.end()

    def stop(self, *, wait_s: float) -> None:
        """Make faults of parts without a verdict, send commands for at most ``wait_s``, then send no more."""
        self.end()
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline and self._thread.is_alive() and not self._is_settled():
            time.sleep(0.005)
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(1.0)

    @property
    def is_alive(self) -> bool:
        """True while the thread runs and is not stuck."""
        return self._thread.is_alive() and self._clock() - self._turned < _ALIVE_S

    @property
    def counts(self) -> GateCounts:
        """Counts of failures at the gate since the start."""
        return self._gate.counts

    @property
    def lost(self) -> str | None:
        """Reason why the position of the parts is unknown, or None."""
        return self._gate.lost

    @property
    def in_flight(self) -> int:
        """Number of parts between camera and gate."""
        return self._gate.in_flight

    def action(self, verdict: Verdict) -> Action:
        """Return the action for a part with this verdict."""
        return self._gate.action(verdict)

    def expect(self, part: str, seen: float, *, count: int | None = None) -> TrackedPart:
        """Register a part seen at ``seen`` (monotonic seconds), or at encoder position ``count``."""
        with self._acting():
            return self._gate.expect(part, seen, count=count)

    def decide(self, tracked: TrackedPart, verdict: Verdict) -> str | None:
        """Set the verdict of a part; return the reason if it is a fault nevertheless, else None."""
        with self._acting() as now:
            return self._gate.decide(tracked, verdict, now)

    def watch(self, at: float) -> None:
        """Note that every part is seen from ``at`` on."""
        with self._acting():
            self._gate.watch(at)

    def unwatch(self, at: float) -> None:
        """Note that parts may pass unseen from ``at`` on."""
        with self._acting():
            self._gate.unwatch(at)

    def move(self, direction: Direction, at: float) -> None:
        """Note the belt's direction from ``at`` on; ignored for a belt with an encoder."""
        with self._acting() as now:
            if not self._belt.has_encoder:
                self._belt.move(direction, at)
                if self._gate.lost is not None:
                    self._gate.found(now)

    def count(self, count: int, at: float) -> None:
        """Note the encoder's ``count`` at ``at``; ignored for a belt without an encoder."""
        with self._acting() as now:
            if self._belt.has_encoder:
                if not self._belt.count(count, at):
                    self._gate.lose("the encoder was set back")
                if self._gate.lost is not None and not self._belt.is_silent(now):
                    self._gate.found(now)

    def change(self, settings: GateSettings) -> None:
        """Apply new settings on the same belt; no part now between camera and gate passes."""
        with self._acting() as now:
            self._gate.change(settings, now)

    def lose(self, reason: str) -> None:
        """Note that the belt's position is unknown, since its messages no longer arrive."""
        with self._acting():
            self._lose(reason)

    def confirm(self) -> None:
        """Register a part seen in the bin."""
        with self._acting() as now:
            expected = self._gate.confirm(now)
        if expected:
            self._on_confirmed()

    def _lose(self, reason: str) -> None:
        if self._gate.lost is None:
            logger.error("gate: nobody knows where the belt is: %s", reason)
            self._gate.lose(reason)

    def undelivered(self, command: GateCommand) -> None:
        """Take back a sent command that did not reach the gate; it is sent again while there is time."""
        with self._changed:
            self._take_back(command)

    def turn(self) -> None:
        """Send what is due now; called by the background thread each time it wakes."""
        with self._changed:
            now = self._turned = self._clock()
            self._failed = False
            if self._belt.is_silent(now):
                self._lose("the encoder is silent")
            commands = self._gate.step(now)
            missing = self._gate.missing(now)
        self._send_all(commands)
        if missing:
            self._on_missing(missing)

    @property
    def wake(self) -> float:
        """Latest monotonic time for the next ``turn``, unless an event comes first."""
        if not self._failed:
            return min(self._gate.wake, self._turned + self._longest_sleep_s)
        # What could not be sent may be due already: that is no reason to do nothing else.
        return min(max(self._gate.wake, self._turned + _LEAST_PAUSE_S), self._turned + _RETRY_S)

    @contextmanager
    def _acting(self) -> Iterator[float]:
        """Hold the lock for a call to the gate, then send the commands that follow from it."""
        with self._changed:
            yield self._clock()
            before = self._gate.wake
            commands = self._gate.step(self._clock())
            if self._gate.wake < before:
                self._changed.notify()
        if not self._stop.is_set():
            self._send_all(commands)

    def _send_all(self, commands: list[GateCommand]) -> None:
        for command in commands:
            is_sent = self._holds(command) and self._send(command)
            with self._changed:
                if is_sent:
                    self._gate.sent(command)
                else:
                    self._take_back(command)

    def _holds(self, command: GateCommand) -> bool:
        """Check again: this thread may have been delayed while another changed the gate's state."""
        with self._changed:
            return self._gate.holds(command, self._clock())

    def _take_back(self, command: GateCommand) -> None:
        self._gate.unsent(command)
        self._failed = True
        self._changed.notify()

    def _is_settled(self) -> bool:
        with self._changed:
            return self._gate.is_settled

    def _run(self) -> None:
        while not self._stop.is_set():
            self.turn()
            with self._changed:
                self._changed.wait(max(0.0, self.wake - self._clock()))


def _belt(settings: GateSettings, now: float) -> Belt:
    if settings.belt == "encoder":
        return CountedBelt(silence_s=settings.encoder_silence_ms / 1000, most_per_s=settings.encoder_max_rate)
    return TimedBelt(now, "forward" if settings.belt == "steady" else "stopped")
