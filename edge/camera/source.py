"""Interface of a frame source, and its creation from settings."""

import re
from pathlib import Path
from typing import Protocol

from edge.camera.depth import Depth
from edge.core.errors import SettingsError
from edge.core.frame import Frame
from edge.settings.camera import AnyCameraSettings


class Camera(Protocol):
    """A source of frames, read by one thread.

    ``description`` may be shown to anyone: it holds no password. ``live`` is True if a lost picture may come
    back, as a camera's may, and False for files, which end. ``ignored`` names the settings that the camera
    ignored.
    """

    description: str
    live: bool
    ignored: tuple[str, ...]

    def read(self) -> Frame | None:
        """Wait for the next frame and return it; None at the end. Raises CameraError if there is none."""

    def close(self) -> None:
        """Release the device or file; safe to call twice."""


def open_camera(settings: AnyCameraSettings, depth: Depth | None = None) -> Camera:
    """Open the source that the settings name; raises CameraError, or SettingsError for invalid settings.

    ``depth`` is read for each frame; by default ``camera.bits``.
    """
    depth = depth or Depth(settings.bits)
    if settings.kind == "simulated":
        from edge.simulation.simulated import SimulatedCamera

        return SimulatedCamera(settings)
    if settings.kind == "snapshot":
        from edge.camera.snapshot import SnapshotCamera

        return SnapshotCamera(settings, depth)
    if settings.kind == "file" and is_folder(settings.path):
        from edge.camera.folder import FolderCamera

        return FolderCamera(settings, depth)
    from edge.camera.opencv import OpenCvCamera

    return OpenCvCamera(settings, depth)


def is_folder(path: str) -> bool:
    """Return True if ``camera.path`` is a folder, not a file; raises SettingsError if it does not exist."""
    if not Path(path).exists():
        raise SettingsError(f"camera.path: no such file or folder: {re.sub(r'^.*@', '***@', path)}")
    return Path(path).is_dir()


def check_source(settings: AnyCameraSettings) -> None:
    """Raise SettingsError if the source can never be opened on this device."""
    if settings.kind == "file":
        is_folder(settings.path)
    if settings.kind == "pipeline":
        from edge.camera.opencv import check_gstreamer

        check_gstreamer()
    if settings.kind == "snapshot":
        from edge.camera.snapshot import check_address

        check_address(settings.url)


def described(settings: AnyCameraSettings) -> str:
    """Return a description of the source for a person, without passwords."""
    if settings.kind == "simulated":
        return "simulated"
    if settings.kind == "device":
        return f"camera {settings.device}" if settings.device.isdecimal() else settings.device
    if settings.kind == "pipeline":
        return without_password(settings.pipeline)
    return settings.path if settings.kind == "file" else without_password(settings.url)


def without_password(text: str) -> str:
    """Return the text without users and passwords of URLs and pipelines, and queries of URLs.

    A password may hold any character, so everything up to the last @ is removed, rather too much than too
    little.
    """
    text = re.sub(r"(?<=://)\S*@", "***@", text)
    text = re.sub(r"\b(user-id|user-pw|password)\s*=\s*(\"[^\"]*\"|\S+)", r"\1=***", text)
    return re.sub(r"(://[^\s?]*)\?\S*", r"\1?***", text)
