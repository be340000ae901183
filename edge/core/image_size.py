"""How many pixels an image file claims to have, told from its first bytes, before anything is decoded.

Pure. Sources: ISO/IEC 15948 (PNG), ITU-T T.81 (JPEG), the Windows bitmap header, Netpbm's formats,
TIFF 6.0, and RFC 9649 (WebP).
"""

import re
import struct

_PNM = re.compile(rb"P[1-6](?:\s+|#[^\n]*\n)+(\d{1,9})(?:\s+|#[^\n]*\n)+(\d{1,9})\s")
# Start of frame, in all its kinds; the numbers between them mean something else.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = frozenset(range(0xD0, 0xD9)) | {0x01}
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_TYPES = {1: "B", 3: "H", 4: "I"}


def claimed_pixels(data: bytes) -> int | None:
    """Width times height as the header says; None where it is of another kind, or cut off."""
    try:
        if data.startswith(b"\x89PNG"):
            return _product(struct.unpack_from(">II", data, 16))
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
        if data.startswith(b"BM"):
            return _product(struct.unpack_from("<ii", data, 18))
        if data.startswith((b"II*\0", b"MM\0*")):
            return _tiff(data, "<" if data.startswith(b"II") else ">")
        if data.startswith(b"RIFF"):
            return _webp(data)
    except struct.error:
        return None
    pnm = _PNM.match(data)
    return None if pnm is None else int(pnm[1]) * int(pnm[2])


def _product(sides: tuple[int, ...]) -> int:
    width, height = sides
    return abs(width) * abs(height)  # a bitmap's negative height says where its first row is


def _jpeg(data: bytes) -> int | None:
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _JPEG_ALONE:
            at += 2
        elif marker in _JPEG_FRAMES:
            return _product(struct.unpack_from(">HH", data, at + 5))
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None


def _tiff(data: bytes, order: str) -> int | None:
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (entries,) = struct.unpack_from(f"{order}H", data, at)
    sides = {}
    for number in range(entries):
        entry = at + 2 + 12 * number
        tag, kind, _ = struct.unpack_from(f"{order}HHI", data, entry)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT) and kind in _TIFF_TYPES:
            (sides[tag],) = struct.unpack_from(order + _TIFF_TYPES[kind], data, entry + 8)
    return sides[_TIFF_WIDTH] * sides[_TIFF_HEIGHT] if len(sides) == 2 else None


def _webp(data: bytes) -> int | None:
    match data[12:16]:
        case b"VP8X":
            low, high, low_height, high_height = struct.unpack_from("<HBHB", data, 24)
            return int((low + (high << 16) + 1) * (low_height + (high_height << 16) + 1))
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return int(((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1))
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return int((width & 0x3FFF) * (height & 0x3FFF))
    return None
