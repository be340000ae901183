"""Cameras, network streams, GStreamer pipelines and video files, by OpenCV."""

import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from edge.camera.controls import apply_controls
from edge.camera.depth import Depth
from edge.camera.faults import CameraFault, FaultName
from edge.camera.freshness import ArrivalClock, DriverClock, SourceClock, StampClock, SteadyClock
from edge.camera.source import described, without_password
from edge.core.errors import CameraError, ImageError, SettingsError
from edge.core.frame import Frame
from edge.core.images import Image, decode_image, from_opencv
from edge.core.pacing import Pacer
from edge.core.samples import Samples
from edge.core.tones import to_eight_bits
from edge.settings.camera import DeviceSettings, FileSettings, PipelineSettings, StreamSettings

# Read when OpenCV first waits for a V4L2 device: its own default lets a read block for ten seconds.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
# It could print URLs with their passwords; what went wrong is said in our own errors.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

# After the environment variables that it reads.
import cv2
import numpy as np

if "OPENCV_LOG_LEVEL" not in os.environ:
    # As for FFmpeg; older OpenCV has it elsewhere.
    getattr(cv2.utils, "logging", cv2).setLogLevel(0)

_JPEG_START = b"\xff\xd8\xff"
_MOST_PIXELS = 2**26  # of the first picture of motion JPEG: what it asks for does not all come back
_DESCRIBED = 80  # signs of a pipeline that are shown
_UNDECLARED = Samples(is_deep=True)  # 16 bits, as no frame says how many of them it uses


CaptureSettings = DeviceSettings | StreamSettings | PipelineSettings | FileSettings


@dataclass(frozen=True)
class _Picture:
    image: Image
    fault: str | None = None
    bits: int | None = None


