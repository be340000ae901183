"""Past inspections in the journal, for whoever looks: by number, or the latest of some kind.

Every call opens the journal for reading and closes it again: nobody holds up what the station writes. A
search that takes longer than SEARCH_S is given up.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.core.decision import Verdict
from edge.core.errors import JournalError
from edge.records.export import Row, row_of
from edge.records.journal_file import reading

SEARCH_S = 3.0
STEPS = 20_000  # of SQLite's machine, between two looks at the clock
_COLUMNS = "number, recorded, CAST(message AS BLOB), number <= (SELECT min(acknowledged) FROM cursors)"


@dataclass(frozen=True)
class Inspected:
    """An inspection as the journal has it; ``recorded`` is wall-clock seconds, ``row`` as in an export."""

    number: int
    recorded: float
    row: Row

    @property
    def id(self) -> str:
        """Its id, which no other inspection has."""
        return str(self.row["id"])


@dataclass(frozen=True)
class Wanted:
    """Which inspections; None and () stand for all. Times are wall-clock seconds, the end is not within."""

    start: float | None = None
    end: float | None = None
    verdicts: tuple[Verdict, ...] = ()
    predicted: str | None = None
    score_from: float | None = None
    score_to: float | None = None
    part: str | None = None
    lot: str | None = None
    action: str | None = None


@dataclass(frozen=True)
class Glance:
    """As much of an inspection as is counted."""

    recorded: float
    verdict: str
    action: str | None
    latency_ms: float | None


def latest(
    journal: Path, wanted: Wanted, *, limit: int, before: tuple[float, int] | None = None
) -> list[Inspected]:
    """The latest inspections, newest first; ``before``: older than the one of this time and number.

    Rows that hold no verdict are left out. Raises JournalError.
    """
    with _searching(journal) as database:
        # One search a verdict: each goes along an index, and their union would not.
        verdicts: Sequence[Verdict | None] = wanted.verdicts or (None,)
        found = [row for verdict in verdicts for row in latest_in(database, wanted, verdict, limit, before)]
    found.sort(key=lambda one: (one.recorded, one.number), reverse=True)
    return found[:limit]


def inspection(journal: Path, number: int) -> Inspected | None:
    """The inspection of this number, if there is one; raises JournalError."""
    with _searching(journal) as database:
        found = database.execute(f"SELECT {_COLUMNS} FROM inspections WHERE number = ?", (number,))  # noqa: S608
        return next(_inspected(found), None)


def neighbours(journal: Path, number: int) -> tuple[int | None, int | None]:
    """The numbers of the inspection before and of the one after; raises JournalError."""
    with _searching(journal) as database:
        before, after = database.execute(
            "SELECT (SELECT max(number) FROM inspections WHERE number < ?1),"
            " (SELECT min(number) FROM inspections WHERE number > ?1)",
            (number,),
        ).fetchone()
        return before, after


def number_of(journal: Path, identity: str, *, among: int = 2000) -> int | None:
    """The number of the inspection of this id among the latest, if it is there; raises JournalError."""
    with _searching(journal) as database:
        found = database.execute(
            "SELECT number FROM inspections WHERE number > (SELECT max(number) FROM inspections) - ?"
            " AND CASE WHEN json_valid(message) THEN json_extract(message, '$.id') END = ? LIMIT 1",
            (among, identity),
        ).fetchone()
        return None if found is None else int(found[0])


def of_ids(journal: Path, ids: Iterable[str]) -> dict[str, Inspected]:
    """The inspections of these ids that are there, by id, however old; raises JournalError.

    It reads the whole journal: for commands, and not for the page.
    """
    wanted = set(ids)
    with reading(journal) as database:
        database.create_function("is_wanted", 1, wanted.__contains__, deterministic=True)
        rows = database.execute(
            f"SELECT {_COLUMNS} FROM inspections WHERE json_valid(message)"  # noqa: S608
            " AND is_wanted(json_extract(message, '$.id')) ORDER BY number"
        )
        return {one.id: one for one in _inspected(rows)}


def glances(journal: Path, start: float) -> list[Glance]:
    """Every inspection recorded from ``start`` on, in order of time; raises JournalError."""
    with _searching(journal) as database:
        return [
            Glance(recorded, verdict, action, latency if isinstance(latency, int | float) else None)
            for recorded, verdict, action, latency in database.execute(
                "SELECT recorded, verdict, json_extract(message, '$.action'),"
                " json_extract(message, '$.latency_ms') FROM inspections"
                " WHERE recorded >= ? AND json_valid(message) AND verdict IS NOT NULL ORDER BY recorded",
                (start,),
            )
        ]


def latest_in(
    database: sqlite3.Connection,
    wanted: Wanted,
    verdict: Verdict | None,
    limit: int,
    before: tuple[float, int] | None,
) -> list[Inspected]:
    """The latest wanted parts of one verdict, or of any: at most ``limit``, older than ``before``."""
    conditions: dict[str, Sequence[Any]] = {}
    if before is not None:
        conditions["(recorded, number) < (?, ?)"] = before
    if verdict is not None:
        # The index of rejects is of those that are not ok.
        conditions["verdict = ? AND verdict <> 'ok'" if verdict != Verdict.OK else "verdict = ?"] = (
            verdict.value,
        )
    for condition, value in (
        ("recorded >= ?", wanted.start),
        ("recorded < ?", wanted.end),
        ('"class" = ?', wanted.predicted),
        ("score >= ?", wanted.score_from),
        ("score <= ?", wanted.score_to),
        ("part = ?", wanted.part),
        ("lot = ?", wanted.lot),
        ("CASE WHEN json_valid(message) THEN json_extract(message, '$.action') END = ?", wanted.action),
    ):
        if value is not None:
            conditions[condition] = (value,)
    where = " AND ".join(conditions) or "1"
    rows = database.execute(
        f"SELECT {_COLUMNS} FROM inspections WHERE {where} ORDER BY recorded DESC, number DESC LIMIT ?",  # noqa: S608
        (*(value for values in conditions.values() for value in values), limit),
    )
    return list(_inspected(rows))


def _inspected(rows: sqlite3.Cursor) -> Iterator[Inspected]:
    for number, recorded, message, sent in rows:
        row = row_of(recorded, message, sent)
        if row is not None and isinstance(row.get("id"), str):
            yield Inspected(number, recorded, row)


@contextmanager
def _searching(journal: Path) -> Iterator[sqlite3.Connection]:
    """The journal, for SEARCH_S at most."""
    deadline = time.monotonic() + SEARCH_S
    with reading(journal) as database:
        database.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
        try:
            yield database
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                raise JournalError(
                    f"{journal}: the search took longer than {SEARCH_S:g} s; expected a narrower one"
                ) from error
            raise
