"""A gate on a pin of this device: active during each command, inactive otherwise."""

import logging
import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from edge.core.once import Once
from edge.gate.gate import GateCommand
from edge.trigger.inputs import import_gpiod

logger = logging.getLogger(__name__)

_PRIORITY = 10  # of 1 to 99
REOPEN_S = 1.0
_LONGEST_SLEEP_S = 0.5
_LONGEST_DRAIN_S = 5.0


class OutputPin(Protocol):
    """One output line, requested from the kernel; inactive at first."""

    def set(self, *, active: bool) -> None:
        """Make it active, or inactive; raises OSError."""

    def close(self) -> None:
        """Give the line back."""


class GpioOutput:
    """A line by libgpiod."""

    def __init__(self, setting: str, chip: str, line: int, *, active_low: bool) -> None:
        gpiod = import_gpiod(setting)
        self._number, self._value = line, gpiod.line.Value
        self._line = gpiod.request_lines(
            chip,
            consumer="linegate",
            config={
                line: gpiod.LineSettings(
                    direction=gpiod.line.Direction.OUTPUT,
                    output_value=gpiod.line.Value.INACTIVE,
                    active_low=active_low,
                )
            },
        )

    def set(self, *, active: bool) -> None:
        """Make it active, or inactive."""
        self._line.set_value(self._number, self._value.ACTIVE if active else self._value.INACTIVE)

    def close(self) -> None:
        """Give the line back."""
        self._line.release()


@dataclass(eq=False)
class _Pulse:
    part: str | None
    begin: float
    latest: float
    length: float
    end: float | None = None


class PulsePlan:
    """When the pin is active. Pure: times are monotonic seconds.

    A pulse begins in the time in which its command may be carried out, or never. The latest command for a
    part counts, until its pulse has begun.
    """

    def __init__(self) -> None:
        self._pulses: list[_Pulse] = []
        self.missed = 0

    def add(self, command: GateCommand) -> None:
        """Plan the pulse of a command."""
        self._pulses = [
            pulse
            for pulse in self._pulses
            if command.part is None or pulse.part != command.part or pulse.end is not None
        ]
        length = command.pulse_ms / 1000
        self._pulses.append(_Pulse(command.part, command.due, command.valid_until, length))

    def is_active(self, now: float) -> bool:
        """True if the pin is to be active now."""
        for pulse in self._pulses:
            if pulse.end is None and pulse.begin <= now <= pulse.latest:
                # What nobody saw is rejected from place to place; a part gets its whole pulse.
                pulse.end = (pulse.begin if pulse.part is None else now) + pulse.length
        late = [pulse for pulse in self._pulses if pulse.end is None and now > pulse.latest]
        self.missed += len(late)
        over = [pulse for pulse in self._pulses if pulse.end is not None and now >= pulse.end]
        self._pulses = [pulse for pulse in self._pulses if pulse not in late and pulse not in over]
        return any(pulse.end is not None for pulse in self._pulses)

    @property
    def wake(self) -> float:
        """When to look again; infinity where nothing is planned."""
        moments = (pulse.begin if pulse.end is None else pulse.end for pulse in self._pulses)
        return min(moments, default=math.inf)


class Ejector:
    """Carries out commands on a pin, on a thread of its own, and opens the pin again when it fails.

    ``on_trouble`` hears why the pin cannot be set, or that it can; ``on_missed`` how many commands were
    dropped because their time had passed.
    """

    def __init__(
        self,
        open_pin: Callable[[], OutputPin],
        *,
        on_trouble: Callable[[str | None], None],
        on_missed: Callable[[int], None],
    ) -> None:
        self._open_pin = open_pin
        self._on_trouble = on_trouble
        self._on_missed = on_missed
        self._plan = PulsePlan()
        self._changed = threading.Condition()
        self._works = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ejector", daemon=True)

    def start(self) -> None:
        """Open the pin."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """True if our thread still carries out commands."""
        return self._thread.is_alive()

    def take(self, command: GateCommand) -> bool:
        """Plan a command; False where the pin cannot be set now."""
        with self._changed:
            if self._works:
                self._plan.add(command)
                self._changed.notify()
            return self._works

    def stop(self) -> None:
        """Carry out what is planned for the next seconds, then leave the pin inactive and give it back."""
        deadline = time.monotonic() + _LONGEST_DRAIN_S
        while time.monotonic() < deadline and self._has_work():
            time.sleep(0.005)
        self._stop.set()
        with self._changed:
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def _has_work(self) -> bool:
        with self._changed:
            return self._works and self._plan.wake < math.inf

    def _run(self) -> None:
        _be_punctual()
        said = Once()
        while not self._stop.is_set():
            try:
                pin = self._open_pin()
                try:
                    self._on_trouble(None)
                    said.clear()
                    self._serve(pin)
                finally:
                    self._close(pin)
            except (OSError, ValueError) as error:  # no such chip or line, in use by another, taken away
                if said.is_new(str(error)):
                    logger.error("gate: the pin of the ejector cannot be set: %s", error)
                self._on_trouble(f"the pin of the ejector cannot be set: {error}")
                self._stop.wait(REOPEN_S)

    def _serve(self, pin: OutputPin) -> None:
        """Until the end, or OSError."""
        was_active = False
        with self._changed:
            self._works = True
        while not self._stop.is_set():
            with self._changed:
                missed = self._plan.missed
                is_active = self._plan.is_active(time.monotonic())
                missed = self._plan.missed - missed
            if is_active != was_active:
                pin.set(active=is_active)
                was_active = is_active
            if missed:
                self._on_missed(missed)
            with self._changed:
                wait = self._plan.wake - time.monotonic()
                if wait > 0 and not self._stop.is_set():
                    self._changed.wait(min(wait, _LONGEST_SLEEP_S))

    def _close(self, pin: OutputPin) -> None:
        with self._changed:
            self._works = False
        try:
            pin.set(active=False)
        finally:
            pin.close()


def _be_punctual() -> None:
    """Come before other threads of this device, where the system allows that (LimitRTPRIO of the service)."""
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))  # 0: this thread
