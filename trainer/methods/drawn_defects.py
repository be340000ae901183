"""Defects drawn into photographs of OK parts: what chooses between methods where no real ones are at hand.

They only choose; nothing learns from them. After CutPaste (Li et al. 2021, arXiv:2104.04015: a piece of a
photograph, pasted elsewhere) and DRAEM (Zavrtanik et al. 2021, arXiv:2108.07610: noise and texture, blended
in within ragged outlines), beside strokes, blots and dents. Their sizes follow from that of the part;
scratches and specks are as fine as the photograph can show: they tell what fewer pixels lose. Contrasts
follow from how much the part itself varies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Numbers = NDArray[Any]

_BORDER = 0.03  # of the sides: what is looked at to tell the part from what it lies on
_LEAST_PART, _MOST_PART = 0.03, 0.95  # of the picture; else all of it is the part
_LEAST_CONTRAST = 4.0  # grey levels, where a part hardly varies
_TRIES = 8  # until a drawing changes something
_VISIBLE = 0.5  # of the contrast: what the strongest change must come to


@dataclass(frozen=True)
class _Canvas:
    """A photograph (H, W, C) to draw into; ``side``: of a square as large as its part, in pixels."""

    pixels: Numbers
    other: Numbers
    part: NDArray[np.bool_]
    other_part: NDArray[np.bool_]
    side: float
    contrast: float
    generator: np.random.Generator

    def length(self, low: float, high: float) -> float:
        """Between two shares of the part's side, all magnitudes alike, in pixels."""
        return float(np.exp(self.generator.uniform(np.log(low), np.log(high)))) * self.side

    def shift(self) -> Numbers:
        """A change of brightness and, where there is colour, of hue, (C,)."""
        channels = self.pixels.shape[-1]
        strength = self.generator.uniform(1.0, 4.0) * self.contrast * self.generator.choice((-1, 1))
        return np.asarray(strength * self.generator.uniform(0.4, 1.0, channels), np.float32)


def draw(kind: str, pixels: Picture, other: Picture, *, seed: int) -> Picture:
    """A photograph of an OK part, uint8 (H, W, C), with a defect of a kind of KINDS drawn into it.

    ``other``: a photograph of the same shape, of another part, that pieces are taken from.
    """
    generator = np.random.default_rng(seed)
    part = part_of(pixels)
    canvas = _Canvas(
        pixels=pixels.astype(np.float32),
        other=other.astype(np.float32),
        part=part,
        other_part=part_of(other),
        side=float(np.sqrt(part.sum())),
        contrast=max(float(pixels[part].std(axis=0).mean()), _LEAST_CONTRAST),
        generator=generator,
    )
    drawn = pixels
    for _ in range(_TRIES):
        new, opacity = _DRAWINGS[kind](canvas)
        blended = canvas.pixels + opacity[..., np.newaxis] * (new - canvas.pixels)
        drawn = np.asarray(np.clip(np.round(blended), 0, 255), np.uint8)
        change = cv2.blur(np.abs(drawn.astype(np.float32) - canvas.pixels).mean(axis=-1), (3, 3))
        if change.max() >= _VISIBLE * canvas.contrast:
            break
    return drawn


