"""Small CSV files that people write."""

import csv
import io
import re
from pathlib import Path

from edge.core.csv_cells import CSV_ENCODING, from_cell
from edge.core.errors import InputError

_DIVIDER = re.compile(r'"?sep=([^"\r\n])"?\r?\n?', re.IGNORECASE)


def read_rows(path: Path, columns: set[str]) -> list[dict[str, str]]:
    """The rows of a CSV file whose first line names at least ``columns``; raises InputError.

    Commas, semicolons or tabs divide its cells, by the first line, or what Excel's own first line says
    (``sep=;``); blanks around a cell do not count, nor does case in the first line. A cell that a line does
    not have is empty. The apostrophe that keeps a spreadsheet from running a cell is taken off.
    """
    try:
        with path.open(newline="", encoding=CSV_ENCODING) as file:
            text = file.read()
        said = _DIVIDER.match(text)
        text = text[said.end() :] if said else text
        divider = said[1] if said else max(",;\t", key=text.partition("\n")[0].count)
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=divider)
        rows = [[from_cell(cell.strip()) for cell in row] for row in lines if any(row)]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8; save it as CSV UTF-8") from error
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
