"""Camera check of `edge --check`: what the camera delivers, what is wrong, and how to fix it."""

import getpass
import os
import time
from dataclasses import dataclass
from pathlib import Path

from edge.camera.depth import Depth
from edge.camera.faults import measure_sharpness
from edge.camera.guard import CameraGuard
from edge.camera.source import check_source, described, open_camera
from edge.core.errors import CameraError
from edge.core.frame import Frame
from edge.settings.camera import AnyCameraSettings

LOOK_S = 2.0


@dataclass(frozen=True)
class Seen:
    """Result of a camera check: description, last frame, and frames per second if known."""

    text: str
    frame: Frame
    rate: float | None


def try_camera(camera: AnyCameraSettings, bits: int | None) -> Seen:
    """Check the camera's pictures for a short while; ``bits`` as for ``edge.camera.depth``.

    Raises CameraError or SettingsError, which say what is wrong and how to fix it.
    """
    source = described(camera)
    check_source(camera)
    guard = CameraGuard(lambda: open_camera(camera, Depth(bits)), camera)
    guard.start()
    try:
        frames = _watch(guard, camera)
        fault = guard.fault or (None if frames else "camera: no frame")
    finally:
        guard.stop(timeout=1)
    if fault is not None:
        raise CameraError(f"{source}: {fault.removeprefix('camera: ')}; {_mend(fault, camera)}")
    if guard.ignored:
        raise CameraError(f"{source}: {'; '.join(guard.ignored)}; take out what it cannot do")
    height, width = frames[0].image.shape[:2]
    colour = "grey" if frames[0].image.ndim == 2 else "colour"
    took = frames[-1].captured - frames[0].captured
    rate = (len(frames) - 1) / took if took > 0 else None
    speed = f", {rate:.3g} frames a second" if rate is not None else ""
    sharpness = measure_sharpness(frames[-1].image)
    sharp = f", sharpness {sharpness:.2f}" if sharpness is not None else ""
    return Seen(f"{source}: {width}x{height}, {colour}{speed}{sharp}", frames[-1], rate)


def _watch(guard: CameraGuard, camera: AnyCameraSettings) -> list[Frame]:
    """Return the frames of a short while, long enough to detect a frozen picture; few or none at a fault."""
    frames: list[Frame] = []
    enough = camera.freeze_frames + 2 if camera.live else 1
    until = time.monotonic() + (camera.open_timeout_ms + camera.settle_ms + camera.stall_ms) / 1000 + 1
    while time.monotonic() < until and guard.fault is None and not guard.ended:
        frame = guard.next(0.05)
        if frame is None:
            continue
        if not frames:
            until = time.monotonic() + LOOK_S
        frames.append(frame)
        if len(frames) >= enough:
            break
    return frames


_MENDING = {
    "black": "take off the lens cap, switch on the lamp, raise camera.exposure",
    "washed out": "lower camera.exposure or the lamp",
    "blurred": "focus and clean the lens; camera.blurred_below says how sharp is sharp enough",
    "wrong size": "set camera.width and camera.height to what the camera sends",
    "half decoded": "look for a loose cable or a busy network",
    "freeze": "restart the camera; raise camera.freeze_frames where pictures may really repeat",
    "late": "the network or this device is too slow: lower the camera's rate, size or bit rate",
    "hang": "unplug the camera and plug it in again",
}


def _mend(fault: str, camera: AnyCameraSettings) -> str:
    for name, text in _MENDING.items():
        if fault.startswith(f"camera: {name}"):
            return text
    if camera.kind == "device":
        return mend_device(Path(f"/dev/video{camera.device}" if camera.device.isdecimal() else camera.device))
    return "is it on, and are address, user and password right?"


def mend_device(device: Path) -> str:
    """Return why a device cannot be used, as far as the file system shows, and how to fix it."""
    if not device.exists():
        there = ", ".join(sorted(str(path) for path in device.parent.glob("video*"))) or "none"
        return f"there is no {device}; is the camera plugged in? Video devices here: {there}"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"this user may not open {device}: sudo usermod -aG {device.group()} {getpass.getuser()}"
    return f"another program may hold it: sudo fuser -v {device}"
