"""Files of kinds that OpenCV doesn't write, byte by byte."""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Tag = tuple[int, str, Sequence[int]]
_KINDS = {"B": 1, "H": 3, "I": 4, "Q": 16}


def tiff(
    pixels: NDArray[np.generic] | bytes,
    *,
    bits: int,
    photometric: int,
    samples: int = 1,
    side: int = 64,
    tags: Sequence[Tag] = (),
    is_big: bool = False,
) -> bytes:
    """One strip without compression, little-endian."""
    body = pixels if isinstance(pixels, bytes) else pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    start = 4096  # of the pixels; the directory lies before
    entries: list[Tag] = [
        (256, "I", [side]), (257, "I", [side]), (258, "H", [bits] * samples), (259, "H", [1]),
        (262, "H", [photometric]), (273, "I", [start]), (277, "H", [samples]), (278, "I", [side]),
        (279, "I", [len(body)]), *tags,
    ]  # fmt: skip
    head, counter, inline, first = ("<HHQ", "<Q", 8, 16) if is_big else ("<HHI", "<H", 4, 8)
    offset = "<Q" if is_big else "<I"
    directory, more = struct.pack(counter, len(entries)), b""
    room = first + len(directory) + len(entries) * (struct.calcsize(head) + inline) + inline
    for tag, kind, values in sorted(entries):
        raw = struct.pack(f"<{len(values)}{kind}", *values)
        if len(raw) > inline:
            raw, more = struct.pack(offset, room + len(more)), more + raw
        directory += struct.pack(head, tag, _KINDS[kind], len(values)) + raw.ljust(inline, b"\0")
    directory += bytes(inline)
    magic = b"II+\0" + struct.pack("<HHQ", 8, 0, 16) if is_big else b"II*\0" + struct.pack("<I", 8)
    return (magic + directory + more).ljust(start, b"\0") + body


def packed(values: NDArray[np.generic], bits: int) -> bytes:
    """Numbers of so many bits, one after the other."""
    text = "".join(f"{value:0{bits}b}" for value in values.ravel().tolist())
    return int(text, 2).to_bytes(len(text) // 8, "big")


def with_chunk(png: bytes, name: bytes, content: bytes) -> bytes:
    """A PNG with one chunk more, behind its header."""
    check = struct.pack(">I", zlib.crc32(name + content))
    return png[:33] + struct.pack(">I", len(content)) + name + content + check + png[33:]
