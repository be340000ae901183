"""Rows for a journal, and what one of the first version looked like."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.records.journal import Journal, OutboxRow, Record
from edge.records.journal_file import BROKER

FIRST_SCHEMA = """
CREATE TABLE inspections (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    recorded REAL NOT NULL,
    message TEXT NOT NULL,
    late INTEGER,
    acknowledged INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX outbox ON inspections (number) WHERE acknowledged = 0;
PRAGMA user_version = 1;
"""


def message(number: int, **more: object) -> str:
    return json.dumps({"id": f"run-{number}", "part": f"p{number}", "verdict": "ok", **more})


def records(*numbers: int) -> list[Record]:
    return [Record(float(number), message(number)) for number in numbers]


def ids(rows: list[OutboxRow]) -> list[str]:
    return [json.loads(row.message)["id"] for row in rows if row.message is not None]


class BrokerJournal(Journal):
    """The journal of a station whose only consumer of results is the broker."""

    def __init__(self, path: Path, *, consumers: Sequence[str] = (BROKER,), **more: Any) -> None:
        super().__init__(path, **more)
        self.serve(consumers)

    @property
    def acknowledged(self) -> int:
        return self.cursor(BROKER).acknowledged

    def outbox(self, *, after: int, limit: int) -> list[OutboxRow]:
        return self.cursor(BROKER).rows(after=after, limit=limit)

    def acknowledge(self, number: int, *, opening: int) -> None:
        self.cursor(BROKER).acknowledge(number, opening=opening)
