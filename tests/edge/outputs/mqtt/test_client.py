"""The link to a broker that misbehaves; the others are tested against mosquitto, in test_live*.py."""

import select
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as paho
import pytest

from edge.outputs.mqtt.client import BrokerLink, Incoming, Subscription, Will
from edge.settings.mqtt import MqttSettings
from testing.rigs.fake_broker import FakeBroker
from testing.waiting import wait_for

ACCEPTED = bytes([0x20, 3, 0, 0, 0])
TAKEN_OVER = bytes([0xE0, 2, 0x8E, 0])
SUBSCRIBED = bytes([0x90, 4, 0, 1, 0, 1])
REFUSED = bytes([0x90, 4, 0, 1, 0, 0x87])


def published(topic: bytes, payload: bytes) -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + b"\0" + payload
    return bytes([0x30, len(body)]) + body


class ScriptedBroker:
    """Answers each packet of one client with the next of its lines, whatever the packet was.

    It hangs up on the first ``refused`` connections without a word.
    """

    def __init__(self, *answers: bytes, refused: int = 0) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._answers = answers
        self._refused = refused
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            for _ in range(self._refused):
                self._server.accept()[0].close()
            connection, _ = self._server.accept()
            for answer in self._answers:
                connection.recv(4096)
                connection.sendall(answer)
            connection.recv(4096)
        except OSError:
            pass  # the client, or the test, is gone

    def close(self) -> None:
        self._server.close()


class Link:
    """A link with what it told."""

    def __init__(self, broker: ScriptedBroker, *subscriptions: str, broken: bool = False) -> None:
        self.connected, self.lost, self.came = threading.Event(), threading.Event(), threading.Event()
        self.reason = ""
        self.payloads: list[bytes] = []
        self._broken = broken
        self.link = BrokerLink(
            MqttSettings(port=broker.port, protocol="5", reconnect_max_s=3600),
            client_id="linegate-a",
            will=Will("inspection/a/status", b"{}"),
            on_connected=self.connected.set,
            on_acknowledged=lambda _: None,
            on_lost=self._lost,
            subscriptions=[Subscription(topic) for topic in subscriptions],
            on_message=self._came,
        )
        self.link.start()

    def _lost(self, reason: str) -> None:
        self.reason = reason
        self.lost.set()

    def _came(self, message: Incoming) -> None:
        self.payloads.append(message.payload)
        if len(self.payloads) == 2:
            self.came.set()
        if self._broken:
            raise ZeroDivisionError


@pytest.fixture
def brokers() -> Iterator[list[ScriptedBroker]]:
    made: list[ScriptedBroker] = []
    yield made
    for broker in made:
        broker.close()


