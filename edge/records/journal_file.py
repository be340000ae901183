"""The journal's file: its tables, how older files become newer ones, and what is done with a damaged one."""

import fcntl
import logging
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from edge.core.errors import JournalError, one_line
from edge.core.files import sync_folder

logger = logging.getLogger(__name__)

KEPT_ASIDE = 5
# SQLITE_ERROR: a table or column is missing, or the format is another.
_DAMAGE = (
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_FORMAT,
)
BUSY_S = 1.0
_DIGITS = 20
DATABASE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What the database raises; the second where the names in a damaged file are no text."""


def _from_message(name: str, kind: str) -> str:
    """A column that is read out of the message; a damaged message has none, rather than an error."""
    value = f"CASE WHEN json_valid(message) THEN json_extract(message, '$.{name}') END"
    return f'"{name}" {kind} GENERATED ALWAYS AS ({value}) VIRTUAL'


# An index costs a page at every write: class and score are looked up within a time, so they have none.
_TABLES = (
    f"""CREATE TABLE inspections (
        number INTEGER PRIMARY KEY,
        recorded REAL NOT NULL,
        message TEXT NOT NULL,
        {_from_message("part", "TEXT")},
        {_from_message("verdict", "TEXT")},
        {_from_message("class", "TEXT")},
        {_from_message("score", "REAL")},
        {_from_message("recipe", "TEXT")},
        {_from_message("lot", "TEXT")}
    )""",
    "CREATE INDEX by_time ON inspections (recorded)",
    "CREATE INDEX by_part ON inspections (part)",
    "CREATE INDEX by_reject ON inspections (verdict, recorded) WHERE verdict <> 'ok'",
    "CREATE INDEX by_lot ON inspections (lot, recorded) WHERE lot IS NOT NULL",
)

NOBODY = ""
"""Has a cursor where nobody waits for results: it is always at the last one."""
BROKER = "mqtt"
"""The consumer whose cursor was the only one, up to version 2."""
_CURSORS = "CREATE TABLE cursors (consumer TEXT PRIMARY KEY, acknowledged INTEGER NOT NULL) WITHOUT ROWID"

# From each version to the next. 1: a flag in each row said what was acknowledged. 2: the broker alone had a
# cursor, in a table outbox.
_STEPS = {
    0: (*_TABLES, _CURSORS, "INSERT INTO cursors VALUES ('', 0)", "PRAGMA user_version = 3"),
    1: (
        "ALTER TABLE inspections RENAME TO before",
        "DROP INDEX outbox",
        *_TABLES,
        "CREATE TABLE outbox (acknowledged INTEGER NOT NULL)",
        # What is said of lateness is in the message now, where it cannot change any more.
        "INSERT INTO inspections (recorded, message) SELECT recorded,"
        " iif(late = 0, message, replace(message, '\"late\":false', '\"late\":true'))"
        " FROM before ORDER BY number",
        "INSERT INTO outbox SELECT count(*) FROM before WHERE number <"
        " coalesce((SELECT min(number) FROM before WHERE acknowledged = 0),"
        " (SELECT max(number) + 1 FROM before))",
        "DROP TABLE before",
        "PRAGMA user_version = 2",
    ),
    2: (
        _CURSORS,
        "INSERT INTO cursors SELECT 'mqtt', acknowledged FROM outbox LIMIT 1",
        "DROP TABLE outbox",
        "PRAGMA user_version = 3",
    ),
}
SCHEMA_VERSION = 3
_UPDATED = (
    "journal: %s: of an earlier release (version %d); all that it held is kept, as version %d from now on"
)


class JournalInUseError(JournalError):
    """Another process writes this journal."""


class EarlierJournalError(JournalError):
    """The file is of an earlier release; a station that opens it brings it up to date."""


class WrongJournalError(JournalError):
    """The file that journal.path names cannot be the journal of this station."""


class ForeignJournalError(WrongJournalError):
    """The verdicts that wait in it for the broker are of another station."""

    def __init__(self, path: Path, theirs: str, ours: str) -> None:
        super().__init__(
            f"journal.path: {path}: what it holds for the broker is of station {one_line(theirs)[:100]}, and "
            f"station.name is {ours}; give this station its own journal, or that name until all is sent"
        )


class JournalFile:
    """An open journal file; only one process at a time has it open for writing.

    Raises JournalInUseError where another one has it, JournalError where it cannot be opened now. A file
    that is damaged or of an unknown version is set aside, and a new one takes its place. WrongJournalError
    where there is something else than a file: a device would be set aside as well.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tail, self._index = _beside(path, "-wal"), _beside(path, "-shm")
        self.trouble: str | None = None
        """What was set aside to open this file, and why; or what it has lost since it was open."""
        self._lock: int | None = None
        refuse_no_file(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(path)
            self.noted = _noted(self._lock) if path.exists() else 0
            """The last number that an earlier process made the disk keep, as it noted beside the file."""
            self.database = self._open_or_replace()
            self._identity = _identity(path)
            self._tail_identity, self._index_identity = _identity(self._tail), _identity(self._index)
        except (OSError, *DATABASE_ERRORS) as error:
            self._unlock()
            raise JournalError(f"journal.path: {path}: cannot be used ({error})") from error

    def is_there(self) -> bool:
        """True if the file is still the one in the folder; nothing that is written to another one lasts."""
        return _is_still(self.path, self._identity)

    def is_torn(self) -> bool:
        """True if somebody took the write-ahead file away, or its index.

        What it holds lasts only while this is open; without an index that others see it grows for ever.
        """
        is_whole = _is_still(self._tail, self._tail_identity) and _is_still(self._index, self._index_identity)
        return not is_whole

    def save_tail(self) -> bool:
        """Move what a write-ahead file holds that was taken away to where it belongs; False if not all."""
        _, written, moved = self.database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return bool(written == moved)

    def keep_lock(self) -> None:
        """Lock again where somebody took the lock's file away; JournalInUseError if another was first."""
        if self._lock is not None and not _is_still(_beside(self.path, ".lock"), _identity(self._lock)):
            before, self._lock = self._lock, _lock(self.path)
            self.noted = 0
            os.close(before)

    def note(self, number: int) -> None:
        """Note what the disk keeps now; who opens a file with less says that rows miss. Raises OSError."""
        if self._lock is not None and number != self.noted:
            os.pwrite(self._lock, b"%0*d\n" % (_DIGITS, number), 0)
            self.noted = number

    def leave(self) -> None:
        """Close what was taken away, with all that was written to it, and leave nothing to what came instead.

        SQLite would write the rest of the old file into the new one.
        """
        try:
            with suppress(*DATABASE_ERRORS):
                self.save_tail()
            self.database.close()
            if _is_still(self._tail, self._tail_identity):
                self._tail.unlink(missing_ok=True)
        except OSError as error:
            raise JournalError(f"{self._tail}: cannot be deleted ({error.strerror})") from error
        finally:
            self._unlock()

    def close(self) -> None:
        """Write everything back to the file and let others have it."""
        try:
            self.database.close()
        finally:
            self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
        self._lock = None

    def _open_or_replace(self) -> sqlite3.Connection:
        try:
            return _connect(self.path)
        except DATABASE_ERRORS as error:
            if not is_damage(error):
                raise
            self.trouble = set_aside(self.path, str(error))
            return _connect(self.path)


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The journal for reading, also while a station writes it; raises JournalError if it cannot be read."""
    try:
        is_there = path.is_file()
    except OSError as error:
        raise JournalError(f"{path}: cannot be read ({error.strerror})") from error
    if not is_there:
        raise JournalError(f"{path}: there is no journal; journal.path or --config names another one")
    database: sqlite3.Connection | None = None
    try:
        database = sqlite3.connect(_for_reading(path), uri=True, timeout=BUSY_S)
        _refuse_other_version(_version(database), path)
        yield database
    except DATABASE_ERRORS as error:
        raise JournalError(f"{path}: cannot be read ({error})") from error
    finally:
        if database is not None:
            database.close()


def _refuse_other_version(version: int, path: Path) -> None:
    if 0 < version < SCHEMA_VERSION:
        raise EarlierJournalError(
            f"{path}: of an earlier release (version {version}); a station updates it when it starts"
        )
    if version != SCHEMA_VERSION:
        raise JournalError(f"{path}: expected a journal of version {SCHEMA_VERSION}, found version {version}")


def _for_reading(path: Path) -> str:
    """Where no station has it open there is no write-ahead file; SQLite would make one, and may not."""
    is_at_rest = not _beside(path, "-wal").exists() and not os.access(path.parent, os.W_OK)
    return f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_at_rest else ''}"


def count_waiting(database: sqlite3.Connection) -> int:
    """The number of results that the slowest consumer has not acknowledged, so far as was written down."""
    query = "SELECT count(*) FROM inspections WHERE number > (SELECT min(acknowledged) FROM cursors)"
    return int(database.execute(query).fetchone()[0])


def whose_is_next(database: sqlite3.Connection) -> str | None:
    """The station of the result that is to be sent next; None where there is none, or it does not say."""
    row = database.execute(
        "SELECT CASE WHEN json_valid(message) THEN json_extract(message, '$.station') END FROM inspections"
        " WHERE number > (SELECT min(acknowledged) FROM cursors) ORDER BY number LIMIT 1"
    ).fetchone()
    return row[0] if row is not None and isinstance(row[0], str) else None


def refuse_no_file(path: Path) -> None:
    """Raises WrongJournalError if there is something else than a file."""
    if os.path.lexists(path) and not path.is_file():
        raise WrongJournalError(f"journal.path: {path}: expected a file, or nothing there yet")


def check_writable(path: Path) -> None:
    """Raises JournalError if no journal could be written here; leaves nothing."""
    refuse_no_file(Path(os.path.realpath(path)))
    check_folder("journal.path", path.parent)
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        raise JournalError(f"journal.path: {path}: belongs to somebody else; may this user write it?")


def check_folder(key: str, folder: Path) -> None:
    """Raises JournalError, which names the setting, if nothing could be written into a folder.

    One that is not there is tried where it would be made, and not made.
    """
    place = folder
    try:
        while not os.path.lexists(place):
            place = place.parent
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise JournalError(f"{key}: {folder}: cannot be written ({error.strerror})") from error


def is_damage(error: Exception) -> bool:
    """True if the file itself is wrong, so that trying again cannot help."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(error, UnknownContentError | UnicodeDecodeError):
        return True
    return bool(code is not None and code & 0xFF in _DAMAGE)


def set_aside(path: Path, reason: str) -> str:
    """Rename a file that cannot be used; returns what to say. Only the latest few are kept."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    away = path.with_name(f"{path.name}.aside-{stamp}")
    path.rename(away)
    write_ahead = _beside(path, "-wal")
    if write_ahead.exists():
        write_ahead.rename(_beside(away, "-wal"))
    _beside(path, "-shm").unlink(missing_ok=True)
    for old in sorted(path.parent.glob(f"{path.name}.aside-*Z"))[:-KEPT_ASIDE]:
        logger.warning("journal: %s is deleted: more than %d files were set aside", old, KEPT_ASIDE)
        old.unlink()
        _beside(old, "-wal").unlink(missing_ok=True)
    return f"journal: {path} cannot be used ({reason}); it is {away.name} now, and a new one begins"


class UnknownContentError(sqlite3.DatabaseError):
    """The file is a database, but none that this program knows."""


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=BUSY_S)
    try:
        _refuse_unknown(database, path)
        # Every commit writes whole pages: small ones wear an SD card less than half as much.
        database.execute("PRAGMA page_size = 1024")
        database.execute("PRAGMA journal_mode = WAL")
        # Commits do not wait for the disk; sync() and checkpoints do, on a thread of their own.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute(f"PRAGMA journal_size_limit = {16 * 2**20}")
        if (before := _migrate(database)) != SCHEMA_VERSION:
            if before:
                logger.warning(_UPDATED, path, before, SCHEMA_VERSION)
            # From here on the file is whole, whatever becomes of what is not synced yet.
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            sync_folder(path.parent)
        # Touches both ends of the table: most damage shows here already.
        database.execute("SELECT message FROM inspections ORDER BY number LIMIT 1").fetchone()
        database.execute("SELECT message FROM inspections ORDER BY number DESC LIMIT 1").fetchone()
    except DATABASE_ERRORS:
        database.close()
        raise
    return database


def _refuse_unknown(database: sqlite3.Connection, path: Path) -> None:
    """Before anything is changed in it."""
    with path.open("rb") as file:
        formats = file.read(20)[18:]  # of writing and reading; SQLite only reads a file with a later one
    if max(formats, default=0) > 2:
        raise UnknownContentError("a format that this SQLite can't write")
    version = _version(database)
    if version == 0 and database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise UnknownContentError("another program's database")
    if version != SCHEMA_VERSION and version not in _STEPS:
        raise UnknownContentError(f"version {version}; this Linegate knows up to {SCHEMA_VERSION}")


def _migrate(database: sqlite3.Connection) -> int:
    """From whatever version to this one, all of it or nothing; returns the version before."""
    before = _version(database)
    if before == SCHEMA_VERSION:
        return before
    database.execute("BEGIN IMMEDIATE")
    while (version := _version(database)) != SCHEMA_VERSION:
        for statement in _STEPS[version]:
            database.execute(statement)
    database.execute("COMMIT")
    return before


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _lock(path: Path) -> int:
    """A lock that ends with the process, however it ends."""
    file = _beside(path, ".lock")
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise JournalInUseError(
            f"journal.path: {path}: another process writes it; stop that one, or give this one its own"
        ) from None
    except OSError:
        os.close(handle)
        raise
    return handle


def _noted(lock: int) -> int:
    """The number in a lock's file; 0 where there is none."""
    text = os.pread(lock, _DIGITS, 0)
    return int(text) if text.isdigit() else 0


def _identity(file: Path | int) -> tuple[int, int]:
    status = os.fstat(file) if isinstance(file, int) else file.stat()
    return status.st_dev, status.st_ino


def _is_still(path: Path, identity: tuple[int, int]) -> bool:
    """True if this is the file of that name; a folder that may not be looked into took nothing away."""
    try:
        return _identity(path) == identity
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
