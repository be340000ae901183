"""Defects of a drawn part."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
_FINE = 4  # bits after the point in OpenCV's coordinates


@dataclass
class Surface:
    """The part before it is photographed; defects change ``metal`` and ``coverage`` in place.

    ``metal``: brightness, 0 to 255; ``coverage``: 1 on the part, 0 beside it; ``place``: centre
    and radius in pixels; ``light``: direction of the light in radians; ``clouds``: smooth noise
    of standard deviation 1, of the size of the picture.
    """

    metal: Plane
    coverage: Plane
    place: tuple[float, float, float]
    light: float
    clouds: Plane

    def at(self, angle: float, distance: float) -> tuple[float, float]:
        """The pixel at a direction and a share of the radius."""
        x, y, radius = self.place
        return x + distance * radius * float(np.cos(angle)), y + distance * radius * float(np.sin(angle))

    def mask(self) -> NDArray[np.uint8]:
        """An empty drawing."""
        return np.zeros(self.metal.shape, np.uint8)

    def add(self, mask: NDArray[np.uint8], amount: float) -> None:
        """Brighten or darken where the drawing is."""
        self.metal += mask.astype(np.float32) * np.float32(amount / 255)


def draw_defect(surface: Surface, kind: str, severity: float, chance: np.random.Generator) -> None:
    """Draw one defect; ``severity`` from 0, just visible, to 1, obvious."""
    _DRAW[kind](surface, severity, chance)


def _spot(surface: Surface, chance: np.random.Generator) -> tuple[float, float]:
    """A place on the turned face, between hub and rim."""
    return surface.at(
        chance.uniform(0, 2 * np.pi), float(chance.choice((0.47, 0.72, 0.82))) + chance.uniform(-0.05, 0.05)
    )


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.asarray(np.round(points * 2**_FINE), np.int32).reshape(-1, 1, 2)


def _draw_line(mask: NDArray[np.uint8], points: NDArray[np.float64], thickness: int) -> None:
    cv2.polylines(
        mask,
        [_fixed(points)],
        isClosed=False,
        color=255,
        thickness=thickness,
        lineType=cv2.LINE_AA,
        shift=_FINE,
    )


def _blow_hole(surface: Surface, severity: float, chance: np.random.Generator) -> None:
    radius = surface.place[2]
    x, y = _spot(surface, chance)
    pits, glints = surface.mask(), surface.mask()
    for number in range(int(chance.integers(1, 4))):
        if number:
            x, y = x + chance.normal(0, radius * 0.06), y + chance.normal(0, radius * 0.06)
        pit = radius * (0.028 + 0.055 * severity) * chance.uniform(0.85, 1.15)
        axes = (round(pit * 2**_FINE), round(pit * chance.uniform(0.7, 1) * 2**_FINE))
        tilt = chance.uniform(0, 180)
        for mask, shift in ((glints, -0.35 * pit), (pits, 0.0)):
            at = _fixed(np.array([x + shift * np.cos(surface.light), y + shift * np.sin(surface.light)]))[
                0, 0
            ]
            centre = (int(at[0]), int(at[1]))
            cv2.ellipse(mask, centre, axes, tilt, 0, 360, 255, -1, cv2.LINE_AA, _FINE)
    surface.add(cv2.subtract(glints, pits).astype(np.uint8), 50 + 30 * severity)
    surface.add(pits, -(65 + 50 * severity))


def _walk(
    start: tuple[float, float], heading: float, length: float, chance: np.random.Generator
) -> NDArray[np.float64]:
    steps = max(4, round(length / 3))
    headings = heading + np.cumsum(chance.normal(0, 0.32, steps))
    moves = np.stack([np.cos(headings), np.sin(headings)], 1) * (length / steps)
    return np.concatenate([[start], start + np.cumsum(moves, 0)])


def _crack(surface: Surface, severity: float, chance: np.random.Generator) -> None:
    radius = surface.place[2]
    mask = surface.mask()
    heading = chance.uniform(0, 2 * np.pi)
    trunk = _walk(_spot(surface, chance), heading, radius * (0.28 + 0.45 * severity), chance)
    thickness = 1 if severity < 0.2 else 2
    _draw_line(mask, trunk, thickness)
    for _ in range(int(chance.integers(0, 3))):
        branch = trunk[int(chance.integers(1, len(trunk)))]
        start = (float(branch[0]), float(branch[1]))
        _draw_line(
            mask,
            _walk(start, heading + chance.choice((-0.9, 0.9)), radius * (0.08 + 0.12 * severity), chance),
            1,
        )
    surface.add(_on_part(surface, mask), -(65 + 45 * severity))


def _scratch(surface: Surface, severity: float, chance: np.random.Generator) -> None:
    radius = surface.place[2]
    x, y = _spot(surface, chance)
    heading = float(np.arctan2(y - surface.place[1], x - surface.place[0])) + chance.uniform(-0.8, 0.8)
    bend, length = chance.normal(0, 0.5), radius * (0.35 + 0.5 * severity)
    along = np.linspace(-0.5, 0.5, 24)
    points = np.stack(
        [
            x + length * along * np.cos(heading + bend * along),
            y + length * along * np.sin(heading + bend * along),
        ],
        1,
    )
    mask = surface.mask()
    _draw_line(mask, points, 1 if severity < 0.2 else 2)
    sign = 1 if chance.random() < 0.75 else -1
    surface.add(_on_part(surface, mask), sign * (60 + 40 * severity))


def _chipped_rim(surface: Surface, severity: float, chance: np.random.Generator) -> None:
    radius, direction = surface.place[2], chance.uniform(0, 2 * np.pi)
    depth, width = 0.09 + 0.14 * severity, 0.11 + 0.17 * severity
    angles = np.linspace(-width, width, 11)
    inner = 1 - depth * np.sqrt(np.clip(1 - (angles / width) ** 2, 0, 1)) * chance.uniform(0.6, 1.1, 11)
    corners = [surface.at(direction + a, d) for a, d in zip(angles, inner, strict=True)]
    corners += [surface.at(direction + a, 1.08) for a in (width, 0, -width)]
    bite = surface.mask()
    cv2.fillPoly(bite, [_fixed(np.array(corners))], 255, cv2.LINE_AA, _FINE)
    grown = cv2.dilate(bite, np.ones((3, 3), np.uint8), iterations=max(1, round(radius * 0.02)))
    surface.add(cv2.subtract(grown, bite).astype(np.uint8), -38 if chance.random() < 0.5 else 42)
    surface.coverage *= 1 - bite.astype(np.float32) / 255


def _stain(surface: Surface, severity: float, chance: np.random.Generator) -> None:
    x, y = _spot(surface, chance)
    reach = surface.place[2] * (0.12 + 0.14 * severity)
    rows, columns = np.indices(surface.metal.shape, dtype=np.float32)
    far = ((columns - np.float32(x)) ** 2 + (rows - np.float32(y)) ** 2) / np.float32(reach**2)
    blot = np.clip(1.8 - 1.3 * far + np.clip(surface.clouds, -1, 1) * 0.7, 0, 1) * (far < 4)
    surface.metal *= 1 - blot * np.float32(0.3 + 0.22 * severity)


def _on_part(surface: Surface, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return (mask * (surface.coverage > 0.5)).astype(np.uint8)


_DRAW: dict[str, Callable[[Surface, float, np.random.Generator], None]] = {
    "blow_hole": _blow_hole,
    "crack": _crack,
    "scratch": _scratch,
    "chipped_rim": _chipped_rim,
    "stain": _stain,
}
DEFECT_KINDS: tuple[str, ...] = tuple(_DRAW)
