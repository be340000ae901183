"""The tests' own broker does what the tests of the client rely on."""

import os
import queue
import subprocess
import sys
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from testing.brokers import BrokerDidNotStartError, MosquittoBroker
from tests.conftest import REQUIRE_BROKER, StartBroker

ROOT = Path(__file__).parents[1]


def connect_reason(broker: MosquittoBroker, user: str | None = None, password: str | None = None) -> str:
    """The broker's answer to a client that connects."""
    answers: queue.Queue[str] = queue.Queue()

    def on_connect(
        client: paho.Client,
        userdata: object,
        flags: paho.ConnectFlags,
        reason: ReasonCode,
        props: Properties | None,
    ) -> None:
        answers.put(str(reason))

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_connect = on_connect
    client.username_pw_set(user, password)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        return answers.get(timeout=10)
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.broker
def test_everyone_may_connect_without_passwords(mosquitto_broker: StartBroker) -> None:
    broker = mosquitto_broker()

    assert connect_reason(broker) == "Success"
    assert "New client connected" in broker.log


@pytest.mark.broker
def test_only_its_users_may_connect_with_passwords(mosquitto_broker: StartBroker) -> None:
    broker = mosquitto_broker(passwords={"station": "pass: word"})

    assert connect_reason(broker, "station", "pass: word") == "Success"
    assert connect_reason(broker, "station", "wrong") == "Not authorized"
    assert connect_reason(broker) == "Not authorized"


@pytest.mark.broker
def test_it_comes_back_on_the_same_port(mosquitto_broker: StartBroker) -> None:
    broker = mosquitto_broker()
    port = broker.port

    broker.stop()
    with pytest.raises(ConnectionRefusedError):
        connect_reason(broker)
    broker.start()
    broker.restart()

    assert port == broker.port
    assert connect_reason(broker) == "Success"


@pytest.mark.broker
def test_a_persistent_broker_keeps_retained_messages_over_a_restart(mosquitto_broker: StartBroker) -> None:
    broker = mosquitto_broker("persistence true")
    sender = paho.Client(CallbackAPIVersion.VERSION2)
    sender.connect(broker.host, broker.port)
    sender.loop_start()
    sender.publish("kept", b"yes", qos=1, retain=True).wait_for_publish(10)
    sender.disconnect()
    sender.loop_stop()

    broker.restart()

    received: queue.Queue[bytes] = queue.Queue()
    receiver = paho.Client(CallbackAPIVersion.VERSION2)
    receiver.on_message = lambda client, userdata, message: received.put(bytes(message.payload))
    receiver.connect(broker.host, broker.port)
    receiver.subscribe("kept", qos=1)
    receiver.loop_start()
    try:
        assert received.get(timeout=10) == b"yes"
    finally:
        receiver.disconnect()
        receiver.loop_stop()


@pytest.mark.broker
def test_a_wrong_config_says_what_mosquitto_said(mosquitto_broker: StartBroker) -> None:
    with pytest.raises(BrokerDidNotStartError, match="no_such_setting"):
        mosquitto_broker("no_such_setting 1")


@pytest.mark.parametrize(
    ("body", "required", "status"),
    [
        ("@pytest.mark.broker\ndef test_it(): pytest.skip('no broker here')", "0", pytest.ExitCode.OK),
        (
            "@pytest.mark.broker\ndef test_it(): pytest.skip('no broker here')",
            "1",
            pytest.ExitCode.TESTS_FAILED,
        ),
        ("@pytest.mark.broker\n@pytest.mark.skip\ndef test_it(): pass", "1", pytest.ExitCode.TESTS_FAILED),
        ("@pytest.fixture\ndef gone(): pytest.skip()\n@pytest.mark.broker\ndef test_it(gone): pass", "1", 1),
        ("@pytest.mark.broker\n@pytest.mark.xfail\ndef test_it(): assert False", "1", pytest.ExitCode.OK),
        ("def test_it(): pass", "1", pytest.ExitCode.TESTS_FAILED),
        ("def test_it(): pass", "0", pytest.ExitCode.OK),
        ("@pytest.mark.broker\ndef test_it(): pass", "1", pytest.ExitCode.OK),
    ],
)
def test_a_promised_broker_is_used(tmp_path: Path, body: str, required: str, status: int) -> None:
    """With LINEGATE_REQUIRE_BROKER=1 a run fails if a broker test was skipped or if there was none."""
    test_file = tmp_path / "test_body.py"
    test_file.write_text(f"import pytest\n\n{body}\n")
    result = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"),
            *("-c", ROOT / "pyproject.toml", "--rootdir", tmp_path, test_file),
        ],
        cwd=ROOT,
        env={**os.environ, REQUIRE_BROKER: required},
        capture_output=True,
        text=True,
        check=False,
    )

    assert status == result.returncode, result.stdout + result.stderr
