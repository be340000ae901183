"""Where a JPEG file ends. Pure. Source: ITU-T T.81, annex B, and libjpeg's way over stray bytes."""

import re

_MARKER = re.compile(rb"\xff([\x01-\xfe])")
_IN_SCAN = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # what ends the coded bytes of a scan
_END, _SCAN = 0xD9, 0xDA
_ALONE = frozenset(range(0xD0, 0xD9)) | {0x01}


def jpeg_end(data: bytes) -> int | None:
    """The place behind its end marker; None where the file ends before.

    Thumbnails inside of segments have ends of their own, which are passed over. What lies behind, such as
    the film of a motion photograph or what pads a buffer, is no part of the picture.
    """
    at = 2
    found = _MARKER.search(data, at)
    while found is not None:
        marker, at = found[1][0], found.end()
        if marker == _END:
            return at
        if marker not in _ALONE:
            at += max(2, int.from_bytes(data[at : at + 2], "big"))
        found = (_IN_SCAN if marker == _SCAN else _MARKER).search(data, at)
    return None
