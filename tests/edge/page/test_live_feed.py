"""The page follows a station while somebody looks, and leaves it alone when nobody does."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from edge.alarms.register import AlarmEvent, Change
from edge.outputs.events import StateChanged
from edge.outputs.live.output import LiveView
from edge.outputs.live.wire import socket_file
from edge.page import live
from edge.page.app import build_app
from edge.page.live import LiveFeed
from edge.settings.alarms import Alarm
from edge.settings.settings import Settings
from testing.waiting import wait_for
from tests.edge.page.conftest import BASE
from tests.edge.station.stand import BAD, Stand

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite.live"


@pytest.fixture
def view(file: Path) -> Iterator[LiveView]:
    made = LiveView(file, station="line", simulated=True, most_watchers=2)
    made.state_changed(StateChanged("ready", AT, None, None, "default"))
    made.start()
    wait_for(file.exists)
    yield made
    made.stop()


def test_it_watches_only_while_somebody_looks(
    view: LiveView, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SILENT_S", 0.05)
    feed = LiveFeed(file)
    assert view.sender.watchers == 0
    seen = feed.latest(wait_s=20)
    assert seen is not None
    assert seen.now.state == "ready"
    assert view.sender.watchers == 1
    monkeypatch.setattr(live, "WANTED_S", 0.0)
    wait_for(lambda: view.sender.watchers == 0)
    monkeypatch.setattr(live, "WANTED_S", 10.0)
    wait_for(lambda: not feed.is_following)
    assert feed.latest(wait_s=20) is not None


def test_a_station_that_is_away_is_none_and_is_found_when_it_is_back(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "AGAIN_S", 0.02)
    feed = LiveFeed(file)
    assert feed.latest(wait_s=20) is None
    view = LiveView(file, station="line", simulated=True, most_watchers=1)
    view.start()
    wait_for(lambda: feed.latest() is not None)
    view.stop()
    wait_for(lambda: feed.latest() is None)


def test_what_no_station_says_is_no_station(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge.outputs.live.sender import Sender

    monkeypatch.setattr(live, "AGAIN_S", 0.02)
    for message in (
        b"\xff" * 100,
        b"\x00\x00\x00\x02{}",
        b"\x00\x00\x00\x04null",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ):
        sender = Sender(file, lambda message=message: message, most_watchers=1)  # type: ignore[misc]
        sender.start()
        wait_for(file.exists)
        assert LiveFeed(file).latest(wait_s=20) is None
        sender.stop()


@pytest.fixture
def watched(
    stand: Callable[..., Stand], left: Settings, tmp_path: Path
) -> Iterator[tuple[Stand, TestClient]]:
    here = stand(simulated=True, station__name="line", journal__path=tmp_path / "journal.sqlite")
    wait_for(socket_file(tmp_path / "journal.sqlite").exists)
    with TestClient(build_app(left), base_url=BASE) as client:
        yield here, client


def test_now_shows_the_newest_part_of_a_running_station(watched: tuple[Stand, TestClient]) -> None:
    here, client = watched
    here.show(BAD)
    wait_for(lambda: here.messages[-1].id in client.get("/now/live").text)
    page = client.get("/now/live").text
    assert "Running" in page
    assert "Defect" in page
    assert "rejected" in page
    assert 'class="needle"' in page
    address = page[page.index("/live/") :].partition('"')[0]
    assert client.get(address).content.startswith(b"\xff\xd8")


def test_an_alarm_is_shown_with_what_to_do(view: LiveView, left: Settings) -> None:
    view.alarm_changed(AlarmEvent(Change(Alarm.CAMERA, "camera: <away>", None, 1, raised=True), AT))
    with TestClient(build_app(left), base_url=BASE) as client:
        page = client.get("/now/live").text
    assert "camera: &lt;away&gt;" in page
    assert "Check the camera" in page
