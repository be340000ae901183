"""The thread that reads the camera, so that nothing else ever waits for it."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from edge.camera.source import Camera
from edge.errors import LinegateError
from edge.frame import Frame

logger = logging.getLogger(__name__)
FIRST_PAUSE_S = 0.2


class CameraGuard:
    """Reads frames on a thread of its own and opens the camera again, for ever, when it fails.

    Holds at most ``queue`` frames; the oldest is dropped, and counted, when inspection is slower.
    """

    def __init__(
        self, open_camera: Callable[[], Camera], *, queue: int, stall_s: float, reopen_max_s: float
    ) -> None:
        self._open_camera = open_camera
        self._stall_s = stall_s
        self._reopen_max_s = reopen_max_s
        self._frames: deque[Frame] = deque()
        self._queue = queue
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._fault: str | None = None
        self._last_frame = time.monotonic()
        self._ended = False
        self._sequence = 0
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)

    def start(self) -> None:
        """Start reading."""
        self._last_frame = time.monotonic()
        self._thread.start()

    def next(self, timeout: float) -> Frame | None:
        """The oldest waiting frame, or None when there is none within ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._ended, timeout)
            return self._frames.popleft() if self._frames else None

    @property
    def ended(self) -> bool:
        """Whether a file or folder is at its end and every frame of it was taken."""
        with self._changed:
            return self._ended and not self._frames

    @property
    def fault(self) -> str | None:
        """Why there are no valid frames, in words, or None."""
        with self._changed:
            if self._fault is None and not self._ended:
                silent = time.monotonic() - self._last_frame
                if silent > self._stall_s:
                    return f"camera: no frame for {silent:.1f} s"
            return self._fault

    def stop(self, timeout: float = 3.0) -> None:
        """Stop reading; a read that never returns is left behind on its daemon thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        pause = FIRST_PAUSE_S
        while not self._stop.is_set():
            delivered = False
            camera: Camera | None = None
            try:
                camera = self._open_camera()
                while not self._stop.is_set():
                    frame = camera.read()
                    if frame is None:
                        self._end()
                        return
                    self._deliver(frame)
                    delivered, pause = True, FIRST_PAUSE_S
            except LinegateError as error:
                self._break(str(error))
            except Exception as error:  # a driver may raise anything; the thread must live on
                logger.exception("camera: unexpected error")
                self._break(f"camera: {type(error).__name__}: {error}")
            finally:
                if camera is not None:
                    camera.close()
            self._stop.wait(pause)
            pause = FIRST_PAUSE_S if delivered else min(pause * 2, self._reopen_max_s)

    def _deliver(self, frame: Frame) -> None:
        with self._changed:
            if self._fault is not None:
                logger.warning("camera is back")
                self._fault = None
            self._last_frame = time.monotonic()
            # One running number over re-openings: a part id must never come twice.
            self._frames.append(replace(frame, sequence=self._sequence))
            self._sequence += 1
            if len(self._frames) > self._queue:
                self._frames.popleft()
                self.dropped += 1
            self._changed.notify()

    def _break(self, reason: str) -> None:
        with self._changed:
            if self._fault is None:
                logger.error("camera: %s", reason.removeprefix("camera: "))
            self._fault = f"camera: {reason.removeprefix('camera: ')}"
            self._frames.clear()  # what waited is from before the fault

    def _end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
