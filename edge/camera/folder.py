"""Stored images as a frame source."""

import logging
import time
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from edge.camera.depth import Depth
from edge.core.errors import CameraError, ImageError
from edge.core.frame import Frame
from edge.core.images import decode_image, read_bytes
from edge.core.pacing import Pacer
from edge.core.photographs.listing import list_images
from edge.core.samples import read_samples
from edge.core.set_depth import find_set_depth
from edge.settings.camera import FileSettings

logger = logging.getLogger(__name__)


class FolderCamera:
    """Delivers the images of a folder once, in the order of their paths, at a set rate."""

    live = False
    ignored: tuple[str, ...] = ()

    def __init__(self, settings: FileSettings, depth: Depth | None = None) -> None:
        folder = Path(settings.path)
        self.description = f"folder {folder}"
        self._paths = self._all = list_images(folder)
        if not self._paths:
            raise CameraError(f"{folder}: no images in this folder")
        self._folder = folder
        self._depth = depth or Depth(settings.bits)
        self._bits()  # at the start, when there is time
        if settings.count:
            self._paths = self._paths[: settings.count]
        self._pacer = Pacer(settings.replay_fps)
        self._position = 0

    def read(self) -> Frame | None:
        """Return the next image; None after the last. A damaged one is skipped, and named in the log."""
        if self._position < len(self._paths):
            self._pacer.wait()
        # Read when it is due, not ahead: a camera leaves the processor alone while a picture is inspected.
        while self._position < len(self._paths):
            path = self._paths[self._position]
            self._position += 1
            try:
                data, bits = read_bytes(path), self._bits()
                image = decode_image(data, str(path), bits=bits)
            except ImageError as error:
                logger.warning("%s; left out", error)
                continue
            return Frame(
                image=image,
                sequence=self._position - 1,
                captured=time.monotonic(),
                captured_at=datetime.now(UTC),
                source=str(path),
                bits=bits if read_samples(data).is_undeclared else None,
            )
        return None

    def _bits(self) -> int | None:
        return self._depth.bits or self._of_set

    @cached_property
    def _of_set(self) -> int | None:
        """Bit depth of the whole folder, for when nothing else states it."""
        found = find_set_depth(self._all)
        if found.note is not None:
            logger.warning("%s: %s", self._folder, found.note)
        return found.bits

    def close(self) -> None:
        """Do nothing: no file stays open."""
