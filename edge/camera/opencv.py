"""Cameras, network streams and video files through OpenCV."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

from edge.camera.pacing import Pacer
from edge.camera.source import without_password
from edge.errors import CameraError, ImageError
from edge.frame import Frame
from edge.settings import CameraSettings

# Read when OpenCV first opens a V4L2 device: its own default lets a read block for ten seconds.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")

# After the environment variables that it reads.
import cv2


class OpenCvCamera:
    """One cv2.VideoCapture.

    A read that took as long as the time-out is a stall whatever it returned: after a network
    camera lost its power OpenCV hands out old frames as good ones.
    """

    def __init__(self, settings: CameraSettings) -> None:
        source = settings.source
        self.description = without_password(f"camera {source}" if source.isdecimal() else source)
        is_stream = "://" in source
        is_file = not is_stream and not source.isdecimal() and Path(source).is_file()
        self.live = not is_file
        self._stall = settings.stall_ms / 1000
        self._pacer = Pacer(settings.rate) if is_file else None
        self._remaining = settings.count if is_file and settings.count else None
        self._sequence = 0
        self._capture = self._open(settings, is_stream=is_stream)
        if not self._capture.isOpened():
            self.close()
            raise CameraError(f"{self.description}: cannot be opened; is it connected, and may we use it?")
        for property_, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, settings.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, settings.height),
        ):
            if value and self.live:
                self._capture.set(property_, value)
        if not is_stream and self.live:
            self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def _open(self, settings: CameraSettings, *, is_stream: bool) -> cv2.VideoCapture:
        source: str | int = int(settings.source) if settings.source.isdecimal() else settings.source
        try:
            if not is_stream:  # the time-out properties make a V4L2 device fail to open
                return cv2.VideoCapture(source)
            limits = [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                settings.open_timeout_ms,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                settings.stall_ms,
            ]
            return cv2.VideoCapture(str(source), cv2.CAP_FFMPEG, limits)
        except cv2.error as error:
            raise CameraError(f"{self.description}: {error.err}") from error

    def read(self) -> Frame | None:
        """The next frame in RGB or grey; None at the end of a file. Raises CameraError on a stall."""
        if self._remaining == 0:
            return None
        started = time.monotonic()
        try:
            ok, decoded = self._capture.read()
        except cv2.error as error:
            raise CameraError(f"{self.description}: {error.err}") from error
        captured = time.monotonic()
        if not ok or decoded is None:
            if not self.live:
                return None
            raise CameraError(f"{self.description}: gives no picture")
        if self.live and captured - started >= self._stall:
            raise CameraError(f"{self.description}: stalled for {captured - started:.1f} s")
        if self._pacer:
            self._pacer.wait()
            captured = time.monotonic()
        return self._frame(decoded, captured)

    def _frame(self, decoded: cv2.typing.MatLike, captured: float) -> Frame:
        from edge.images import from_opencv

        try:
            image = from_opencv(decoded, self.description)
        except ImageError as error:
            raise CameraError(str(error)) from error
        frame = Frame(image, self._sequence, captured, datetime.now(UTC))
        self._sequence += 1
        if self._remaining is not None:
            self._remaining -= 1
        return frame

    def close(self) -> None:
        """Let go of the device."""
        self._capture.release()
