"""`edge --export` and `edge --counts`: what the journal holds; also while a station writes it.

Rows are read some at a time, each time anew, so that a long export holds up nothing.
"""

import csv
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Protocol

from edge.core.csv_cells import CSV_ENCODING, to_cell
from edge.core.decision import Verdict
from edge.core.documents import rfc3339
from edge.core.errors import InputError, JournalError
from edge.records.journal_file import reading
from edge.records.result import PartResult

SUFFIXES = (".csv", ".parquet")
_AT_ONCE = 1000
_TIMES = ("recorded_at", "captured_at")
_WHOLE = ("sequence", "frames")
_REAL = ("score", "latency_ms")
_YES_OR_NO = ("simulated", "late", "sent")

COLUMNS: tuple[str, ...] = (
    "recorded_at",
    *(field.alias or name for name, field in PartResult.model_fields.items() if name != "schema_"),
    "sent",
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """From a moment on, up to but without another, in wall-clock seconds."""

    start: float = float("-inf")
    end: float = float("inf")


def parse_span(start: str | None, end: str | None) -> Span:
    """The span of --from and --to: dates or times, local unless they say otherwise; raises InputError."""
    span = Span(
        _parse_moment("--from", start) if start else float("-inf"),
        _parse_moment("--to", end) if end else float("inf"),
    )
    if span.start >= span.end:
        raise InputError(f"--to {end}: must be later than --from {start}")
    return span


def check_target(target: Path) -> None:
    """Raises InputError if this is no file that can be exported to."""
    if target.suffix not in SUFFIXES:
        raise InputError(f"--export {target}: the name must end in {' or '.join(SUFFIXES)}")
    if not target.absolute().parent.is_dir():
        raise InputError(f"--export {target}: there is no folder {target.parent}")
    if target.suffix == ".parquet":
        _import_pyarrow()


def export(journal: Path, target: Path, span: Span) -> tuple[int, int]:
    """Write the inspections of a span to a CSV or Parquet file, whole or not at all.

    Returns how many were written, and how many rows hold no verdict and were left out. Raises
    InputError for the target, JournalError for the journal.
    """
    check_target(target)
    written = left_out = 0
    with _whole(target) as part, _opened(part, target.suffix) as table:
        for batch in _batches(journal, span):
            rows = [row for row in batch if row is not None]
            left_out += len(batch) - len(rows)
            written += len(rows)
            table.write(rows)
    return written, left_out


def count_by_shift(journal: Path, shifts: Sequence[time], span: Span) -> list[Row]:
    """Counts by verdict for each shift, recipe and lot, in order of time; raises JournalError."""
    counts: dict[tuple[datetime, str, str], Counter[str]] = {}
    for batch in _batches(journal, span):
        for row in batch:
            if row is not None:
                began = shift_start(row["recorded_at"].astimezone().replace(tzinfo=None), shifts)
                key = began, row.get("recipe") or "", row.get("lot") or ""
                counts.setdefault(key, Counter())[row["verdict"]] += 1
    return [
        {
            "shift": began.isoformat(timespec="minutes"),
            "recipe": recipe or None,
            "lot": lot or None,
            "inspected": verdicts.total(),
            **{verdict.value: verdicts[verdict.value] for verdict in Verdict},
        }
        for (began, recipe, lot), verdicts in sorted(counts.items())
    ]


def counts_table(counts: Sequence[Row]) -> str:
    """The counts as text, for people; there are some."""
    rows = [list(counts[0]), *([_cell(value) for value in row.values()] for row in counts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def shift_start(moment: datetime, shifts: Sequence[time]) -> datetime:
    """When the shift began that a moment lies in; local times without a zone."""
    begun = [start for start in sorted(shifts) if start <= moment.time()]
    if begun:
        return datetime.combine(moment.date(), begun[-1])
    return datetime.combine(moment.date() - timedelta(days=1), max(shifts))


def parse_shifts(text: str) -> list[time]:
    """The times of journal.shifts, which the settings checked."""
    return [time.fromisoformat(start) for start in text.split()]


def _parse_moment(flag: str, text: str) -> float:
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise InputError(
            f"{flag} {text}: no date or time; expected one such as 2026-11-21 or 2026-11-21T06:00"
        ) from None


def _batches(journal: Path, span: Span) -> Iterator[list[Row | None]]:
    """The rows of a span in order of time; None stands for one that holds no verdict."""
    with reading(journal) as database:
        after = (span.start, -1)
        while True:
            found = database.execute(
                "SELECT number, recorded, CAST(message AS BLOB), number <= acknowledged FROM inspections,"
                " (SELECT min(acknowledged) AS acknowledged FROM cursors)"
                " WHERE (recorded, number) > (?, ?) AND recorded >= ?"
                " AND recorded < ? ORDER BY recorded, number LIMIT ?",
                (*after, span.start, span.end, _AT_ONCE),
            ).fetchall()
            if not found:
                return
            after = found[-1][1], found[-1][0]
            yield [row_of(*values[1:]) for values in found]


def row_of(recorded: float, message: object, sent: int) -> Row | None:
    """The columns of an inspection, out of its message as it was sent; None where it holds no verdict."""
    try:
        said = json.loads(message) if isinstance(message, bytes) else None
        if not isinstance(said, dict) or said.get("verdict") not in set(Verdict):
            return None
        said.setdefault("bundle_sha256", said.get("model_id"))  # as version 0.1 called it
        row = {name: said.get(name) for name in COLUMNS}
        row["recorded_at"] = datetime.fromtimestamp(recorded, UTC)
        row["captured_at"] = datetime.fromisoformat(said["captured_at"])
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None
    return {**row, "sent": bool(sent)}


class _Table(Protocol):
    def write(self, rows: list[Row]) -> None:
        """Add rows to the file."""

    def close(self) -> None:
        """Nothing follows."""


class _Csv:
    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding=CSV_ENCODING, newline="")
        self._writer = csv.DictWriter(self._file, COLUMNS)
        self._writer.writeheader()

    def write(self, rows: list[Row]) -> None:
        self._writer.writerows({name: _as_text(value) for name, value in row.items()} for row in rows)

    def close(self) -> None:
        self._file.close()


class _Parquet:
    def __init__(self, path: Path) -> None:
        arrow, parquet = _import_pyarrow()
        kinds = {
            **dict.fromkeys(_TIMES, arrow.timestamp("us", tz="UTC")),
            **dict.fromkeys(_WHOLE, arrow.int64()),
            **dict.fromkeys(_REAL, arrow.float64()),
            **dict.fromkeys(_YES_OR_NO, arrow.bool_()),
        }
        self._arrow = arrow
        self._schema = arrow.schema([(name, kinds.get(name, arrow.string())) for name in COLUMNS])
        self._writer = parquet.ParquetWriter(path, self._schema)

    def write(self, rows: list[Row]) -> None:
        self._writer.write_table(self._arrow.Table.from_pylist(rows, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


@contextmanager
def _opened(path: Path, suffix: str) -> Iterator[_Table]:
    table: _Table = _Csv(path) if suffix == ".csv" else _Parquet(path)
    try:
        yield table
    finally:
        table.close()


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A file to write to, which becomes the target when it is whole."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(target)
    except OSError as error:
        raise InputError(f"--export {target}: cannot be written ({error.strerror})") from error
    except sqlite3.Error as error:
        raise JournalError(f"the journal cannot be read ({error})") from error
    finally:
        part.unlink(missing_ok=True)


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _as_text(value: object) -> object:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return to_cell(value)


def _import_pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InputError(
            "--export: .parquet needs an extra: pip install 'linegate[parquet]'; .csv needs nothing"
        ) from error
    return pyarrow, pyarrow.parquet
