"""Where log lines go: to the journal with level and fields when systemd started us, else to people."""

import logging
import os
import re
import socket
import struct
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from edge.core.foreign_text import one_line, shown

JOURNAL_SOCKET = "/run/systemd/journal/socket"
FIELD = "linegate_"  # attributes of a record that begin so become fields of the journal's entry
# syslog's numbers
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG = 7


def set_up_logging(level: str, *, station: str, environment: Mapping[str, str] = os.environ) -> None:
    """Log from ``level`` on ("info"); ``station`` is a field of every entry in the journal."""
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter("%(levelname)s %(message)s"))
    if goes_to_journal(sys.stderr, environment):
        handler = JournalHandler(JOURNAL_SOCKET, station=station, fallback=sys.stderr)
    handler.addFilter(Damper())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def last_words(text: str, environment: Mapping[str, str] = os.environ) -> None:
    """Say on standard error why the program ends, logging or not; the journal has it as an error."""
    level = f"<{priority(logging.ERROR)}>" if goes_to_journal(sys.stderr, environment) else ""
    sys.stderr.write(f"{level}{one_line(text)}\n")


def goes_to_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """True if a stream is the one that systemd connected with the journal, as $JOURNAL_STREAM tells."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def priority(level: int) -> int:
    """Syslog's number for a level of `logging`."""
    return next((number for least, number in _PRIORITIES if level >= least), _DEBUG)


class PlainFormatter(logging.Formatter):
    """Spells out what cannot be printed: a message may name what strangers sent, and is one line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Without what comes of an exception, which has lines of its own."""
        return one_line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """The lines of a traceback."""
        return shown(super().formatException(ei))


class Damper(logging.Filter):
    """Lets through, in ``period_s``, ``most`` lines that differ only in their numbers, and counts the others.

    What breaks and comes back with every frame must fill neither a disk nor a person's day. Of lines that one
    place in the code writes, whatever they say, ``most_here`` come through: what they say may be a
    stranger's, who can see to it that no two are alike.
    """

    def __init__(
        self,
        *,
        most: int = 5,
        most_here: int = 20,
        period_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._alike = _Counts(most, period_s)
        self._here = _Counts(most_here, period_s)

    @property
    def kinds(self) -> int:
        """Count of the kinds of lines that are remembered."""
        return len(self._alike)

    def filter(self, record: logging.LogRecord) -> bool:
        """True to write the record; how many like it were left out before is added to it."""
        now = self._clock()
        try:
            text = record.getMessage()
        except Exception:  # a bad format string of ours must not end the thread that logs
            return True  # the handler says it
        place = (record.pathname, record.lineno, record.levelno)
        alike = self._alike.note((record.name, record.levelno, re.sub(r"\d+", "#", text)), now)
        if alike is None:
            return False
        here = self._here.note(place, now)
        if here is None:
            return False
        if alike + here:
            record.msg, record.args = f"{text} ({alike + here} more like it were left out)", None
        return True


class _Counts:
    """Counts of lines of each kind in a period, of at most ``_KINDS`` kinds."""

    _KINDS = 200

    def __init__(self, most: int, period_s: float) -> None:
        self._most = most
        self._period_s = period_s
        self._kinds: OrderedDict[tuple[object, ...], tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kinds)

    def note(self, kind: tuple[object, ...], now: float) -> int | None:
        """None for one too many; else how many were too many in the period that is over with this one."""
        since, count = self._kinds.pop(kind, (now, 0))
        left_out = 0
        if now - since >= self._period_s:
            left_out, since, count = max(0, count - self._most), now, 0
        self._kinds[kind] = since, count + 1
        if len(self._kinds) > self._KINDS:
            self._kinds.popitem(last=False)
        return None if count >= self._most else left_out


class JournalHandler(logging.Handler):
    """Sends entries by the journal's native protocol, and never waits for it.

    An entry that the socket does not take goes to ``fallback``, with the level as "<3>"; one for which it has
    no room at the moment is lost, and the next one that gets through says how many were.
    """

    def __init__(self, address: str, *, station: str, fallback: TextIO) -> None:
        super().__init__()
        self.setFormatter(PlainFormatter("%(message)s"))
        self._address = address
        self._station = station
        self._fallback = fallback
        self._lost = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one entry."""
        try:
            self._socket.sendto(self._entry(record), self._address)
            self._lost = 0
        except BlockingIOError:
            self._lost += 1
        except OSError:
            text = self.format(record).replace("\n", f"\n<{priority(record.levelno)}>")
            print(f"<{priority(record.levelno)}>{text}", file=self._fallback, flush=True)
        except Exception:  # a bad format string of ours must not end the thread that logs
            self.handleError(record)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        super().close()

    def _entry(self, record: logging.LogRecord) -> bytes:
        fields = {
            "MESSAGE": self.format(record),
            "PRIORITY": str(priority(record.levelno)),
            "SYSLOG_IDENTIFIER": "edge",
            "LINEGATE_STATION": self._station,
            "LOGGER": record.name,
            "THREAD_NAME": record.threadName or "",
            "CODE_FILE": record.pathname,
            "CODE_LINE": str(record.lineno),
            "CODE_FUNC": record.funcName or "",
        }
        if self._lost:
            fields["LINEGATE_ENTRIES_LOST"] = str(self._lost)
        own = {key.upper(): str(text) for key, text in vars(record).items() if key.startswith(FIELD)}
        return b"".join(_field(key, text) for key, text in {**fields, **own}.items())


def _field(key: str, text: str) -> bytes:
    """KEY=text, or where the text has several lines, its length before it."""
    raw = text.encode("utf-8", "replace")
    if b"\n" not in raw:
        return b"%s=%s\n" % (key.encode(), raw)
    return b"%s\n%s%s\n" % (key.encode(), struct.pack("<Q", len(raw)), raw)
