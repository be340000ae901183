"""What a camera is to the rest of Linegate, and how its description becomes one."""

import re
from pathlib import Path
from typing import Protocol

from edge.errors import SettingsError
from edge.frame import Frame
from edge.settings import CameraSettings


class Camera(Protocol):
    """A source of frames, read by one thread.

    ``description`` can be shown to anyone: it holds no password. ``live`` says whether a lost
    picture may come back: a camera may, the end of a file is the end.
    """

    description: str
    live: bool

    def read(self) -> Frame | None:
        """The next frame, waiting for it; None at the end. Raises CameraError if there is none."""

    def close(self) -> None:
        """Let go of the device or file; safe to call twice."""


def open_camera(settings: CameraSettings) -> Camera:
    """Open the source that the settings name; raises CameraError, or SettingsError for nonsense."""
    from edge.camera.folder import FolderCamera
    from edge.camera.opencv import OpenCvCamera

    source = settings.source
    if source == "simulated":
        from edge.camera.simulated import SimulatedCamera

        return SimulatedCamera(settings)
    if source.isdecimal() or "://" in source:
        return OpenCvCamera(settings)
    path = Path(source)
    if path.is_dir():
        return FolderCamera(settings)
    if not path.exists() and not source.startswith("/dev/"):
        raise SettingsError(
            f"camera.source: no such file or folder: {source}; "
            '"simulated", an index, a path or a URL would be right'
        )
    return OpenCvCamera(settings)


def without_password(source: str) -> str:
    """The source with the user and password of a URL, and its query, left out."""
    source = re.sub(r"(?<=://)[^/@]*@", "***@", source)
    return re.sub(r"\?.*", "?***", source) if "://" in source else source
