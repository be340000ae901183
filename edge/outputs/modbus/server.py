"""The Modbus server: a thread that takes connections, a few at a time, and answers them.

Whatever clients do, it is bounded: how many there are, how often each is answered, and what is kept of it.
Where there are too many, one that has asked nothing for a while makes room; if all ask, nobody more is taken.
"""

import asyncio
import logging
import math
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from operator import itemgetter

from edge.core.once import Once
from edge.outputs.modbus.connection import Connection

logger = logging.getLogger(__name__)

MOST_CLIENTS = 8
AGAIN_S = 2.0
_KEPT_S = 5.0  # who asked within that time keeps its place
_ACCEPT_PAUSE_S = 0.01
_BACKLOG = 16
_STOP_S = 2.0


class Server:
    """Serves ``answer`` at an address; while that is taken, it tries again and again."""

    def __init__(self, address: str, port: int, answer: Callable[[bytes], bytes]) -> None:
        self._address = address, port
        self._answer = answer
        self._clients: dict[Connection, float] = {}  # when each asked last
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = threading.Event()
        self._serving: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="modbus", daemon=True)
        self.trouble: str | None = None
        """Why it cannot be reached now."""

    @property
    def is_alive(self) -> bool:
        """True if its thread still goes on."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Hang up on everybody."""
        self._ended.set()
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it ended by itself
                loop.call_soon_threadsafe(self._cancel)
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def _cancel(self) -> None:
        if self._serving is not None:
            self._serving.cancel()

    def _run(self) -> None:
        said = Once()
        while not self._ended.is_set():
            try:
                asyncio.run(self._serve(said))
            except Exception as error:  # whatever it is, the thread must not end
                self.trouble = self._trouble(error)
                if said.is_new(self.trouble):
                    logger.error("%s; trying again", self.trouble)
                self._ended.wait(AGAIN_S)
            self._clients.clear()

    def _trouble(self, error: Exception) -> str:
        address, port = self._address
        why = (
            error.strerror or str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        )
        return f"modbus: cannot be served at {address}:{port} ({why})"

    async def _serve(self, said: Once) -> None:
        self._loop = asyncio.get_running_loop()
        self._serving = asyncio.current_task()
        with listening(*self._address) as listener:
            logger.info("modbus: served at %s:%d", *self._address)
            said.clear()
            self.trouble = None
            with suppress(asyncio.CancelledError):
                while not self._ended.is_set():
                    await self._accept(self._loop, listener)
            for client in list(self._clients):
                client.hang_up()

    async def _accept(self, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> None:
        """Take one connection; at once many cannot come."""
        try:
            connection, _ = await loop.sock_accept(listener)
            if self._make_room():
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await loop.connect_accepted_socket(self._client, connection)
            else:
                connection.close()
        except OSError as error:  # it went by itself, or there are no files left
            logger.debug("modbus: a client was not taken (%s)", error)
        await asyncio.sleep(_ACCEPT_PAUSE_S)

    def _make_room(self) -> bool:
        """True if one more may come; who has been silent longest goes for it."""
        if len(self._clients) < MOST_CLIENTS:
            return True
        silent, asked = min(self._clients.items(), key=itemgetter(1))
        if time.monotonic() - asked < _KEPT_S:
            return False
        self._gone(silent)
        silent.hang_up()
        return True

    def _client(self) -> Connection:
        client = Connection(self._answer, on_asked=self._asked, on_end=self._gone)
        self._clients[client] = -math.inf
        return client

    def _asked(self, client: Connection) -> None:
        if client in self._clients:
            self._clients[client] = time.monotonic()

    def _gone(self, client: Connection) -> None:
        self._clients.pop(client, None)


def listening(address: str, port: int) -> socket.socket:
    """A socket that listens there; raises OSError."""
    (family, kind, protocol, _, where), *_ = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.settimeout(0)
        listener.bind(where)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
