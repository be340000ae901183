"""The station's record of every inspection, and the outbox from which verdicts are sent.

SQLite in WAL mode. What was appended outlives the process; what was synced outlives a power cut.
Numbers have no gaps, so that the outbox is everything above one number, the acknowledged one.
"""

import json
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edge.core.errors import JournalError, one_line
from edge.records.ages import leap
from edge.records.journal_file import (
    DATABASE_ERRORS,
    ForeignJournalError,
    JournalFile,
    UnknownContentError,
    is_damage,
    set_aside,
    whose_is_next,
)

logger = logging.getLogger(__name__)

LARGEST_BYTES = 64 * 1024
_TRIMMED_AT_ONCE = 2000


@dataclass(frozen=True)
class Record:
    """One verdict message as JSON, as it will be published; ``recorded`` is wall-clock seconds."""

    recorded: float
    message: str


@dataclass(frozen=True)
class OutboxRow:
    """A verdict that the broker has not acknowledged; None where the row holds no text that can be sent."""

    number: int
    message: bytes | None


class Journal:
    """One SQLite file, used from several threads; a file that breaks is opened again, or replaced.

    Every method may raise JournalError, which the next call may not: the disk may be back. With ``station``
    verdicts of others are not sent.
    """

    def __init__(
        self, path: Path, *, max_rows: int, max_age_s: float | None = None, station: str | None = None
    ) -> None:
        self._path = Path(
            os.path.realpath(path)
        )  # of a link the file that it names: SQLite's other files lie beside that
        self._station = station
        self._max_rows = max_rows
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._file: JournalFile | None = None
        self._first = 1
        self._last = 0
        self._acknowledged = 0
        self._saved = 0
        self._is_sent = True
        self.openings = 0
        """How often a file was opened: what was known of numbers holds no longer."""
        self.dropped = 0
        """Verdicts deleted unsent, for want of room."""
        self.replaced: str | None = None
        """What others did to the file since somebody looked; set to None by whoever says it."""
        self.leap: float | None = None
        """By so many seconds the clock went ahead at once, so that nothing is deleted by age for now."""

    @property
    def rows(self) -> int:
        """The number of inspections in it."""
        return self._last - self._first + 1

    @property
    def waiting(self) -> int:
        """The number of verdicts that the broker has not acknowledged."""
        return max(0, self._last - max(self._acknowledged, self._first - 1))

    @property
    def last(self) -> int:
        """The number of the latest inspection."""
        return self._last

    @property
    def acknowledged(self) -> int:
        """The broker has everything up to this number."""
        return self._acknowledged

    def open(self) -> None:
        """Open the file now, not at the first use.

        Raises JournalInUseError if another process writes it, and ForeignJournalError where what waits for
        the broker is of another station.
        """
        with self._using():
            pass

    def append(self, records: Sequence[Record]) -> None:
        """Record inspections, all or none of them."""
        with self._using() as database:
            first = self._last + 1
            rows = [(first + i, record.recorded, record.message) for i, record in enumerate(records)]
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT INTO inspections (number, recorded, message) VALUES (?, ?, ?)", rows)
            database.execute("COMMIT")
            self._last += len(rows)
            if not self._is_sent:
                self._acknowledged = self._last

    def outbox(self, *, after: int, limit: int) -> list[OutboxRow]:
        """Rows that were not acknowledged, in order, with a number greater than ``after``."""
        with self._using() as database:
            rows = database.execute(
                "SELECT number, CAST(message AS BLOB) FROM inspections"
                " WHERE number > ? ORDER BY number LIMIT ?",
                (max(after, self._acknowledged), limit),
            ).fetchall()
        return [OutboxRow(number, _sendable(message, self._station)) for number, message in rows]

    def acknowledge(self, number: int, *, opening: int) -> None:
        """The broker has everything up to ``number``; written down by the next ``sync``.

        ``opening`` is the one of ``openings`` that the number is of: another file has other numbers.
        """
        with self._lock:
            if opening == self.openings:
                self._acknowledged = max(self._acknowledged, min(number, self._last))

    def expect_no_broker(self) -> None:
        """Nobody waits for what is recorded, now and from now on."""
        with self._lock:
            self._is_sent = False
            self._acknowledged = self._last

    def sync(self) -> None:
        """Write down what was acknowledged, and have the disk keep everything.

        Others go on meanwhile: what waits for the disk holds no lock.
        """
        with self._using() as database:
            if self._acknowledged != self._saved:
                database.execute("UPDATE outbox SET acknowledged = ?", (self._acknowledged,))
                self._saved = self._acknowledged
            file, last = self._file, self._last
        try:
            # SQLite's own locks are on the two other files, so closing this one releases none.
            handle = os.open(f"{self._path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError as error:
            raise JournalError(f"{self._path}: cannot be synced ({error.strerror})") from error
        try:
            os.fdatasync(handle)
        except OSError as error:
            raise JournalError(f"{self._path}: cannot be synced ({error.strerror})") from error
        finally:
            os.close(handle)
        with self._lock, suppress(OSError):
            if file is not None and file is self._file:
                file.note(last)

    def checkpoint(self) -> None:
        """Move what was appended from the write-ahead file to where it belongs; others go on meanwhile."""
        with suppress(*DATABASE_ERRORS):  # appending meets the same trouble, and says so
            second = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=rw", uri=True, timeout=0)
            try:
                second.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                second.close()

    def trim(self, now: float) -> int:
        """Delete the oldest inspections beyond the bounds, some at a time; returns how many it were.

        By age only what was sent is deleted: a wrong clock must not lose a verdict.
        """
        with self._using() as database:
            upto = max(self._last - self._max_rows, self._first - 1, self._last_too_old(database, now))
            upto = min(upto, self._first - 1 + _TRIMMED_AT_ONCE)
            if upto < self._first:
                return 0
            database.execute("DELETE FROM inspections WHERE number <= ?", (upto,))
            deleted = upto - self._first + 1
            self.dropped += max(0, upto - max(self._acknowledged, self._first - 1))
            self._first = upto + 1
            self._acknowledged = max(self._acknowledged, upto)
            return deleted

    def close(self) -> None:
        """Write everything back and close the file."""
        with suppress(JournalError):
            self.sync()
        with self._lock:
            self._close_file()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """The open file, for one thread at a time."""
        with self._lock:
            file = self._still_open() or self._open_file()
            try:
                yield file.database
            except DATABASE_ERRORS as error:
                self._after(error, file)
                raise JournalError(f"{self._path}: cannot be used ({error})") from error

    def _still_open(self) -> JournalFile | None:
        """The file that is open, if it still is the one in the folder; what others did to it is put right."""
        file = self._file
        if file is None:
            return None
        if not file.is_there():
            self.replaced = f"journal: {self._path} was taken away; a new one begins"
            self._last = 0
            self._file = None
            with suppress(*DATABASE_ERRORS):
                file.leave()
            return None
        try:
            file.keep_lock()
            if file.is_torn() and file.save_tail():
                self.replaced = f"journal: somebody took {self._path}-wal or -shm away; all was saved"
                self._close_file()
        except (OSError, *DATABASE_ERRORS) as error:
            raise JournalError(f"{self._path}: cannot be used ({error})") from error
        return self._file

    def _open_file(self) -> JournalFile:
        file = JournalFile(self._path)
        self._file = file
        try:
            database = file.database
            # In one SELECT without the inner ones SQLite would read the whole table.
            first, last, acknowledged = database.execute(
                "SELECT (SELECT min(number) FROM inspections), (SELECT max(number) FROM inspections),"
                " (SELECT acknowledged FROM outbox)"
            ).fetchone()
            if not isinstance(acknowledged, int):
                raise UnknownContentError("nothing says what was acknowledged")
            self._refuse_foreign(whose_is_next(database))
        except DATABASE_ERRORS as error:
            self._after(error, file)
            raise JournalError(f"{self._path}: cannot be used ({error})") from error
        if last is None:
            first, last = acknowledged + 1, acknowledged
        lost = max(self._last, file.noted) - last
        if file.trouble is None and lost > 0:
            file.trouble = f"journal: {self._path} has lost its latest {lost} inspections"
        with suppress(OSError):
            file.note(last)
        self.replaced = file.trouble or self.replaced
        acknowledged = max(acknowledged, first - 1)
        self._first, self._last, self._acknowledged, self._saved = first, last, acknowledged, acknowledged
        if not self._is_sent:
            self._acknowledged = last
        self.openings += 1
        return file

    def _refuse_foreign(self, station: str | None) -> None:
        """Another station's journal is left alone at the start; one in place of ours is set aside."""
        if station is None or self._station is None or station == self._station:
            return
        if self.openings:
            raise UnknownContentError(f"what it holds for the broker is of station {one_line(station)[:100]}")
        self._close_file()
        raise ForeignJournalError(self._path, station, self._station)

    def _after(self, error: Exception, file: JournalFile) -> None:
        """Leave the file as if the failed use had not been; one that will fail again is replaced."""
        with suppress(*DATABASE_ERRORS):
            if file.database.in_transaction:
                file.database.execute("ROLLBACK")
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY):
            return
        self._close_file()
        if is_damage(error):
            try:
                self.replaced = set_aside(self._path, str(error))
                self._last = 0
            except OSError as problem:
                logger.error("journal: %s is damaged and cannot be set aside (%s)", self._path, problem)

    def _close_file(self) -> None:
        if self._file is not None:
            with suppress(OSError, *DATABASE_ERRORS):
                self._file.close()
        self._file = None

    def _last_too_old(self, database: sqlite3.Connection, now: float) -> int:
        """The last of the oldest rows that are beyond the age, and were sent; 0 if none is."""
        if self._max_age_s is None:
            return 0
        limit = now - self._max_age_s
        before, after = database.execute(
            "SELECT (SELECT max(recorded) FROM inspections WHERE recorded < ?1),"
            " (SELECT min(recorded) FROM inspections WHERE recorded >= ?1)",
            (limit,),
        ).fetchone()
        self.leap = leap(before, now if after is None else after)
        if self.leap is not None:
            return 0
        oldest = database.execute(
            "SELECT number, CAST(recorded AS REAL) FROM inspections WHERE number <= ?"
            " ORDER BY number LIMIT ?",
            (self._acknowledged, _TRIMMED_AT_ONCE),
        ).fetchall()
        last = 0
        for number, recorded in oldest:
            if recorded is None or recorded >= limit:
                break
            last = number
        return last


def _sendable(message: object, station: str | None) -> bytes | None:
    """A message as this station can publish it; None for what a damaged file holds instead."""
    if not isinstance(message, bytes) or len(message) > LARGEST_BYTES:
        return None
    try:
        said = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not isinstance(said.get("id"), str):
        return None
    return message if station is None or said.get("station") == station else None
