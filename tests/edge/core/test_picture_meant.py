"""Pictures come out as they are meant: depth, photometric interpretation, transparency, what lies behind."""

import shutil
import struct
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import ImageError
from edge.core.images import decode_image, read_image
from edge.core.jpeg_end import jpeg_end
from edge.core.samples import read_samples
from edge.core.set_depth import SetDepth, find_set_depth
from edge.core.tones import BACKGROUND
from tests.edge.core.pictures import packed, tiff, with_chunk

SIDE = 64
GREY = np.add.outer(np.arange(SIDE) * 2, np.arange(SIDE)).astype(np.uint8)
BELOW_12 = GREY.astype(np.uint16) << 4


def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


def pnm(kind: str, most: int, pixels: np.ndarray) -> bytes:
    body = pixels.astype(">u2" if most > 255 else "u1").tobytes()
    return f"{kind}\n# ours\n{SIDE} {SIDE}\n{most}\n".encode() + body


@pytest.mark.parametrize(
    "data",
    [
        pnm("P5", 4095, BELOW_12),
        pnm("P5", 1023, GREY.astype(np.uint16) << 2),
        pnm("P5", 65535, GREY.astype(np.uint16) << 8),
        pnm("P5", 127, GREY >> 1),
        with_chunk(png(BELOW_12), b"sBIT", b"\x0c"),
        with_chunk(png(GREY.astype(np.uint16) << 8), b"sBIT", b"\x0a"),
        tiff(BELOW_12, bits=16, photometric=1, tags=[(281, "H", [4095])]),
        tiff(GREY.astype(np.uint16) << 2, bits=16, photometric=1, tags=[(341, "H", [1023])]),
        tiff(packed(BELOW_12, 12), bits=12, photometric=1),
        tiff(packed(GREY.astype(np.uint16) << 2, 10), bits=10, photometric=1),
        tiff(GREY, bits=8, photometric=1, is_big=True),
    ],
)
def test_depth_is_what_the_file_says(data: bytes) -> None:
    assert np.abs(decode_image(data, "x").astype(int) - GREY).max() <= 1


def test_a_maxval_of_nought_says_nothing() -> None:
    assert read_samples(pnm("P5", 0, GREY)).white is None


