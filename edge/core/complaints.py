"""Complaints of image decoders that go on: libjpeg and libtiff tell standard error, and nobody else.

A damaged JPEG is decoded to its end, grey or shifted from the damage on, and OpenCV reports success.
"""

import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import TypeVar

import cv2

from edge.core.native_stderr import readers_stderr, stderr_held_back

T = TypeVar("T")
# Of damage to pixels; stray bytes between the tables of a JPEG, or an unknown tag of a TIFF, do none.
_DAMAGE = re.compile(
    r"(?:Corrupt JPEG data: (?!\d+ extraneous bytes before marker 0x(?!d[0-9a]))|Premature end of JPEG)"
    r"|TIFF_Error"
)
_SAID_BY_DECODERS = re.compile(
    r"Corrupt JPEG|Premature end|Invalid |Unsupported |Warning: |Inconsistent |libpng |\[ *(?:WARN|ERROR)[:@]"
    r"|\[[\w,]+ @ 0x[0-9a-f]+\] | +Last message repeated "
    r"|$"
)
_STDERR = 2
_ERRORS = 2  # OpenCV's level of them
_listeners: "list[_Listener]" = []


@contextmanager
def listening() -> Iterator[None]:
    """Have complaints heard meanwhile by ``decode_heard``, in all threads; what else is said comes after."""
    if _listeners:
        yield
        return
    with stderr_held_back(_SAID_BY_DECODERS) as heard, _python_goes_on(), _opencv_says_errors():
        _listeners.append(_Listener(heard))
        try:
            yield
        finally:
            _listeners.pop()


@contextmanager
def _python_goes_on() -> Iterator[None]:
    """Read at once what Python writes to standard error, progress and warnings."""
    ours = sys.stderr
    if not isinstance(ours, io.TextIOWrapper) or not _is_standard_error(ours):
        yield
        return
    with open(
        readers_stderr(), "w", closefd=False, encoding=ours.encoding, errors=ours.errors, buffering=1
    ) as theirs:
        sys.stderr = theirs
        try:
            yield
        finally:
            sys.stderr = ours


@contextmanager
def _opencv_says_errors() -> Iterator[None]:
    """The camera's part silences it; what libtiff complains of comes through it."""
    logging = getattr(cv2.utils, "logging", cv2)  # older OpenCV has it elsewhere
    before = logging.getLogLevel()
    logging.setLogLevel(max(before, _ERRORS))
    try:
        yield
    finally:
        logging.setLogLevel(before)


def _is_standard_error(stream: io.TextIOWrapper) -> bool:
    try:
        return stream.fileno() == _STDERR
    except OSError:
        return False  # a test's, in memory


def decode_heard(decode: Callable[[], T]) -> tuple[T, str | None]:
    """The result of ``decode``, and its complaint if that tells of damage and somebody listens."""
    return _listeners[-1].hear(decode) if _listeners else (decode(), None)


def heard_meanwhile(act: Callable[[], T], complaint: re.Pattern[str]) -> tuple[T, str | None]:
    """The result of ``act``, and the group of the first line of that pattern that was said meanwhile.

    For what can't be done twice: nothing else may be decoded at the same time. None where nobody listens.
    """
    return _listeners[-1].hear_meanwhile(act, complaint) if _listeners else (act(), None)


class _Listener:
    """Where a complaint came while many decode, a picture is decoded again, alone, to know whose it is."""

    def __init__(self, heard: int) -> None:
        self._heard = heard
        self._changed = Condition()
        self._decoding = 0

    def hear(self, decode: Callable[[], T]) -> tuple[T, str | None]:
        with self._changed:
            self._decoding += 1
        before = self._length()
        try:
            decoded = decode()
            if self._length() == before:
                return decoded, None
        finally:
            with self._changed:
                self._decoding -= 1
                self._changed.notify_all()
        del decoded  # there may be no room for two
        return self._hear_alone(decode)

    def _hear_alone(self, decode: Callable[[], T]) -> tuple[T, str | None]:
        with self._changed:
            self._changed.wait_for(lambda: self._decoding == 0)
            before = self._length()
            decoded = decode()
            said = os.pread(self._heard, self._length() - before, before).decode(errors="replace")
        return decoded, next((line.strip() for line in said.splitlines() if _DAMAGE.search(line)), None)

    def hear_meanwhile(self, act: Callable[[], T], complaint: re.Pattern[str]) -> tuple[T, str | None]:
        before = self._length()
        done = act()
        said = os.pread(self._heard, self._length() - before, before).decode(errors="replace")
        return done, next((found[1] for line in said.splitlines() if (found := complaint.match(line))), None)

    def _length(self) -> int:
        return os.fstat(self._heard).st_size
