"""What image files claim to be, before they are decoded."""

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.image_size import claimed_pixels

PICTURE = np.random.default_rng(1).integers(0, 256, (33, 20, 3), np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".ppm", ".pgm", ".tiff", ".webp"])
def test_the_size_is_that_of_the_picture(suffix: str) -> None:
    picture = PICTURE[:, :, 0] if suffix == ".pgm" else PICTURE
    assert claimed_pixels(cv2.imencode(suffix, picture)[1].tobytes()) == 33 * 20


@pytest.mark.parametrize(
    ("data", "pixels"),
    [
        (b"RIFF\x64\0\0\0WEBPVP8 " + bytes(10) + struct.pack("<HH", 640, 480), 640 * 480),
        (b"RIFF\x64\0\0\0WEBPVP8X" + bytes(8) + struct.pack("<HBHB", 639, 0, 479, 0), 640 * 480),
        (b"RIFF\x64\0\0\0WEBPVP8X" + bytes(8) + struct.pack("<HBHB", 0, 1, 1, 0), 65537 * 2),
        (b"MM\0*\0\0\0\x08\0\x02\x01\0\0\3\0\0\0\1\1\0\0\0\x01\1\0\4\0\0\0\1\0\0\0\7", 256 * 7),
        (b"BM" + bytes(16) + struct.pack("<ii", 20, -33), 20 * 33),
        (b"P5\n# a remark\n20 33\n255\n", 20 * 33),
        (b"\xff\xd8\xff\xff\xd0\xff\xe0\x00\x04xx\xff\xc2\x00\x11\x08\x00\x21\x00\x14", 20 * 33),
        (b"GIF89a", None),
        (b"", None),
    ],
)
def test_kinds_that_opencv_does_not_write_are_read_too(data: bytes, pixels: int | None) -> None:
    assert claimed_pixels(data) == pixels


@given(
    st.sampled_from([b"\x89PNG", b"\xff\xd8", b"BM", b"II*\0", b"MM\0*", b"RIFF1234WEBPVP8", b"P5"]),
    st.binary(max_size=80),
)
def test_any_bytes_have_a_size_or_none(start: bytes, data: bytes) -> None:
    pixels = claimed_pixels(start + data)
    assert pixels is None or pixels >= 0
