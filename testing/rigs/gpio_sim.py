"""gpio-sim, the kernel's own simulated pins: real lines by libgpiod, whose levels a test sees and moves.

Needs root and `modprobe gpio-sim`, and so a kernel that has it.
"""

import os
from pathlib import Path

_CONFIG = Path("/sys/kernel/config/gpio-sim")


def gpio_sim_is_missing() -> str | None:
    """Why simulated pins cannot be used here, or None."""
    if not _CONFIG.is_dir():
        return "no simulated pins: sudo modprobe gpio-sim"
    return None if os.geteuid() == 0 else "simulated pins, but only root can make them"


class SimulatedChip:
    """A chip with so many lines."""

    def __init__(self, lines: int) -> None:
        self._device = _CONFIG / "linegate-test"
        self._bank = self._device / "bank0"
        self._bank.mkdir(parents=True)
        (self._bank / "num_lines").write_text(str(lines))
        (self._device / "live").write_text("1")
        name = (self._bank / "chip_name").read_text().strip()
        device = (self._device / "dev_name").read_text().strip()
        self.path = f"/dev/{name}"
        self._lines = Path("/sys/devices/platform") / device / name

    def pull(self, line: int, *, up: bool) -> None:
        """Drive an input as its wire would."""
        (self._lines / f"sim_gpio{line}" / "pull").write_text("pull-up" if up else "pull-down")

    def level(self, line: int) -> int:
        """The level of a line, 0 or 1."""
        return int((self._lines / f"sim_gpio{line}" / "value").read_text())

    def close(self) -> None:
        (self._device / "live").write_text("0")
        self._bank.rmdir()
        self._device.rmdir()
