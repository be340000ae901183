"""The interface of a camera, and the way from its settings to one."""

import re
from pathlib import Path
from typing import Protocol

from edge.camera.depth import Depth
from edge.core.errors import SettingsError
from edge.core.frame import Frame
from edge.settings.camera import AnyCameraSettings


class Camera(Protocol):
    """A source of frames, read by one thread.

    ``description`` can be shown to anyone: it holds no password. ``live`` says whether a lost
    picture may come back: a camera may, the end of a file is the end. ``ignored`` names the
    settings that the camera did not take.
    """

    description: str
    live: bool
    ignored: tuple[str, ...]

    def read(self) -> Frame | None:
        """The next frame, waiting for it; None at the end. Raises CameraError if there is none."""

    def close(self) -> None:
        """Let go of the device or file; safe to call twice."""


def open_camera(settings: AnyCameraSettings, depth: Depth | None = None) -> Camera:
    """Open what the settings name; raises CameraError, or SettingsError for nonsense.

    ``depth`` is looked at for each frame; by default ``camera.bits``.
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
    """True if ``camera.path`` is a folder, not a video; raises SettingsError where it is neither."""
    if not Path(path).exists():
        raise SettingsError(f"camera.path: no such file or folder: {re.sub(r'^.*@', '***@', path)}")
    return Path(path).is_dir()


def check_source(settings: AnyCameraSettings) -> None:
    """Raise SettingsError for a source that can never be opened here, whatever is plugged in."""
    if settings.kind == "file":
        is_folder(settings.path)
    if settings.kind == "pipeline":
        from edge.camera.opencv import check_gstreamer

        check_gstreamer()
    if settings.kind == "snapshot":
        from edge.camera.snapshot import check_address

        check_address(settings.url)


def described(settings: AnyCameraSettings) -> str:
    """The source of frames, in words for a person; they hold no password."""
    if settings.kind == "simulated":
        return "simulated"
    if settings.kind == "device":
        return f"camera {settings.device}" if settings.device.isdecimal() else settings.device
    if settings.kind == "pipeline":
        return without_password(settings.pipeline)
    return settings.path if settings.kind == "file" else without_password(settings.url)


def without_password(text: str) -> str:
    """The text with the user and password of URLs and pipelines, and the queries of URLs, left out.

    A password may hold any sign, so all up to the last @ goes: rather too much than too little.
    """
    text = re.sub(r"(?<=://)\S*@", "***@", text)
    text = re.sub(r"\b(user-id|user-pw|password)\s*=\s*(\"[^\"]*\"|\S+)", r"\1=***", text)
    return re.sub(r"(://[^\s?]*)\?\S*", r"\1?***", text)
