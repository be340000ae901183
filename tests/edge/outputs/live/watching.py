"""Someone who watches a station over its socket."""

import socket
from pathlib import Path

from edge.outputs.live.wire import Now, read_message, socket_name


class Viewer:
    """Connected to a station's socket; ``read`` gives the next message."""

    def __init__(self, file: Path) -> None:
        self.connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.connection.settimeout(20)
        with socket_name(file) as name:
            self.connection.connect(name)
        self._stream = self.connection.makefile("rb")

    def read(self) -> tuple[Now, bytes, bytes]:
        return read_message(self._exactly)

    def is_hung_up(self) -> bool:
        return self._stream.read(1) == b""

    def close(self) -> None:
        self._stream.close()
        self.connection.close()

    def _exactly(self, count: int) -> bytes:
        found = self._stream.read(count)
        assert len(found) == count
        return found
