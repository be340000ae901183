"""Real network sources that misbehave: a fault within the limit, and back by itself."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.camera.guard import CameraGuard
from edge.camera.source import open_camera
from edge.settings.camera import StreamSettings
from testing.rigs.faults import BAD_PICTURES, MISHAPS, Mishap
from testing.rigs.sources import HttpCamera, NetworkCamera, RtspCamera, rtsp_is_missing

STALL_MS = 600
LIMIT_S = STALL_MS / 1000 + 1.0  # a busy machine and, for pictures, freeze_frames
BACK_S = 20.0


def guard_over(camera: NetworkCamera) -> CameraGuard:
    settings = StreamSettings(
        url=camera.url, stall_ms=STALL_MS, open_timeout_ms=3000, settle_ms=200, reopen_max_ms=300
    )
    guard = CameraGuard(lambda: open_camera(settings), settings)
    guard.start()
    return guard


def wait_until(condition: Callable[[], bool], seconds: float) -> float:
    """The seconds that it took."""
    since = time.monotonic()
    while not condition():
        assert time.monotonic() - since < seconds, "did not happen in time"
        time.sleep(0.01)
    return time.monotonic() - since


def works(guard: CameraGuard) -> bool:
    frame = guard.next(0.05)
    return frame is not None and frame.fault is None and guard.fault is None


def suffer(camera: NetworkCamera, guard: CameraGuard, mishap: Mishap) -> None:
    mishap.begin(camera)
    wait_until(lambda: guard.fault is not None, LIMIT_S)
    mishap.end(camera)
    wait_until(lambda: works(guard), BACK_S)


@pytest.fixture(scope="module")
def http() -> Iterator[tuple[HttpCamera, CameraGuard]]:
    camera = HttpCamera()
    guard = guard_over(camera)
    wait_until(lambda: works(guard), BACK_S)
    yield camera, guard
    guard.stop()
    camera.close()


@pytest.fixture(scope="module")
def rtsp() -> Iterator[tuple[RtspCamera, CameraGuard]]:
    missing = rtsp_is_missing()
    if missing:
        pytest.skip(missing)
    camera = RtspCamera()
    guard = guard_over(camera)
    wait_until(lambda: works(guard), BACK_S)
    yield camera, guard
    guard.stop()
    camera.close()


@pytest.mark.parametrize("mishap", MISHAPS, ids=lambda mishap: mishap.name)
def test_an_http_camera_is_a_fault_in_time_and_comes_back(
    http: tuple[HttpCamera, CameraGuard], mishap: Mishap
) -> None:
    suffer(*http, mishap)


@pytest.mark.parametrize("mishap", BAD_PICTURES, ids=lambda mishap: mishap.name)
def test_a_bad_picture_over_http_is_a_fault_in_time_and_good_ones_end_it(
    http: tuple[HttpCamera, CameraGuard], mishap: Mishap
) -> None:
    suffer(*http, mishap)


@pytest.mark.parametrize("mishap", MISHAPS, ids=lambda mishap: mishap.name)
def test_an_rtsp_camera_is_a_fault_in_time_and_comes_back(
    rtsp: tuple[RtspCamera, CameraGuard], mishap: Mishap
) -> None:
    suffer(*rtsp, mishap)


def footprint() -> tuple[int, int]:
    """Threads and open files of this process."""
    return len(list(Path("/proc/self/task").iterdir())), len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="counts by /proc")
def test_many_openings_leave_no_threads_and_no_files(http: tuple[HttpCamera, CameraGuard]) -> None:
    camera, guard = http
    wait_until(lambda: works(guard), BACK_S)
    before = footprint()
    for _ in range(15):
        openings = guard.openings
        camera.link.cut()
        wait_until(lambda openings=openings: guard.openings > openings, BACK_S)  # type: ignore[misc]
        wait_until(lambda: works(guard), BACK_S)
    wait_until(lambda: footprint() <= before, BACK_S)  # the relays of the last link end by themselves
    assert guard.left_behind == 0
