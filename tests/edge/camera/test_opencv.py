"""Frames and errors of OpenCV, with a stand-in for its VideoCapture."""

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.camera.opencv import OpenCvCamera
from edge.core.errors import CameraError
from edge.core.images import decode_image
from edge.settings.camera import DeviceSettings, FileSettings, StreamSettings

PICTURE = np.full((48, 64, 3), (10, 120, 240), np.uint8)  # blue, green, red
JPEG = np.frombuffer(cv2.imencode(".jpg", PICTURE)[1].tobytes(), np.uint8)


class FakeCapture:
    """Gives ``frames``; ``stamp`` is the driver's time of the last one in milliseconds."""

    def __init__(self, frames: Sequence[NDArray[np.integer]], *, fourcc: str = "YUYV") -> None:
        self.frames = [*frames]
        self.values: dict[int, float] = {cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*fourcc))}
        self.takes = 0.0
        self.stamp: Callable[[], float] = lambda: 0.0

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def grab(self) -> bool:
        time.sleep(self.takes)
        return bool(self.frames)

    def retrieve(self) -> tuple[bool, NDArray[np.integer]]:
        return True, self.frames.pop(0)

    def set(self, prop: int, value: float) -> bool:
        self.values[prop] = value
        return True

    def get(self, prop: int) -> float:
        return self.stamp() if prop == cv2.CAP_PROP_POS_MSEC else self.values.get(prop, -1)

    def release(self) -> None:
        pass