def test_colours_are_scaled_as_greys_are() -> None:
    colour = np.dstack([GREY, GREY // 2, GREY // 3])
    assert np.array_equal(decode_image(pnm("P6", 4095, colour.astype(np.uint16) << 4), "x"), colour)
    scaled = decode_image(pnm("P6", 100, colour.astype(int) * 100 // 255), "x")
    assert np.abs(scaled.astype(int) - colour).max() <= 2


@pytest.mark.parametrize(
    "data",
    [
        tiff(~GREY, bits=8, photometric=0),
        tiff(~(GREY.astype(np.uint16) << 8), bits=16, photometric=0),
        tiff(packed(4095 - BELOW_12, 12), bits=12, photometric=0),
        tiff(4095 - BELOW_12, bits=16, photometric=0, tags=[(281, "H", [4095])]),
    ],
)
def test_where_nought_is_white_in_any_depth(data: bytes) -> None:
    assert np.abs(decode_image(data, "x").astype(int) - GREY).max() <= 1


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_where_no_file_says_its_depth_the_brightest_of_the_set_does(
    tmp_path: Path, bits: int, suffix: str
) -> None:
    for number, level in enumerate((1.0, 0.2)):
        pixels = ((GREY * level).astype(np.uint16) << (bits - 8)) + (2**bits - 1 - (254 << (bits - 8))) * (
            GREY > 188
        ).astype(np.uint16)
        cv2.imwrite(str(tmp_path / f"{number}{suffix}"), pixels if number else pixels | (2**bits - 1 & 1))
    cv2.imwrite(str(tmp_path / "eight.png"), GREY)
    (tmp_path / "broken.tif").write_bytes(b"II*\0" + bytes(40))
    paths = sorted(tmp_path.iterdir())
    depth = find_set_depth(paths)
    assert (depth.bits, depth.pictures) == (bits, 2)
    assert f"none uses more than {bits}, so {2**bits - 1} is taken for white" in (depth.note or "")
    dark = read_image(tmp_path / f"1{suffix}", depth.bits)
    assert abs(float(np.median(dark)) - 0.2 * np.median(GREY)) <= 1


def test_a_set_that_uses_all_bits_is_cut_off_to_eight_without_a_word(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), BELOW_12)
    cv2.imwrite(str(tmp_path / "b.png"), GREY.astype(np.uint16) << 8)
    depth = find_set_depth(sorted(tmp_path.iterdir()))
    assert (depth.bits, depth.note) == (16, None)
    assert np.array_equal(read_image(tmp_path / "b.png", 16), GREY)


def test_a_set_without_such_pictures_has_no_depth(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(pnm("P5", 4095, BELOW_12))
    cv2.imwrite(str(tmp_path / "b.jpg"), GREY)
    assert find_set_depth(sorted(tmp_path.iterdir())) == SetDepth()


def test_a_picture_that_uses_more_than_its_set_is_refused() -> None:
    with pytest.raises(ImageError, match="x: uses more than 12 bits, as its set does: 48"):
        decode_image(png(GREY.astype(np.uint16) << 8), "x", bits=12)


INSIDE = np.hypot(*np.mgrid[-32:32, -32:32]) < 20


def cut_out(hidden: tuple[int, int, int]) -> np.ndarray:
    """A grey part, opaque, and colours that nobody should see around it, BGRA."""
    picture = np.dstack([GREY, GREY, GREY, np.where(INSIDE, 255, 0).astype(np.uint8)])
    picture[~INSIDE, :3] = hidden
    return picture


LAID = np.where(INSIDE, GREY, np.uint8(BACKGROUND))


@pytest.mark.parametrize(
    "data",
    [
        png(cut_out((40, 160, 60))),
        png(cut_out((160, 60, 40)).astype(np.uint16) * 257),
        cv2.imencode(".webp", cut_out((40, 160, 60)), [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes(),
        tiff(cut_out((9, 9, 200)), bits=8, photometric=2, samples=4, tags=[(338, "H", [2])]),
        tiff(
            cut_out((9, 9, 200)).astype(np.uint16) * 257, bits=16, photometric=2, samples=4,
            tags=[(338, "H", [2])],
        ),
        tiff(cut_out((0, 0, 0)), bits=8, photometric=2, samples=4, tags=[(338, "H", [1])]),
        with_chunk(png(np.where(INSIDE, GREY | 1, np.uint8(4))), b"tRNS", b"\0\x04"),
    ],
)  # fmt: skip
def test_what_is_transparent_is_mid_grey_whatever_colours_lie_under_it(data: bytes) -> None:
    image = decode_image(data, "x")
    plane = image if image.ndim == 2 else image[..., 1]
    assert np.abs(plane.astype(int) - LAID).max() <= 1
    assert image.ndim == 2 or np.ptp(image.astype(int), axis=2).max() == 0


def test_half_transparent_is_half_way_to_the_background() -> None:
    half = np.dstack([np.full((SIDE, SIDE, 3), 228, np.uint8), np.full((SIDE, SIDE), 51, np.uint8)])
    assert decode_image(png(half), "x")[0, 0].tolist() == [BACKGROUND + 20] * 3


def test_a_transparent_picture_is_turned_as_its_camera_was_held() -> None:
    picture = np.random.default_rng(3).integers(0, 255, (20, 30, 4), dtype=np.uint8)
    exif = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x112, 3, 1, 6, 0) + bytes(4)
    turned = decode_image(with_chunk(png(picture), b"eXIf", exif), "x")
    assert np.array_equal(turned, np.rot90(decode_image(png(picture), "x"), -1))


def test_a_fourth_channel_that_is_no_transparency_is_left_alone() -> None:
    pixels = np.dstack([GREY, GREY, GREY, np.zeros_like(GREY)])
    data = tiff(pixels, bits=8, photometric=2, samples=4, tags=[(338, "H", [0])])
    assert np.array_equal(decode_image(data, "x"), np.dstack([GREY] * 3))


def test_grey_tiff_with_transparency_that_opencv_drops_is_refused() -> None:
    data = tiff(np.dstack([GREY, GREY]), bits=8, photometric=1, samples=2, tags=[(338, "H", [2])])
    with pytest.raises(ImageError, match="x: grey with transparency in TIFF can't be decoded; expected PNG"):
        decode_image(data, "x")


# What libtiff 4.5's tiff2rgba makes of CIE L*a*b* of 8 bits.
LAB = {(121, 247, 244): (102, 121, 119), (200, 20, 226): (226, 184, 220), (60, 236, 40): (43, 66, 0)}


def lab(triple: tuple[int, int, int]) -> bytes:
    return tiff(np.full((SIDE, SIDE, 3), triple, np.uint8), bits=8, photometric=8, samples=3)


@pytest.mark.parametrize("triple", LAB)
def test_lab_is_read_as_libtiff_reads_it(triple: tuple[int, int, int]) -> None:
    assert np.abs(decode_image(lab(triple), "x")[0, 0].astype(int) - LAB[triple]).max() <= 1


@pytest.mark.skipif(shutil.which("tiff2rgba") is None, reason="no libtiff-tools")
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("bits", [8, 16])
def test_lab_of_every_kind_is_what_libtiffs_own_tool_makes_of_it(
    tmp_path: Path, seed: int, bits: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    deep = pixels if bits == 8 else pixels.astype(np.uint16) * np.array([257, 256, 256], np.uint16)
    data = tiff(deep, bits=bits, photometric=8, samples=3)
    (tmp_path / "lab.tif").write_bytes(data)
    command = ["tiff2rgba", "-c", "none", str(tmp_path / "lab.tif"), str(tmp_path / "rgba.tif")]
    subprocess.run(command, check=True, capture_output=True)
    read = read_image(tmp_path / "rgba.tif")
    assert np.array_equal(decode_image(data, "x"), read)


def jpeg(quality: int = 92) -> bytes:
    noise = np.random.default_rng(quality).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


@pytest.mark.parametrize(
    "behind",
    [b"\0" * 5000, b"\0\0\0\x18ftypmp42" + b"\xff\xd8\xff" * 3000, jpeg(40) * 2, b"\xff" * 9000],
    ids=["padding", "film", "more pictures", "worn flash"],
)
@pytest.mark.parametrize("mode", [[], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 2]])
def test_a_jpeg_with_more_behind_its_end_is_whole(behind: bytes, mode: list[int]) -> None:
    data = cv2.imencode(".jpg", GREY, mode)[1].tobytes()
    assert np.array_equal(decode_image(data + behind, "x"), decode_image(data, "x"))


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_cut_jpeg_is_truncated_though_its_thumbnail_or_what_is_behind_has_an_end(share: float) -> None:
    data = jpeg()
    thumbnail = jpeg(10)
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = data[:2] + segment + data[2:]
    assert decode_image(whole, "x").shape == (SIDE, SIDE, 3)
    with pytest.raises(ImageError, match="x: the image is truncated"):
        decode_image(whole[: len(segment) + int(len(data) * share)] + bytes(5000), "x")


@given(
    st.sampled_from(
        [b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0+", b"II+\0", b"RIFF1234WEBPVP8X", b"P5 8 8 ", b""]
    ),
    st.binary(max_size=120),
)
def test_of_any_bytes_something_or_nothing_is_said(start: bytes, data: bytes) -> None:
    samples = read_samples(start + data)
    assert samples.white is None or samples.white > 0
    assert jpeg_end(start + data) is None or b"\xff\xd9" in start + data
