"""Texts that are allowed from outside: the pattern for the machine, and the same in words for people."""

from collections.abc import Mapping
from typing import Any

NAME = r"^[A-Za-z0-9_-]{1,64}$"
ID = r"^[A-Za-z0-9._:-]{1,64}$"
FILE = r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$"
SHA256 = r"^[0-9a-f]{64}$"
FOURCC = r"^([A-Z0-9]{3}[A-Z0-9 ])?$"
DEVICE = r"^(\d+|/.+)$"
URL = r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]"
SHIFTS = r"^([01]\d|2[0-3]):[0-5]\d( ([01]\d|2[0-3]):[0-5]\d)*$"

IN_WORDS = {
    NAME: "expected 1 to 64 of the plain letters, digits, - and _ (a-z, A-Z, 0-9; no blanks)",
    ID: "expected 1 to 64 of the plain letters, digits, and . _ : - (no blanks)",
    FILE: "expected a file name: up to 128 of the plain letters, digits, and . _ - with no dot at its start",
    SHA256: "expected 64 signs, each 0 to 9 and a to f",
    FOURCC: 'expected four capital letters or digits, the last may be a blank, such as "MJPG" or "Y16 "',
    DEVICE: 'expected an index such as "0", or a path such as "/dev/video0"',
    URL: 'expected an address such as "rtsp://10.0.0.5/line"',
    SHIFTS: 'expected times with two digits each and a blank between them, such as "06:00 14:00 22:00"',
}
"""For every pattern that what people write is held against."""


def in_words(error: Mapping[str, Any]) -> str:
    """The mistake in a value, of one of pydantic's errors that has its context; never an expression."""
    pattern = error.get("ctx", {}).get("pattern")
    return IN_WORDS.get(pattern) or str(error["msg"]).removeprefix("Value error, ")
