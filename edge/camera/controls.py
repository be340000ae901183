"""Camera controls such as exposure: set and read back; those that the camera ignored are reported."""

from dataclasses import dataclass
from typing import Protocol

import cv2

from edge.settings.camera import CameraSettings

_TOLERANCE = 0.02  # cameras round to steps of their own


class Adjustable(Protocol):
    """Interface of cv2.VideoCapture as used here."""

    def set(self, propId: int, value: float, /) -> bool: ...  # noqa: D102, N803
    def get(self, propId: int, /) -> float: ...  # noqa: D102, N803


@dataclass(frozen=True)
class _Control:
    name: str
    property: int
    manual: tuple[int, float] | None = None  # what ends the automatic first


_CONTROLS = (
    _Control("width", cv2.CAP_PROP_FRAME_WIDTH),
    _Control("height", cv2.CAP_PROP_FRAME_HEIGHT),
    _Control("fps", cv2.CAP_PROP_FPS),
    _Control("exposure", cv2.CAP_PROP_EXPOSURE, (cv2.CAP_PROP_AUTO_EXPOSURE, 1)),
    _Control("gain", cv2.CAP_PROP_GAIN),
    _Control("white_balance", cv2.CAP_PROP_WB_TEMPERATURE, (cv2.CAP_PROP_AUTO_WB, 0)),
    _Control("focus", cv2.CAP_PROP_FOCUS, (cv2.CAP_PROP_AUTOFOCUS, 0)),
)


def apply_controls(camera: Adjustable, settings: CameraSettings) -> tuple[str, ...]:
    """Apply the settings, read them back, and return a line for each that the camera ignored.

    Devices have all of them, streams and pipelines only a size. All are set before the first is read: a new
    size may change the rate.
    """
    fourcc = getattr(settings, "fourcc", "")
    if fourcc:
        camera.set(cv2.CAP_PROP_FOURCC, _code(fourcc))
    values = [(control, getattr(settings, control.name, None)) for control in _CONTROLS]
    asked = [(control, value) for control, value in values if value is not None]
    for control, value in asked:
        if control.manual:
            camera.set(*control.manual)
        camera.set(control.property, value)
    ignored = [_ignored(camera, control, value) for control, value in asked]
    if fourcc and round(camera.get(cv2.CAP_PROP_FOURCC)) != _code(fourcc):
        ignored.insert(0, f"camera.fourcc: asked for {fourcc}, the camera has another")
    return tuple(text for text in ignored if text)


def _ignored(camera: Adjustable, control: _Control, value: float) -> str | None:
    has = camera.get(control.property)
    if abs(has - value) <= abs(value) * _TOLERANCE:
        return None
    return f"camera.{control.name}: asked for {value:g}, the camera has {f'{has:g}' if has >= 0 else 'none'}"


def _code(fourcc: str) -> int:
    return int.from_bytes(fourcc.encode("ascii"), "little")
