"""A camera that gives a single picture at an address."""

import base64
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from edge.camera.guard import CameraGuard
from edge.camera.snapshot import SnapshotCamera
from edge.camera.source import open_camera
from edge.core.errors import CameraError
from edge.settings.camera import SnapshotSettings, StreamSettings
from testing.waiting import wait_for

NOW = datetime(2026, 11, 21, 6, 0, 0, tzinfo=UTC)


def picture(number: int) -> bytes:
    noise = np.random.default_rng(number).integers(60, 200, (48, 64), dtype=np.uint8)
    return cv2.imencode(".jpg", noise)[1].tobytes()


class Server:
    """Answers with what ``show`` says for the n-th request."""

    def __init__(self) -> None:
        self.show: Callable[[int], tuple[int, dict[str, str], bytes]] = lambda n: (200, {}, picture(n))
        self.asked: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.headers.get("Authorization"))
                status, headers, body = server.show(len(server.asked) - 1)
                self.send_response_only(status)
                for name, value in {"Content-Type": "image/jpeg", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def camera_of(server: Server, url: str = "http://{}/image.jpg", **more: object) -> SnapshotCamera:
    settings = {"fps": 500, "stall_ms": 300, "open_timeout_ms": 2000, "settle_ms": 0, **more}
    camera = open_camera(SnapshotSettings.model_validate({"url": url.format(server.place), **settings}))
    assert isinstance(camera, SnapshotCamera)
    return camera


def dated(number: int, *, made: int, sent: int) -> tuple[int, dict[str, str], bytes]:
    dates = {"Last-Modified": made, "Date": sent}
    headers = {n: format_datetime(NOW + timedelta(seconds=s), usegmt=True) for n, s in dates.items()}
    return 200, headers, picture(number)


@pytest.mark.parametrize("url", ["http://{}/image.jpg", "http://{}/still?n=1"])
def test_new_pictures_come_one_after_the_other_taken_when_they_were_asked_for(
    server: Server, url: str
) -> None:
    camera = camera_of(server, url)
    before = time.monotonic()
    frames = [camera.read() for _ in range(3)]
    assert [frame is not None and frame.image.shape for frame in frames] == [(48, 64)] * 3
    assert [frame.sequence for frame in frames if frame] == [0, 1, 2]
    assert all(before <= frame.captured <= time.monotonic() for frame in frames if frame)


def test_the_same_picture_again_is_not_a_new_one(server: Server) -> None:
    server.show = lambda number: (200, {}, picture(number // 4))
    camera = camera_of(server)
    assert camera.read() is not None
    assert len(server.asked) == 5, "the first, which may be old, and its three copies are none"
    server.show = lambda _: (200, {}, picture(1))
    with pytest.raises(CameraError, match="gives the same picture again and again"):
        camera.read()


def test_the_same_bytes_with_a_later_date_are_a_new_picture_and_others_with_an_earlier_one_are_not(
    server: Server,
) -> None:
    made = [0, 1, 1, 5, 3, 4, 6]
    server.show = lambda n: dated(0 if n < 3 else n, made=made[min(n, 6)], sent=made[min(n, 6)])
    camera = camera_of(server)
    assert [camera.read() is not None and len(server.asked) for _ in range(3)] == [2, 4, 7]


@pytest.mark.parametrize(("behind", "age"), [(0, 0), (1, 0), (4, 3), (3600, 3599)])
def test_a_picture_is_as_old_as_the_servers_own_dates_say(server: Server, behind: int, age: int) -> None:
    server.show = lambda number: dated(number, made=number, sent=number + behind)
    asked = time.monotonic()
    frame = camera_of(server).read()
    assert frame is not None
    assert asked - age <= frame.captured <= time.monotonic() - age
    assert (datetime.now(UTC) - frame.captured_at).total_seconds() >= age


def test_a_cache_that_says_its_age_makes_no_picture_look_fresh(server: Server) -> None:
    server.show = lambda number: (200, {"Age": "30"}, picture(number))
    frame = camera_of(server).read()
    assert frame is not None
    assert time.monotonic() - frame.captured >= 29


@pytest.mark.parametrize(
    ("status", "headers", "body", "said"),
    [
        (401, {"WWW-Authenticate": 'Basic realm="cam"'}, b"", "HTTP status 401: user or password is wrong"),
        (404, {}, b"", "HTTP status 404"),
        (302, {"Location": "file:///etc/passwd"}, b"", "HTTP status 302"),
        (200, {"Content-Type": "text/html"}, b"<html>", "gives text/html, not a picture"),
        (
            200,
            {"Content-Type": "multipart/x-mixed-replace; boundary=x"},
            b"--x",
            "is a stream: camera.kind",
        ),
    ],
)
def test_what_is_no_picture_is_refused_as_what_it_is(
    server: Server, status: int, headers: dict[str, str], body: bytes, said: str
) -> None:
    server.show = lambda _: (status, headers, body)
    with pytest.raises(CameraError, match=said) as error:
        camera_of(server, "http://line:sesame@{}/image.jpg?token=7")
    assert "sesame" not in str(error.value)
    assert "token" not in str(error.value)


def test_user_and_password_of_the_address_are_sent_when_they_are_asked_for(server: Server) -> None:
    wanted = "Basic " + base64.b64encode(b"line:s/same").decode()

    def show(number: int) -> tuple[int, dict[str, str], bytes]:
        if server.asked[-1] == wanted:
            return 200, {}, picture(number)
        return 401, {"WWW-Authenticate": 'Basic realm="cam"'}, b""

    server.show = show
    assert camera_of(server, "http://line:s%2Fsame@{}/image.jpg").read() is not None


def test_a_damaged_picture_is_a_faulty_frame_and_no_lost_camera(server: Server) -> None:
    server.show = lambda number: (200, {}, picture(number)[: 300 if number == 2 else None])
    camera = camera_of(server)
    frames = [camera.read() for _ in range(3)]
    assert [frame is not None and frame.fault is None for frame in frames] == [True, False, True]
    assert frames[1] is not None
    assert "truncated" in (frames[1].fault or "")


def test_a_picture_that_freezes_is_a_fault_of_the_station_until_new_ones_come(server: Server) -> None:
    frozen = threading.Event()
    server.show = lambda number: (200, {}, picture(0 if frozen.is_set() else number + 1))
    settings = SnapshotSettings(url=f"http://{server.place}/image.jpg", fps=100, stall_ms=200, settle_ms=0)
    guard = CameraGuard(lambda: open_camera(settings), settings)
    guard.start()
    try:
        wait_for(lambda: guard.next(0.05) is not None)
        frozen.set()
        wait_for(lambda: "stall" in (guard.fault or ""))
        frozen.clear()
        wait_for(lambda: guard.next(0.05) is not None and guard.fault is None)
    finally:
        guard.stop()


def test_a_stream_that_ends_after_one_picture_says_how_to_name_it(server: Server) -> None:
    settings = StreamSettings(url=f"http://{server.place}/still", stall_ms=2000)
    camera = open_camera(settings)
    said = None
    while said is None:
        try:
            camera.read()
        except CameraError as error:
            said = str(error)
    camera.close()
    assert "gives one picture and ends" in said
    assert 'camera.kind = "snapshot"' in said
