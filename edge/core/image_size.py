"""The number of pixels that an image file claims, told from its first bytes, before anything is decoded.

Pure. A header is read as the decoder reads it, whatever the standard says: where the two could differ there
is no answer. Sources: ISO/IEC 15948 (PNG), ITU-T T.81 (JPEG) and libjpeg's way over stray bytes, the Windows
and OS/2 bitmap headers, Netpbm's formats, TIFF 6.0, and RFC 9649 (WebP).
"""

import re
import struct

from edge.core.tiff_tags import read_tags

Size = tuple[int, int]
"""Width and height in pixels."""

_PNM = re.compile(rb"P[1-6](?:\s|#[^\r\n]*[\r\n])+(\d{1,9})(?:\s|#[^\r\n]*[\r\n])+(\d{1,9})\s")
# Start of frame, in all its kinds; the numbers between them mean something else.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = frozenset(range(0xD0, 0xD9)) | {0x01}
_JPEG_END = 0xD9
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff])")
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_BMP_OS2_HEADER, _BMP_HEADER = 12, 36  # bytes; the decoder takes the first, or any from the second on


def claimed_pixels(data: bytes) -> int | None:
    """Width times height as the header says; None where it is of another kind, damaged, or cut off."""
    try:
        size = _claimed_size(data)
    except struct.error:
        return None
    return None if size is None else size[0] * size[1]


def _claimed_size(data: bytes) -> Size | None:
    if data.startswith(b"\x89PNG"):
        return _png(data)
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data.startswith(b"BM"):
        return _bmp(data)
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return _tiff(data)
    if data.startswith(b"RIFF"):
        return _webp(data)
    return _pnm(data)


def _png(data: bytes) -> Size | None:
    return _pair(">II", data, 16) if data[12:16] == b"IHDR" else None


def _jpeg(data: bytes) -> Size | None:
    """As libjpeg goes: bytes between segments that are no marker are passed over."""
    at = 2
    while (found := _JPEG_MARKER.search(data, at)) is not None:
        marker, at = found[1][0], found.end()
        if marker in _JPEG_FRAMES:
            height, width = _pair(">HH", data, at + 3)
            return width, height
        if marker == _JPEG_END:
            return None
        if marker not in _JPEG_ALONE:
            at += max(2, *struct.unpack_from(">H", data, at))
    return None


def _bmp(data: bytes) -> Size | None:
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    if header_bytes == _BMP_OS2_HEADER:
        return _pair("<HH", data, 18)
    if header_bytes < _BMP_HEADER:
        return None
    width, height = _pair("<ii", data, 18)
    return abs(width), abs(height)  # a negative height says where the first row is


def _pnm(data: bytes) -> Size | None:
    found = _PNM.match(data)
    return None if found is None else (int(found[1]), int(found[2]))


def _tiff(data: bytes) -> Size | None:
    """Of the first picture; each side must stand there once, as one whole number."""
    tags = read_tags(data)
    sides = tags.get(_TIFF_WIDTH, ()), tags.get(_TIFF_HEIGHT, ())
    return (sides[0][0], sides[1][0]) if len(sides[0]) == len(sides[1]) == 1 else None


def _webp(data: bytes) -> Size | None:
    match data[8:16]:
        case b"WEBPVP8X":
            low, high, low_height, high_height = struct.unpack_from("<HBHB", data, 24)
            return low + (high << 16) + 1, low_height + (high_height << 16) + 1
        case b"WEBPVP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"WEBPVP8 ":
            width, height = _pair("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
    return None


def _pair(layout: str, data: bytes, at: int) -> tuple[int, int]:
    first, second = struct.unpack_from(layout, data, at)
    return first, second
