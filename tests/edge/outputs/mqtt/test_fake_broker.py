"""The link against a broker that misbehaves in every way that we could think of: it outlives them all."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from edge.core.documents import rfc3339
from edge.outputs.mqtt import client, connection
from edge.outputs.mqtt.client import BrokerLink, Subscription, Will
from edge.settings.mqtt import MqttSettings
from testing.rigs.fake_broker import KINDS, FakeBroker
from testing.waiting import wait_for

BASE = "inspection/station-1"
MISBEHAVES_S = 0.3


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    broker = FakeBroker()
    yield broker
    broker.close()


class Station:
    """A link that says something all the time."""

    def __init__(self, port: int) -> None:
        self.unreadable: list[str] = []
        self.link = BrokerLink(
            MqttSettings(port=port, reconnect_max_s=0.3, keepalive_s=2),
            client_id="linegate-station-1",
            will=Will(f"{BASE}/status", b"{}"),
            on_connected=lambda: None,
            on_acknowledged=lambda _: None,
            subscriptions=[Subscription(f"{BASE}/command"), Subscription(f"{BASE}/lot", wants_retained=True)],
            on_unreadable=lambda topic, why: self.unreadable.append(f"{topic}: {why}"),
        )
        self.link.start()

    def speak(self) -> None:
        """A command and a verdict."""
        until = datetime.now(UTC) + timedelta(seconds=0.2)
        command = json.dumps({"id": "1", "valid_until": rfc3339(until)}).encode()
        self.link.publish(f"{BASE}/reject", command, qos=1, expires_s=0.2)
        self.link.publish(f"{BASE}/verdict", b"{}", qos=1)


def test_there_are_more_than_26_kinds() -> None:
    assert len(KINDS) > 60


@pytest.mark.parametrize("kind", KINDS)
def test_the_link_outlives_a_broker_that_misbehaves(
    broker: FakeBroker, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(client, "CONNECT_TIMEOUT_S", 0.3)
    monkeypatch.setattr(client, "PATIENCE_S", 0.3)
    monkeypatch.setattr(connection, "STALL_S", 0.1)
    broker.be(kind)
    station = Station(broker.port)
    try:
        until = time.monotonic() + MISBEHAVES_S
        while time.monotonic() < until:
            station.speak()
            time.sleep(0.005)
        assert station.link.is_alive
        said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
        assert len(said) == len(set(said)) <= 6
        broker.be(None)

        def is_heard() -> bool:
            station.speak()
            return broker.told["reject"] > 3 and broker.told["verdict"] > 3

        wait_for(is_heard)
        assert broker.late == []
        assert "Traceback" not in caplog.text
        assert [one for one in caplog.records if one.exc_info] == []
    finally:
        station.link.stop()
