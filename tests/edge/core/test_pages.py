"""Pictures behind the first of a file."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.pages import further_pages

PICTURE = np.random.default_rng(1).integers(0, 255, (16, 20), np.uint8)


def tiff(path: Path, pages: int) -> bytes:
    cv2.imwritemulti(str(path / "a.tif"), [PICTURE] * pages)
    return (path / "a.tif").read_bytes()


@pytest.mark.parametrize("pages", [1, 2, 5])
def test_pages_of_a_tiff_are_those_that_the_decoder_counts(tmp_path: Path, pages: int) -> None:
    assert further_pages(tiff(tmp_path, pages)) == cv2.imcount(str(tmp_path / "a.tif")) - 1 == pages - 1


def test_a_thumbnail_in_a_tiff_is_no_page(tmp_path: Path) -> None:
    """NewSubfileType is the first entry that OpenCV's writer makes of a page."""
    data = bytearray(tiff(tmp_path, 2))
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    (second,) = struct.unpack_from("<I", data, first + 2 + 12 * entries)
    struct.pack_into("<HHII", data, second + 2, 254, 4, 1, 1)
    assert further_pages(bytes(data)) == 0


def test_frames_of_an_animated_png_and_webp() -> None:
    png = cv2.imencode(".png", PICTURE)[1].tobytes()
    control = b"\0\0\0\x08acTL" + struct.pack(">II", 7, 0) + b"\0\0\0\0"
    assert further_pages(png) == 0
    assert further_pages(png[:33] + control + png[33:]) == 6
    frame = struct.pack("<4sI", b"ANMF", 3) + b"abc\0"
    webp = b"RIFF\0\0\0\0WEBP" + struct.pack("<4sI", b"VP8X", 10) + bytes(10) + frame * 3
    assert further_pages(webp) == 2


@given(st.sampled_from([b"II*\0", b"MM\0*", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b""]), st.binary())
def test_damaged_files_have_some_number_of_pages(start: bytes, rest: bytes) -> None:
    assert further_pages(start + rest) >= 0
