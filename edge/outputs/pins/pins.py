"""The pins of this device that belong to the gate: ejector, encoder, and the sensor at the bin."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from edge.core.errors import SettingsError
from edge.gate.gate import GateCommand
from edge.outputs.events import PartSeen
from edge.outputs.output import Health, Output
from edge.outputs.pins.ejector import Ejector, GpioOutput, OutputPin
from edge.outputs.pins.encoder import EdgeCounter
from edge.outputs.requests import Receiver
from edge.settings.alarms import Alarm
from edge.settings.gate import GateSettings
from edge.settings.pins import PinSettings
from edge.settings.settings import Settings
from edge.settings.trigger import TriggerSettings
from edge.trigger.inputs import Edge, GpioPin, InputLine, LineAddress, Pin, import_gpiod

logger = logging.getLogger(__name__)

_ENCODER_WAIT_S = 0.02
_ENCODER_PAUSE_S = 0.005  # a fast encoder is read in heaps: its edges carry their times and numbers
_LEAST_SILENCE_MS = 60.0


def open_ejector(settings: PinSettings, line: int) -> OutputPin:
    """The ejector's pin."""
    return GpioOutput("pins.ejector", settings.chip, line, active_low=settings.ejector_active_low)


class GatePins(Output):
    """Those pins that the settings name; the others do nothing. Raises SettingsError for what does not fit.

    ``on_missed`` hears how many commands the ejector dropped because their time had passed.
    """

    name = "the pins"
    alarm = Alarm.PINS

    def __init__(
        self,
        settings: PinSettings,
        gate: GateSettings,
        trigger: TriggerSettings,
        receiver: Receiver,
        *,
        on_missed: Callable[[int], None],
        open_input: Callable[[LineAddress], Pin] = GpioPin,
        open_output: Callable[[PinSettings, int], OutputPin] = open_ejector,
    ) -> None:
        check_pins(settings, gate, trigger)
        self._settings = settings
        self._receiver = receiver
        self._open_input = open_input
        self._troubles: dict[str, str] = {}
        self._lock = threading.Lock()
        self._counter = EdgeCounter()
        self._ejector: Ejector | None = None
        line = settings.ejector
        self.gate_role = "none" if line is None else "acts"
        if line is not None:
            self._ejector = Ejector(
                lambda: open_output(settings, line),
                on_trouble=lambda trouble: self._note("pins.ejector", trouble),
                on_missed=on_missed,
            )
        self._lines = [*self._encoder(), *self._bin()]

    @property
    def health(self) -> Health:
        """The threads of the pins, and what is wrong with the pins."""
        ejector = self._ejector
        with self._lock:
            troubles = dict(self._troubles)
        return Health(
            is_alive=(ejector is None or ejector.is_alive) and all(line.is_alive for line in self._lines),
            fault=troubles.get("pins.ejector"),
            trouble=next((f"{name}: {trouble}" for name, trouble in troubles.items()), None),
        )

    def start(self) -> None:
        """Open the pins; what cannot be opened is tried again, for ever."""
        if self._ejector is not None:
            self._ejector.start()
        for line in self._lines:
            line.start()

    def stop(self) -> None:
        """Carry out what is due in the next seconds, and give the pins back; the ejector's is inactive."""
        if self._ejector is not None:
            self._ejector.stop()
        for line in self._lines:
            line.stop()

    def command(self, command: GateCommand) -> bool:
        """Carry out a command when it is due; False where that is not possible now."""
        return self._ejector is not None and self._ejector.take(command)

    def part_seen(self, seen: PartSeen) -> None:  # noqa: ARG002  whichever it is
        """A part is at the camera: the belt must have moved since the last one."""
        self._counter.part_seen()

    def _encoder(self) -> list[InputLine]:
        if self._settings.encoder is None:
            return []
        address = LineAddress(
            "pins.encoder", self._settings.chip, self._settings.encoder, self._settings.encoder_edges
        )
        return [
            InputLine(
                "encoder",
                lambda: self._open_input(address),
                on_edges=self._count,
                on_trouble=self._encoder_trouble,
                wait_s=_ENCODER_WAIT_S,
                pause_s=_ENCODER_PAUSE_S,
            )
        ]

    def _count(self, edges: Sequence[Edge]) -> None:
        counted = self._counter.add(edges, time.monotonic())
        if counted is not None:
            self._receiver.belt_counts(*counted)

    def _encoder_trouble(self, trouble: str | None) -> None:
        self._note("pins.encoder", trouble)
        self._counter.reopened()
        if trouble is not None:
            self._receiver.belt_lost(f"encoder: {trouble}")

    def _bin(self) -> list[InputLine]:
        settings = self._settings
        if settings.bin is None:
            return []
        address = LineAddress(
            "pins.bin", settings.chip, settings.bin, settings.bin_edge, settings.bin_debounce_ms
        )
        return [
            InputLine(
                "bin",
                lambda: self._open_input(address),
                on_edges=self._confirm,
                on_trouble=lambda trouble: self._note("pins.bin", trouble),
            )
        ]

    def _confirm(self, edges: Sequence[Edge]) -> None:
        for _ in edges:
            self._receiver.confirmed()

    def _note(self, name: str, trouble: str | None) -> None:
        with self._lock:
            self._troubles.pop(name, None)
            if trouble is not None:
                self._troubles[name] = trouble


def pins_output(
    settings: Settings, receiver: Receiver, on_missed: Callable[[int], None], *, simulated: bool
) -> GatePins:
    """The pins that the settings name; of simulated parts the ejector hears nothing."""
    pins = without_ejector(settings.pins) if simulated else settings.pins
    return GatePins(pins, settings.gate, settings.trigger, receiver, on_missed=on_missed)


def without_ejector(pins: PinSettings) -> PinSettings:
    """Verdicts on simulated parts must not let real ones pass, nor eject them."""
    if pins.ejector is not None:
        logger.warning("pins.ejector: is left alone: these parts are simulated")
    return pins.model_copy(update={"ejector": None})


def check_pins(settings: PinSettings, gate: GateSettings, trigger: TriggerSettings) -> None:
    """Raise SettingsError where a pin has nothing to do, a line is used twice, or the extra is missing."""
    used = named_lines(settings, trigger)
    if settings.encoder is not None and gate.belt != "encoder":
        raise SettingsError('pins.encoder: needs gate.belt = "encoder"')
    if settings.encoder is not None and gate.encoder_silence_ms < _LEAST_SILENCE_MS:
        raise SettingsError(f"pins.encoder: needs gate.encoder_silence_ms of at least {_LEAST_SILENCE_MS:g}")
    if settings.bin is not None and not gate.confirm_ms:
        raise SettingsError("pins.bin: needs gate.confirm_ms")
    for name, line in used.items():
        import_gpiod(name)
        other = next(first for first, its in used.items() if its == line)
        if other != name:
            raise SettingsError(f"{name}: line {line[1]} is that of {other}; expected another one")


def named_lines(pins: PinSettings, trigger: TriggerSettings) -> dict[str, tuple[str, int]]:
    """Chip and line of every pin that the settings name, by the setting."""
    lines = {"pins.ejector": pins.ejector, "pins.encoder": pins.encoder, "pins.bin": pins.bin}
    named = {name: (pins.chip, line) for name, line in lines.items() if line is not None}
    if trigger.kind == "input":
        named["trigger.line"] = (trigger.chip, trigger.line)
    return named
