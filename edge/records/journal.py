"""The station's record of every inspection, and the outbox from which results are sent.

SQLite in WAL mode. What was appended outlives the process; what was synced outlives a power cut.
Numbers have no gaps, so that what waits for a consumer is everything above one number, its cursor: the latest
that it acknowledged. What is said of the outbox is said of the slowest consumer.
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
    NOBODY,
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
    """A result that was not acknowledged; None where the row holds no text that can be sent."""

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
        self._consumers: tuple[str, ...] | None = None  # None: those that the file knows
        self._cursors: dict[str, int] = {NOBODY: 0}
        self._saved: dict[str, int] = {}
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
        """The number of results that the slowest consumer has not acknowledged."""
        return self._waiting_after(self._slowest)

    @property
    def last(self) -> int:
        """The number of the latest inspection."""
        return self._last

    def cursor(self, consumer: str) -> "Cursor":
        """The journal as one consumer of results sees it; it is one after ``serve``."""
        return Cursor(self, consumer)

    def serve(self, consumers: Sequence[str]) -> None:
        """These wait for what is recorded, now and from now on; others that the file knows wait no longer.

        Whoever is new begins with what is recorded next. Written down before anything else is recorded, so
        that no kill lets it begin later.
        """
        with self._lock:
            self._consumers = tuple(consumers) or (NOBODY,)
            is_open = self._file is not None
        if is_open:
            with suppress(JournalError), self._using() as database:
                self._take_up(database, self._last)

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
            self._take_up(database, self._last)
            first = self._last + 1
            rows = [(first + i, record.recorded, record.message) for i, record in enumerate(records)]
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT INTO inspections (number, recorded, message) VALUES (?, ?, ?)", rows)
            database.execute("COMMIT")
            self._last += len(rows)
            if NOBODY in self._cursors:
                self._cursors[NOBODY] = self._last

    def sync(self) -> None:
        """Write down what was acknowledged, and have the disk keep everything.

        Others go on meanwhile: what waits for the disk holds no lock.
        """
        with self._using() as database:
            if self._cursors != self._saved:
                self._save(database)
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

        By age only what every consumer has is deleted: a wrong clock must not lose a result.
        """
        with self._using() as database:
            upto = max(self._last - self._max_rows, self._first - 1, self._last_too_old(database, now))
            upto = min(upto, self._first - 1 + _TRIMMED_AT_ONCE)
            if upto < self._first:
                return 0
            database.execute("DELETE FROM inspections WHERE number <= ?", (upto,))
            deleted = upto - self._first + 1
            self.dropped += max(0, upto - max(self._slowest, self._first - 1))
            self._first = upto + 1
            self._cursors = {consumer: max(number, upto) for consumer, number in self._cursors.items()}
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
            first, last = database.execute(
                "SELECT (SELECT min(number) FROM inspections), (SELECT max(number) FROM inspections)"
            ).fetchone()
            cursors = dict(database.execute("SELECT consumer, acknowledged FROM cursors").fetchall())
            if not cursors or not all(isinstance(number, int) for number in cursors.values()):
                raise UnknownContentError("nothing says what was acknowledged")
            self._refuse_foreign(whose_is_next(database))
            if last is None:
                last = max(cursors.values())
                first = last + 1
            self._cursors = {consumer: max(number, first - 1) for consumer, number in cursors.items()}
            self._saved = cursors
            self._take_up(database, last)
        except DATABASE_ERRORS as error:
            self._after(error, file)
            raise JournalError(f"{self._path}: cannot be used ({error})") from error
        lost = max(self._last, file.noted) - last
        if file.trouble is None and lost > 0:
            file.trouble = f"journal: {self._path} has lost its latest {lost} inspections"
        with suppress(OSError):
            file.note(last)
        self.replaced = file.trouble or self.replaced
        self._first, self._last = first, last
        self.openings += 1
        return file

    def _take_up(self, database: sqlite3.Connection, last: int) -> None:
        """Have a cursor for each consumer there is, and for no other, in the file as well."""
        if self._consumers is None or set(self._consumers) == set(self._cursors):
            return
        self._cursors = {
            consumer: last if consumer == NOBODY else self._cursors.get(consumer, last)
            for consumer in self._consumers
        }
        self._save(database)

    def _save(self, database: sqlite3.Connection) -> None:
        cursors = dict(self._cursors)
        gone = self._saved.keys() - cursors.keys()
        database.execute("BEGIN IMMEDIATE")
        database.executemany("DELETE FROM cursors WHERE consumer = ?", [(consumer,) for consumer in gone])
        database.executemany(
            "INSERT OR REPLACE INTO cursors VALUES (?, ?)", list(cursors.items() - self._saved.items())
        )
        database.execute("COMMIT")
        self._saved = cursors

    @property
    def _slowest(self) -> int:
        return min(self._cursors.values())

    def _waiting_after(self, number: int) -> int:
        return max(0, self._last - max(number, self._first - 1))

    def _rows_for(self, consumer: str, after: int, limit: int) -> list[OutboxRow]:
        with self._using() as database:
            rows = database.execute(
                "SELECT number, CAST(message AS BLOB) FROM inspections"
                " WHERE number > ? ORDER BY number LIMIT ?",
                (max(after, self._cursors.get(consumer, self._last)), limit),
            ).fetchall()
        return [OutboxRow(number, _sendable(message, self._station)) for number, message in rows]

    def _acknowledge(self, consumer: str, number: int, opening: int) -> None:
        with self._lock:
            if opening == self.openings and consumer in self._cursors:
                self._cursors[consumer] = max(self._cursors[consumer], min(number, self._last))

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
            (self._slowest, _TRIMMED_AT_ONCE),
        ).fetchall()
        last = 0
        for number, recorded in oldest:
            if recorded is None or recorded >= limit:
                break
            last = number
        return last


class Cursor:
    """The place of one consumer of results in a journal."""

    def __init__(self, journal: Journal, consumer: str) -> None:
        self._journal = journal
        self._consumer = consumer

    @property
    def acknowledged(self) -> int:
        """It has everything up to this number."""
        journal = self._journal
        return journal._cursors.get(self._consumer, journal._last)

    @property
    def waiting(self) -> int:
        """The number of results that it has not acknowledged."""
        return self._journal._waiting_after(self.acknowledged)

    def rows(self, *, after: int, limit: int) -> list[OutboxRow]:
        """Rows that it has not acknowledged, in order, with a number greater than ``after``."""
        return self._journal._rows_for(self._consumer, after, limit)

    def acknowledge(self, number: int, *, opening: int) -> None:
        """It has everything up to ``number``; written down by the next ``sync``.

        ``opening`` is the one of ``openings`` that the number is of: another file has other numbers.
        """
        self._journal._acknowledge(self._consumer, number, opening)


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
