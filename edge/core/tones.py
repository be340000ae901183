"""From the samples that a decoder gives to eight bits as they are meant. Pure."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ImageError
from edge.core.samples import FULL, Samples

BACKGROUND = 128
"""The grey of 255 on which what is transparent is laid: neither bright nor dark defects vanish in it."""


def to_eight_bits(
    decoded: NDArray[np.generic], samples: Samples, bits: int | None, name: str
) -> NDArray[np.generic]:
    """uint8 where ``decoded`` is uint8 or uint16, white being 255; other kinds of numbers stay as they are.

    ``bits``: how many the set of this picture uses of 16, where the file doesn't say. Raises ImageError, with
    ``name``, for one that uses more.
    """
    if decoded.dtype == np.uint16:
        peak = int(decoded.max())
        white = _white(samples, bits, peak)
        if peak > white and samples.is_undeclared:
            raise ImageError(f"{name}: uses more than {white.bit_length()} bits, as its set does: {peak}")
    elif decoded.dtype == np.uint8 and samples.white is not None:
        white = samples.white
    else:
        return decoded
    scaled = np.asarray(_table(white)[decoded])
    return np.subtract(255, scaled, dtype=np.uint8) if samples.is_inverted else scaled


def lay_on_background(pixels: NDArray[np.generic], samples: Samples) -> NDArray[np.uint8]:
    """Four channels of eight bits, transparency last, laid on the background: three."""
    alpha = pixels[..., 3:].astype(np.uint16)
    colours = pixels[..., :3].astype(np.uint16) * (255 if samples.alpha == "premultiplied" else alpha)
    return ((colours + BACKGROUND * (255 - alpha) + 127) // 255).clip(0, 255).astype(np.uint8)


def turn_as(
    image: NDArray[np.uint8], lying: NDArray[np.generic], upright: NDArray[np.generic]
) -> NDArray[np.uint8]:
    """The image turned as ``lying`` was for ``upright``; the first that fits of eight ways."""
    ways = zip(_ways(image), _ways(lying[..., :3]), strict=True)
    return next((turned for turned, colours in ways if np.array_equal(colours, upright)), image)


def _ways(image: NDArray[np.generic]) -> Iterator[NDArray[np.uint8]]:
    for one in (image, image[:, ::-1]):
        for quarters in range(4):
            yield np.rot90(one, quarters)


def _table(white: int) -> NDArray[np.uint8]:
    """Eight bits for each sample; as 16 bits are cut off to 8, so are 10, 12 and 14."""
    values = np.minimum(np.arange(FULL + 1, dtype=np.uint32), white)
    bits = white.bit_length()
    is_whole = white == 2**bits - 1 and bits >= 8
    return (values >> (bits - 8) if is_whole else (values * 255 + white // 2) // white).astype(np.uint8)


def _white(samples: Samples, bits: int | None, peak: int) -> int:
    """The value of white in a picture of 16 bits whose largest sample is ``peak``.

    The standard wants the bits that sBIT names at the top, some cameras leave them below.
    """
    if not samples.is_undeclared:
        return samples.white or FULL
    if samples.significant is not None:
        is_below = peak < 2**samples.significant if bits is None else bits <= samples.significant
        return 2**samples.significant - 1 if is_below else FULL
    return FULL if bits is None else 2**bits - 1
