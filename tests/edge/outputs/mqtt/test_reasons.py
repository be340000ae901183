"""Why there is no broker is said, each reason once, and the first is not hidden by a later one."""

import pytest
from pydantic import SecretStr

from edge.outputs.mqtt.client import BrokerLink
from edge.settings.mqtt import MqttSettings
from testing.brokers import MosquittoBroker
from testing.waiting import wait_for
from tests.conftest import StartBroker

pytestmark = pytest.mark.broker


def link_to(broker: MosquittoBroker, user: str, password: str) -> BrokerLink:
    settings = MqttSettings(
        port=broker.port, username=user, password=SecretStr(password), tls="off", reconnect_max_s=0.2
    )
    return BrokerLink(
        settings, client_id="linegate-a", on_connected=lambda: None, on_acknowledged=lambda _: None
    )


@pytest.mark.parametrize(("user", "password"), [("prüfer", "pässwört ☃"), ("line", "hunter2")])
def test_a_password_that_is_refused_after_it_was_taken_is_told_as_what_it_is(
    mosquitto_broker: StartBroker, caplog: pytest.LogCaptureFixture, user: str, password: str
) -> None:
    broker = mosquitto_broker(passwords={user: password})
    link = link_to(broker, user, password)
    link.start(wait_s=5)
    assert link.connected
    broker.change_passwords({user: "another"})
    broker.restart()
    wait_for(lambda: "check mqtt.username and mqtt.password" in caplog.text)
    broker.stop()
    wait_for(lambda: "Connection refused" in caplog.text)
    broker.start()
    wait_for(lambda: broker.log.count("not authorised") >= 4)
    link.stop()
    said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(said) == len(set(said)) == 3, "each once, though it was tried again and again"
    assert said[0].startswith("mqtt: lost the broker at 127.0.0.1:")
    refused = [line for line in said if "refuses the connection: Not authorized; check mqtt.username" in line]
    assert len(refused) == 1
    assert password not in caplog.text
