"""Threads that read the camera, so that nothing else ever waits for it."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from edge.camera.faults import CameraFault, PictureJudge
from edge.camera.source import Camera, without_password
from edge.core.errors import LinegateError
from edge.core.frame import Frame
from edge.core.once import Once
from edge.settings.camera import CameraSettings

logger = logging.getLogger(__name__)
FIRST_PAUSE_S = 0.2
HANG_GRACE_S = 2.5  # a read that ends by itself at the stall limit, or at V4L2's two seconds, must be let
GOOD_AGAIN = 3  # good pictures in a row that end a fault
BAD_FOR_S = 5.0  # pictures that are all bad for so long, in a way that a new opening may cure
_CURABLE = ("late", "freeze", "half decoded", "wrong size")
_TICK_S = 0.05


class _Reader:
    """One opening of the camera on a thread of its own, read until it fails or is abandoned."""

    def __init__(
        self, open_camera: Callable[[], Camera], receive: Callable[["_Reader", Camera, Frame], None]
    ) -> None:
        self._open_camera = open_camera
        self._receive = receive
        self.progress = time.monotonic()  # when it was started, opened the camera or last read
        self.is_open = False
        self.opened = self.last_good = 0.0
        self.bad_since: float | None = None
        self.settled = False
        self.fault: CameraFault | None = None
        self.ended = False
        self.abandoned = threading.Event()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._run, name="camera", daemon=True)

    def start(self) -> None:
        """Start the thread; if the system cannot provide one, that is a fault like others."""
        try:
            self.thread.start()
        except RuntimeError as error:
            self.fault = CameraFault("no camera", str(error))
            self.done.set()

    def _run(self) -> None:
        try:
            camera = self._open_camera()
            try:
                self.is_open, self.opened = True, time.monotonic()
                self.progress = self.opened
                self._read(camera)
            finally:
                camera.close()
        except LinegateError as error:
            self.fault = CameraFault("stall" if self.is_open else "no camera", str(error))
        except Exception as error:  # a driver may raise anything; the camera is opened again
            text = without_password(f"{type(error).__name__}: {error}")
            self.fault = CameraFault("no camera", text)
        finally:
            self.done.set()

    def _read(self, camera: Camera) -> None:
        while not self.abandoned.is_set():
            frame = camera.read()
            self.progress = time.monotonic()
            if frame is None:
                self.ended = True
                return
            self._receive(self, camera, frame)


class CameraGuard:
    """Reads frames on threads of its own, and reopens the camera whenever it fails.

    Holds at most ``queue`` frames; the oldest is dropped, and counted, when inspection is slower.
    A read that never returns is abandoned: its thread is left behind and the camera opened again.
    ``lost`` is set when only a new process can help.
    """

    def __init__(self, open_camera: Callable[[], Camera], settings: CameraSettings) -> None:
        self._open_camera = open_camera
        self._settings = settings
        self._judge = PictureJudge(settings)
        self._frames: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._reader: _Reader | None = None
        self._hung: list[_Reader] = []
        self._fault: CameraFault | None = None
        self._said = Once()
        self._good = 0
        self._due = 0.0  # when the next frame must have come
        self._ended = False
        self._sequence = 0
        self._ignored: tuple[str, ...] = ()
        self.dropped = 0
        self.openings = 0
        self._thread = threading.Thread(target=self._run, name="camera-guard", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        settings = self._settings
        first = settings.open_timeout_ms + settings.settle_ms + settings.stall_ms
        self._due = time.monotonic() + first / 1000
        self._thread.start()

    def next(self, timeout: float) -> Frame | None:
        """Return the oldest waiting frame, or None if there is none within ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._ended, timeout)
            return self._frames.popleft() if self._frames else None

    @property
    def ended(self) -> bool:
        """True if the source has ended and every frame of it was taken, or after ``stop``."""
        with self._changed:
            return self._ended and not self._frames

    @property
    def fault(self) -> str | None:
        """Reason why there are no valid frames, or None; its text is stable while the fault lasts."""
        with self._changed:
            if self._fault is None and not self._ended and time.monotonic() > self._due:
                self._set_fault(self._stalled())
            return None if self._fault is None else str(self._fault)

    @property
    def is_alive(self) -> bool:
        """True while the guard's thread runs, or if there is nothing more to read."""
        return self._thread.is_alive() or self._ended

    @property
    def ignored(self) -> tuple[str, ...]:
        """Settings that the camera ignored, a line for each."""
        with self._changed:
            return self._ignored

    @property
    def left_behind(self) -> int:
        """Number of threads that hang in an abandoned read."""
        return sum(reader.thread.is_alive() for reader in list(self._hung))

    @property
    def lost(self) -> str | None:
        """Reason why this process cannot recover the camera, or None."""
        hung = [reader for reader in list(self._hung) if reader.thread.is_alive()]
        if len(hung) > self._settings.hung_max:
            return f"{len(hung)} reads of the camera never returned (camera.hung_max)"
        longest = max((time.monotonic() - reader.progress for reader in hung), default=0.0)
        if self._fault is not None and longest > self._settings.hung_s:
            return f"a read of the camera hangs for {longest:.0f} s and no picture comes (camera.hung_s)"
        return None

    def stop(self, timeout: float = 3.0) -> None:
        """Stop reading; a read that never returns is left behind on its daemon thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        reader = self._reader
        if reader is not None and reader not in self._hung and reader.thread.is_alive():
            reader.thread.join(timeout)

    def _run(self) -> None:
        pause = FIRST_PAUSE_S
        while not self._stop.is_set() and not self._ended:
            self.openings += 1
            self._reader = reader = _Reader(self._open_camera, self._receive)
            reader.start()
            self._watch(reader)
            self._hung = [hung for hung in self._hung if hung.thread.is_alive()]
            if reader.ended or self._stop.is_set():
                break
            # A camera that fails again at once must not be opened again at once, for ever.
            worked = reader.last_good - reader.opened
            pause = FIRST_PAUSE_S if worked > pause else min(pause * 2, self._settings.reopen_max_ms / 1000)
            self._stop.wait(pause)
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _watch(self, reader: _Reader) -> None:
        """Wait until the reader is done, hangs, or is to stop."""
        while not reader.done.wait(_TICK_S):
            if self._stop.is_set():
                reader.abandoned.set()
                return
            if self._is_spoilt(reader):
                reader.abandoned.set()  # it ends after the read that it is in
            if self._hangs(reader):
                reader.abandoned.set()
                self._hung.append(reader)
                what = "a read" if reader.is_open else "opening it"
                self._break(CameraFault("hang", f"{what} does not return"))
                return
        if reader.fault is not None:
            self._break(reader.fault)

    def _is_spoilt(self, reader: _Reader) -> bool:
        with self._changed:
            curable = self._fault is not None and self._fault.name in _CURABLE
            since = reader.bad_since
        return curable and since is not None and time.monotonic() - since > BAD_FOR_S

    def _hangs(self, reader: _Reader) -> bool:
        limit = self._settings.stall_ms if reader.is_open else self._settings.open_timeout_ms
        return time.monotonic() - reader.progress > limit / 1000 + HANG_GRACE_S

    def _receive(self, reader: _Reader, camera: Camera, frame: Frame) -> None:
        """Judge and queue a frame; called on the reader's thread."""
        if reader.abandoned.is_set() or not self._settled(reader, camera, frame):
            return
        fault: CameraFault | None = None
        if camera.live and frame.fault is None:
            fault = self._late(frame) or self._judge.judge(frame.image)
            frame = replace(frame, fault=None if fault is None else str(fault))
        with self._changed:
            if reader.abandoned.is_set():
                return
            now = time.monotonic()
            if frame.fault is None:
                reader.last_good, reader.bad_since = now, None
            elif reader.bad_since is None:
                reader.bad_since = now
            self._note_ignored(camera.ignored)
            self._note(frame, fault)
            if frame.fault is None and self._fault is not None:
                # One good picture among damaged ones is not trusted: no part passes while the state is fault.
                frame = replace(frame, fault=f"{self._fault}; not yet {GOOD_AGAIN} good pictures in a row")
            self._queue(frame)

    def _settled(self, reader: _Reader, camera: Camera, frame: Frame) -> bool:
        """Return True once the settling time is over; stored images need none."""
        since = reader.opened + self._settings.settle_ms / 1000
        reader.settled = reader.settled or not camera.live or frame.captured >= since
        return reader.settled

    def _note(self, frame: Frame, fault: CameraFault | None) -> None:
        self._due = time.monotonic() + self._settings.stall_ms / 1000
        if frame.fault is not None:
            self._good = 0
            self._set_fault(fault or CameraFault("half decoded", "the picture cannot be decoded"))
            return
        self._good += 1
        if self._fault is not None and self._good >= GOOD_AGAIN:
            logger.warning("camera is back")
            self._fault = None
            self._said.clear()

    def _queue(self, frame: Frame) -> None:
        # One running number over re-openings: a part id must never come twice.
        self._frames.append(replace(frame, sequence=self._sequence))
        self._sequence += 1
        if len(self._frames) > self._settings.queue:
            self._frames.popleft()
            self.dropped += 1
        self._changed.notify()

    def _note_ignored(self, ignored: tuple[str, ...]) -> None:
        if ignored != self._ignored:
            self._ignored = ignored
            for text in ignored:
                logger.warning("%s", text)

    def _break(self, fault: CameraFault) -> None:
        with self._changed:
            self._good = 0
            self._set_fault(fault)
            self._frames.clear()  # what waited is from before the fault

    def _set_fault(self, fault: CameraFault) -> None:
        """Set the fault; each reason is logged once, and the text must not change with every frame."""
        is_new = self._said.is_new(str(fault))
        if is_new:
            logger.error("%s", fault)
        if is_new or self._fault is None or self._fault.name != fault.name:
            self._fault = fault

    def _late(self, frame: Frame) -> CameraFault | None:
        limit = self._settings.max_age_ms
        if time.monotonic() - frame.captured <= limit / 1000:
            return None
        return CameraFault(
            "late", f"frames come more than {limit} ms after they were taken (camera.max_age_ms)"
        )

    def _stalled(self) -> CameraFault:
        return CameraFault("stall", f"no frame within {self._settings.stall_ms} ms (camera.stall_ms)")
