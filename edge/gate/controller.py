"""The gate on real time: whoever tells it something has what follows sent at once, a thread does the rest."""

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
    """A gate for many threads; every method returns at once.

    ``send`` hands a command over, and says whether it could; it is never called while our lock is held, and
    looks at the clock itself. ``on_missing`` gets rejected parts that were not seen in the bin,
    ``on_confirmed`` hears of one that was. ``clock`` gives monotonic seconds.
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
        """Send what is due from now on, also when nobody tells anything."""
        self._thread.start()

    def end(self) -> None:
        """No verdict comes any more: parts without one are faults; what is held goes on being sent."""
        with self._acting():
            self._gate.end()

    def stop(self, *, wait_s: float) -> None:
        """Make faults of parts without a verdict; send the rest for at most ``wait_s``; nothing follows."""
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
        """True if our thread still does what is due."""
        return self._thread.is_alive() and self._clock() - self._turned < _ALIVE_S

    @property
    def counts(self) -> GateCounts:
        """Counts of failures at the gate since the start."""
        return self._gate.counts

    @property
    def lost(self) -> str | None:
        """Why nobody knows where the parts are, or None."""
        return self._gate.lost

    @property
    def in_flight(self) -> int:
        """The number of parts on their way."""
        return self._gate.in_flight

    def action(self, verdict: Verdict) -> Action:
        """The action for a part with this verdict."""
        return self._gate.action(verdict)

    def expect(self, part: str, seen: float, *, count: int | None = None) -> TrackedPart:
        """A part was at the camera at ``seen``, or where the encoder stood at ``count``."""
        with self._acting():
            return self._gate.expect(part, seen, count=count)

    def decide(self, tracked: TrackedPart, verdict: Verdict) -> str | None:
        """The verdict of a part; returns why it is a fault nevertheless, or None."""
        with self._acting() as now:
            return self._gate.decide(tracked, verdict, now)

    def watch(self, at: float) -> None:
        """From ``at`` on every part is seen."""
        with self._acting():
            self._gate.watch(at)

    def unwatch(self, at: float) -> None:
        """From ``at`` on parts may go by unseen."""
        with self._acting():
            self._gate.unwatch(at)

    def move(self, direction: Direction, at: float) -> None:
        """The belt was told to go this way; says nothing to a belt with an encoder."""
        with self._acting() as now:
            if not self._belt.has_encoder:
                self._belt.move(direction, at)
                if self._gate.lost is not None:
                    self._gate.found(now)

    def count(self, count: int, at: float) -> None:
        """The encoder stands at ``count``."""
        with self._acting() as now:
            if self._belt.has_encoder:
                if not self._belt.count(count, at):
                    self._gate.lose("the encoder was set back")
                if self._gate.lost is not None and not self._belt.is_silent(now):
                    self._gate.found(now)

    def change(self, settings: GateSettings) -> None:
        """Another gate for the same belt from now on; nothing passes that is on its way."""
        with self._acting() as now:
            self._gate.change(settings, now)

    def lose(self, reason: str) -> None:
        """Messages of the belt don't come any more; on a belt that sends none this says nothing."""
        with self._acting():
            self._lose(reason)

    def confirm(self) -> None:
        """A part was seen in the bin."""
        with self._acting() as now:
            expected = self._gate.confirm(now)
        if expected:
            self._on_confirmed()

    def _lose(self, reason: str) -> None:
        if self._gate.lost is None:
            logger.error("gate: nobody knows where the belt is: %s", reason)
            self._gate.lose(reason)

    def undelivered(self, command: GateCommand) -> None:
        """A command that was sent did not reach the gate; it comes again while there is time."""
        with self._changed:
            self._take_back(command)

    def turn(self) -> None:
        """Do what is due now, though nobody tells anything; the thread calls it whenever it wakes."""
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
        """When to call ``turn`` again at the latest, if nothing happens before."""
        if not self._failed:
            return min(self._gate.wake, self._turned + self._longest_sleep_s)
        # What could not be sent may be due already: that is no reason to do nothing else.
        return min(max(self._gate.wake, self._turned + _LEAST_PAUSE_S), self._turned + _RETRY_S)

    @contextmanager
    def _acting(self) -> Iterator[float]:
        """Tell the gate something under the lock, then send what follows from it."""
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
        """Looks again: this thread may have been held up, and another have told the gate something."""
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
