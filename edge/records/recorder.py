"""The record of every inspection: into the journal, and from there to the broker.

The line hands a verdict over and goes on. Threads: the writer moves what waits into the journal, all
of it at once, and keeps it for as long as that fails; upkeep has the disk keep what was written.
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge.alarms.latch import AlarmLatch, TellAlarm
from edge.core.clock import clock_is_synchronised
from edge.core.errors import JournalError, SettingsError
from edge.core.images import Image
from edge.inspection.heat import Heatmap
from edge.records.archive import Archive, ArchiveStatistics
from edge.records.courier import Courier
from edge.records.journal import Journal, Record
from edge.records.journal_file import JournalInUseError, WrongJournalError
from edge.records.outbox import Outbox
from edge.records.result import PartResult
from edge.records.written import WrittenBytes
from edge.settings.alarms import Alarm
from edge.settings.archive import ArchiveSettings
from edge.settings.journal import JournalSettings

logger = logging.getLogger(__name__)

LATE_AFTER_S = 2.0
RETRY_S = 0.5
HANGS_S = 5.0
_BATCH = 500
CHECKPOINT_ROWS = 250
_CHECKPOINT_S = 60.0
STOP_S = 2.0
FROZEN = 0.4  # of the time that there is at the end
_DRAIN_STEP_S = 0.02
_REPLACED_SHOWN_S = 3600.0


@dataclass(frozen=True)
class _Waiting:
    """A record that is not in the journal yet; ``since`` is monotonic: the wall clock may be set."""

    record: Record
    since: float


class Recorder:
    """Keeps what was decided, and has it sent; ``record`` never waits for a disk.

    Raises JournalInUseError if another process writes this journal, SettingsError if it cannot be this
    station's. Any other trouble is said, is an alarm, and is tried again.
    """

    def __init__(
        self,
        path: Path,
        settings: JournalSettings,
        *,
        station: str,
        alarm: TellAlarm,
        archive: Archive | None = None,
        overdue_s: float = 0.0,
    ) -> None:
        age_s = settings.max_days * 86400 if settings.max_days else None
        self._journal = Journal(path, max_rows=settings.max_rows, max_age_s=age_s, station=station)
        self._outboxes: dict[str, Outbox] = {}
        self._sending: tuple[Outbox, ...] = ()
        self._overdue_s = overdue_s or math.inf
        self._alarm = alarm
        self._overdue: dict[str, str | None] = {}
        self._archive = archive
        self._sync_s = settings.sync_ms / 1000
        self._batch_s = settings.batch_ms / 1000
        self._room = settings.queue
        self._records: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._writing = 0
        self._stop = threading.Event()
        self._written = 0
        self._broken = AlarmLatch(Alarm.JOURNAL, alarm)
        self._waits_since = 0.0
        self._is_unkept = False  # written, but the disk was not made to keep it
        self._full = AlarmLatch(Alarm.JOURNAL_FULL, alarm)
        self._replaced = AlarmLatch(Alarm.JOURNAL_REPLACED, alarm)
        self._replaced_until = 0.0
        self._is_leap_said = False
        self._threads = [
            threading.Thread(target=self._write, name="journal", daemon=True),
            threading.Thread(target=self._keep_up, name="journal-upkeep", daemon=True),
        ]
        self._written_bytes = WrittenBytes()
        self.unwritten = 0
        """Inspections without a record, for the journal could not be written for too long."""
        try:
            self._journal.open()
        except JournalInUseError:
            raise
        except WrongJournalError as error:
            raise SettingsError(str(error)) from None
        except JournalError as error:
            self._broken.begins(f"{error}; inspections wait to be recorded")

    def outbox(self, consumer: str) -> Outbox:
        """The sender of results to one consumer, which is to hear what became of them; before ``start``."""
        if consumer not in self._outboxes:
            self._outboxes[consumer] = Outbox(
                self._journal, consumer, alarm=self._outbox_alarm(consumer), overdue_s=self._overdue_s
            )
        return self._outboxes[consumer]

    def start(self, couriers: Sequence[Courier]) -> None:
        """Start recording, and sending by ``couriers``; without one nobody waits for what is recorded."""
        self._journal.serve([courier.consumer for courier in couriers])
        self._sending = tuple(self.outbox(courier.consumer) for courier in couriers)
        for outbox, courier in zip(self._sending, couriers, strict=True):
            outbox.start(courier)
        for thread in self._threads:
            thread.start()
        if self._archive is not None:
            self._archive.start()

    def archive_by(self, settings: ArchiveSettings) -> None:
        """Which share is archived, and in what room, from now on."""
        if self._archive is not None:
            self._archive.use(settings)

    def record(self, message: PartResult, image: Image, heatmap: Heatmap | None = None) -> None:
        """Keep one verdict, perhaps its image, and send it; returns at once. Nobody may change the image."""
        record = Record(time.time(), message.payload().decode())
        now = time.monotonic()
        with self._changed:
            if not self._records:
                self._waits_since = now
            hangs = now - self._waits_since > HANGS_S
            if len(self._records) + self._writing < self._room:
                self._records.append(_Waiting(record, now))
                self._changed.notify_all()
            else:
                self.unwritten += 1
        if hangs:
            self._broken.begins(f"journal: its disk hangs for {HANGS_S:g} s; inspections wait to be recorded")
        if self._archive is not None:
            self._archive.offer(message, image, heatmap)

    @property
    def is_alive(self) -> bool:
        """True if every thread that records or sends still does."""
        writes = all(thread.is_alive() for thread in self._threads)
        return writes and all(outbox.is_alive for outbox in self._sending)

    @property
    def waiting(self) -> int:
        """The number of verdicts that the slowest consumer has not acknowledged."""
        with self._changed:
            queued = len(self._records) + self._writing
        return queued + self._journal.waiting

    @property
    def dropped(self) -> int:
        """The number of verdicts that were deleted unsent, or can never be sent."""
        unsendable = max((outbox.unsendable for outbox in self._sending), default=0)
        return self._journal.dropped + unsendable

    @property
    def written_bytes_hour(self) -> int | None:
        """Bytes given to the disk in the last hour; None where the kernel does not count them."""
        return self._written_bytes.last_hour

    @property
    def archive(self) -> ArchiveStatistics | None:
        """Counts of images to archive; None without an archive."""
        return None if self._archive is None else self._archive.statistics

    def stop(self, *, drain_s: float) -> int:
        """Write what waits, wait for consumers for at most ``drain_s``, and close the journal.

        If none of them takes anything for two fifths of that, they are not waited for any more.

        Returns how many verdicts wait there for the next start.
        """
        if self._threads[0].is_alive():
            self._wait(lambda: not self._queued, STOP_S)
            self._drain(drain_s)
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(STOP_S)
        for outbox in self._sending:
            outbox.stop()
        is_closed = self._close()
        if self._archive is not None:
            self._archive.stop()
        if not is_closed:
            logger.error(
                "journal: its disk hangs, and it is left open: %d inspections have no record, "
                "and a power cut now would take what was not synced",
                self._queued,
            )
        elif self._queued:
            logger.error("journal: %d inspections could not be recorded", self._queued)
        return self._journal.waiting

    def _close(self) -> bool:
        """Close the journal; False where its disk hangs, for which nobody can wait at the end."""
        closing = threading.Thread(target=self._journal.close, name="journal-close", daemon=True)
        closing.start()
        closing.join(STOP_S)
        return not closing.is_alive()

    @property
    def _queued(self) -> int:
        return len(self._records) + self._writing

    def _drain(self, most_s: float) -> None:
        """Wait for consumers, while the slowest takes anything."""
        left, deadline = self.waiting + 1, time.monotonic() + most_s
        while self.waiting < left and (more := min(most_s * FROZEN, deadline - time.monotonic())) > 0:
            left = self.waiting
            self._wait(lambda before=left: self.waiting < max(before, 1), more)  # type: ignore[misc]

    def _wait(self, is_done: Callable[[], bool], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not is_done() and time.monotonic() < deadline:
            self._wake()
            time.sleep(_DRAIN_STEP_S)

    def _write(self) -> None:
        """The writer's thread."""
        while not self._stop.is_set():
            with self._changed:
                while not self._records and not self._stop.is_set():
                    self._changed.wait()
            self._stop.wait(self._batch_s)
            with self._changed:
                self._waits_since = time.monotonic()
                batch = [self._records.popleft() for _ in range(min(_BATCH, len(self._records)))]
                self._writing = len(batch)
            if batch and not self._append(batch):
                with self._changed:
                    self._records.extendleft(reversed(batch))
                    self._writing = 0
                self._stop.wait(RETRY_S)
            with self._changed:
                self._writing = 0

    def _append(self, batch: list[_Waiting]) -> bool:
        try:
            self._journal.append([self._as_published(waiting) for waiting in batch])
        except Exception as error:  # whatever it is, the thread must not end
            # The gate has its command; a record that cannot be kept must not stop the line.
            self._broken.begins(f"{error}; inspections wait to be recorded")
            return False
        self._written += len(batch)
        if not self._is_unkept:
            lost = f"; {self.unwritten} inspections since the start have no record" if self.unwritten else ""
            self._broken.ends(f"journal: can be written again{lost}")
        self._wake()
        return True

    def _wake(self) -> None:
        for outbox in self._sending:
            outbox.wake()

    def _as_published(self, waiting: _Waiting) -> Record:
        """With what is said of its lateness: fixed before anybody hears of it, as one id has one content."""
        record = waiting.record
        is_prompt = all(outbox.is_prompt for outbox in self._sending)
        if not self._sending or (is_prompt and time.monotonic() - waiting.since < LATE_AFTER_S):
            return record
        return replace(record, message=record.message.replace('"late":false', '"late":true'))

    def _outbox_alarm(self, consumer: str) -> TellAlarm:
        """The one alarm of all outboxes: it is over when no consumer is waited for."""

        def tell(alarm: Alarm, text: str | None) -> None:
            with self._changed:
                self._overdue[consumer] = text
                of_any = next((text for text in self._overdue.values() if text is not None), None)
            self._alarm(alarm, of_any)

        return tell

    def _keep_up(self) -> None:
        """The upkeep's thread: sync, trim, checkpoint."""
        settled, since = 0, time.monotonic()
        while not self._stop.wait(self._sync_s):
            now = time.monotonic()
            self._written_bytes.note(now)
            try:
                self._journal.sync()
                if self._written - settled >= CHECKPOINT_ROWS or now - since >= _CHECKPOINT_S:
                    settled, since = self._written, now
                    self._trim()
                    self._journal.checkpoint()
                self._is_unkept = False
            except Exception as error:  # whatever it is, the thread must not end
                self._is_unkept = True
                self._broken.begins(f"{error}; what was written may not outlive a power cut")
            self._say()

    def _trim(self) -> None:
        # A clock that is known to be wrong says nothing about age.
        by_age = clock_is_synchronised() is not False
        while self._journal.trim(time.time() if by_age else 0.0):
            pass
        leap = self._journal.leap
        if leap is not None and not self._is_leap_said:
            logger.warning(
                "journal: the clock went ahead by %.0f days at once: nothing is deleted by age for now",
                leap / 86400,
            )
        self._is_leap_said = leap is not None

    def _say(self) -> None:
        """Raise and clear what can only be seen from here."""
        if self._journal.dropped and self._journal.waiting >= self._journal.rows:
            self._full.begins("journal: full (journal.max_rows): the oldest unsent verdicts are deleted")
        else:
            self._full.ends("journal: unsent verdicts have room again")
        if (text := self._journal.replaced) is not None:
            self._journal.replaced = None
            if self._replaced.is_there:
                logger.error("%s", text)  # the alarm tells of the first one
            self._replaced.begins(text)
            self._replaced_until = time.monotonic() + _REPLACED_SHOWN_S
        elif time.monotonic() > self._replaced_until:
            self._replaced.ends("journal: the new one goes well")
