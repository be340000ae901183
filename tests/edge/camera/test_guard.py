"""The guard against cameras that fail in every way, without a camera."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from edge.camera.guard import CameraGuard
from edge.core.errors import CameraError
from edge.core.frame import Frame
from edge.settings.camera import CameraSettings

START = CameraSettings(
    stall_ms=100, open_timeout_ms=100, settle_ms=0, reopen_max_ms=250, hung_max=2, hung_s=30
)
Read = Callable[[int], Frame | None]


Start = Callable[..., CameraGuard]


def frame(number: int, *, level: int = 128, taken: float | None = None) -> Frame:
    noise = np.random.default_rng(number).normal(level, 5, (32, 32)).clip(0, 255).astype(np.uint8)
    return Frame(noise, number, taken if taken is not None else time.monotonic(), datetime.now(UTC))


class FakeCamera:
    """A live camera that does what ``read`` says for the n-th read of this opening."""

    description = "fake"
    live = True
    ignored: tuple[str, ...] = ()

    def __init__(self, read: Read) -> None:
        self._read = read
        self._count = 0
        self.closed = 0

    def read(self) -> Frame | None:
        self._count += 1
        return self._read(self._count - 1)

    def close(self) -> None:
        self.closed += 1


def steady(number: int) -> Frame:
    time.sleep(0.002)
    return frame(number)


def of_level(level: Callable[[int], int]) -> Read:
    """Frames every two milliseconds, the n-th as bright as ``level(n)``."""

    def read(number: int) -> Frame:
        time.sleep(0.002)
        return frame(number, level=level(number))

    return read


def failing_after(count: int) -> Read:
    def read(number: int) -> Frame:
        if number >= count:
            raise CameraError("fake: gives no picture")
        return steady(number)

    return read


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a guard over an opener, without the wait before a thread counts as hung."""
    monkeypatch.setattr("edge.camera.guard.HANG_GRACE_S", 0.05)
    running: list[CameraGuard] = []

    def start(opener: Callable[[], FakeCamera], settings: CameraSettings = START) -> CameraGuard:
        guard = CameraGuard(opener, settings)
        running.append(guard)
        guard.start()
        return guard

    yield start
    for guard in running:
        guard.stop(timeout=1)


def wait_until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.005)


def test_a_healthy_camera_gives_frames_and_no_fault(guarded: Start) -> None:
    guard = guarded(lambda: FakeCamera(steady))
    seen = [guard.next(1) for _ in range(20)]
    numbers = [f.sequence for f in seen if f is not None]
    assert len(numbers) == 20
    assert numbers == sorted(set(numbers))
    assert guard.fault is None
    assert guard.openings == 1


def test_silence_is_a_stall_within_the_limit_and_frames_end_it(guarded: Start) -> None:
    silent = threading.Event()

    def read(number: int) -> Frame:
        while silent.is_set():
            time.sleep(0.005)
        return steady(number)

    guard = guarded(lambda: FakeCamera(read), START.model_copy(update={"hung_max": 99}))
    assert guard.next(1) is not None
    silent.set()
    since = time.monotonic()
    wait_until(lambda: guard.fault)
    assert time.monotonic() - since >= 0.09
    assert (guard.fault or "").startswith("camera: stall: no frame within 100 ms")
    silent.clear()
    wait_until(lambda: guard.fault is None)


def test_the_reason_stays_the_same_while_the_fault_lasts(guarded: Start) -> None:
    guard = guarded(lambda: FakeCamera(of_level(lambda n: n % 7)))
    wait_until(lambda: guard.fault)
    reasons = set()
    for _ in range(50):
        reasons.add(guard.fault)
        guard.next(0.01)
    assert len(reasons) == 1


def test_a_bad_picture_is_handed_on_as_a_fault_and_never_as_valid(
    guarded: Start,
) -> None:
    guard = guarded(lambda: FakeCamera(of_level(lambda n: 0 if n > 4 else 128)))
    wait_until(lambda: guard.fault)
    bad = [f for f in (guard.next(0.5) for _ in range(20)) if f is not None and f.image.mean() < 10]
    assert bad
    assert all((f.fault or "").startswith("camera: black") for f in bad)


