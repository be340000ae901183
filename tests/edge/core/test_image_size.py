"""The size that image files claim, before they are decoded."""

import random
import struct
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.campaign.fuzz.mutate import mutate
from edge.core.image_size import claimed_pixels
from tests.edge.core.pictures import packed, tiff

PICTURE = np.random.default_rng(1).integers(0, 256, (33, 20, 3), np.uint8)
SUFFIXES = (".png", ".jpg", ".bmp", ".ppm", ".pgm", ".tiff", ".webp")
JPEG_FRAME = b"\xff\xc2\x00\x11\x08\x00\x21\x00\x14"
TIFF_HEAD = b"MM\0*\0\0\0\x08"


def entry(tag: int, kind: int, value: bytes, *, count: int = 1) -> bytes:
    return struct.pack(">HHI", tag, kind, count) + value.ljust(4, b"\0")


def encoded(suffix: str) -> bytes:
    return cv2.imencode(suffix, PICTURE[:, :, 0] if suffix == ".pgm" else PICTURE)[1].tobytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_size_is_that_of_the_picture(suffix: str) -> None:
    assert claimed_pixels(encoded(suffix)) == 33 * 20


@pytest.mark.parametrize(
    ("data", "pixels"),
    [
        (b"RIFF\x64\0\0\0WEBPVP8 " + bytes(10) + struct.pack("<HH", 640, 480), 640 * 480),
        (b"RIFF\x64\0\0\0WEBPVP8X" + bytes(8) + struct.pack("<HBHB", 639, 0, 479, 0), 640 * 480),
        (b"RIFF\x64\0\0\0WEBPVP8X" + bytes(8) + struct.pack("<HBHB", 0, 1, 1, 0), 65537 * 2),
        (TIFF_HEAD + b"\0\2" + entry(256, 3, b"\1\0") + entry(257, 4, b"\0\0\0\7"), 256 * 7),
        (b"BM" + bytes(12) + struct.pack("<Iii", 40, 20, -33), 20 * 33),
        (b"BM" + bytes(12) + struct.pack("<IHH", 12, 20, 33), 20 * 33),
        (b"P5\n# a remark\n20 33\n255\n", 20 * 33),
        (b"P5 # a remark that ends as on old machines\r20 33 255\n7 7\n255\n", 20 * 33),
        (b"\xff\xd8\xff\xff\xd0\xff\xe0\x00\x04xx" + JPEG_FRAME, 20 * 33),
        (b"\xff\xd8\xff\xe0\x00\x04xx\0" + JPEG_FRAME, 20 * 33),
        (b"\xff\xd8\xff\xe0\x00\x04xx\xff\0\xab" + JPEG_FRAME, 20 * 33),
        (b"\xff\xd8\xff\xe0\x00\x00" + JPEG_FRAME, 20 * 33),
    ],
)
def test_kinds_that_opencv_does_not_write_are_read_too(data: bytes, pixels: int) -> None:
    assert claimed_pixels(data) == pixels


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a" + bytes(29),
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dtEXt" + bytes(30),
        b"\xff\xd8\xff\xd9" + JPEG_FRAME,
        b"BM" + bytes(12) + struct.pack("<Iii", 16, 20, 33),
        b"RIFF\x64\0\0\0AVI VP8X" + bytes(20),
        TIFF_HEAD + b"\0\3" + 2 * entry(256, 3, b"\0\x14") + entry(257, 3, b"\0\x21"),
        TIFF_HEAD + b"\0\2" + entry(256, 8, b"\0\x14") + entry(257, 3, b"\0\x21"),
        TIFF_HEAD + b"\0\2" + entry(256, 3, b"\0\x14", count=2) + entry(257, 3, b"\0\x21"),
        b"P5" + b" " * 5000 + b"x",
    ],
)
def test_where_the_header_is_not_sure_there_is_no_size(data: bytes) -> None:
    began = time.process_time()
    assert claimed_pixels(data) is None
    assert time.process_time() - began < 5, "5000 spaces took ages to tell from a size"


GREY = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
OTHERS = {
    "BigTIFF": tiff(GREY, bits=16, photometric=1, is_big=True),
    "TIFF, zero is white": tiff(packed(GREY, 12), bits=12, photometric=0),
    "BMP of OS/2": b"BM" + bytes(8) + struct.pack("<IIHHHH", 26, 12, 64, 64, 1, 24) + bytes(64 * 64 * 3),
    "PGM of 12 bits": b"P5\n64 64\n4095\n" + GREY.astype(">u2").tobytes(),
    "JPEG, stray bytes": encoded(".jpg").replace(b"\xff\xc4", b"\0\0\xff\xff\xc4", 1),
}


@pytest.mark.parametrize("kind", [*SUFFIXES, *OTHERS])
def test_whatever_the_decoder_makes_of_a_spoiled_file_has_the_size_that_was_told(kind: str) -> None:
    data = OTHERS[kind] if kind in OTHERS else encoded(kind)
    assert claimed_pixels(data) in (33 * 20, 64 * 64)
    chance, decoded = random.Random(7), 0
    for _ in range(400):
        spoiled = mutate(data[:200], chance, [data]) + data[200:]
        told = claimed_pixels(spoiled)
        if told is None or told > 1_000_000:
            continue
        try:
            picture = cv2.imdecode(np.frombuffer(spoiled, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            continue
        if picture is not None:
            decoded += 1
            assert picture.shape[0] * picture.shape[1] == told, spoiled.hex()
    assert decoded


@pytest.mark.parametrize("program", ["edge", "trainer", "quantize"])
def test_opencv_has_limits_of_its_own_in_every_program(program: str) -> None:
    """It reads them once, when it is loaded."""
    code = f"""
import {program}.__main__
import edge.core.images, cv2, numpy
cv2.imdecode(numpy.frombuffer(b"P5 20000 20000 255 ", numpy.uint8), cv2.IMREAD_UNCHANGED)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "CV_IO_MAX_IMAGE_PIXELS" in done.stderr


@given(
    st.sampled_from([b"\x89PNG", b"\xff\xd8", b"BM", b"II*\0", b"MM\0*", b"RIFF1234WEBPVP8", b"P5"]),
    st.binary(max_size=80),
)
def test_any_bytes_have_a_size_or_none(start: bytes, data: bytes) -> None:
    pixels = claimed_pixels(start + data)
    assert pixels is None or pixels >= 0