def part_of(pixels: Picture) -> NDArray[np.bool_]:
    """Where the part is, (H, W): what differs from the picture's border, or all where that is unclear."""
    height, width = pixels.shape[:2]
    frame = np.ones((height, width), np.bool_)
    rows, columns = max(1, round(_BORDER * height)), max(1, round(_BORDER * width))
    frame[rows:-rows, columns:-columns] = False
    smooth = cv2.GaussianBlur(pixels, (5, 5), 0).reshape(pixels.shape).astype(np.float32)
    apart = np.abs(smooth - np.median(smooth[frame], axis=0)).max(axis=-1)
    by_difference = np.clip(apart, 0, 255).astype(np.uint8)
    _, found = cv2.threshold(by_difference, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    part = np.asarray(found, np.bool_)
    is_clear = part[frame].mean() < 0.5 * part.mean() and _LEAST_PART <= part.mean() <= _MOST_PART
    return part if is_clear else np.ones((height, width), np.bool_)


def _pasted(canvas: _Canvas) -> tuple[Numbers, Numbers]:
    """A piece of another part, turned."""
    height, width = canvas.part.shape
    here, there = _place(canvas.part, canvas.generator), _place(canvas.other_part, canvas.generator)
    angle = float(canvas.generator.uniform(0, 360))
    turn = cv2.getRotationMatrix2D((float(there[0]), float(there[1])), angle, 1.0)
    turn[:, 2] += np.subtract(here, there)
    moved = cv2.warpAffine(canvas.other, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    size = canvas.length(0.05, 0.3), canvas.length(0.05, 0.3)
    opacity = np.zeros((height, width), np.float32)
    box = cv2.boxPoints((here, size, float(canvas.generator.uniform(0, 180))))
    cv2.fillPoly(opacity, [np.round(box).astype(np.int32)], float(canvas.generator.uniform(0.5, 1.0)))
    return moved.reshape(canvas.pixels.shape), cv2.GaussianBlur(opacity, (3, 3), 0)


def _stroke(canvas: _Canvas) -> tuple[Numbers, Numbers]:
    """A line with bends, brighter or darker than what it crosses."""
    return _line(canvas, thickness=max(1, round(canvas.length(0.006, 0.03))), length=canvas.length(0.1, 0.6))


def _scratch(canvas: _Canvas) -> tuple[Numbers, Numbers]:
    """A short line as fine as the picture can show."""
    return _line(canvas, thickness=1, length=canvas.length(0.05, 0.2))


def _speck(canvas: _Canvas) -> tuple[Numbers, Numbers]:
    """A spot of a few pixels."""
    x, y = _place(canvas.part, canvas.generator)
    opacity = np.zeros(canvas.part.shape, np.float32)
    cv2.circle(opacity, (round(x), round(y)), int(canvas.generator.integers(2, 6)), 1.0, -1)
    return canvas.pixels + canvas.shift(), cv2.GaussianBlur(opacity, (3, 3), 0)


def _line(canvas: _Canvas, *, thickness: int, length: float) -> tuple[Numbers, Numbers]:
    points = [np.asarray(_place(canvas.part, canvas.generator))]
    angle, step = canvas.generator.uniform(0, 2 * np.pi), length / 4
    for _ in range(4):
        angle += canvas.generator.normal(0, 0.35)
        points.append(points[-1] + step * np.array([np.cos(angle), np.sin(angle)]))
    opacity = np.zeros(canvas.part.shape, np.float32)
    path = np.round(points).astype(np.int32)
    cv2.polylines(opacity, [path], isClosed=False, color=1.0, thickness=thickness)
    return canvas.pixels + canvas.shift(), cv2.GaussianBlur(opacity, (3, 3), 0)


def _blot(canvas: _Canvas) -> tuple[Numbers, Numbers]:
    """A soft or sharp spot, brighter or darker than what it lies on."""
    opacity = np.zeros(canvas.part.shape, np.float32)
    axes = canvas.length(0.02, 0.15), canvas.length(0.02, 0.15)
    outline = (_place(canvas.part, canvas.generator), axes, float(canvas.generator.uniform(0, 180)))
    cv2.ellipse(opacity, outline, 1.0, -1)
    soft = max(min(axes) * float(canvas.generator.uniform(0.1, 0.5)), 0.5)
    return canvas.pixels + canvas.shift(), cv2.GaussianBlur(opacity, (0, 0), soft)


def _noise(canvas: _Canvas) -> tuple[Numbers, Numbers]:
    """A rough patch within a ragged outline."""
    shape, generator = canvas.part.shape, canvas.generator
    radius = canvas.length(0.03, 0.15)
    grain = _grains(shape, max(radius * generator.uniform(0.03, 0.3), 0.5), generator)
    x, y = _place(canvas.part, generator)
    across, down = np.arange(shape[1]) - x, np.arange(shape[0])[:, np.newaxis] - y
    near = 1.2 - (across**2 + down**2) / radius**2 + _grains(shape, radius / 3, generator)
    opacity = np.where(near > 0, generator.uniform(0.4, 1.0), 0.0).astype(np.float32)
    new = canvas.pixels + grain[..., np.newaxis] * np.abs(canvas.shift())
    return new.astype(np.float32), cv2.GaussianBlur(opacity, (3, 3), 0)


def _dent(canvas: _Canvas) -> tuple[Numbers, Numbers]:
    """A place whose surroundings are pushed aside."""
    height, width = canvas.part.shape
    x, y = _place(canvas.part, canvas.generator)
    radius = canvas.length(0.06, 0.25)
    across, down = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    near = np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * (radius / 2) ** 2))
    angle, push = canvas.generator.uniform(0, 2 * np.pi), radius * canvas.generator.uniform(0.4, 1.0)
    from_x, from_y = across + push * np.cos(angle) * near, down + push * np.sin(angle) * near
    moved = cv2.remap(
        canvas.pixels,
        from_x.astype(np.float32),
        from_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    return moved.reshape(canvas.pixels.shape), np.ones((height, width), np.float32)


def _place(part: NDArray[np.bool_], generator: np.random.Generator) -> tuple[float, float]:
    """(x, y) of a pixel of the part."""
    chosen = int(generator.choice(np.flatnonzero(part)))
    return float(chosen % part.shape[1]), float(chosen // part.shape[1])


def _grains(shape: tuple[int, ...], size: float, generator: np.random.Generator) -> Numbers:
    """Noise whose grains are so many pixels large, mean 0, deviation 1."""
    noise = cv2.GaussianBlur(generator.normal(size=shape).astype(np.float32), (0, 0), size)
    return np.asarray((noise - noise.mean()) / max(float(noise.std()), 1e-6), np.float32)


_DRAWINGS: dict[str, Callable[[_Canvas], tuple[Numbers, Numbers]]] = {
    "pasted": _pasted,
    "stroke": _stroke,
    "scratch": _scratch,
    "blot": _blot,
    "speck": _speck,
    "noise": _noise,
    "dent": _dent,
}
KINDS = tuple(_DRAWINGS)
