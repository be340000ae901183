"""The number of pictures in a file beyond the first, which alone is decoded.

Pure. Sources: TIFF 6.0 and BigTIFF, the APNG chunks of PNG (third edition), and RFC 9649 (WebP).
"""

import struct

_PNG_START = b"\x89PNG\r\n\x1a\n"
_TIFF_KIND = 254  # NewSubfileType, whose lowest bit marks a smaller copy of another page
_MOST = 10_000


def further_pages(data: bytes) -> int:
    """Pages or frames behind the first; 0 where there are none, or where the file is damaged."""
    try:
        if data.startswith((b"II*\0", b"MM\0*")):
            return max(0, _tiff_pages(data, "<" if data.startswith(b"II") else ">") - 1)
        if data.startswith(_PNG_START):
            return max(0, _png_frames(data) - 1)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return max(0, _webp_frames(data) - 1)
    except struct.error:
        return 0
    return 0


def _tiff_pages(data: bytes, order: str) -> int:
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    pages = 0
    seen: set[int] = set()
    while at and at not in seen and len(seen) < _MOST:
        seen.add(at)
        (entries,) = struct.unpack_from(f"{order}H", data, at)
        is_smaller_copy = False
        for number in range(entries):
            tag, _, _, value = struct.unpack_from(f"{order}HHII", data, at + 2 + 12 * number)
            is_smaller_copy |= tag == _TIFF_KIND and bool(value & 1)
        pages += not is_smaller_copy
        (at,) = struct.unpack_from(f"{order}I", data, at + 2 + 12 * entries)
    return pages


def _png_frames(data: bytes) -> int:
    """As the animation's control chunk says, which stands before the first pixels."""
    at = len(_PNG_START)
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"acTL":
            return int(struct.unpack_from(">I", data, at + 8)[0])
        if name == b"IDAT":
            return 1
        at += 12 + length
    return 1


def _webp_frames(data: bytes) -> int:
    at, frames = 12, 0
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        frames += name == b"ANMF"
        at += 8 + length + (length & 1)
    return frames
