"""`edge --check` finds trouble at the broker before a part is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.core.errors import BrokerError
from edge.outputs.mqtt import broker_check
from edge.outputs.mqtt.broker_check import try_broker
from edge.settings.load_settings import load_settings
from edge.settings.settings import Settings
from testing.brokers import MosquittoBroker
from testing.rigs.fake_broker import FakeBroker
from testing.rigs.mqtt_bytes import FEFF, publish, say_once
from testing.stations import Watcher
from tests.conftest import StartBroker

BASE = "inspection/station-1"


def settings(port: int, **more: str) -> Settings:
    return load_settings(None, {"mqtt.port": str(port), **more})


@pytest.fixture
def fake_broker() -> Iterator[FakeBroker]:
    broker = FakeBroker()
    yield broker
    broker.close()


@pytest.mark.broker
def test_each_topic_that_the_station_speaks_on_is_written_to_once(broker: MosquittoBroker) -> None:
    watcher = Watcher(broker)
    try:
        checked = try_broker(settings(broker.port, **{"gate.mode": "reject-unless-ok", "mqtt.bits": "true"}))
        assert checked.warnings == ()
        assert watcher.wait_for(lambda: len(watcher.messages) == 7)
    finally:
        watcher.close()
    kinds = [topic.removeprefix(f"{BASE}/") for topic, _, _ in watcher.messages]
    assert kinds == ["status", "verdict", "pass", "alarm", "stats", "response", "bits"]
    for _, message, retained in watcher.messages:
        assert (message["schema"], message["simulated"], retained) == ("linegate.check.v1", True, False)


@pytest.mark.broker
def test_a_topic_that_this_user_may_not_write_is_named(mosquitto_broker: StartBroker, tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite #\ntopic deny inspection/+/reject\n")
    acl.chmod(0o644)
    closed = mosquitto_broker(f"acl_file {acl}")
    with pytest.raises(BrokerError, match=f"{BASE}/reject: Not authorized; may this user write"):
        try_broker(settings(closed.port))


@pytest.mark.broker
def test_a_retained_message_that_the_station_refuses_is_a_warning(broker: MosquittoBroker) -> None:
    say_once(broker.port, publish(f"{BASE}/command", b"{}", FEFF, retain=1))
    say_once(broker.port, publish(f"{BASE}/bin", b"{}", retain=1))
    (malformed, old) = try_broker(settings(broker.port, **{"gate.confirm_ms": "50"})).warnings
    assert f"what is retained on {BASE}/command is malformed" in malformed
    assert f"delete it: mosquitto_pub -r -n -t {BASE}/command" in malformed
    assert f"what is retained on {BASE}/bin is not acted on" in old


def test_mqtt_3_1_1_is_a_warning(fake_broker: FakeBroker) -> None:
    fake_broker.be("speaks only 3.1.1")
    checked = try_broker(settings(fake_broker.port))
    assert "MQTT 3.1.1" in checked.text
    assert "a command that it holds back does not expire" in checked.warnings[0]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("refuses every message", "/verdict: Not authorized"),
        ("acknowledges commands only", "/verdict.*not acknowledged"),
        ("never acknowledges", "/reject.*not acknowledged"),
        ("does not answer subscriptions", "does not answer our subscriptions"),
        ("refuses with 0x87", "refuses the connection: Not authorized; check mqtt.username"),
        ("says goodbye after a message", "the connection did not last"),
        ("silent", 'no answer; where it speaks only MQTT 3.1.1 .* mqtt.protocol = "3.1.1"'),
    ],
)
def test_a_broker_that_a_station_could_not_use_is_explained(
    fake_broker: FakeBroker, kind: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_check, "ANSWER_S", 0.5)
    monkeypatch.setattr("edge.outputs.mqtt.client.CONNECT_TIMEOUT_S", 0.3)
    fake_broker.be(kind)
    with pytest.raises(BrokerError, match=said):
        try_broker(settings(fake_broker.port))
