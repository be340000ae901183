"""One client of the Modbus server: a frame at a time, and no more often than a PLC asks.

A client that sends nonsense is hung up on. One that sends without end, or does not take its answers, waits:
nothing of it is kept but a frame.
"""

import asyncio
from collections.abc import Callable
from typing import cast

HEADER = 7
LARGEST_FRAME = 260
PAUSE_S = 0.005
"""Between two frames of one client: however many it sends, the line keeps its time."""


class Connection(asyncio.BufferedProtocol):
    """``answer`` gets each frame and returns what to send; ``on_end`` hears that the client is gone.

    For the server's own thread.
    """

    def __init__(
        self,
        answer: Callable[[bytes], bytes],
        on_asked: Callable[["Connection"], None],
        on_end: Callable[["Connection"], None],
    ) -> None:
        self._answer = answer
        self._on_asked = on_asked
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray(LARGEST_FRAME)
        self._filled = 0
        self._is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  whoever went, it is over
        """The client is gone."""
        self._transport = None
        self._on_end(self)

    def pause_writing(self) -> None:
        """It does not take its answers: nothing more is read until it does."""
        self._is_full = True

    def resume_writing(self) -> None:
        """It took them."""
        self._is_full = False
        self._go_on()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  a frame, and no more
        """Room for the rest of a frame."""
        return memoryview(self._buffer)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Something came."""
        self._filled += nbytes
        self._take()

    def hang_up(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self) -> None:
        """Answer the first frame, if all of it is there."""
        if self._transport is None or self._filled < HEADER:
            return
        protocol, size = (int.from_bytes(self._buffer[at : at + 2], "big") for at in (2, 4))
        end = 6 + size
        if protocol or not 2 <= size <= LARGEST_FRAME - 6:
            self.hang_up()  # no frame of Modbus TCP, and nobody knows where the next one begins
        elif self._filled >= end:
            frame = bytes(self._buffer[:end])
            self._buffer[: self._filled - end] = self._buffer[end : self._filled]
            self._filled -= end
            self._on_asked(self)
            self._transport.write(self._answer(frame))
            self._transport.pause_reading()
            self._loop.call_later(PAUSE_S, self._go_on)

    def _go_on(self) -> None:
        """The next frame, if it is there already, else read on."""
        if self._transport is None or self._transport.is_closing() or self._is_full:
            return
        before = self._filled
        self._take()
        if self._filled == before:
            self._transport.resume_reading()
