"""Small CSV files that people write."""

import csv
from pathlib import Path

from edge.core.errors import InputError


def read_rows(path: Path, columns: set[str]) -> list[dict[str, str]]:
    """The rows of a CSV file whose first line names at least ``columns``; raises InputError.

    Commas, semicolons or tabs divide its cells, by the first line; blanks around a cell do not count,
    nor does case in the first line. A cell that a line does not have is empty.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            head = lines.readline()
            lines.seek(0)
            divider = max(",;\t", key=head.count)
            rows = [
                [cell.strip() for cell in row] for row in csv.reader(lines, delimiter=divider) if any(row)
            ]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8; a CSV file saved as UTF-8 would be right") from error
    except csv.Error as error:
        raise InputError(f"{path}: not a CSV file that can be read ({error})") from error
    names = [name.lower() for name in rows[0]] if rows else []
    if not columns <= set(names):
        found = f", not {', '.join(names)[:80]}" if names else ""
        raise InputError(
            f"{path}: its first line must name the columns {' and '.join(sorted(columns))}{found}"
        )
    if len(rows) == 1:
        raise InputError(f"{path}: holds no line below its first")
    return [dict(zip(names, row + [""] * (len(names) - len(row)), strict=False)) for row in rows[1:]]
