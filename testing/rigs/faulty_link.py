"""A network link that can be made to fail: a TCP relay between a client and a server."""

import contextlib
import random
import socket
import struct
import threading
from typing import Literal

LinkState = Literal["pass", "hang", "corrupt", "slow", "refuse"]
_POLL_S = 0.05
_SLOW_BYTES_S = 2_000


class FaultyLink:
    """Relays connections from a port of its own to ``port`` on this host.

    ``state`` may be changed at any time: "hang" keeps connections open and delivers nothing,
    "corrupt" changes bytes on their way to the client, "slow" delivers a trickle, "refuse" ends new ones.
    """

    def __init__(self, port: int, *, seed: int = 0) -> None:
        self.state: LinkState = "pass"
        self._target = port
        self._chance = random.Random(seed)
        self._ends: set[socket.socket] = set()
        self._forgotten: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection at once, by reset."""
        with self._lock:
            for end in self._ends:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """The connections that there are stay open and deliver nothing any more; new ones work."""
        with self._lock:
            self._forgotten |= self._ends

    def close(self) -> None:
        self._closed.set()
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.state == "refuse":
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target), 3)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._ends |= {client, server}
            for source, sink, damages in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._relay, args=(source, sink, damages), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket, damages: bool) -> None:
        source.settimeout(_POLL_S)
        with contextlib.suppress(OSError):
            while not self._closed.is_set():
                if self.state == "hang" or source in self._forgotten:
                    self._closed.wait(_POLL_S)
                    continue
                try:
                    data = source.recv(round(_SLOW_BYTES_S * _POLL_S) if self.state == "slow" else 65536)
                except TimeoutError:
                    continue
                if not data or source in self._forgotten:
                    break
                if self.state == "slow":
                    self._closed.wait(_POLL_S)
                sink.sendall(self._damaged(data) if damages and self.state == "corrupt" else data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._ends -= {source, sink}
            self._forgotten -= {source, sink}

    def _damaged(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(max(1, len(data) // 500)):
            changed[self._chance.randrange(len(changed))] = self._chance.randrange(256)
        return bytes(changed)