def test_a_camera_that_comes_back_must_be_good_several_times(guarded: Start) -> None:
    """Or a camera that is good every other frame would end and raise the fault with each."""

    guard = guarded(lambda: FakeCamera(of_level(lambda n: 0 if n % 2 else 128)))
    wait_until(lambda: guard.fault)
    while (taken := guard.next(1)) is not None and taken.fault is None:
        pass  # from before the fault
    for _ in range(30):
        taken = guard.next(1)
        assert taken is not None
        assert guard.fault is not None
        assert taken.fault is not None, "no part passes by a good picture among bad ones"


def test_the_picture_that_ends_a_fault_is_used_and_those_before_it_are_not(guarded: Start) -> None:
    guard = guarded(lambda: FakeCamera(of_level(lambda n: 0 if n in (5, 6, 7) else 128)))
    taken = [guard.next(1) for _ in range(14)]
    faulty = [number for number, each in enumerate(taken) if each is None or each.fault is not None]
    assert faulty == [5, 6, 7, 8, 9]


def test_a_frame_that_is_old_when_it_comes_is_a_fault(guarded: Start) -> None:
    def read(number: int) -> Frame:
        time.sleep(0.002)
        return frame(number, taken=time.monotonic() - (0.8 if number > 40 else 0))

    guard = guarded(lambda: FakeCamera(read))
    wait_until(lambda: guard.fault)
    assert (guard.fault or "").startswith("camera: late: frames come more than 500 ms")


def test_frames_soon_after_opening_are_not_used(guarded: Start) -> None:
    opened: list[float] = []

    def opener() -> FakeCamera:
        opened.append(time.monotonic())
        return FakeCamera(steady)

    guard = guarded(opener, START.model_copy(update={"settle_ms": 150}))
    first = guard.next(2)
    assert first is not None
    assert first.captured - opened[0] >= 0.15


def test_it_is_opened_again_for_ever_with_pauses_that_grow_to_the_limit(
    guarded: Start,
) -> None:
    opened: list[float] = []

    def opener() -> FakeCamera:
        opened.append(time.monotonic())
        raise CameraError("fake: cannot be opened")

    guard = guarded(opener)
    wait_until(lambda: len(opened) >= 6)
    gaps = np.diff(opened)
    assert gaps.max() < 0.25 + 0.2
    assert gaps[-1] >= 0.25
    assert guard.fault == "camera: no camera: fake: cannot be opened"


def test_another_reason_for_the_same_fault_is_said_too_and_each_once(
    guarded: Start, caplog: pytest.LogCaptureFixture
) -> None:
    opened: list[int] = []

    def opener() -> FakeCamera:
        opened.append(1)
        what = "refused: user and password" if len(opened) % 2 == 0 else "no route to host"
        raise CameraError(f"fake: {what}, after {len(opened)} ms")

    guard = guarded(opener)
    wait_until(lambda: len(opened) >= 6)
    assert [record.getMessage() for record in caplog.records] == [
        "camera: no camera: fake: no route to host, after 1 ms",
        "camera: no camera: fake: refused: user and password, after 2 ms",
    ]
    assert (guard.fault or "").endswith("after 2 ms")


def test_what_waited_is_dropped_when_the_camera_fails(guarded: Start) -> None:
    guard = guarded(lambda: FakeCamera(failing_after(3)))
    wait_until(lambda: guard.fault)
    assert guard.next(0) is None


def test_part_numbers_go_on_over_openings(guarded: Start) -> None:
    guard = guarded(lambda: FakeCamera(failing_after(3)))
    numbers = []
    while guard.openings < 4:
        got = guard.next(0.05)
        numbers += [got.sequence] if got else []
    assert len(numbers) == len(set(numbers))


def test_no_thread_and_no_camera_is_left_after_many_openings(guarded: Start) -> None:
    cameras: list[FakeCamera] = []

    def opener() -> FakeCamera:
        cameras.append(FakeCamera(failing_after(40)))
        return cameras[-1]

    before = threading.active_count()
    guard = guarded(opener, START.model_copy(update={"reopen_max_ms": 100}))
    wait_until(lambda: guard.openings > 15, seconds=20)
    assert threading.active_count() <= before + 2
    assert all(camera.closed == 1 for camera in cameras[:-1])


