"""Image files of every kind that people have."""

import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.core.errors import ImageError, InputError
from edge.core.images import decode_image, encode_png, is_grey, read_image
from edge.core.photographs.listing import list_images

GREY = np.arange(64 * 48, dtype=np.uint32).reshape(64, 48).astype(np.uint8)


def _encode(suffix: str, image: np.ndarray) -> bytes:
    ok, data = cv2.imencode(suffix, image)
    assert ok
    return data.tobytes()


def test_a_grey_image_has_two_dimensions() -> None:
    assert np.array_equal(decode_image(_encode(".png", GREY), "x"), GREY)


def test_colour_comes_in_rgb_order() -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 2] = 255  # OpenCV writes BGR
    assert decode_image(_encode(".png", red), "x")[0, 0].tolist() == [255, 0, 0]


def test_sixteen_bits_are_scaled_to_eight() -> None:
    deep = np.full((16, 16), 0x8040, np.uint16)
    assert decode_image(_encode(".png", deep), "x")[0, 0] == 0x80


def test_transparency_is_dropped() -> None:
    assert decode_image(_encode(".png", np.full((16, 16, 4), 9, np.uint8)), "x").shape == (16, 16, 3)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_truncated_image_is_refused_by_name(suffix: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (200, 200), dtype=np.uint8)
    data = _encode(suffix, noise)
    with pytest.raises(ImageError, match=r"part-7.*truncated"):
        decode_image(data[: int(len(data) * share)], "part-7")


def test_a_one_pixel_image_is_refused() -> None:
    with pytest.raises(ImageError, match="1x1"):
        decode_image(_encode(".png", np.zeros((1, 1), np.uint8)), "x")


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(ImageError):
        decode_image(data, "x")


def test_some_bytes_that_claim_gigabytes_are_refused_before_they_are_decoded() -> None:
    """A flipped bit of the height; OpenCV would set two gigabytes aside and take seconds."""
    data = bytearray(_encode(".png", GREY))
    data[20] |= 0x10
    with pytest.raises(ImageError, match=r"x: \d+ bytes claim \d+ pixels; it is damaged, or too large"):
        decode_image(bytes(data), "x")


def test_a_stray_byte_before_the_frame_header_hides_no_size() -> None:
    """libjpeg passes it over; 900 million pixels would be decoded."""
    data = _encode(".jpg", GREY)
    at = data.index(b"\xff\xc0")
    bomb = data[:at] + b"\0" + data[at : at + 5] + struct.pack(">HH", 30000, 30000) + data[at + 9 :]
    with pytest.raises(ImageError, match=r"x: .* bytes claim 900000000 pixels"):
        decode_image(bomb, "x")


@pytest.mark.parametrize(
    "data",
    [b"GIF89a" + struct.pack("<HH", 40000, 40000) + bytes(25), _encode(".jp2", GREY), _encode(".hdr", GREY)],
)
def test_an_image_whose_size_cannot_be_told_is_refused(data: bytes) -> None:
    with pytest.raises(ImageError, match="x: tells no size; expected a whole BMP, JPEG, "):
        decode_image(data, "x")


def test_a_jpeg_cannot_hold_a_thousand_pixels_a_byte() -> None:
    data = _encode(".jpg", np.full((2048, 2048), 128, np.uint8))
    assert decode_image(data, "x").shape == (2048, 2048)
    at = data.index(b"\xff\xc0")
    with pytest.raises(ImageError, match="claim 67108864 pixels"):
        decode_image(data[: at + 5] + struct.pack(">HH", 8192, 8192) + data[at + 9 :], "x")


def test_a_chunk_that_claims_more_than_the_file_holds_is_a_truncated_image() -> None:
    """OpenCV would set four gigabytes aside for it."""
    data = _encode(".png", GREY)
    at = data.index(b"IDAT") - 4
    with pytest.raises(ImageError, match="x: the image is truncated"):
        decode_image(data[:at] + b"\xff\xff\xff\x7f" + data[at + 4 :], "x")


def test_a_blank_page_is_an_image_though_it_takes_few_bytes() -> None:
    blank = np.zeros((4000, 3000), np.uint8)
    encoded = cv2.imencode(".png", blank, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()
    assert blank.size > 1000 * len(encoded)
    assert np.array_equal(decode_image(encoded, "x"), blank)


def test_png_is_without_loss_in_grey_and_colour() -> None:
    colour = np.random.default_rng(1).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    for image in (GREY, colour):
        assert np.array_equal(decode_image(encode_png(image), "x"), image)


def test_an_image_with_three_equal_channels_is_grey() -> None:
    assert is_grey(np.dstack([GREY] * 3))
    assert not is_grey(np.dstack([GREY, GREY, GREY + np.uint8(1)]))


def test_hidden_files_and_other_files_are_no_images(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in list_images(tmp_path)] == ["a.JPG", "b.png"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent: no such folder"):
        list_images(tmp_path / "absent")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"absent\.png: cannot be read"):
        read_image(tmp_path / "absent.png")


def test_hidden_files_and_folders_hold_no_images(tmp_path: Path) -> None:
    for name in ("1.png", ".2.png", "deep/3.JFIF", ".thumbnails/4.png", "deep/.cache/5.png", "notes.txt"):
        (tmp_path / ".data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / ".data" / name).write_bytes(b"x")
    assert [path.name for path in list_images(tmp_path / ".data")] == ["1.png", "3.JFIF"]


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ok" / "closed").mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "closed")  # root may read all
    with pytest.raises(InputError, match="closed: this folder may not be read"):
        list_images(tmp_path / "ok")


@pytest.mark.parametrize(("name", "said"), [(b"\xff.png", r"\\udcff.png: its name is not UTF-8")])
def test_a_name_that_is_no_text_is_refused(tmp_path: Path, name: bytes, said: str) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(_encode(".png", GREY))
    with pytest.raises(ImageError, match=said):
        read_image(path)


def test_a_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no name of a file"):
        read_image(tmp_path / "a\0b.png")


@pytest.mark.parametrize("maxval", [200, 1023])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_plain_netpbm_file_may_end_with_its_last_number(maxval: int, end: bytes) -> None:
    numbers = b" ".join([b"%d" % maxval] * 80)
    image = decode_image(b"P2\n10 8\n%d\n" % maxval + numbers + end, "plain.pgm")
    assert np.array_equal(image, np.full((8, 10), 255, np.uint8))
