"""Filters what native libraries write to standard error past Python, so that people see what matters."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

# TensorFlow, its converter and LiteRT, all past Python's logging; nothing here tells of a fault.
_NOISE = re.compile(
    r"INFO: |[IW]\d{4} [\d:. ]+|WARNING: All log messages before absl|fully_quantize: |"
    r"\d{4}-\d\d-\d\d [\d:.]+: [IW] |To enable the following instructions"
)


_STDERR = 2
_held: list[int] = []  # where file descriptor 2 leads in truth, while it is held back


def readers_stderr() -> int:
    """A file descriptor of the standard error that people read, also while it is held back."""
    return _held[-1] if _held else _STDERR


@contextmanager
def native_stderr_filtered() -> Iterator[None]:
    """Hold back what is written to file descriptor 2 meanwhile; pass it on after, without their notices."""
    with stderr_held_back(_NOISE):
        yield


@contextmanager
def stderr_held_back(less: re.Pattern[str]) -> Iterator[int]:
    """Hold back what is written to file descriptor 2; pass on after what does not begin with ``less``.

    Gives the file that it is held in; ``readers_stderr`` is where it is read.
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