Opened = Callable[..., OpenCvCamera]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Opens a camera over a FakeCapture; what else is given are settings."""

    def start(capture: FakeCapture, **settings: object) -> OpenCvCamera:
        monkeypatch.setattr(cv2, "VideoCapture", lambda *_: capture)
        kind = FileSettings if "path" in settings else StreamSettings if "url" in settings else DeviceSettings
        return OpenCvCamera(kind.model_validate(settings))

    return start


def test_colours_come_in_the_order_red_green_blue(opened: Opened) -> None:
    frame = opened(FakeCapture([PICTURE])).read()
    assert frame is not None
    assert frame.image[0, 0].tolist() == [240, 120, 10]


def test_a_read_that_took_as_long_as_the_limit_is_a_stall_whatever_it_gave(opened: Opened) -> None:
    capture = FakeCapture([PICTURE])
    capture.takes = 0.06
    with pytest.raises(CameraError, match=r"camera 0: stalled for 0\.\d s"):
        opened(capture, stall_ms=50).read()


def test_a_camera_that_gives_nothing_is_an_error_and_the_end_of_a_file_is_none(
    opened: Opened, tmp_path: Path
) -> None:
    with pytest.raises(CameraError, match="gives no picture"):
        opened(FakeCapture([])).read()
    (tmp_path / "line.mp4").touch()
    assert opened(FakeCapture([]), path=str(tmp_path / "line.mp4")).read() is None


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ({"device": "0"}, (cv2.CAP_PROP_CONVERT_RGB, 0)),
        ({"url": "http://10.0.0.5/mjpg"}, (cv2.CAP_PROP_FORMAT, -1)),
    ],
)
def test_motion_jpeg_is_asked_for_undecoded_and_decoded_here(
    opened: Opened, source: dict[str, str], asked: tuple[int, float]
) -> None:
    padded = np.concatenate([JPEG, np.zeros(5000, np.uint8)])[np.newaxis]
    capture = FakeCapture([JPEG[np.newaxis].copy(), padded], fourcc="MJPG")
    camera = opened(capture, **source)
    assert asked in capture.values.items()
    for _ in range(2):
        frame = camera.read()
        assert frame is not None
        assert frame.fault is None
        assert np.abs(frame.image[20, 20].astype(int) - [240, 120, 10]).max() < 6


@pytest.mark.parametrize("kept", [3, 300, len(JPEG) - 2])
def test_a_truncated_jpeg_is_a_faulty_frame_and_the_camera_goes_on(opened: Opened, kept: int) -> None:
    capture = FakeCapture([JPEG[np.newaxis, :kept].copy(), JPEG[np.newaxis].copy()], fourcc="MJPG")
    camera = opened(capture)
    bad, good = camera.read(), camera.read()
    assert bad is not None
    assert (bad.fault or "").startswith("camera: half decoded: ")
    assert good is not None
    assert good.fault is None


def test_a_jpeg_that_claims_to_be_larger_than_the_first_is_not_decoded(opened: Opened) -> None:
    claims_more = JPEG.copy()
    claims_more[JPEG.tobytes().index(b"\xff\xc0") + 5] = 0xD8  # the high byte of its height
    pictures = [picture[np.newaxis].copy() for picture in (JPEG, claims_more, JPEG)]
    camera = opened(FakeCapture(pictures, fourcc="MJPG"))
    frames = [frame for _ in range(3) if (frame := camera.read()) is not None]
    assert [frame.image.shape[:2] for frame in frames] == [PICTURE.shape[:2]] * 3
    assert re.search(r"half decoded: \d+ bytes claim \d{7} pixels", frames[1].fault or "")
    assert frames[0].fault is frames[2].fault is None


def test_the_first_jpeg_may_not_claim_what_no_camera_has(opened: Opened) -> None:
    """Its bytes would be enough for it: 1,000 pixels take one at least."""
    vast = bytearray(JPEG.tobytes())
    at = vast.index(b"\xff\xc0")
    vast[at + 5 : at + 9] = b"\x2e\xe0" * 2  # 12000
    vast[20:20] = b"\xff\xfe\xff\xff" * 3 + bytes(200_000)
    frame = opened(FakeCapture([np.frombuffer(bytes(vast), np.uint8)[np.newaxis]], fourcc="MJPG")).read()
    assert frame is not None
    assert "claim 144000000 pixels" in (frame.fault or "")


def test_the_stamp_of_the_driver_is_the_time_of_capture(opened: Opened) -> None:
    capture = FakeCapture([PICTURE])
    stamp = time.monotonic() - 0.7
    capture.stamp = lambda: stamp * 1000
    frame = opened(capture).read()
    assert frame is not None
    assert frame.captured == pytest.approx(stamp)
    assert time.time() - frame.captured_at.timestamp() == pytest.approx(0.7, abs=0.2)


def test_an_rtsp_frame_is_as_old_as_its_stamp_says(opened: Opened) -> None:
    capture, stamps = FakeCapture([PICTURE] * 3), iter([0.0, 50.0, 60.0])
    capture.stamp = lambda: next(stamps)
    camera = opened(capture, url="rtsp://10.0.0.5/line")
    fresh = camera.read()
    time.sleep(0.3)
    held_up = camera.read()
    assert fresh is not None
    assert held_up is not None
    assert held_up.captured == pytest.approx(fresh.captured + 0.05, abs=0.01)


@pytest.mark.parametrize("bits", [10, 12, 14, 16, None])
def test_sixteen_bits_become_the_same_eight_live_and_stored(opened: Opened, bits: int | None) -> None:
    deep = np.random.default_rng(1).integers(0, 2 ** (bits or 16), (48, 64), np.uint16)
    frame = opened(FakeCapture([deep], fourcc="Y16 "), bits=bits).read()
    assert frame is not None
    stored = cv2.imencode(".png", deep)[1].tobytes()
    assert np.array_equal(frame.image, decode_image(stored, "stored", bits=bits))


def test_a_device_of_sixteen_bits_hands_them_over_whole(opened: Opened) -> None:
    capture = FakeCapture([], fourcc="Y16 ")
    opened(capture)
    assert capture.values[cv2.CAP_PROP_CONVERT_RGB] == 0


def test_a_frame_brighter_than_its_bits_is_faulty_and_the_camera_goes_on(opened: Opened) -> None:
    frames = [np.full((48, 64), sample, np.uint16) for sample in (4096, 2048)]
    camera = opened(FakeCapture(frames), bits=12)
    bad, good = camera.read(), camera.read()
    assert bad is not None
    assert (bad.fault or "").startswith("camera: washed out: uses more than 12 bits")
    assert "camera.bits" in (bad.fault or "")
    assert good is not None
    assert (good.fault, int(good.image[0, 0])) == (None, 128)
