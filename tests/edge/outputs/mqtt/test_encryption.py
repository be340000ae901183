"""No password goes out in the clear, or to a broker that is not verified, unless somebody says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.core.errors import BrokerError, SettingsError
from edge.outputs.mqtt.client import BrokerLink, Will
from edge.settings.load_settings import load_settings
from testing.brokers import MosquittoBroker
from testing.certificates import Authority
from tests.conftest import StartBroker

LOGIN = {"mqtt.username": "line", "mqtt.password": "hunter2"}
USERS = {"line": "hunter2"}


def try_once(broker: MosquittoBroker, **more: str) -> str:
    """Connect as the settings say; what came of it."""
    given = {f"mqtt.{key}": value for key, value in more.items()}
    settings = load_settings(None, {**LOGIN, **given, "mqtt.port": str(broker.port)}).mqtt
    link = BrokerLink(
        settings,
        client_id="linegate-a",
        will=Will("inspection/a/status", b"{}"),
        on_connected=lambda: None,
        on_acknowledged=lambda _: None,
    )
    try:
        return link.try_once()
    except BrokerError as error:
        return str(error)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def tls_broker(authority: Authority, mosquitto_broker: StartBroker) -> Iterator[MosquittoBroker]:
    certificate, key = authority.issue("broker")
    broker = mosquitto_broker(f"certfile {certificate}\nkeyfile {key}", passwords=USERS)
    yield broker
    broker.stop()


@pytest.mark.parametrize(
    ("given", "encrypted"),
    [
        ({}, False),
        (LOGIN, True),
        ({"mqtt.ca_file": "ca.pem"}, True),
        ({"mqtt.cert_file": "a.pem", "mqtt.key_file": "a.key"}, True),
        ({"mqtt.tls": "on"}, True),
        ({**LOGIN, "mqtt.tls": "off"}, False),
    ],
)
def test_a_password_is_encrypted_unless_somebody_says_otherwise(
    given: dict[str, str], encrypted: bool
) -> None:
    assert load_settings(None, given).mqtt.encrypted == encrypted


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"mqtt.tls": "off", "mqtt.ca_file": "ca.pem"}, 'expected "on"'),
        ({"mqtt.tls": "true"}, "mqtt.tls"),
        ({"mqtt.password": "hunter2"}, "mqtt.password: needs mqtt.username"),
        (
            {"mqtt.host": "mqtt://line:hunter2@10.0.0.5"},
            "mqtt.host: expected a name or an address alone",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused_without_the_password(
    given: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, given)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.broker
def test_a_broker_with_a_certificate_of_a_known_authority_gets_the_password(
    tls_broker: MosquittoBroker, authority: Authority
) -> None:
    assert try_once(tls_broker, ca_file=str(authority.certificate)) == "5"


@pytest.mark.broker
def test_a_broker_with_a_certificate_of_a_stranger_gets_nothing(tls_broker: MosquittoBroker) -> None:
    said = try_once(tls_broker)
    assert "cannot be trusted" in said
    assert "mqtt.ca_file names the authority" in said
    assert "line" not in tls_broker.log.replace("linegate", "")


@pytest.mark.broker
def test_a_broker_with_a_certificate_for_another_name_gets_nothing(
    tls_broker: MosquittoBroker, authority: Authority
) -> None:
    """The certificate is for 127.0.0.1 alone."""
    said = try_once(tls_broker, ca_file=str(authority.certificate), host="localhost")
    assert "cannot be trusted" in said


@pytest.mark.broker
def test_a_broker_without_tls_gets_no_password(mosquitto_broker: StartBroker) -> None:
    plain = mosquitto_broker(passwords=USERS)
    try:
        said = try_once(plain)
        assert 'mqtt.tls = "off" does without' in said
        assert "hunter2" not in said
        assert try_once(plain, tls="off") == "5"
    finally:
        plain.stop()
