"""Small CSV files that people write."""

import csv
from pathlib import Path

from edge.errors import InputError


def read_rows(path: Path, columns: set[str]) -> list[dict[str, str]]:
    """The rows of a CSV file whose first line names at least ``columns``; raises InputError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV file that can be read") from error
    if not rows or not columns <= set(rows[0]):
        raise InputError(f"{path}: its first line must name the columns {' and '.join(sorted(columns))}")
    return rows
