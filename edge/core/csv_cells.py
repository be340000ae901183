"""Cells of CSV files that a spreadsheet opens without running them, and that come back unchanged."""

import re

CSV_ENCODING = "utf-8-sig"
"""With the byte order mark Excel knows that it is UTF-8; without, it takes the locale's encoding."""

# What spreadsheets take for a formula (OWASP, "CSV Injection"), full width as in Japanese too. Apostrophes
# before it count, so that one that stood there is told from ours.
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def to_cell(value: object) -> object:
    """Text that a spreadsheet would take for a formula with an apostrophe before it; all else as it is."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def from_cell(text: str) -> str:
    """The text that ``to_cell`` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
