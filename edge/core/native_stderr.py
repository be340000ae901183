"""Keeps the small talk of native libraries off standard error, where people read for what matters."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

# TensorFlow, its converter and LiteRT, all past Python's logging; nothing here tells of a fault.
_CHATTER = re.compile(
    r"INFO: |[IW]\d{4} [\d:. ]+|WARNING: All log messages before absl|fully_quantize: |"
    r"\d{4}-\d\d-\d\d [\d:.]+: [IW] |To enable the following instructions"
)


_STDERR = 2
_held: list[int] = []  # where file descriptor 2 leads in truth, while it is held back


def people() -> int:
    """A file descriptor of the standard error that people read, also while it is held back."""
    return _held[-1] if _held else _STDERR


@contextmanager
def without_chatter() -> Iterator[None]:
    """Hold back what is written to file descriptor 2 meanwhile; pass it on after, less the small talk."""
    with held_back(_CHATTER):
        yield


@contextmanager
def held_back(less: re.Pattern[str]) -> Iterator[int]:
    """Hold back what is written to file descriptor 2; pass on after what does not begin with ``less``.

    Gives the file that it is held in; ``people`` is where it is read.
    """
    sys.stderr.flush()
    saved = os.dup(_STDERR)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), _STDERR)
        _held.append(saved)
        try:
            yield held.fileno()
        finally:
            sys.stderr.flush()
            _held.pop()
            os.dup2(saved, _STDERR)
            os.close(saved)
            held.seek(0)
            for line in held:
                if not less.match(line.decode(errors="replace")):
                    os.write(_STDERR, line)
