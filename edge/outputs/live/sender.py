"""Gives whoever connects to a Unix socket the newest message, again and again; on a thread of its own."""

import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edge.core.once import Once
from edge.outputs.live.wire import listen

logger = logging.getLogger(__name__)

UNREAD_S = 10.0  # who takes nothing for so long is hung up on
_STEP_S = 0.15  # between two messages to one watcher
LOOK_S = 5.0
AGAIN_S = 5.0


class _Watcher:
    """Someone who watches: what it was sent last, and what of that is still to go."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._last: bytes | None = None
        self._left = memoryview(b"")
        self._next_at = 0.0
        self._took_at = time.monotonic()

    def step(self, newest: Callable[[], bytes], now: float) -> None:
        """Send as much as it takes now; raises OSError where it is gone, TimeoutError where it hangs."""
        if not self._left:
            self._took_at = now
            if now < self._next_at:
                return
            message = newest()
            if message is self._last:
                return
            self._last, self._left, self._next_at = message, memoryview(message), now + _STEP_S
        with suppress(BlockingIOError):
            self._left = self._left[self.connection.send(self._left) :]
            self._took_at = now
        if now - self._took_at > UNREAD_S:
            raise TimeoutError


class Sender:
    """Calls ``newest`` only while somebody watches; the same object again means that nothing changed.

    Nothing that happens here ends it: a socket that cannot be made, or that somebody takes away, is made
    again, for ever.
    """

    def __init__(self, file: Path, newest: Callable[[], bytes], *, most_watchers: int) -> None:
        self._file = file
        self._newest = newest
        self._most = most_watchers
        self._watchers: dict[int, _Watcher] = {}
        self._troubles = Once()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-view", daemon=True)

    @property
    def watchers(self) -> int:
        """The number of watchers now."""
        return len(self._watchers)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Hang up, and take the socket away."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with listen(self._file) as listener, selectors.DefaultSelector() as selector:
                    self._serve(listener, selector)
            except Exception as error:  # whatever it is, the line must not notice
                if self._troubles.is_new(f"{type(error).__name__}: {error}"):
                    logger.warning("live view: %s cannot be offered to the page (%s)", self._file, error)
                self._stop.wait(AGAIN_S)

    def _serve(self, listener: socket.socket, selector: selectors.BaseSelector) -> None:
        """Until the end, or until the socket's file is another one."""
        ours = self._file.stat().st_ino
        selector.register(listener, selectors.EVENT_READ)
        look_at = time.monotonic() + LOOK_S
        try:
            while not self._stop.is_set():
                for key, _ in selector.select(_STEP_S if self._watchers else 0.5):
                    if key.fileobj is listener:
                        self._accept(listener, selector)
                    else:
                        self._drop(key.fd, selector)  # it hung up, or says something
                now = time.monotonic()
                for number, watcher in list(self._watchers.items()):
                    try:
                        watcher.step(self._newest, now)
                    except OSError:
                        self._drop(number, selector)
                if now >= look_at:
                    look_at = now + LOOK_S
                    # Fails on a dead disk, which a socket would keep from being unmounted.
                    os.utime(self._file)
                    if self._file.stat().st_ino != ours:
                        return
        finally:
            for number in list(self._watchers):
                self._drop(number, selector)
            with suppress(OSError):
                if self._stop.is_set() and self._file.stat().st_ino == ours:
                    self._file.unlink()

    def _accept(self, listener: socket.socket, selector: selectors.BaseSelector) -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            if len(self._watchers) >= self._most:
                connection.close()
                return
            connection.settimeout(0)
            self._watchers[connection.fileno()] = _Watcher(connection)
            selector.register(connection, selectors.EVENT_READ)

    def _drop(self, number: int, selector: selectors.BaseSelector) -> None:
        watcher = self._watchers.pop(number)
        selector.unregister(watcher.connection)
        watcher.connection.close()
