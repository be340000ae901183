"""Pictures as the page shows them: small ones of the archive, and heat in colour."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock

import cv2
import numpy as np

from edge.core.errors import ImageError
from edge.core.images import Image, read_image
from edge.inspection.heat import Heat
from edge.inspection.heat_picture import lay_heat_on, paint_heat
from edge.records.archive import ArchivedImage

THUMB = 240  # pixels of the longer side
_KEPT = 256


class Shelf:
    """The latest few that were made, by name; what is None is not kept. For any thread."""

    def __init__(self, most: int = _KEPT) -> None:
        self._most = most
        self._made: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, name: str, make: Callable[[], bytes | None]) -> bytes | None:
        """The picture under a name, made now where there is none."""
        with self._lock:
            if name in self._made:
                self._made.move_to_end(name)
                return self._made[name]
        made = make()
        if made is not None:
            with self._lock:
                self._made[name] = made
                while len(self._made) > self._most:
                    self._made.popitem(last=False)
        return made


def coloured(grey_png: bytes) -> bytes:
    """Heat as a picture to lay on its frame: red where it is hot, nothing where it is cold."""
    return _png(paint_heat(_decode_heat(grey_png)))


def coloured_file(file: Path) -> bytes | None:
    """The same of a file of the archive; None where it can't be read, or is gone."""
    try:
        return coloured(file.read_bytes())
    except (OSError, ImageError):
        return None


def thumbnail(kept: ArchivedImage) -> bytes | None:
    """A small JPEG of an archived picture with its heat; None where it can't be read, or is gone."""
    try:
        image = _shrunk(read_image(kept.picture))
        if kept.heat is not None:
            image = lay_heat_on(image, _decode_heat(kept.heat.read_bytes()))
        return jpeg(image)
    except (OSError, ImageError):
        return None


def jpeg(image: Image) -> bytes:
    """The image as JPEG."""
    ordered = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode(".jpg", ordered, [cv2.IMWRITE_JPEG_QUALITY, 80])
    if not ok:
        raise ImageError("the picture cannot be encoded as JPEG")
    return data.tobytes()


def _shrunk(image: Image) -> Image:
    height, width = image.shape[:2]
    scale = min(1.0, THUMB / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _decode_heat(data: bytes) -> Heat:
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    if decoded is None:
        raise ImageError("the heat is no picture")
    return np.asarray(decoded, np.uint8)


def _png(pixels: Image) -> bytes:
    ok, data = cv2.imencode(".png", pixels)
    if not ok:
        raise ImageError("the heat cannot be encoded as PNG")
    return data.tobytes()
