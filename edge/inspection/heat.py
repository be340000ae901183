"""Map a heatmap onto its frame; the model's input may have been cut out or unrolled."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.images import Image
from edge.core.locate import PART_MARGIN, STRIP_FROM, STRIP_TO, STRIP_WRAP, find_part, find_ring
from edge.core.preprocess import InputSpec
from edge.inspection.inspector import Inspection, Inspector

LONGEST = 160  # of the picture that is made: a heatmap has ten places a side
_FULL = 3.0  # logits, or standard deviations: what is less than this nowhere never looks hot

Heat = NDArray[np.uint8]
"""(height, width) in the frame's proportions: 0 is cold or not looked at, 255 the hottest."""


@dataclass(frozen=True)
class Heatmap:
    """A heatmap, float32 (height, width), with the input spec by which its frame was preprocessed.

    ``share``, 0 to 1, limits how hot its hottest place may look: values are not comparable between bundles,
    and what speaks for a defect on a good part should not look like one.
    """

    values: NDArray[np.float32]
    spec: InputSpec
    share: float = 1.0

    def on_frame(self, image: Image) -> Heat:
        """Return the heat on the frame; see ``heat_on_frame``. Takes 1 ms if the part is to be located."""
        heat = heat_on_frame(self.values, image, self.spec)
        return np.asarray(np.round(heat * self.share), np.uint8)


def heatmap_of(inspection: Inspection, inspector: Inspector) -> Heatmap | None:
    """Return the heatmap of an inspection, hotter the nearer to a defect; None if the bundle gives none."""
    if inspection.heatmap is None or inspection.score is None:
        return None
    share = inspection.score / inspector.thresholds.defect_from if inspector.thresholds.defect_from else 1.0
    return Heatmap(inspection.heatmap, inspector.spec, min(1.0, share))


def heat_on_frame(heatmap: NDArray[np.float32], image: Image, spec: InputSpec) -> Heat:
    """Return a heatmap in the frame's proportions, LONGEST pixels at most a side.

    ``image`` is the frame that was preprocessed by ``spec``. A part that was located is located again; raises
    ImageError if it isn't found, which cannot be for a frame that has a heatmap.
    """
    real = np.nan_to_num(heatmap, nan=0.0, posinf=0.0, neginf=0.0)
    strength = np.clip(real / max(_FULL, float(real.max(initial=0.0))), 0.0, 1.0).astype(np.float32)
    height, width = image.shape[:2]
    scale = min(1.0, LONGEST / max(height, width))
    columns, rows = np.meshgrid(
        (np.arange(max(1, round(width * scale))) + 0.5) / scale - 0.5,
        (np.arange(max(1, round(height * scale))) + 0.5) / scale - 0.5,
    )
    across, down = _shares(columns, rows, image, spec)
    found = cv2.remap(
        strength,
        _places(across, strength.shape[1]),
        _places(down, strength.shape[0]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    inside = (across >= 0) & (across <= 1) & (down >= 0) & (down <= 1)
    return np.asarray(np.round(np.where(inside, found, 0.0) * 255), np.uint8)


def hottest(heat: Heat, image: Image) -> tuple[int, int] | None:
    """Return the hottest place in pixels of the frame, (x, y); None if nothing is hot."""
    if not heat.size or not heat.max():
        return None
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    across, down = image.shape[1] / heat.shape[1], image.shape[0] / heat.shape[0]
    return int((column + 0.5) * across), int((row + 0.5) * down)


_Places = NDArray[np.float64]


def _places(shares: _Places, count: int) -> NDArray[np.float32]:
    return (shares * count - 0.5).astype(np.float32)


def _shares(columns: _Places, rows: _Places, image: Image, spec: InputSpec) -> tuple[_Places, _Places]:
    """Return the position of each frame pixel in the model's input: 0 to 1 across and down, or outside."""
    height, width = image.shape[:2]
    if spec.region is not None:
        region = spec.region
        columns, rows = columns - region.x, rows - region.y
        width, height = region.width, region.height
        image = image[region.y : region.y + height, region.x : region.x + width]
    if spec.channels == 1 and image.ndim == 3 and spec.locate != "none":
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    if spec.locate == "ring":
        return _on_strip(columns, rows, image)
    left = top = 0.0
    if spec.locate == "part":
        box = find_part(image)
        side = max(1, round(max(box.width, box.height) * (1 + 2 * PART_MARGIN)))
        left = box.left + (box.width - side) / 2
        top = box.top + (box.height - side) / 2
        width = height = side
    across, down = (columns + 0.5 - left) / width, (rows + 0.5 - top) / height
    if spec.fit == "letterbox":
        scale = min(spec.width / width, spec.height / height)
        across = (across - 0.5) * (width * scale / spec.width) + 0.5
        down = (down - 0.5) * (height * scale / spec.height) + 0.5
    return across, down


def _on_strip(columns: _Places, rows: _Places, image: Image) -> tuple[_Places, _Places]:
    """Return positions on the strip of an unrolled ring; see edge.core.locate.unroll_ring."""
    ring = find_ring(image)
    points = np.stack([(columns - ring.centre[0]).ravel(), (rows - ring.centre[1]).ravel()])
    x, y = np.linalg.solve(ring.axes, points).reshape(2, *columns.shape)
    down = (STRIP_FROM - np.hypot(x, y)) / (STRIP_FROM - STRIP_TO)
    turn = (np.arctan2(y, x) / (2 * math.pi)) % 1.0
    return (turn + STRIP_WRAP) / (1 + 2 * STRIP_WRAP), down
