"""A replay over MQTT: its verdicts, and nothing that the station of its name would notice."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.__main__ import load_inspector
from edge.cli.publish import replay_and_publish
from edge.core.errors import BrokerError
from edge.settings.load_settings import load_settings
from testing.brokers import MosquittoBroker
from testing.stations import EdgeProcess, Watcher


def test_without_a_broker_in_the_settings_there_is_nothing_to_publish_to(bundle: Path, parts: Path) -> None:
    settings = load_settings(None, {"model.path": str(bundle), "mqtt.enabled": "false"})
    with pytest.raises(BrokerError, match=r"mqtt\.enabled is false"):
        replay_and_publish(parts, settings, load_inspector(settings))


@pytest.mark.broker
def test_a_replay_publishes_verdicts_and_nothing_else(
    bundle: Path, parts: Path, broker: MosquittoBroker, watcher: Watcher, tmp_path: Path
) -> None:
    flags = {
        "model.path": str(bundle), "mqtt.port": str(broker.port), "mqtt.bits": "true",
        "archive.path": str(tmp_path / "archive"),
    }  # fmt: skip
    settings = load_settings(None, flags)
    result = replay_and_publish(parts, settings, load_inspector(settings))
    assert watcher.wait_for(lambda: len(watcher.of("verdict")) == 7)
    published = [(m["verdict"], m["action"]) for m in watcher.of("verdict")]
    assert published == [("defect", "reject")] * 3 + [("ok", "pass")] * 4
    assert [inspection.verdict for inspection in result.inspections] == [verdict for verdict, _ in published]
    assert {topic for topic, _, _ in watcher.messages} == {"inspection/station-1/verdict"}
    assert not (tmp_path / "archive").exists()


@pytest.mark.broker
def test_a_station_of_the_same_name_does_not_notice_a_replay(
    bundle: Path,
    parts: Path,
    broker: MosquittoBroker,
    watcher: Watcher,
    edge_process: Callable[..., EdgeProcess],
    tmp_path: Path,
) -> None:
    running = edge_process(
        "--config", "/dev/null", "--model", str(bundle), "--mqtt.port", str(broker.port),
        "--camera.replay_fps", "5", "--camera.size", "64", "--camera.max_age_ms", "10000",
        "--journal.path", str(tmp_path / "journal.sqlite"),
    )  # fmt: skip
    assert watcher.wait_for(lambda: any(m["state"] == "running" for m in watcher.of("status")))
    states = len(watcher.of("status"))
    settings = load_settings(None, {"model.path": str(bundle), "mqtt.port": str(broker.port)})
    replay_and_publish(parts, settings, load_inspector(settings))
    answers = len(watcher.of("response"))
    request = {"id": "after", "command": "reset"}
    watcher.client.publish("inspection/station-1/command", json.dumps(request), qos=1)
    assert watcher.wait_for(lambda: len(watcher.of("response")) > answers), "it still hears"
    assert watcher.wait_for(lambda: sum(m["source"] is not None for m in watcher.of("verdict")) == 7)
    assert len(watcher.of("status")) == states
    running.process.terminate()
    status, said = running.finish()
    assert status == 0
    assert "another client" not in said
    assert "lost the broker" not in said
