"""Sizes at which a network is shown photographs: they keep their shape, from small to as they are."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

from edge.core.errors import InputError
from edge.core.preprocess import LARGEST_SIDE, InputSpec, Locate

SIDES = (160, 224, 320, 448, 640, 896, 1280)  # of a square with as many pixels
SMALLEST_STRIP = 64  # pixels a side, of a square with as many pixels: a strip is half as high
_MULTIPLE = 16  # of which a side is one: a place of the coarsest maps
_SMALLEST = 32  # pixels of the shorter side
_LONGEST = 32  # times that one side may be the other
_ALIKE = 1.05  # times that photographs may differ in shape and still be taken for of one shape
_NEAR = 1.1  # times a size by which another is not worth a try of its own
_MOST_CHANGED = 1.1  # times that rounding to whole multiples may change the shape


@dataclass(frozen=True)
class Size:
    """Pixels of what the network sees."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.width * self.height


@dataclass(frozen=True)
class Shape:
    """The usual shape of a sample of the photographs.

    ``width`` and ``height`` in pixels, median ones; ``narrowest`` and ``widest``: width over height;
    ``channels``: 1 if all are grey.
    """

    width: float
    height: float
    narrowest: float
    widest: float
    channels: Literal[1, 3]

    @property
    def is_one(self) -> bool:
        """True if all photographs have about the same shape."""
        return self.widest <= _ALIKE * self.narrowest


def sizes(shape: Shape) -> list[Size]:
    """The sizes to try, the smallest first: SIDES, in the shape of the photographs, up to their own pixels.

    Raises InputError where one side is too many times the other.
    """
    aspect = shape.width / shape.height
    if not 1 / _LONGEST <= aspect <= _LONGEST:
        raise InputError(
            f"photographs of {shape.width:.0f}x{shape.height:.0f} pixels: expected one side at most "
            f"{_LONGEST} times the other; cut them up, or name a size by --size WIDTHxHEIGHT"
        )
    own = sqrt(shape.width * shape.height)
    sides = [side for side in SIDES if side <= own] or [SIDES[0]]
    if own > _NEAR * sides[-1] and own <= SIDES[-1]:
        sides.append(round(own))
    found = [_size(side, aspect) for side in sides]
    return [size for number, size in enumerate(found) if size not in found[:number]]


def smallest(shape: Shape) -> Size:
    """The size to begin with."""
    return sizes(shape)[0]


def input_spec(size: Size, channels: int, locate: Locate, *, letterbox: bool = False) -> InputSpec:
    """The input of the network: photographs scaled to a size, or a strip of as many pixels as its square.

    Raises InputError where a strip would be too small, or is asked for in another shape than a square.
    """
    grey_or_colour: Literal[1, 3] = 1 if channels == 1 else 3
    fit: Literal["stretch", "letterbox"] = "letterbox" if letterbox else "stretch"
    if locate != "ring":
        return InputSpec(
            width=size.width, height=size.height, channels=grey_or_colour, locate=locate, fit=fit
        )
    if size.width != size.height or size.width < SMALLEST_STRIP:
        raise InputError(
            f"--size {size}: not for --locate ring; expected a square of {SMALLEST_STRIP} pixels or more"
        )
    return InputSpec(width=2 * size.width, height=size.height // 2, channels=grey_or_colour, locate=locate)


def _size(side: int, aspect: float) -> Size:
    """About as many pixels as a square of ``side``, ``aspect`` times as wide as high."""
    height = max(_SMALLEST, _rounded(side / sqrt(aspect)))
    width = max(_SMALLEST, _rounded(side * sqrt(aspect)))
    if width < height:
        height = _to_shape(height, width / aspect)
    else:
        width = _to_shape(width, height * aspect)
    return Size(width, height)


def _to_shape(side: int, wanted: float) -> int:
    """The longer side: where rounding the shorter one changed the shape much, as long as that asks for."""
    changed = max(side / wanted, wanted / side)
    return min(_rounded(wanted) if changed > _MOST_CHANGED else side, LARGEST_SIDE)


def _rounded(side: float) -> int:
    return _MULTIPLE * round(side / _MULTIPLE)
