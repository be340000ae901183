"""vivid, the kernel's own test camera: a real V4L2 device that can stall, fail and be unplugged.

Needs root, v4l-utils and `modprobe vivid n_devs=1 node_types=0x1`, and so a spare or a virtual machine.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

from testing.rigs.faults import Mishap

_DRIVER = Path("/sys/bus/platform/drivers/vivid")
_NAME = "vivid.0"


def vivid_is_missing() -> str | None:
    """Why vivid cannot be used here, or None."""
    if not (_DRIVER / _NAME).exists():
        return "no vivid camera: sudo modprobe vivid n_devs=1 node_types=0x1"
    if os.geteuid() != 0 or shutil.which("v4l2-ctl") is None:
        return "a vivid camera, but only root with v4l-utils can make it fail"
    return None


class VividCamera:
    """The first vivid device, showing noise: its other patterns repeat rows and pictures."""

    def __init__(self) -> None:
        self._show_noise()

    @property
    def url(self) -> str:
        """The device."""
        node = next((_DRIVER / _NAME / "video4linux").glob("video*"))
        return f"/dev/{node.name}"

    def control(self, setting: str) -> str:
        """Set "name=value"; without "=" the whole list of controls."""
        task = ["-c", setting] if "=" in setting else ["--list-ctrls-menus"]
        return subprocess.run(
            ["v4l2-ctl", "-d", self.url, *task], capture_output=True, text=True, check=True
        ).stdout

    def unplug(self) -> None:
        (_DRIVER / "unbind").write_text(_NAME)

    def plug_in(self) -> None:
        (_DRIVER / "bind").write_text(_NAME)
        time.sleep(0.3)  # udev makes the device's file
        self._show_noise()

    def _show_noise(self) -> None:
        patterns = (line.strip().partition(": ") for line in self.control("list").splitlines())
        noise = next(number for number, _, name in patterns if name == "Noise")
        self.control(f"test_pattern={noise}")

    def close(self) -> None:
        pass


VIVID_MISHAPS = (
    Mishap(
        "stalled",
        lambda camera: camera.control("percentage_of_dropped_buffers=100"),
        lambda camera: camera.control("percentage_of_dropped_buffers=0"),
    ),
    Mishap(
        "fatal error", lambda camera: camera.control("inject_fatal_streaming_error=1"), lambda camera: None
    ),
    Mishap("unplugged", lambda camera: camera.unplug(), lambda camera: camera.plug_in()),
)
