"""What a camera is to the rest of Linegate, and how its description becomes one."""

import re
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

from edge.core.errors import SettingsError
from edge.core.frame import Frame
from edge.core.images import IMAGE_SUFFIXES
from edge.settings.camera import CameraSettings
from edge.settings.paths import PIPELINE, SNAPSHOT, names_a_file

SourceKind = Literal["simulated", "device", "stream", "snapshot", "pipeline", "folder", "file"]


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


def source_kind(source: str) -> SourceKind:
    """What the setting names; raises SettingsError where it is nothing that could be opened."""
    if source == "simulated":
        return "simulated"
    if source.startswith(PIPELINE):
        return "pipeline"
    if _is_snapshot(source):
        return "snapshot"
    if "://" in source:
        return "stream"
    if not names_a_file(source):
        return "device"
    path = Path(source)
    if path.exists():
        return "folder" if path.is_dir() else "file"
    shown = re.sub(r"^.*@", "***@", source)  # it may be a mistyped URL with a password
    raise SettingsError(
        f"camera.source: no such file or folder: {shown}; "
        '"simulated", an index, a path, a URL or "gstreamer: " and a pipeline would be right'
    )


def _is_snapshot(source: str) -> bool:
    """Whether it is said to be the address of a single picture, or ends as one."""
    if source.startswith(SNAPSHOT):
        return True
    if not source.startswith(("http://", "https://")):
        return False
    try:
        return Path(urlsplit(source).path).suffix.lower() in IMAGE_SUFFIXES
    except ValueError:  # no address; FFmpeg will say so
        return False


def is_live(source: str) -> bool:
    """Whether the setting names a camera, which can fail and come back, and nothing stored or drawn."""
    return source_kind(source) in ("device", "stream", "snapshot", "pipeline")


def open_camera(settings: CameraSettings) -> Camera:
    """Open the source that the settings name; raises CameraError, or SettingsError for nonsense."""
    kind = source_kind(settings.source)
    if kind == "simulated":
        from edge.simulation.simulated import SimulatedCamera

        return SimulatedCamera(settings)
    if kind == "folder":
        from edge.camera.folder import FolderCamera

        return FolderCamera(settings)
    if kind == "snapshot":
        from edge.camera.snapshot import SnapshotCamera

        return SnapshotCamera(settings)
    from edge.camera.opencv import OpenCvCamera

    return OpenCvCamera(settings)


def check_source(settings: CameraSettings) -> None:
    """Raise SettingsError for a source that can never be opened here, whatever is plugged in."""
    kind = source_kind(settings.source)
    if kind == "pipeline":
        from edge.camera.opencv import check_gstreamer

        check_gstreamer()
    if kind == "snapshot":
        from edge.camera.snapshot import check_address

        check_address(settings.source)


def without_password(text: str) -> str:
    """The text with the user and password of URLs and pipelines, and the queries of URLs, left out.

    A password may hold any sign, so all up to the last @ goes: rather too much than too little.
    """
    text = re.sub(r"(?<=://)\S*@", "***@", text)
    text = re.sub(r"\b(user-id|user-pw|password)\s*=\s*(\"[^\"]*\"|\S+)", r"\1=***", text)
    return re.sub(r"(://[^\s?]*)\?\S*", r"\1?***", text)
