"""Input lines of the device's own pins, such as a light barrier, read by a thread."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, NamedTuple, Protocol

from edge.core.errors import SettingsError
from edge.core.once import Once

logger = logging.getLogger(__name__)

Edges = Literal["rising", "falling", "both"]

_WAIT_S = 0.2
REOPEN_S = 1.0
KERNEL_BUFFER = 1024  # edges that the kernel keeps for us


class Edge(NamedTuple):
    """A change of a line, at monotonic seconds; ``number`` is the kernel's running number."""

    at: float
    number: int


@dataclass(frozen=True)
class LineAddress:
    """A line and the changes that count; ``setting`` names the setting that asks for it."""

    setting: str
    chip: str
    line: int
    edges: Edges = "rising"
    debounce_ms: float = 0.0


class Pin(Protocol):
    """Interface of one input line, requested from the kernel."""

    def events(self, wait_s: float) -> list[Edge]:
        """Return the edges since the last call, waiting up to ``wait_s`` for one; raises OSError."""

    def close(self) -> None:
        """Release the line."""


class GpioPin:
    """A line read with libgpiod, whose events carry the kernel's monotonic time."""

    def __init__(self, address: LineAddress) -> None:
        gpiod = import_gpiod(address.setting)
        edge = gpiod.line.Edge
        self._line = gpiod.request_lines(
            address.chip,
            consumer="linegate",
            event_buffer_size=KERNEL_BUFFER,
            config={
                address.line: gpiod.LineSettings(
                    direction=gpiod.line.Direction.INPUT,
                    edge_detection={"rising": edge.RISING, "falling": edge.FALLING, "both": edge.BOTH}[
                        address.edges
                    ],
                    debounce_period=timedelta(milliseconds=address.debounce_ms),
                    event_clock=gpiod.line.Clock.MONOTONIC,
                )
            },
        )

    def events(self, wait_s: float) -> list[Edge]:
        """Return the edges since the last call; empty if none came within ``wait_s``."""
        if not self._line.wait_edge_events(wait_s):
            return []
        return [Edge(event.timestamp_ns / 1e9, event.line_seqno) for event in self._line.read_edge_events()]

    def close(self) -> None:
        """Release the line."""
        self._line.release()


def import_gpiod(setting: str) -> Any:
    """Return the gpiod module; raises SettingsError naming ``setting`` if the extra is not installed."""
    try:
        import gpiod
    except ImportError as error:
        raise SettingsError(f"{setting}: needs the extra gpio: pip install 'linegate[gpio]'") from error
    return gpiod


class InputLine:
    """Reads a pin on a thread of its own, and reopens it whenever it fails.

    ``on_edges`` receives the edges of each wait of ``wait_s``, even if there were none; ``pause_s`` is the
    time for edges to gather between two readings. ``on_trouble`` receives the reason for a failure, or None
    once it works.
    """

    def __init__(
        self,
        name: str,
        open_pin: Callable[[], Pin],
        *,
        on_edges: Callable[[Sequence[Edge]], None],
        on_trouble: Callable[[str | None], None],
        wait_s: float = _WAIT_S,
        pause_s: float = 0.0,
    ) -> None:
        self._name = name
        self._open_pin = open_pin
        self._on_edges = on_edges
        self._on_trouble = on_trouble
        self._wait_s = wait_s
        self._pause_s = pause_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """True while the thread runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop the thread; returns once the line is released, or after at most ``2 * wait_s + 1`` seconds."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2 * self._wait_s + 1)

    def _run(self) -> None:
        said = Once()
        while not self._stop.is_set():
            try:
                pin = self._open_pin()
                try:
                    self._on_trouble(None)
                    said.clear()
                    while not self._stop.is_set():
                        self._on_edges(pin.events(self._wait_s))
                        self._stop.wait(self._pause_s)
                finally:
                    pin.close()
            except (OSError, ValueError) as error:  # no such chip or line, in use by another, taken away
                if said.is_new(str(error)):
                    logger.error("%s: the input line cannot be read: %s", self._name, error)
                self._on_trouble(f"the input line cannot be read: {error}")
                self._stop.wait(REOPEN_S)
