"""The present view of a running station, read from its socket while somebody looks at the page."""

import logging
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.outputs.live.wire import Now, WireError, read_message, socket_name

logger = logging.getLogger(__name__)

WANTED_S = 10.0  # nobody has asked for so long: the station is left alone
SILENT_S = 5.0  # a station says nothing while nothing changes; is it still there?
AGAIN_S = 1.0
_KEPT = 16  # pictures: a browser asks for one after it was told of it


@dataclass(frozen=True)
class Seen:
    """A moment of the station, with the newest part's picture (JPEG) and heat (grey PNG)."""

    now: Now
    picture: bytes
    heat: bytes


class LiveFeed:
    """Follows the station on a thread of its own, from the first time that somebody asks."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._asked_at = 0.0
        self._newest: Seen | None = None
        self._pictures: OrderedDict[int, Seen] = OrderedDict()
        self._first = threading.Event()

    @property
    def is_following(self) -> bool:
        """True if somebody asked a moment ago."""
        return self._thread is not None

    def latest(self, wait_s: float = 1.0) -> Seen | None:
        """The station now; None where it does not run. The first time it is waited for."""
        with self._lock:
            self._asked_at = time.monotonic()
            if self._thread is None:
                self._first.clear()
                self._thread = threading.Thread(target=self._follow, name="live-feed", daemon=True)
                self._thread.start()
        self._first.wait(wait_s)
        return self._newest

    def picture(self, number: int) -> Seen | None:
        """The picture that was shown under this number, if that was a moment ago."""
        with self._lock:
            return self._pictures.get(number)

    def _follow(self) -> None:
        while self._is_wanted():
            try:
                self._read()
            except (OSError, WireError) as error:
                logger.debug("live feed: %s: %s", self._file, error)
            except Exception:  # whatever a station of another version says
                logger.exception("live feed: %s", self._file)
            self._newest = None
            self._first.set()
            if self._is_wanted():
                time.sleep(AGAIN_S)

    def _is_wanted(self) -> bool:
        """True if to go on; else the thread has ended for whoever asks next."""
        with self._lock:
            if time.monotonic() - self._asked_at < WANTED_S:
                return True
            self._thread = None
            self._pictures.clear()
            return False

    def _read(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(SILENT_S)
            with socket_name(self._file) as name:
                connection.connect(name)
            reader = _Reader(connection, lambda: time.monotonic() - self._asked_at < WANTED_S)
            while True:
                seen = Seen(*read_message(reader.exactly))
                with self._lock:
                    self._newest = seen
                    self._pictures[seen.now.number] = seen
                    while len(self._pictures) > _KEPT:
                        self._pictures.popitem(last=False)
                self._first.set()


class _Reader:
    """Exactly so many bytes of a connection; silence between messages is no trouble while it is wanted."""

    def __init__(self, connection: socket.socket, is_wanted: Callable[[], bool]) -> None:
        self._connection = connection
        self._is_wanted = is_wanted

    def exactly(self, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            try:
                some = self._connection.recv(min(count - len(found), 2**20))
            except TimeoutError:
                if not self._is_wanted():
                    raise
                continue
            if not some:
                raise ConnectionResetError("the station hung up")
            found += some
        return bytes(found)
