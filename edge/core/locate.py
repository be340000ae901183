"""Where the part is in the frame: the box of any part, the outline of a round one.

What counts are sharp edges: an uneven light and the soft shadow round a part have none. The
search runs on a frame shrunk to LONGEST pixels; a round outline is then found again, more
exactly, by its strongest edge in each direction.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ImageError
from edge.core.images import Image

LONGEST = 160  # pixels of the longer side of the frame in which the part is looked for
PART_MARGIN = 0.05  # of the part's longer side, left round it
STRIP_FROM, STRIP_TO = 1.1, 0.1  # radii at the strip's upper and lower edge; the outline is 1
STRIP_WRAP = 1 / 40  # of the strip's width, shown a second time at either end

_SHARPER_THAN = 1.5  # pixels; wider steps of brightness are light and shadow
_FAINTEST = 2.0  # grey levels a pixel that an edge has at least
_WEAK_SHARE, _STRONG_SHARE = 0.12, 0.25  # of the strongest edge: less is none, more is one in any noise
_NOISE_TIMES = 5.0  # how much more than the frame's border an edge has
_BLUR = 6  # pixels that an edge is spread over, outwards
_SMALLEST = 0.1  # of the frame's longer side; less is dirt
_DIRECTIONS, _FEWEST = 90, 30
_KEPT = 0.65  # of the points; an ellipse is fitted to these, and to all
_NEAR = 0.5  # that are nearer than so many pixels of the shrunk frame
_ROUGHLY, _ROUND = 2.0, 1.3  # such pixels: how far half of the outline may be from its ellipse

Points = NDArray[np.float32]


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the frame."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Ring:
    """The outline of a round part, which may look squeezed, in pixels of the frame.

    ``axes``, float64 (2, 2), takes a point of the unit circle to its place as seen from
    ``centre``, (x, y), and turns nothing.
    """

    centre: NDArray[np.float64]
    axes: NDArray[np.float64]


def find_part(image: Image) -> Box:
    """The box of the largest thing with sharp edges; raises ImageError where there is none."""
    edges, scale = _edges(image)
    left, top, width, height = cv2.boundingRect(_largest(edges))
    left, right = _without_blur(edges.max(axis=0), left, left + width)
    top, bottom = _without_blur(edges.max(axis=1), top, top + height)
    return Box(left / scale, top / scale, (right - left) / scale, (bottom - top) / scale)


def find_ring(image: Image) -> Ring:
    """The outline of the largest thing, if it is round; raises ImageError where there is none."""
    edges, scale = _edges(image)
    ring = _fit(_inside(_outermost(_largest(edges)), edges), within=_ROUGHLY)
    ring = _fit(_inside(_strongest(edges, ring), edges), within=_ROUND)
    return Ring((ring.centre + 0.5) / scale - 0.5, ring.axes / scale)


def crop_part(image: Image) -> Image:
    """A square round the part, with a margin; what is outside the frame repeats its border.

    Takes and gives uint8 (H, W) or (H, W, 3). Raises ImageError where no part is found.
    """
    box = find_part(image)
    side = max(1, round(max(box.width, box.height) * (1 + 2 * PART_MARGIN)))
    centre = box.left + (box.width - 1) / 2, box.top + (box.height - 1) / 2
    return np.asarray(cv2.getRectSubPix(image, (side, side), centre), np.uint8)


def unroll_ring(image: Image, *, width: int, height: int) -> Image:
    """A round part as a strip, its outer edge above, the angle from left to right.

    A piece of either end is shown again at the other, so that no seam cuts a defect. The strip is
    twice ``width``, for a resize to average. Takes uint8 (H, W) or (H, W, 3); gives uint8 (height,
    2 width) or (height, 2 width, 3). Raises ImageError where no round part is found.
    """
    ring = find_ring(image)
    around = 2 * np.pi * np.sqrt(abs(np.linalg.det(ring.axes)))
    scale = min(1.0, 2 * width / max(around, 1.0))
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    small = (
        np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8) if scale < 1 else image
    )
    to_small = np.array(size) / (image.shape[1], image.shape[0])
    centre = ((ring.centre + 0.5) * to_small - 0.5).astype(np.float32)
    share = (np.arange(2 * width) + 0.5) / (2 * width)
    angles = 2 * np.pi * (share * (1 + 2 * STRIP_WRAP) - STRIP_WRAP)
    radii = STRIP_FROM + (np.arange(height) + 0.5) / height * (STRIP_TO - STRIP_FROM)
    x, y = to_small[:, np.newaxis] * (ring.axes @ np.stack([np.cos(angles), np.sin(angles)]))
    return np.asarray(_sample(small, centre, radii, x, y), np.uint8)


def _edges(image: Image) -> tuple[NDArray[np.float32], float]:
    """Steepness of what is sharp, in grey levels a pixel, (h, w), and how much smaller that is."""
    height, width = image.shape[:2]
    scale = min(1.0, LONGEST / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    values = small.astype(np.float32)
    sharp = values - cv2.GaussianBlur(values, (0, 0), _SHARPER_THAN)
    steepness = cv2.magnitude(cv2.Sobel(sharp, cv2.CV_32F, 1, 0), cv2.Sobel(sharp, cv2.CV_32F, 0, 1)) / 4
    steepest = steepness.max(axis=2) if steepness.ndim == 3 else steepness
    return np.asarray(steepest, np.float32), scale


def _largest(edges: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Where the edges of the largest thing are, uint8 (h, w) of 0 and 1; raises ImageError."""
    rim = max(2, len(edges) // 40)
    border = np.concatenate(
        [part.ravel() for part in (edges[:rim], edges[-rim:], edges[:, :rim], edges[:, -rim:])]
    )
    strongest = float(np.partition(edges.ravel(), -1 - edges.size // 200)[-1 - edges.size // 200])
    noise = min(_NOISE_TIMES * float(np.median(border)), _STRONG_SHARE * strongest)
    threshold = max(_FAINTEST, _WEAK_SHARE * strongest, noise)
    mask = cv2.morphologyEx((edges > threshold).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    count, numbers, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count > 1:
        sides = boxes[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
        largest = int(sides.prod(axis=1).argmax())
        if sides[largest].max() >= _SMALLEST * max(edges.shape):
            return np.asarray(numbers == largest + 1, np.uint8)
    raise ImageError("no part found in the picture: nothing in it has sharp edges")


def _without_blur(profile: NDArray[np.float32], start: int, stop: int) -> tuple[int, int]:
    """The range from ``start`` to ``stop`` without the blur outside the edges; at the border it stays."""
    reach = min(_BLUR, stop - start)
    into, out = profile[start : start + reach], profile[stop - reach : stop][::-1]
    first = start + int((into >= into.max() / 2).argmax()) if start > 0 else 0
    last = stop - int((out >= out.max() / 2).argmax()) if stop < len(profile) else stop
    return (first, last) if first < last else (start, stop)


def _outermost(mask: NDArray[np.uint8]) -> Points:
    """In each direction from the middle of the box, the last point of the mask, (N, 2)."""
    left, top, width, height = cv2.boundingRect(mask)
    y, x = np.nonzero(mask)
    from_x, from_y = x - (left + (width - 1) / 2), y - (top + (height - 1) / 2)
    turn = np.arctan2(from_y, from_x) / (2 * np.pi)
    direction = np.floor(turn * _DIRECTIONS).astype(np.int64) % _DIRECTIONS
    outwards = np.argsort(np.hypot(from_x, from_y), kind="stable")
    last = np.full(_DIRECTIONS, -1)
    last[direction[outwards]] = outwards  # where indices repeat, NumPy keeps the last
    last = last[last >= 0]
    return np.stack([x[last], y[last]], axis=1).astype(np.float32)


def _strongest(edges: NDArray[np.float32], ring: Ring) -> Points:
    """In each direction the steepest point near the outline, (N, 2)."""
    angles = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    radii = np.linspace(0.85, 1.1, 26)
    x, y = ring.axes @ np.stack([np.cos(angles), np.sin(angles)])
    near = _sample(edges, ring.centre, radii, x, y)
    radius = radii[near.argmax(axis=0)]
    points = ring.centre + radius[:, np.newaxis] * np.stack([x, y], axis=1)
    return np.asarray(points[near.max(axis=0) > 0], np.float32)


def _inside(points: Points, edges: NDArray[np.float32]) -> Points:
    """The points that are not at the border of the frame, where a part that is cut off has no outline."""
    last = np.array(edges.shape[::-1]) - 1
    return points[((points > 1) & (points < last - 1)).all(axis=1)]


def _fit(points: Points, *, within: float) -> Ring:
    """An ellipse through most of the points, with the worst left out in turn; raises ImageError."""
    kept = np.ones(len(points), bool)
    off, ring = np.full(len(points), np.inf), None
    if len(points) >= _FEWEST:
        for _ in range(5):
            ring = _ellipse(points[kept])
            off = _distance(points, ring)
            kept = off <= max(np.sort(off)[int(_KEPT * len(off))], _NEAR)
    if ring is None or not np.median(off) <= within:
        raise ImageError("no round part found in the picture")
    return ring


def _ellipse(points: Points) -> Ring:
    centre, sides, degrees = cv2.fitEllipse(points)
    turn = np.deg2rad(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return Ring(np.array(centre), rotation @ np.diag(np.array(sides) / 2) @ rotation.T)


def _distance(points: Points, ring: Ring) -> NDArray[np.float64]:
    """Approximate distance of points from the outline, (N,); infinite where the outline is a line."""
    determinant = float(np.linalg.det(ring.axes))
    if not determinant > 1:
        return np.full(len(points), np.inf)
    radii = np.linalg.norm(np.linalg.solve(ring.axes, (points - ring.centre).T), axis=0)
    return np.asarray(np.abs(radii - 1) * np.sqrt(determinant), np.float64)


def _sample(
    image: NDArray[np.uint8] | NDArray[np.float32],
    centre: NDArray[np.floating],
    radii: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> NDArray[np.integer | np.floating]:
    """The image at ``centre`` + radius times (x, y): a row for each radius, a column for each point."""
    columns = np.outer(radii, x) + centre[0]
    rows = np.outer(radii, y) + centre[1]
    return cv2.remap(
        image,
        columns.astype(np.float32),
        rows.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
