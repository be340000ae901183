"""The pins' part of `edge --check`: whether each line is there and free, and how to fix what isn't."""

import getpass
import os
from pathlib import Path

from edge.core.errors import InputError
from edge.outputs.output import Checked
from edge.outputs.pins.pins import check_pins, named_lines
from edge.settings.settings import Settings
from edge.trigger.inputs import import_gpiod


def check_lines(settings: Settings) -> Checked:
    """The same, as `edge --check` wants it."""
    return Checked(try_pins(settings))


def try_pins(settings: Settings) -> str:
    """Look at every line that the settings name, without setting one; returns what was seen.

    Raises InputError or SettingsError, which name the setting and say how to fix it.
    """
    check_pins(settings.pins, settings.gate, settings.trigger)
    lines = named_lines(settings.pins, settings.trigger)
    if not lines:
        return "none are used"
    return ", ".join(_state_of(name, chip, line) for name, (chip, line) in lines.items())


def _state_of(setting: str, chip: str, line: int) -> str:
    gpiod = import_gpiod(setting)
    try:
        with gpiod.Chip(chip) as opened:
            count = opened.get_info().num_lines
            if line >= count:
                raise InputError(f"{setting}: {chip} has no line {line}; expected 0 to {count - 1}")
            info = opened.get_line_info(line)
    except OSError as error:
        raise InputError(f"{setting}: {chip}: {_mend(Path(chip), error)}") from error
    if info.used:
        raise InputError(f"{setting}: line {line} of {chip} is used by {info.consumer or 'the kernel'}")
    name = f" ({info.name})" if info.name else ""
    return f"{setting}: line {line} of {chip}{name} is free"


def _mend(chip: Path, error: OSError) -> str:
    if not chip.exists():
        there = ", ".join(sorted(str(path) for path in chip.parent.glob("gpiochip*"))) or "none"
        return f"no such device; pins here: {there}"
    if not os.access(chip, os.R_OK | os.W_OK):
        return f"this user may not open it: sudo usermod -aG {chip.group()} {getpass.getuser()}"
    return f"not a device of pins ({error.strerror})"