class OpenCvCamera:
    """A frame source on one cv2.VideoCapture.

    A read that took as long as the time-out is a stall whatever it returned: after a network camera lost its
    power OpenCV returns old frames as good ones. Motion JPEG, also of a stored video, is decoded here and not
    by OpenCV, which returns a truncated picture as a whole one; so replay has the pixels of the live camera.
    """

    def __init__(self, settings: CaptureSettings, depth: Depth | None = None) -> None:
        self._kind = settings.kind
        self.description = described(settings)[:_DESCRIBED]
        self.live = settings.live
        self._stall = settings.stall_ms / 1000
        self._pacer = Pacer(settings.replay_fps) if settings.kind == "file" else None
        self._remaining = settings.count or None if settings.kind == "file" else None
        self._sequence = 0
        self._clock = _choose_clock(settings)
        self._size = (settings.height or 8, settings.width or 8)
        self._most_pixels = _MOST_PIXELS
        self._depth = depth or Depth(settings.bits)
        self.decodes = False
        """True if pictures come undecoded, each by itself, and are decoded here."""
        self._capture = self._open(settings)
        if not self._capture.isOpened():
            self.close()
            why = "is it connected, and may we use it?" if self.live else "it is no video, or damaged"
            raise CameraError(f"{described(settings)}: cannot be opened; {why}")
        self.ignored = apply_controls(self._capture, settings) if self.live else ()
        self._ask_for_what_was_sent()

    def _open(self, settings: CaptureSettings) -> cv2.VideoCapture:
        try:
            if settings.kind == "pipeline":
                check_gstreamer()
                return cv2.VideoCapture(settings.pipeline, cv2.CAP_GSTREAMER)
            if settings.kind == "device":
                backend = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
                device = settings.device
                return cv2.VideoCapture(int(device) if device.isdecimal() else device, backend)
            if settings.kind == "file":
                # In one thread, what FFmpeg complains of is said with the frame or before, and not after.
                return cv2.VideoCapture(settings.path, cv2.CAP_ANY, [cv2.CAP_PROP_N_THREADS, 1])
            limits = [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                settings.open_timeout_ms,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                settings.stall_ms,
                # FFmpeg holds back a frame for each thread but one: 150 ms with four, at 20 frames a second.
                cv2.CAP_PROP_N_THREADS,
                1,
            ]  # for streams alone: they make a V4L2 device fail to open
            return cv2.VideoCapture(settings.url, cv2.CAP_FFMPEG, limits)
        except cv2.error as error:
            raise self._error(error) from None

    def _ask_for_what_was_sent(self) -> None:
        """Request motion JPEG undecoded and 16 bits whole, if the source sends either."""
        sent = round(self._capture.get(cv2.CAP_PROP_FOURCC))
        is_jpeg = sent == cv2.VideoWriter.fourcc(*"MJPG")
        if is_jpeg and self._kind in ("stream", "file"):
            self.decodes = self._capture.set(cv2.CAP_PROP_FORMAT, -1)
        elif self._kind == "device" and (is_jpeg or sent == cv2.VideoWriter.fourcc(*"Y16 ")):
            self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)

    def read(self) -> Frame | None:
        """Return the next frame in RGB or grey; None at the end of a file. Raises CameraError on failure."""
        if self._remaining == 0:
            return None
        started = time.monotonic()
        try:
            grabbed = self._capture.grab()
            arrived = time.monotonic()
            ok, decoded = self._capture.retrieve() if grabbed else (False, None)
        except cv2.error as error:
            raise self._error(error) from None
        if self.live and arrived - started >= self._stall:
            raise CameraError(f"{self.description}: stalled for {arrived - started:.1f} s")
        if not ok or decoded is None:
            if not self.live:
                return None
            if self._sequence == 1 and self._kind == "stream" and "http" in self.description[:4]:
                raise CameraError(
                    f"{self.description}: gives one picture and ends; the address of a single picture is "
                    'fetched again and again with camera.kind = "snapshot"'
                )
            raise CameraError(f"{self.description}: gives no picture")
        if self._pacer:
            self._pacer.wait()
        return self._frame(self._picture(decoded), self._taken(arrived))

    def _picture(self, decoded: cv2.typing.MatLike) -> _Picture:
        pixels = np.asarray(decoded)
        head = pixels[:1, : len(_JPEG_START)].tobytes() if pixels.ndim == 2 else b""
        if pixels.shape[0] == 1 and head == _JPEG_START:
            return self._decode(pixels.tobytes().rstrip(b"\0"))  # drivers pad
        bits = self._depth.taken if pixels.dtype == np.uint16 else None
        try:
            scaled = to_eight_bits(pixels, _UNDECLARED, bits, self.description)
        except ImageError as error:
            return self._faulty("washed out", f"{self._reason(error)}; camera.bits says how many it uses")
        try:
            return _Picture(from_opencv(scaled, self.description), bits=bits)
        except ImageError as error:
            raise CameraError(str(error)) from error

    def _decode(self, jpeg: bytes) -> _Picture:
        """One picture of motion JPEG; a damaged one is a faulty frame, not a lost camera.

        One that claims to be larger than the first is not decoded: the memory for it would not all come back.
        """
        try:
            image = decode_image(jpeg, self.description, self._most_pixels)
        except ImageError as error:
            return self._faulty("half decoded", self._reason(error))
        self._size = height, width = image.shape[:2]
        if self._most_pixels == _MOST_PIXELS:
            self._most_pixels = height * width
        return _Picture(image)

    def _reason(self, error: ImageError) -> str:
        return str(error).removeprefix(f"{self.description}: ")

    def _faulty(self, name: FaultName, reason: str) -> _Picture:
        return _Picture(np.zeros(self._size, np.uint8), str(CameraFault(name, reason)))

    def _taken(self, arrived: float) -> float:
        if not self.live:
            return time.monotonic()
        return self._clock.taken(arrived, self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)

    def _frame(self, picture: _Picture, taken: float) -> Frame:
        age = timedelta(seconds=time.monotonic() - taken)
        frame = Frame(
            picture.image,
            self._sequence,
            taken,
            datetime.now(UTC) - age,
            fault=picture.fault,
            bits=picture.bits,
        )
        self._sequence += 1
        if self._remaining is not None:
            self._remaining -= 1
        return frame

    def _error(self, error: cv2.error) -> CameraError:
        return CameraError(f"{self.description}: {without_password(error.err)}")

    def close(self) -> None:
        """Release the device."""
        self._capture.release()


def _choose_clock(settings: CaptureSettings) -> SourceClock:
    if settings.kind == "device" or settings.kind == "file":
        return DriverClock()
    if settings.kind == "stream" and settings.url.startswith(("rtsp://", "rtsps://")):
        return StampClock()
    return SteadyClock() if settings.steady else ArrivalClock()


def check_gstreamer() -> None:
    """Raise SettingsError if the installed OpenCV cannot run GStreamer pipelines."""
    if not cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
        raise SettingsError(
            f"camera.pipeline: the installed OpenCV {cv2.__version__} was built without GStreamer; "
            "use a device or a URL, or an OpenCV built with it"
        )
