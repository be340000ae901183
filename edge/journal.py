"""The station's record of every inspection, and the outbox from which verdicts are sent.

SQLite in WAL mode: a killed process loses nothing that was recorded. Each row is written before
its verdict is published, and marked when the broker acknowledged it.
"""

import logging
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import JournalError

logger = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS inspections (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    recorded REAL NOT NULL,
    message TEXT NOT NULL,
    late INTEGER,
    acknowledged INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS outbox ON inspections (number) WHERE acknowledged = 0;
"""
SCHEMA_VERSION = 1
_TRIM_EVERY = 500


@dataclass(frozen=True)
class OutboxRow:
    """A verdict that the broker has not acknowledged; ``recorded`` is wall-clock seconds.

    ``late`` is None until it was first sent: it must not change between two sendings of one id.
    """

    number: int
    recorded: float
    message: str
    late: bool | None


class Journal:
    """One SQLite file, used from several threads."""

    def __init__(self, path: Path, *, max_rows: int) -> None:
        self._path = path
        self._max_rows = max_rows
        self._lock = threading.Lock()
        self._written = 0
        self.dropped = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            version = self._database.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise JournalError(f"{path}: written by a newer Linegate; use that one, or another file")
            self._database.executescript(_SCHEMA)
            self._database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"journal.path: {path}: cannot be used ({error})") from error

    def append(self, message: str, *, recorded: float) -> int:
        """Record one inspection; returns its number. Raises JournalError on a full or broken disk."""
        with self._lock:
            try:
                cursor = self._database.execute(
                    "INSERT INTO inspections (recorded, message) VALUES (?, ?)", (recorded, message)
                )
                self._written += 1
                if self._written % _TRIM_EVERY == 0:
                    self._trim()
            except sqlite3.Error as error:
                raise JournalError(f"{self._path}: cannot be written ({error})") from error
            return int(cursor.lastrowid or 0)

    def outbox(self, *, after: int, limit: int) -> list[OutboxRow]:
        """Rows that were not acknowledged, in order, with a number greater than ``after``."""
        with self._lock:
            rows = self._database.execute(
                "SELECT number, recorded, message, late FROM inspections"
                " WHERE acknowledged = 0 AND number > ? ORDER BY number LIMIT ?",
                (after, limit),
            ).fetchall()
        return [
            OutboxRow(n, recorded, text, None if late is None else bool(late))
            for n, recorded, text, late in rows
        ]

    def set_late(self, number: int, *, late: bool) -> None:
        """Fix what is said of a row's lateness, before it is first sent."""
        with self._lock:
            self._database.execute("UPDATE inspections SET late = ? WHERE number = ?", (int(late), number))

    def acknowledge(self, numbers: Sequence[int]) -> None:
        """Mark rows as acknowledged by the broker."""
        with self._lock, self._database:
            self._database.executemany(
                "UPDATE inspections SET acknowledged = 1 WHERE number = ?", [(n,) for n in numbers]
            )

    def waiting(self) -> int:
        """How many verdicts the broker has not acknowledged."""
        with self._lock:
            row = self._database.execute("SELECT count(*) FROM inspections WHERE acknowledged = 0").fetchone()
        return int(row[0])

    def close(self) -> None:
        """Write everything back and close the file."""
        with self._lock:
            self._database.close()

    def _trim(self) -> None:
        excess = self._database.execute("SELECT count(*) FROM inspections").fetchone()[0] - self._max_rows
        if excess <= 0:
            return
        order = "SELECT number FROM inspections ORDER BY acknowledged DESC, number LIMIT ?"
        unsent = self._database.execute(
            f"SELECT count(*) FROM inspections WHERE acknowledged = 0 AND number IN ({order})",  # noqa: S608
            (excess,),
        ).fetchone()[0]
        self._database.execute(f"DELETE FROM inspections WHERE number IN ({order})", (excess,))  # noqa: S608
        if unsent and not self.dropped:
            logger.error("journal: full (journal.max_rows = %d): unsent verdicts are dropped", self._max_rows)
        self.dropped += unsent
