"""Pictures that a decoder finds damaged, and decodes."""

import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from edge.core.complaints import listening
from edge.core.errors import ImageError
from edge.core.images import decode_image

PICTURE = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 255, (300, 300, 3), np.uint8), (0, 0), 3)


def jpeg(*parameters: int) -> bytes:
    return cv2.imencode(".jpg", PICTURE, list(parameters))[1].tobytes()


def damaged(kind: str) -> bytes:
    whole = jpeg(
        *{
            "progressive": (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
            "restarts": (cv2.IMWRITE_JPEG_RST_INTERVAL, 4),
        }.get(kind, ())
    )
    half = len(whole) // 2
    if kind == "middle gone":
        return whole[:half] + whole[half + 300 :]
    if kind == "tiff":
        tiff = bytearray(cv2.imencode(".tif", PICTURE)[1].tobytes())
        tiff[len(tiff) // 2 : len(tiff) // 2 + 60] = bytes(range(60))
        return bytes(tiff)
    return whole[:half] + bytes(100) + whole[half + 100 :]


def is_damaged(data: bytes) -> bool:
    try:
        decode_image(data, "x")
    except ImageError as error:
        return str(error).startswith("x: is damaged (")
    return False


@pytest.mark.parametrize("kind", ["zeros", "middle gone", "progressive", "restarts", "tiff"])
def test_a_picture_with_damage_inside_is_refused_though_opencv_was_silenced(kind: str) -> None:
    cv2.utils.logging.setLogLevel(0)  # as edge.camera.opencv does
    with listening():
        assert is_damaged(damaged(kind))


def test_stray_bytes_between_the_tables_do_no_damage() -> None:
    whole = jpeg()
    table = whole.index(b"\xff\xc4")
    with listening():
        for data in (whole, whole[:table] + b"\0\0\0" + whole[table:], whole[:-2] + b"\0\0" + whole[-2:]):
            assert not is_damaged(data)


def test_of_many_at_once_the_damaged_ones_are_told() -> None:
    pictures = [damaged("zeros") if number % 7 == 3 else jpeg() for number in range(60)]
    with listening(), ThreadPoolExecutor(8) as pool:
        found = list(pool.map(is_damaged, pictures))
    assert found == [number % 7 == 3 for number in range(60)]


def test_what_decoders_say_is_not_read_by_people_and_all_else_is(capfd: pytest.CaptureFixture[str]) -> None:
    with listening():
        sys.stderr.write("progress\n")
        assert is_damaged(damaged("zeros"))
    assert capfd.readouterr().err == "progress\n"


def test_nothing_is_read_of_a_bitmap_that_ends_early_either(capfd: pytest.CaptureFixture[str]) -> None:
    data = cv2.imencode(".bmp", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    with listening(), pytest.raises(ImageError, match="not an image"):
        decode_image(data[:6000], "cut.bmp")
    assert capfd.readouterr().err == ""


def test_opencv_is_heard_though_its_log_is_silent() -> None:
    log = getattr(cv2.utils, "logging", cv2)
    before = log.getLogLevel()
    log.setLogLevel(0)
    with listening():
        assert is_damaged(damaged("tiff"))
    assert log.getLogLevel() == 0
    log.setLogLevel(before)
