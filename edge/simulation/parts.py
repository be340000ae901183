"""Draws machined discs as a camera above a belt would see them, with the truth about each.

Every random choice of the part and its picture comes from one stream and every choice of the
defect from another, so an OK part and a defective one differ in the defect and nothing else.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.images import Image
from edge.simulation.defects import DEFECT_KINDS, Surface, draw_defect

__all__ = ["DEFECT_KINDS", "PartRenderer", "RenderedPart"]

Plane = NDArray[np.float32]
Place = tuple[float, float, float]  # centre x, centre y, radius; pixels
_TILE = 1024


@dataclass(frozen=True)
class RenderedPart:
    """One drawn part. ``severity``: 0 is the hardest to see, 1 obvious; None for an OK part."""

    image: Image
    label: str
    kind: str | None
    severity: float | None


class PartRenderer:
    """Draws part number ``index``; the same seed, size and index give the same bytes."""

    def __init__(self, *, seed: int, size: int = 240, defect_rate: float = 0.2) -> None:
        if seed < 0 or size < 64 or not 0 <= defect_rate <= 1:
            raise ValueError("seed must be at least 0, size at least 64, defect_rate from 0 to 1")
        self._seed = seed
        self._size = size
        self._defect_rate = defect_rate
        tiles = np.random.default_rng(20261121)
        self._grain = tiles.standard_normal((_TILE, _TILE)).astype(np.float32)
        clouds = cv2.GaussianBlur(self._grain, (0, 0), size / 12)
        self._clouds = np.asarray(clouds / clouds.std(), np.float32)
        steps = np.arange(size, dtype=np.float32)
        self._x, self._y = (np.ascontiguousarray(plane) for plane in np.meshgrid(steps, steps))

    def render(self, index: int, *, kind: str | None = None) -> RenderedPart:
        """Draw one part; ``kind`` forces "ok", "defect" (of any kind) or one of DEFECT_KINDS."""
        if kind is not None and kind not in ("ok", "defect", *DEFECT_KINDS):
            raise ValueError(f"kind {kind!r}: expected ok, defect, {', '.join(DEFECT_KINDS)}")
        chance = np.random.default_rng([self._seed, index, 1])
        is_defective, any_kind = chance.random() < self._defect_rate, str(chance.choice(DEFECT_KINDS))
        severity = float(chance.random())
        if kind is not None:
            is_defective = kind != "ok"
        chosen = kind if kind is not None and kind in DEFECT_KINDS else any_kind
        image = self._draw(
            np.random.default_rng([self._seed, index, 0]), chance, chosen, severity, is_defective
        )
        if not is_defective:
            return RenderedPart(image, "ok", None, None)
        return RenderedPart(image, "defect", chosen, severity)

    def _draw(
        self,
        part: np.random.Generator,
        chance: np.random.Generator,
        kind: str,
        severity: float,
        is_defective: bool,  # noqa: FBT001  the one difference between the two labels
    ) -> Image:
        size = self._size
        centre_x, centre_y = size * (0.5 + part.uniform(-0.05, 0.05, 2))
        radius = size * part.uniform(0.36, 0.41)
        turn, light = part.uniform(0, 2 * np.pi, 2)
        polar = cv2.cartToPolar(self._x - np.float32(centre_x), self._y - np.float32(centre_y))
        relative, angle = np.asarray(polar[0] / radius, np.float32), np.asarray(polar[1], np.float32)
        belt = self._belt(part)
        place = (centre_x, centre_y, radius)
        metal = self._metal(part, relative, angle, light)
        self._bolt_holes(metal, part, place, turn, light)
        edge = np.clip((1 - relative) * np.float32(radius) + 0.5, 0, 1)
        surface = Surface(metal, edge, place, light, self._crop(self._clouds, chance))
        if is_defective:
            draw_defect(surface, kind, severity, chance)
        picture = self._shadowed(belt, part, place, light)
        picture += surface.coverage * (surface.metal - picture)
        return self._photograph(picture, part)

    def _crop(self, tile: Plane, chance: np.random.Generator) -> Plane:
        size = min(self._size, _TILE)
        x, y = chance.integers(0, _TILE - size + 1, 2)
        crop = tile[y : y + size, x : x + size]
        if size < self._size:
            return np.asarray(cv2.resize(crop, (self._size, self._size)), np.float32)
        return crop

    def _belt(self, part: np.random.Generator) -> Plane:
        level = part.uniform(38, 62)
        weave = np.sin(self._y * np.float32(2.1 * 240 / self._size) + np.float32(part.uniform(0, 6))) * 1.5
        belt = level + self._crop(self._clouds, part) * 3 + self._crop(self._grain, part) * 2.5 + weave
        for _ in range(int(part.integers(2, 9))):  # dust lies on every belt, and is no defect
            x, y = part.integers(0, self._size, 2)
            cv2.circle(
                belt, (int(x), int(y)), int(part.integers(1, 3)), float(level + part.uniform(20, 60)), -1
            )
        return np.asarray(belt, np.float32)

    def _metal(self, part: np.random.Generator, relative: Plane, angle: Plane, light: float) -> Plane:
        rings = np.interp(np.arange(512) / 3, np.arange(180), part.standard_normal(180)).astype(np.float32)
        fine = part.standard_normal(512).astype(np.float32)
        profile = rings * np.float32(part.uniform(2, 5)) + fine * np.float32(part.uniform(1, 3))
        steps = np.minimum((relative * 400).astype(np.int32), 511)
        # Grooves around the centre reflect along two opposite rays: the bow tie of turned metal.
        sheen = np.cos(2 * (angle - np.float32(light))) * np.float32(part.uniform(8, 26))
        metal = np.float32(part.uniform(128, 165)) + profile[steps] + sheen * np.clip(relative * 1.5, 0, 1)
        metal += self._crop(self._clouds, part) * np.float32(part.uniform(2, 5))  # oil film
        metal += self._crop(self._grain, part) * np.float32(2)
        hub, bore = part.uniform(0.32, 0.4), part.uniform(0.12, 0.17)
        metal = np.where(relative < hub, metal * 0.82 + self._crop(self._grain, part) * 5, metal)
        facing = np.cos(angle - np.float32(light))
        for at, width, strength in ((hub, 0.03, -38), (0.965, 0.035, 30), (bore, 0.03, 34)):
            ring = np.exp(-(((relative - np.float32(at)) / np.float32(width)) ** 2))
            metal += ring * np.float32(strength) * (np.float32(0.35) + facing * np.float32(0.65))
        inside = np.clip((np.float32(bore) - relative) * np.float32(self._size * 0.4) + 0.5, 0, 1)
        metal += inside * (22 - metal)
        return np.ascontiguousarray(metal, np.float32)

    def _bolt_holes(
        self, metal: Plane, part: np.random.Generator, place: Place, turn: float, light: float
    ) -> None:
        count, hole = int(part.integers(3, 7)), part.uniform(0.045, 0.06)
        centre_x, centre_y, radius = place
        for number in range(count):
            direction = turn + number * 2 * np.pi / count
            x, y = centre_x + 0.56 * radius * np.cos(direction), centre_y + 0.56 * radius * np.sin(direction)
            for size, level, offset in ((1.35, 188.0, 0.25), (1.2, 92.0, -0.2), (1.0, 26.0, 0.0)):
                shift = offset * hole * radius
                at = (round((x + shift * np.cos(light)) * 16), round((y + shift * np.sin(light)) * 16))
                cv2.circle(metal, at, round(size * hole * radius * 16), level, -1, cv2.LINE_AA, 4)

    def _shadowed(self, belt: Plane, part: np.random.Generator, place: Place, light: float) -> Plane:
        centre_x, centre_y, radius = place
        shadow = np.zeros((self._size, self._size), np.float32)
        reach = part.uniform(0.03, 0.08) * radius
        at = (round(centre_x - reach * np.cos(light)), round(centre_y - reach * np.sin(light)))
        cv2.circle(shadow, at, round(radius * 1.02), 1.0, -1)
        width = round(radius * 0.11) | 1
        soft = cv2.blur(shadow, (width, width))
        return np.asarray(belt * (1 - soft * np.float32(part.uniform(0.35, 0.6))), np.float32)

    def _photograph(self, picture: Plane, part: np.random.Generator) -> Image:
        """Uneven light, exposure, blur and the sensor's noise."""
        slope_x, slope_y = part.uniform(-0.22, 0.22, 2) / self._size
        fall = part.uniform(0.0, 0.25) / (self._size / 2) ** 2
        x, y = self._x - self._size / 2, self._y - self._size / 2
        field = 1 + x * np.float32(slope_x) + y * np.float32(slope_y) - (x * x + y * y) * np.float32(fall)
        picture = picture * field * np.float32(part.uniform(0.82, 1.12))
        blurred = cv2.GaussianBlur(picture, (0, 0), part.uniform(0.45, 0.85) * self._size / 240)
        noise = self._crop(self._grain, part) * np.float32(part.uniform(1.5, 3.5))
        return np.asarray(np.clip(blurred + noise, 0, 255), np.uint8)
