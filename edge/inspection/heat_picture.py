"""Heat as colour, alone or over its picture: red where hot, transparent where cold."""

import cv2
import numpy as np

from edge.core.images import Image
from edge.inspection.heat import Heat

_HOT = np.array((0, 60, 255), np.float32)  # blue, green, red
_MOST_COLOUR = 0.75


def paint_heat(heat: Heat) -> Image:
    """Return heat as blue, green, red and opacity: uint8 (height, width, 4)."""
    strength = heat.astype(np.float32)[..., np.newaxis] / 255
    colour = _HOT + (1 - strength) * np.array((0, 180, 0), np.float32)
    return np.asarray(np.concatenate([colour, strength * 255 * _MOST_COLOUR], axis=2), np.uint8)


def lay_heat_on(image: Image, heat: Heat) -> Image:
    """Return the picture with heat over it: uint8 (H, W, 3), RGB; same proportions, any size."""
    colour = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    paint = cv2.resize(paint_heat(heat), (colour.shape[1], colour.shape[0])).astype(np.float32)
    share = paint[..., 3:] / 255
    return np.asarray(colour * (1 - share) + paint[..., 2::-1] * share, np.uint8)
