"""Rows for a journal, and what one of the first version looked like."""

import json

from edge.records.journal import OutboxRow, Record

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
