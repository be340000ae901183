"""The live view of a station, and that it costs the line nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.alarms.register import AlarmEvent, Change
from edge.core.frame import Frame
from edge.core.images import Image
from edge.core.runtime import load_model
from edge.inspection.inspector import Inspection, Inspector, fault
from edge.outputs.events import PartInspected, StateChanged
from edge.outputs.live import output as output_module
from edge.outputs.live.output import LONGEST, LiveView
from edge.outputs.live.wire import Now, WireError, packed, read_message, socket_file
from edge.records.result import PartResult
from edge.settings.alarms import Alarm
from testing.waiting import wait_for
from tests.edge.outputs.live.watching import Viewer
from tests.edge.station.stand import BAD, Stand

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)


def read(message: bytes) -> tuple[Now, bytes, bytes]:
    at = 0

    def take(count: int) -> bytes:
        nonlocal at
        at += count
        return message[at - count : at]

    return read_message(take)


@pytest.fixture
def view(tmp_path: Path) -> LiveView:
    return LiveView(tmp_path / "x.live", station="a", simulated=True, most_watchers=1)


@pytest.fixture
def part(bundle: Path) -> Callable[..., PartInspected]:
    inspector = Inspector(load_model(bundle, threads=1))

    def make(
        width: int = 64, *, heatmap: bool = False, spoilt: str | None = None, side: int = 48
    ) -> PartInspected:
        image = np.full((side, width), 90, np.uint8)
        frame = Frame(image, 1, 0.0, AT, fault=spoilt)
        found = fault(frame, spoilt) if spoilt else inspector.inspect(frame)
        if heatmap:
            found = Inspection(
                frame, found.verdict, found.score, found.predicted, heatmap=np.eye(8, dtype=np.float32) * 9
            )
        result = PartResult(
            station="a", id="run-1", part="P-1", sequence=1, captured_at=AT, verdict=found.verdict,
            score=found.score, action="reject", bundle_sha256="0" * 64,
        )  # fmt: skip
        return PartInspected(result, found, inspector)

    return make


def test_before_the_first_part_there_is_a_state_and_no_picture(view: LiveView) -> None:
    view.state_changed(StateChanged("ready", AT, None, "0" * 64, "default"))
    now, picture, heat = read(view.newest())
    assert (now.station, now.state, now.since, now.number, now.part) == ("a", "ready", AT, 0, None)
    assert picture == heat == b""


def test_a_part_comes_with_its_picture_its_heat_and_its_thresholds(
    view: LiveView, part: Callable[..., PartInspected]
) -> None:
    shown = part(heatmap=True)
    view.part_inspected(shown)
    now, picture, heat = read(view.newest())
    assert now.part is not None
    assert now.part.result["id"] == "run-1"
    thresholds = shown.inspector.thresholds
    assert (now.part.ok_below, now.part.defect_from) == (thresholds.ok_below, thresholds.defect_from)
    decoded = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert decoded is not None
    assert decoded.shape == (now.part.height, now.part.width) == (48, 64)
    hot = cv2.imdecode(np.frombuffer(heat, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert hot is not None
    assert hot.max() == 255


def test_a_large_frame_is_shown_smaller(view: LiveView, part: Callable[..., PartInspected]) -> None:
    view.part_inspected(part(width=2 * LONGEST))
    now, picture, _ = read(view.newest())
    decoded = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert decoded is not None
    assert decoded.shape == (24, LONGEST)
    assert now.part is not None
    assert now.part.width == 2 * LONGEST


def test_a_part_without_a_picture_is_told_all_the_same(
    view: LiveView, part: Callable[..., PartInspected]
) -> None:
    view.part_inspected(part(width=1, side=1, spoilt="camera: no frame"))
    now, picture, heat = read(view.newest())
    assert picture == heat == b""
    assert now.part is not None
    assert now.part.result["verdict"] == "fault"


def test_alarms_are_those_that_are_raised_now(view: LiveView) -> None:
    view.alarm_changed(AlarmEvent(Change(Alarm.CAMERA, "camera: away", None, 1, raised=True), AT))
    view.alarm_changed(AlarmEvent(Change(Alarm.DISK, "nearly full", None, 1, raised=True), AT))
    view.alarm_changed(AlarmEvent(Change(Alarm.CAMERA, "over: camera: away", None, 1, raised=False), AT))
    now, _, _ = read(view.newest())
    assert [(alarm.alarm, alarm.text) for alarm in now.alarms] == [("disk", "nearly full")]


def test_a_picture_is_encoded_once_however_often_the_rest_changes(
    view: LiveView, part: Callable[..., PartInspected], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = []
    encode = output_module.jpeg_of

    def counted(image: Image) -> bytes:
        encoded.append(1)
        return encode(image)

    monkeypatch.setattr(output_module, "jpeg_of", counted)
    view.part_inspected(part())
    assert view.newest() is view.newest()
    before = view.newest()
    view.state_changed(StateChanged("fault", AT, "camera", None, None))
    assert view.newest() is not before
    assert encoded == [1]
    view.part_inspected(part())
    view.newest()
    assert encoded == [1, 1]


def test_a_length_that_no_station_says_is_refused() -> None:
    with pytest.raises(WireError):
        read(b"\xff\xff\xff\xff")
    with pytest.raises(WireError):
        read(b"\x00\x00\x00\x02{}")


def test_what_was_packed_is_read(view: LiveView) -> None:
    now, _, _ = read(view.newest())
    again = read(packed(now.model_copy(update={"picture_bytes": 3, "heat_bytes": 1}), b"jpg", b"h"))
    assert again[1:] == (b"jpg", b"h")


def test_a_running_station_shows_its_parts(stand: Callable[..., Stand], tmp_path: Path) -> None:
    here = stand(simulated=True, journal__path=tmp_path / "journal.sqlite")
    file = socket_file(tmp_path / "journal.sqlite")
    wait_for(file.exists)
    viewer = Viewer(file)
    here.show(BAD)
    now, picture, _ = viewer.read()
    while now.part is None:
        now, picture, _ = viewer.read()
    viewer.close()
    assert now.part.result["id"] == here.messages[0].id
    assert now.state == "running"
    assert picture.startswith(b"\xff\xd8")


def test_a_station_that_may_not_be_watched_has_no_socket(stand: Callable[..., Stand], tmp_path: Path) -> None:
    stand(simulated=True, journal__path=tmp_path / "journal.sqlite", page__watchers=0).show(BAD)
    assert not socket_file(tmp_path / "journal.sqlite").exists()
