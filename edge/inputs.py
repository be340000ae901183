"""An input line of the device's own pins, such as a light barrier: a thread that tells each event."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

from edge.errors import SettingsError
from edge.settings import TriggerSettings

logger = logging.getLogger(__name__)

_WAIT_S = 0.2
_REOPEN_S = 1.0


class Pin(Protocol):
    """One input line, requested from the kernel."""

    def events(self, wait_s: float) -> list[float]:
        """Monotonic times of the events since the last call, waiting for one; raises OSError."""

    def close(self) -> None:
        """Give the line back."""


class GpioPin:
    """A line by libgpiod, whose events carry the kernel's monotonic time."""

    def __init__(self, settings: TriggerSettings) -> None:
        gpiod = import_gpiod()
        edge = {"rising": gpiod.line.Edge.RISING, "falling": gpiod.line.Edge.FALLING}[settings.input_edge]
        self._line = gpiod.request_lines(
            settings.input_chip,
            consumer="linegate",
            config={
                settings.input_line: gpiod.LineSettings(
                    direction=gpiod.line.Direction.INPUT,
                    edge_detection=edge,
                    debounce_period=timedelta(milliseconds=settings.input_debounce_ms),
                    event_clock=gpiod.line.Clock.MONOTONIC,
                )
            },
        )

    def events(self, wait_s: float) -> list[float]:
        """Monotonic times of the events."""
        if not self._line.wait_edge_events(wait_s):
            return []
        return [event.timestamp_ns / 1e9 for event in self._line.read_edge_events()]

    def close(self) -> None:
        """Give the line back."""
        self._line.release()


def import_gpiod() -> Any:
    """The gpiod module; raises SettingsError where the extra is missing."""
    try:
        import gpiod
    except ImportError as error:
        raise SettingsError(
            "trigger.kind = \"input\" needs the extra gpio: pip install 'linegate[gpio]'"
        ) from error
    return gpiod


class InputLine:
    """Reads a pin on a thread of its own, and opens it again, for ever, when it fails."""

    def __init__(
        self,
        open_pin: Callable[[], Pin],
        *,
        on_event: Callable[[float], None],
        on_trouble: Callable[[str | None], None],
    ) -> None:
        self._open_pin = open_pin
        self._on_event = on_event
        self._on_trouble = on_trouble
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="input", daemon=True)

    def start(self) -> None:
        """Start reading."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns once the line was given back, at most a moment later."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2 * _WAIT_S + 1)

    def _run(self) -> None:
        complained = False
        while not self._stop.is_set():
            try:
                pin = self._open_pin()
                try:
                    self._on_trouble(None)
                    complained = False
                    while not self._stop.is_set():
                        for at in pin.events(_WAIT_S):
                            self._on_event(at)
                finally:
                    pin.close()
            except (OSError, ValueError) as error:  # no such chip or line, in use by another, taken away
                if not complained:
                    logger.error("trigger: the input line cannot be read: %s", error)
                complained = True
                self._on_trouble(f"the input line cannot be read: {error}")
                self._stop.wait(_REOPEN_S)
