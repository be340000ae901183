"""The frames of a video file, for `edge --replay`: up to its first damage, and how many are left out.

FFmpeg goes on behind a damaged place with what it makes up, and every picture that builds on it is wrong as
well. It says so on standard error, and nowhere else.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2

from edge.camera.opencv import OpenCvCamera
from edge.core.complaints import heard_meanwhile
from edge.core.frame import Frame
from edge.core.photographs.listing import LeftOut
from edge.settings.camera import FileSettings

VIDEO_SUFFIXES = frozenset({".avi", ".mkv", ".mov", ".mp4", ".webm"})
MISSING = "frames of a video that cannot be read"
DAMAGED = "frames of a video from a damaged place on"
DAMAGED_ALONE = "damaged frames of a video"
_LOG_LEVEL = "OPENCV_FFMPEG_LOGLEVEL"
_FROM_FFMPEG = re.compile(r"\[[\w,]+ @ 0x[0-9a-f]+\] (.*)")


@dataclass
class StoredVideo:
    """``left_out`` grows as frames are read. ``count``: how many there are is not known before."""

    source: Path
    left_out: list[LeftOut] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    count: int | None = None

    def frames(self) -> Iterator[Frame]:
        """Whole frames; afterwards ``left_out`` says how many others the file has, or claims to have."""
        with _ffmpeg_complains():
            claimed = self._claimed()
            camera = OpenCvCamera(FileSettings(path=str(self.source), replay_fps=1000))
        read, alone, behind = 0, 0, 0
        try:
            while True:
                frame, complaint = heard_meanwhile(camera.read, _FROM_FFMPEG)
                if frame is None:
                    break
                read += 1
                name = f"{self.source.name}#{frame.sequence}"
                if frame.fault is not None:  # of motion JPEG, where each frame is a picture by itself
                    alone += 1
                    self.errors.append(f"{name}: {frame.fault}")
                elif behind:
                    behind += 1
                elif complaint is not None and not camera.decodes:
                    behind = 1
                    self.errors.append(f"{name} and what follows: is damaged ({complaint})")
                else:
                    yield replace(frame, source=name)
        finally:
            camera.close()
        counts = {DAMAGED_ALONE: alone, DAMAGED: behind, MISSING: claimed - read}
        self.left_out += [
            LeftOut(self.source.name, reason, count) for reason, count in counts.items() if count > 0
        ]

    def _claimed(self) -> int:
        capture = cv2.VideoCapture(str(self.source))
        try:
            return round(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        finally:
            capture.release()


@contextmanager
def _ffmpeg_complains() -> Iterator[None]:
    """The camera's part silences it, for it could show passwords; a file has none."""
    silenced = os.environ.pop(_LOG_LEVEL, None)
    try:
        yield
    finally:
        if silenced is not None:
            os.environ[_LOG_LEVEL] = silenced
