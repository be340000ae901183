"""Alarms of a daemon, on a real broker."""

import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from testing.brokers import MosquittoBroker
from testing.cameras import MjpegCamera
from testing.stations import EdgeProcess, Watcher

pytestmark = pytest.mark.broker
Start = Callable[..., EdgeProcess]


def arguments(bundle: Path, source: str, broker: MosquittoBroker, tmp_path: Path) -> list[str]:
    return [
        "--config", "/dev/null",
        "--model", str(bundle),
        "--camera.kind", "stream", "--camera.url", source,
        "--camera.open_timeout_ms", "1000", "--camera.stall_ms", "500", "--camera.reopen_max_ms", "300",
        "--mqtt.port", str(broker.port), "--mqtt.reconnect_max_s", "0.5",
        "--journal.path", str(tmp_path / "journal.sqlite"),
        "--alarms.rejects_in_row", "0", "--alarms.rate_window", "0",
    ]  # fmt: skip


def test_a_camera_that_is_away_is_one_alarm_and_cleared_when_it_is_back(
    bundle: Path, broker: MosquittoBroker, watcher: Watcher, edge_process: Start, tmp_path: Path
) -> None:
    camera = MjpegCamera(np.full((64, 64), 40, np.uint8))
    running = edge_process(*arguments(bundle, camera.url, broker, tmp_path), "--alarms.clear_s", "0.5")
    assert watcher.wait_for(lambda: len(watcher.of("alarm")) == 1)
    assert watcher.wait_for(lambda: any(message["alarms"] == ["camera"] for message in watcher.of("stats")))
    camera.switch_on()
    assert watcher.wait_for(lambda: len(watcher.of("alarm")) == 2)
    camera.switch_off()
    running.process.send_signal(signal.SIGTERM)
    running.finish()
    raised, cleared = watcher.of("alarm")[:2]
    assert (raised["alarm"], raised["raised"], raised["times"]) == ("camera", True, 1)
    assert (cleared["alarm"], cleared["raised"], cleared["times"]) == ("camera", False, 1)
    assert raised["id"] != cleared["id"]


def test_an_alarm_raised_while_the_broker_is_away_arrives_when_it_is_there(
    bundle: Path, broker: MosquittoBroker, edge_process: Start, tmp_path: Path
) -> None:
    broker.stop()
    running = edge_process(*arguments(bundle, "http://127.0.0.1:9/", broker, tmp_path))
    assert running.process.stderr is not None
    assert any("alarm camera" in line for line in running.process.stderr)
    broker.start()
    watcher = Watcher(broker)
    assert watcher.wait_for(lambda: len(watcher.of("alarm")) == 1)
    watcher.close()
    assert watcher.of("alarm")[0]["alarm"] == "camera"


def test_what_is_raised_is_cleared_when_the_daemon_ends(
    bundle: Path, broker: MosquittoBroker, watcher: Watcher, edge_process: Start, tmp_path: Path
) -> None:
    running = edge_process(*arguments(bundle, "http://127.0.0.1:9/", broker, tmp_path))
    assert watcher.wait_for(lambda: len(watcher.of("alarm")) == 1)
    running.process.send_signal(signal.SIGTERM)
    running.finish()
    assert watcher.wait_for(lambda: len(watcher.of("alarm")) == 2)
    assert [message["raised"] for message in watcher.of("alarm")] == [True, False]
