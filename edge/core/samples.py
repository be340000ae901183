"""The samples of an image file by its header: which number is white, whether zero is, what is transparent.

Pure; nothing is decoded. Sources: TIFF 6.0 and its BigTIFF extension, ISO/IEC 15948 (PNG), Netpbm's formats,
and RFC 9649 (WebP). Where OpenCV applies it already (white-is-zero at 8 bits, packed 10 to 14 bits, maxval of
plain Netpbm files) nothing is said here.
"""

import re
import struct
from dataclasses import dataclass
from typing import Literal

from edge.core.tiff_tags import read_tags

WHOLE_BITS = (8, 10, 12, 14)
"""Fewer bits than 16 that cameras fill."""
FULL_BITS = 16
FULL = 65535

_MAXVAL = re.compile(rb"P([1-6])(?:(?:\s|#[^\r\n]*[\r\n])+\d{1,9}){2}(?:\s|#[^\r\n]*[\r\n])+(\d{1,5})\s")
_BITS, _PHOTOMETRIC, _SAMPLES, _EXTRA, _MOST, _MOST_OF_KIND = 258, 262, 277, 338, 281, 341
_WHITE_IS_ZERO = 0
_LAB = (8, 9, 10)  # in all kinds, which libtiff makes 8 bits of
_PREMULTIPLIED, _STRAIGHT = 1, 2
_ALPHA_COLOURS = (4, 6)
_GREY, _PALETTE = 0, 3


@dataclass(frozen=True)
class Samples:
    """Facts that are needed before samples are pictures.

    ``white``: the largest number a sample may be, where the file says so; ``significant``: bits that PNG's
    sBIT names; ``is_deep``: 16 bits a sample once decoded; ``is_inverted``: zero is white, and the decoder
    leaves it so; ``key``: the grey that is transparent, of 8 or 16 bits.
    """

    white: int | None = None
    significant: int | None = None
    is_deep: bool = False
    is_inverted: bool = False
    alpha: Literal["none", "straight", "premultiplied", "lost"] = "none"
    key: int | None = None

    @property
    def is_undeclared(self) -> bool:
        """True if 16 bits carry who knows how many; sBIT says how many, not whether at the top or below."""
        return self.is_deep and self.white is None


def read_samples(data: bytes) -> Samples:
    """The facts in the file's header; those of an unknown or damaged header are the defaults."""
    try:
        if data.startswith(b"\x89PNG"):
            return _png(data)
        if data.startswith((b"II", b"MM")):
            return _tiff(data)
        if data.startswith(b"RIFF"):
            return _webp(data)
        return _netpbm(data)
    except (struct.error, IndexError):
        return Samples()


def _png(data: bytes) -> Samples:
    depth, colour = data[24], data[25]
    chunks = _chunks_before_pixels(data)
    significant = chunks.get(b"sBIT", b"")[: 1 if colour in (0, 4) else 3]
    transparent = chunks.get(b"tRNS")
    has_alpha = colour in _ALPHA_COLOURS or (transparent is not None and colour != _GREY)
    key = None
    if colour == _GREY and transparent is not None:
        (grey,) = struct.unpack(">H", transparent[:2])
        key = grey if depth >= 8 else grey * 255 // (2**depth - 1)
    return Samples(
        significant=max(significant) if depth == 16 and significant and 1 <= max(significant) < 16 else None,
        is_deep=depth == 16,
        alpha="straight" if has_alpha else "none",
        key=key,
    )


def _chunks_before_pixels(data: bytes) -> dict[bytes, bytes]:
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name in (b"IDAT", b"IEND"):
            break
        chunks[name] = data[at + 8 : at + 8 + length]
        at += length + 12
    return chunks


def _tiff(data: bytes) -> Samples:
    tags = read_tags(data)
    bits, photometric = tags.get(_BITS, (1,))[0], tags.get(_PHOTOMETRIC, (1,))[0]
    samples, extra = tags.get(_SAMPLES, (1,))[0], tags.get(_EXTRA, (0,))[0]
    is_deep = bits in (10, 12, 14, 16) and photometric not in _LAB
    said = max(*tags.get(_MOST, (0,)), *tags.get(_MOST_OF_KIND, (0,)))
    alpha: Literal["none", "straight", "premultiplied", "lost"] = "none"
    if extra in (_PREMULTIPLIED, _STRAIGHT):
        # Of grey OpenCV drops it; what has 8 bits libtiff has multiplied already.
        is_straight = extra == _STRAIGHT and bits == 16
        alpha = "lost" if samples == 2 else "straight" if is_straight else "premultiplied"
    white = None
    if is_deep and bits < 16:
        white = FULL  # the decoder fills 16 with them
    elif is_deep and said in {2**count - 1 for count in WHOLE_BITS}:
        white = said  # else it may be the brightest of this one picture
    return Samples(
        white=white, is_deep=is_deep, is_inverted=is_deep and photometric == _WHITE_IS_ZERO, alpha=alpha
    )


def _webp(data: bytes) -> Samples:
    kind = data[12:16]
    has_alpha = (kind == b"VP8X" and data[20] & 0x10) or (kind == b"VP8L" and data[24] & 0x10)
    return Samples(alpha="straight" if has_alpha else "none")


def _netpbm(data: bytes) -> Samples:
    found = _MAXVAL.match(data)
    if found is None or found[1] in (b"1", b"4"):
        return Samples()
    most = int(found[2])
    if most == 0:
        return Samples()
    if most <= 255:
        # Plain files of 8 bits the decoder scales itself.
        return Samples(white=most if found[1] in (b"5", b"6") and most < 255 else None)
    return Samples(white=min(most, FULL), is_deep=True)
