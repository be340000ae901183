"""Stored images as a camera."""

import logging
import time
from datetime import UTC, datetime
from pathlib import Path

from edge.core.errors import CameraError, ImageError
from edge.core.frame import Frame
from edge.core.images import read_image
from edge.core.pacing import Pacer
from edge.core.photographs.listing import list_images
from edge.core.set_depth import SetDepth, find_set_depth
from edge.settings.camera import FileSettings

logger = logging.getLogger(__name__)


class FolderCamera:
    """Shows the images of a folder in the order of their paths, at a set rate, once."""

    live = False
    ignored: tuple[str, ...] = ()

    def __init__(self, settings: FileSettings) -> None:
        folder = Path(settings.path)
        self.description = f"folder {folder}"
        self._paths = list_images(folder)
        if not self._paths:
            raise CameraError(f"{folder}: no images in this folder")
        self._depth = SetDepth(settings.bits) if settings.bits else find_set_depth(self._paths)
        if self._depth.note is not None:
            logger.warning("%s: %s", folder, self._depth.note)
        if settings.count:
            self._paths = self._paths[: settings.count]
        self._pacer = Pacer(settings.replay_fps)
        self._position = 0

    def read(self) -> Frame | None:
        """The next image; None after the last one. A damaged one is named in the log and left out."""
        if self._position < len(self._paths):
            self._pacer.wait()
        # Read when it is due, not ahead: a camera leaves the processor alone while a picture is inspected.
        while self._position < len(self._paths):
            path = self._paths[self._position]
            self._position += 1
            try:
                image = read_image(path, self._depth.bits)
            except ImageError as error:
                logger.warning("%s; left out", error)
                continue
            return Frame(
                image=image,
                sequence=self._position - 1,
                captured=time.monotonic(),
                captured_at=datetime.now(UTC),
                source=str(path),
            )
        return None

    def close(self) -> None:
        """Nothing to let go of."""