def test_no_message_waits_for_the_acknowledgement_of_the_one_before(
    brokers: list[ScriptedBroker], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, connect = [], socket.create_connection

    def noted(*where: Any, **options: Any) -> socket.socket:
        opened.append(connect(*where, **options))
        return opened[-1]

    monkeypatch.setattr(socket, "create_connection", noted)
    brokers.append(ScriptedBroker(ACCEPTED))
    link = Link(brokers[0])
    assert link.connected.wait(10)
    assert [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in opened] == [1]
    link.link.stop()


def test_the_broker_says_that_another_client_took_over(brokers: list[ScriptedBroker]) -> None:
    brokers.append(ScriptedBroker(ACCEPTED + TAKEN_OVER))
    link = Link(brokers[0])
    assert link.lost.wait(5)
    assert link.reason == "another client called linegate-a took over; has another station this name?"
    link.link.stop(b"{}")


def test_a_broker_that_takes_connections_and_says_nothing_is_tried_again(
    brokers: list[ScriptedBroker],
) -> None:
    brokers.append(ScriptedBroker(ACCEPTED, refused=2))
    link = Link(brokers[0])
    assert link.connected.wait(10)
    link.link.stop(b"{}")


def test_a_link_that_gets_no_thread_for_its_connection_tries_again(
    brokers: list[ScriptedBroker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is where a limit of memory or threads is reached, until it is not."""
    brokers.append(ScriptedBroker(ACCEPTED, refused=1))
    start, calls = paho.Client.loop_start, []

    def fail_once(client: paho.Client) -> object:
        calls.append(client)
        if len(calls) == 1:
            raise RuntimeError("can't start new thread")
        return start(client)

    monkeypatch.setattr(paho.Client, "loop_start", fail_once)
    link = Link(brokers[0])
    assert link.connected.wait(10)
    assert link.link.is_alive
    link.link.stop(b"{}")


def test_a_link_that_hangs_while_it_connects_gives_no_sign_of_life(
    brokers: list[ScriptedBroker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that finds no memory as it begins leaves whoever started it waiting for ever."""
    brokers.append(ScriptedBroker(ACCEPTED))
    hangs, over = threading.Event(), threading.Event()

    def hang(_client: paho.Client) -> None:
        hangs.set()
        over.wait(20)

    monkeypatch.setattr(paho.Client, "loop_start", hang)
    monkeypatch.setattr("edge.outputs.mqtt.client.ALIVE_S", 0.0)
    link = Link(brokers[0])
    assert hangs.wait(10)
    assert not link.link.is_alive
    over.set()


def test_a_link_that_waits_long_between_attempts_gives_signs_of_life(brokers: list[ScriptedBroker]) -> None:
    brokers.append(ScriptedBroker(ACCEPTED + TAKEN_OVER))
    link = Link(brokers[0])
    assert link.lost.wait(10)
    before = link.link.alive_at
    wait_for(lambda: link.link.alive_at > before)
    assert link.link.is_alive, "an hour's pause (mqtt.reconnect_max_s) is no hang"
    link.link.stop(b"{}")


def test_a_refused_subscription_is_known(brokers: list[ScriptedBroker]) -> None:
    brokers.append(ScriptedBroker(ACCEPTED, REFUSED))
    link = Link(brokers[0], "inspection/a/command")
    assert link.connected.wait(5)
    assert "refuses our subscriptions: Not authorized" in str(link.link.subscription_error)
    link.link.stop(b"{}")


def test_what_goes_wrong_with_one_message_does_not_stop_the_next(
    brokers: list[ScriptedBroker], caplog: pytest.LogCaptureFixture
) -> None:
    two = published(b"inspection/a/command", b"1") + published(b"inspection/a/command", b"2")
    brokers.append(ScriptedBroker(ACCEPTED, SUBSCRIBED + two))
    link = Link(brokers[0], "inspection/a/command", broken=True)
    assert link.came.wait(5)
    assert link.payloads == [b"1", b"2"]
    assert link.link.connected
    link.link.stop(b"{}")


def test_a_link_that_breaks_while_it_says_goodbye_ends_all_the_same(
    brokers: list[ScriptedBroker], monkeypatch: pytest.MonkeyPatch
) -> None:
    brokers.append(ScriptedBroker(ACCEPTED))
    link = Link(brokers[0])
    assert link.connected.wait(5)
    lost = paho.MQTTMessageInfo(1)
    lost.rc = paho.MQTT_ERR_NO_CONN
    monkeypatch.setattr(paho.Client, "publish", lambda *_args, **_more: lost)
    link.link.stop(b"{}")
    assert not link.link.connected


def test_the_end_waits_for_no_broker_that_takes_connections_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.outputs.mqtt.client.CONNECT_TIMEOUT_S", 1000.0)
    monkeypatch.setattr("edge.outputs.mqtt.client.LEAVE_S", 0.05)
    silent = socket.create_server(("127.0.0.1", 0))
    link = BrokerLink(
        MqttSettings(port=silent.getsockname()[1], protocol="5"),
        client_id="linegate-a",
        on_connected=lambda: None,
        on_acknowledged=lambda _: None,
    )
    link.start()
    accepted, _ = silent.accept()
    stopping = threading.Thread(target=link.stop, daemon=True)
    stopping.start()
    stopping.join(60)
    assert not stopping.is_alive()
    accepted.close()
    silent.close()


def protocols(broker: FakeBroker, monkeypatch: pytest.MonkeyPatch) -> tuple[BrokerLink, list[str | None]]:
    """A link with "auto", and the protocol of each of its connections."""
    monkeypatch.setattr("edge.outputs.mqtt.client.CONNECT_TIMEOUT_S", 0.2)
    spoken: list[str | None] = []
    link = BrokerLink(
        MqttSettings(port=broker.port, reconnect_max_s=0.1),
        client_id="linegate-a",
        on_connected=lambda: spoken.append(link.protocol),
        on_acknowledged=lambda _: None,
    )
    return link, spoken


@pytest.fixture
def fake_broker() -> Iterator[FakeBroker]:
    broker = FakeBroker()
    yield broker
    broker.close()


@pytest.mark.parametrize("kind", ["silent", "hangs up", "refuses with 0x88", "nonsense for an answer"])
def test_a_broker_in_trouble_is_no_reason_to_fall_back_to_mqtt_3_1_1(
    fake_broker: FakeBroker, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_broker.be(kind)
    link, spoken = protocols(fake_broker, monkeypatch)
    link.start()
    wait_for(lambda: fake_broker.attempts > 3)
    fake_broker.be(None)
    wait_for(lambda: len(spoken) == 1)
    link.stop()
    assert spoken == ["5"]


@pytest.mark.parametrize("kind", ["speaks only 3.1.1", "speaks only 3.1.1, and says so in MQTT 5"])
def test_mqtt_3_1_1_is_spoken_where_the_broker_says_that_it_speaks_no_other_and_5_is_tried_each_time(
    fake_broker: FakeBroker, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_broker.be(kind)
    link, spoken = protocols(fake_broker, monkeypatch)
    link.start()
    wait_for(lambda: len(spoken) == 1)
    assert "speaks only MQTT 3.1.1: a command that it holds back does not expire" in str(link.trouble)
    fake_broker.be(None)
    wait_for(lambda: len(spoken) == 2)
    assert spoken == ["3.1.1", "5"]
    assert link.trouble is None
    link.stop()


def test_what_a_broker_does_not_take_is_not_sent(
    fake_broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would hang up on a packet that is larger than it said, or on one message too many."""
    fake_broker.be("says that it takes packets of 200 bytes")
    link, spoken = protocols(fake_broker, monkeypatch)
    link.start()
    wait_for(lambda: len(spoken) == 1)
    assert link.publish("a/b", b"x" * 200, qos=1) is None
    assert not link.takes("a/b", b"x" * 200)
    assert link.publish("a/c", b"x" * 20, qos=1) is not None
    assert link.trouble == f"mqtt: {link.address}: a/b: larger than the 200 bytes that the broker takes"
    fake_broker.be("takes one message at a time")
    wait_for(lambda: len(spoken) == 2)
    wait_for(lambda: link.publish("a/b", b"x", qos=1) is not None)
    link.stop()


def test_a_refused_message_is_told_to_whom_it_concerns_and_not_tried_at_once_again(
    fake_broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.outputs.mqtt.connection.REFUSED_S", 3600)
    fake_broker.be("refuses every message")
    link, spoken = protocols(fake_broker, monkeypatch)
    link.start()
    wait_for(lambda: len(spoken) == 1)
    reasons: list[str] = []
    link.publish("a/b", b"x", qos=1, on_refused=reasons.append)
    wait_for(lambda: reasons == ["Not authorized"])
    assert link.trouble == f"mqtt: {link.address}: a/b: Not authorized"
    assert link.publish("a/b", b"x", qos=1) is None
    link.stop()


@pytest.mark.parametrize("left_s", [0.05, 3600.0])
def test_a_message_that_the_network_thread_does_not_come_to_in_time_is_never_written(
    fake_broker: FakeBroker, monkeypatch: pytest.MonkeyPatch, left_s: float
) -> None:
    """As where the process is held after a command was handed over: paho writes on a thread of its own."""
    link, spoken = protocols(fake_broker, monkeypatch)
    wait, goes_on, reasons = select.select, threading.Event(), list[str]()

    def hold(*sockets: Any) -> object:
        ready = wait(*sockets)
        goes_on.wait()
        return ready

    goes_on.set()
    monkeypatch.setattr("paho.mqtt.client.select.select", hold)
    link.start()
    wait_for(lambda: len(spoken) == 1)
    goes_on.clear()
    useless_after = time.monotonic() + left_s
    assert link.publish("a/b", b"in time", qos=1, useless_after=useless_after, on_refused=reasons.append)
    link.publish("a/c", b"whenever", qos=1)
    wait_for(lambda: left_s > 60 or time.monotonic() > useless_after)
    goes_on.set()
    wait_for(lambda: fake_broker.told["c"] == 1)
    if left_s < 60:
        wait_for(lambda: reasons == ["not written in time"])
    assert fake_broker.told["b"] == (left_s > 60)
    assert link.trouble is None
    assert link.publish("a/b", b"the next", qos=1) is not None
    wait_for(lambda: fake_broker.told["b"] == 1 + (left_s > 60))
    link.stop()