def test_a_read_that_never_returns_is_left_behind_and_the_camera_opened_again(
    guarded: Start,
) -> None:
    release = threading.Event()
    cameras: list[FakeCamera] = []

    def hanging(_number: int) -> Frame:
        release.wait(20)
        return frame(0, level=0)

    def opener() -> FakeCamera:
        cameras.append(FakeCamera(hanging if not cameras else steady))
        return cameras[-1]

    guard = guarded(opener)
    wait_until(lambda: guard.left_behind == 1)
    wait_until(lambda: guard.next(0.05) is not None and guard.fault is None)
    assert guard.lost is None
    release.set()  # the late frame of the abandoned camera must not come through
    wait_until(lambda: guard.left_behind == 0)
    assert cameras[0].closed == 1
    assert all(got is None or got.fault is None for got in (guard.next(0.05) for _ in range(10)))


def test_too_many_reads_that_never_return_are_beyond_this_process(
    guarded: Start,
) -> None:
    release = threading.Event()
    guard = guarded(lambda: FakeCamera(lambda n: frame(n) if release.wait(20) else None))
    wait_until(lambda: guard.lost)
    assert "never returned (camera.hung_max)" in (guard.lost or "")
    assert (guard.fault or "").startswith("camera: hang")
    assert guard.left_behind == 3
    release.set()


def test_an_opening_that_hangs_while_nothing_else_can_open_is_beyond_this_process(
    guarded: Start,
) -> None:
    """As with a device that a hanging thread still holds: it is busy for every later opening."""
    release = threading.Event()
    hung: list[bool] = []

    def opener() -> FakeCamera:
        if hung:
            raise CameraError("fake: busy")
        hung.append(True)
        release.wait(20)
        raise CameraError("fake: gone")

    guard = guarded(opener, START.model_copy(update={"hung_s": 1.0}))
    wait_until(lambda: guard.lost)
    assert "camera.hung_s" in (guard.lost or "")
    release.set()


def test_settings_that_the_camera_ignored_are_listed_and_logged_once(
    guarded: Start, caplog: pytest.LogCaptureFixture
) -> None:
    def opener() -> FakeCamera:
        camera = FakeCamera(failing_after(2))
        camera.ignored = ("camera.exposure: asked for 80, the camera has 50",)
        return camera

    guard = guarded(opener)
    wait_until(lambda: guard.openings > 3)
    assert guard.ignored == ("camera.exposure: asked for 80, the camera has 50",)
    assert caplog.text.count("camera.exposure") == 1


def test_an_unexpected_error_of_a_driver_is_a_fault_without_its_password(
    guarded: Start,
) -> None:
    def opener() -> FakeCamera:
        raise RuntimeError("rtsp://operator:sesame@10.0.0.5/line failed")

    guard = guarded(opener)
    wait_until(lambda: "RuntimeError" in (guard.fault or ""))
    assert "sesame" not in (guard.fault or "")


def test_a_camera_whose_pictures_stay_bad_is_opened_again(
    guarded: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that froze, or one stream's stamps that a single wrong one made all look late."""
    monkeypatch.setattr("edge.camera.guard.BAD_FOR_S", 0.1)
    cameras: list[FakeCamera] = []

    def frozen(_number: int) -> Frame:
        time.sleep(0.002)
        return frame(0)

    def opener() -> FakeCamera:
        cameras.append(FakeCamera(steady if len(cameras) > 1 else frozen))
        return cameras[-1]

    guard = guarded(opener)
    wait_until(lambda: guard.fault)
    assert (guard.fault or "").startswith("camera: freeze")
    wait_until(lambda: guard.next(0.05) is not None and guard.fault is None)
    assert guard.openings == 3
    assert [camera.closed for camera in cameras] == [1, 1, 0]


def test_a_dark_room_is_no_reason_to_open_the_camera_again(
    guarded: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.camera.guard.BAD_FOR_S", 0.1)
    guard = guarded(lambda: FakeCamera(of_level(lambda _: 0)))
    wait_until(lambda: guard.fault)
    time.sleep(0.3)
    assert guard.openings == 1


def test_where_there_is_no_thread_to_be_had_the_guard_goes_on_trying(
    guarded: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, refused = threading.Thread.start, list[int]()

    def refusing(thread: threading.Thread) -> None:
        if thread.name == "camera" and len(refused) < 2:
            refused.append(1)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refusing)
    guard = guarded(lambda: FakeCamera(steady))
    wait_until(lambda: guard.fault)
    assert guard.fault == "camera: no camera: can't start new thread"
    wait_until(lambda: guard.next(0.05) is not None and guard.fault is None)
