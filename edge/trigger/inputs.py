"""Input lines of the device's own pins, such as a light barrier: a thread that tells each edge."""

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
    """A change of a line, at monotonic seconds; ``number`` is the kernel's own running number of it."""

    at: float
    number: int


@dataclass(frozen=True)
class LineAddress:
    """Where a line is, and which of its changes count; ``setting`` is what asks for it."""

    setting: str
    chip: str
    line: int
    edges: Edges = "rising"
    debounce_ms: float = 0.0


class Pin(Protocol):
    """One input line, requested from the kernel."""

    def events(self, wait_s: float) -> list[Edge]:
        """The edges since the last call, waiting for one; raises OSError."""

    def close(self) -> None:
        """Give the line back."""


class GpioPin:
    """A line by libgpiod, whose events carry the kernel's monotonic time."""

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
        """The edges."""
        if not self._line.wait_edge_events(wait_s):
            return []
        return [Edge(event.timestamp_ns / 1e9, event.line_seqno) for event in self._line.read_edge_events()]

    def close(self) -> None:
        """Give the line back."""
        self._line.release()


def import_gpiod(setting: str) -> Any:
    """The gpiod module; raises SettingsError, which names the setting, where the extra is missing."""
    try:
        import gpiod
    except ImportError as error:
        raise SettingsError(f"{setting}: needs the extra gpio: pip install 'linegate[gpio]'") from error
    return gpiod


class InputLine:
    """Reads a pin on a thread of its own, and opens it again, for ever, when it fails.

    ``on_edges`` gets the edges of each wait of ``wait_s``, also when there were none; ``pause_s`` is how long
    it lets edges gather between two readings.
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
        """Start reading."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """True if our thread still reads."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End; returns once the line was given back, at most a moment later."""
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
