"""Thread that watches for alarms. No other thread waits for it, and its errors cannot reach the line."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from edge.alarms.parts import PartRules
from edge.alarms.register import AlarmEvent, Change, Register
from edge.alarms.system_checks import ClockCheck, DiskCheck
from edge.core.clock import clock_is_synchronised
from edge.core.files import free_bytes
from edge.settings.alarms import Alarm, AlarmSettings
from edge.settings.settings import Settings

logger = logging.getLogger(__name__)

TICK_S = 0.2
_CHECK_EVERY_S = 10.0
_MOST_PARTS = 10_000  # that wait, should the thread hang
_MOST_TOLD = 1000


class _Part(NamedTuple):
    """A decided part, and the rules for the bundle that decided."""

    rules: PartRules
    score: float | None
    rejected: bool


class _Told(NamedTuple):
    alarm: Alarm
    trouble: str | None
    part: str | None


class AlarmWatch:
    """Collects parts and troubles, checks disk and clock, and raises and clears alarms.

    ``part``, ``tell`` and ``judge_by`` are thread-safe and return at once. ``say`` receives each alarm that
    is raised or cleared; ``folders`` are those that the station writes to.
    """

    def __init__(
        self,
        settings: AlarmSettings,
        rules: PartRules,
        *,
        say: Callable[[AlarmEvent], None],
        folders: Sequence[Path],
    ) -> None:
        self._settings = settings
        self._folders = folders
        self._register = Register(
            clear_s=settings.clear_s, off=[Alarm(name) for name in settings.off.split()]
        )
        self._say = say
        self._disk = DiskCheck(settings.disk_free_mb * 1e6)
        self._clock = ClockCheck(settings.clock_s)
        self._rules = rules
        self._parts: deque[_Part] = deque(maxlen=_MOST_PARTS)
        self._told: deque[_Told] = deque(maxlen=_MOST_TOLD)
        self._telling = threading.Lock()
        self._latest: dict[Alarm, str | None] = {}
        self._next_check = 0.0
        self._complaint = ""
        self.raised: list[Alarm] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Clear all alarms, report that, and end; a thread that hangs is left behind after a second."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def part(self, score: float | None, *, rejected: bool) -> None:
        """Add a decided part; ``score`` is None if there is no valid one."""
        self._parts.append(_Part(self._rules, score, rejected))

    def tell(self, alarm: Alarm, trouble: str | None, *, part: str | None = None) -> None:
        """Set the present trouble of an alarm, or None; ``part`` is the part that it began with."""
        with self._telling:  # or two threads could leave an alarm raised that is over
            if self._latest.get(alarm) != trouble:  # the line tells again and again
                self._latest[alarm] = trouble
                self._told.append(_Told(alarm, trouble, part))

    def judge_by(self, rules: PartRules) -> None:
        """Use the rules of another bundle from the next part on; the reject rate is learned again."""
        self._rules = rules

    def step(self, now: float) -> None:
        """Process everything since the last call; ``now`` is monotonic seconds."""
        self._hear_of_parts()
        for alarm, trouble in self._rules.troubles().items():
            self._register.tell(alarm, trouble, now)
        while self._told:
            told = self._told.popleft()
            self._register.tell(told.alarm, told.trouble, now, part=told.part)
        if now >= self._next_check:
            self._next_check = now + _CHECK_EVERY_S
            self._check_system(now)
        self._pass_on(self._register.step(now))

    def _hear_of_parts(self) -> None:
        if len(self._parts) == _MOST_PARTS:
            logger.warning("alarms: too many parts at once; some were not counted for the alarms")
        while self._parts:
            part = self._parts.popleft()
            part.rules.add(part.score, rejected=part.rejected)

    def _check_system(self, now: float) -> None:
        if self._settings.disk_free_mb:
            free = {str(folder): free_bytes(folder) for folder in self._folders}
            self._register.tell(Alarm.DISK, self._disk.trouble(free), now)
        if self._settings.clock_s:
            self._register.tell(Alarm.CLOCK, self._clock.trouble(clock_is_synchronised(), now), now)

    def _pass_on(self, changes: list[Change]) -> None:
        self.raised = self._register.raised
        for change in changes:
            log = logger.warning if change.raised else logger.info
            log("alarm %s: %s", change.alarm, change.text)
            self._say(AlarmEvent(change, datetime.now(UTC)))

    def _run(self) -> None:
        while not self._stop.wait(TICK_S):
            self._try(lambda: self.step(time.monotonic()))
        self._try(lambda: self.step(time.monotonic()))
        self._try(lambda: self._pass_on(self._register.end()))

    def _try(self, step: Callable[[], None]) -> None:
        """Run a step; an error in one rule must not end the others, and is logged once."""
        try:
            step()
        except Exception as error:
            complaint = f"{type(error).__name__}: {error}"
            if complaint != self._complaint:
                logger.exception("alarms")
            self._complaint = complaint


def written_folders(settings: Settings) -> list[Path]:
    """Return the folders that the station writes to."""
    archive = [Path(settings.archive.path)] if settings.archive.path else []
    return [Path(settings.journal.path).parent, *archive]
