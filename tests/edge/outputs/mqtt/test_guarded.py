"""The guarded client, byte by byte: nothing that comes in ends its thread, and a message is one message."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import paho.mqtt.client as paho
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.outputs.mqtt.guarded import LARGEST_PACKET, GuardedClient
from testing.rigs.mqtt_bytes import (
    CONNACK,
    FEFF,
    FORMAT_7,
    PUBLISH,
    connack,
    packet,
    publish,
    read_packet,
    text,
)

TOPIC = "inspection/a/command"


class Ends:
    """A guarded client and the socket of its broker, without a thread."""

    def __init__(self, version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5) -> None:
        self.unreadable: list[tuple[str, str]] = []
        self.came: list[bytes] = []
        self.client = GuardedClient(
            CallbackAPIVersion.VERSION2,
            client_id="a",
            protocol=version,
            reconnect_on_failure=False,
            on_unreadable=lambda topic, why: self.unreadable.append((topic, why)),
        )
        self.client.on_message = lambda _client, _data, message: self.came.append(bytes(message.payload))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.client.connect("127.0.0.1", listener.getsockname()[1])
            self.broker, _ = listener.accept()
        self.broker.settimeout(5)
        read_packet(self.broker)

    def tell(self, data: bytes) -> None:
        """Send to the client, and let it read all of it, or up to its end."""
        self.broker.setblocking(False)
        while data and self.client.socket() is not None:
            try:
                data = data[self.broker.send(data) :]
            except BlockingIOError:
                pass
            except OSError:
                break
            self.client.loop(0.001)
        for _ in range(5):
            self.client.loop(0.001)
        self.broker.setblocking(True)

    @property
    def is_open(self) -> bool:
        return self.client.socket() is not None

    def answers(self) -> list[tuple[int, bytes]]:
        """The packets that the client sent since."""
        self.broker.settimeout(0.05)
        found = []
        try:
            while (one := read_packet(self.broker)) is not None:
                found.append((one.kind, one.body))
        except TimeoutError:
            pass
        return found


@contextmanager
def ends(version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5) -> Iterator[Ends]:
    both = Ends(version)
    try:
        yield both
    finally:
        both.client.disconnect()
        both.client.loop(0.001)
        both.broker.close()


@pytest.mark.parametrize(
    "properties",
    [FEFF, FORMAT_7, b"\x08\0\1a\x08\0\1b", b"\x7f", b"\x02\0", b"\x09\xff\xffx", b"\x26\0\1\xff\0\1a"],
    ids=["U+FEFF", "format 7", "a topic twice", "unknown", "cut short", "too long", "no text"],
)
def test_a_malformed_message_is_refused_and_acknowledged_and_the_next_is_taken(properties: bytes) -> None:
    with ends() as both:
        both.tell(connack() + publish(TOPIC, b"{}", properties, qos=1, number=7) + publish(TOPIC, b"next"))
        assert both.is_open
        assert (both.came, both.answers()) == ([b"next"], [(4, b"\0\7")])
        ((topic, why),) = both.unreadable
        assert topic == TOPIC
        assert why.startswith("malformed")


def test_a_large_message_over_mqtt_3_1_1_is_passed_over_in_pieces() -> None:
    with ends(MQTTProtocolVersion.MQTTv311) as both:
        large = packet(PUBLISH, text(TOPIC) + b"\0\7" + bytes(3_000_000), flags=2)
        both.tell(connack(version=4) + large + packet(PUBLISH, text(TOPIC) + b"next"))
        assert (both.is_open, both.came, both.answers()) == (True, [b"next"], [(4, b"\0\7")])
        assert both.unreadable == [
            (TOPIC, f"{3_000_000 + len(TOPIC) + 4} bytes; at most {LARGEST_PACKET} are taken")
        ]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (connack() + connack(), "a packet of type 2 where none may come"),
        (publish(TOPIC, b"{}"), "a message before it took the connection"),
        (connack() + publish(TOPIC, b"{}", qos=2), "a message of QoS 2"),
        (connack() + packet(12, b""), "a packet of type 12 where none may come"),
        (connack() + packet(PUBLISH, b"\xff\xffa"), "a message without topic and number"),
        (packet(CONNACK, b"\0\0\x09\x27\0"), "a malformed packet of type 2"),
        (connack() + packet(9, bytes(20_000)), "a packet of 20000 bytes"),
        (connack() + packet(15, b""), "what is not MQTT"),
    ],
)
def test_what_no_broker_may_send_ends_the_connection_and_is_named(data: bytes, fault: str) -> None:
    with ends() as both:
        both.tell(data)
        assert not both.is_open
        assert fault in str(both.client.fault)


def test_a_broker_cannot_turn_off_the_signs_of_life() -> None:
    for asked, kept in ((b"\x13\0\0", 60), (b"\x13\xff\xff", 60), (b"\x13\0\5", 5)):
        with ends() as both:
            both.tell(connack(0, asked))
            assert both.client.keepalive == kept


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", connack(), connack() + b"\x30", connack() + b"\x40"]))
def test_whatever_a_broker_sends_nothing_is_raised(data: bytes, before: bytes) -> None:
    with ends() as both:
        both.tell(before + data)
        assert both.is_open or both.client.fault is not None or not both.client.is_connected()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60))
def test_whatever_the_properties_of_a_message_are_the_next_one_is_taken(properties: bytes) -> None:
    with ends() as both:
        body = text(TOPIC) + b"\0\7" + properties
        both.tell(connack() + packet(PUBLISH, body, flags=2) + publish(TOPIC, b"next"))
        assert both.is_open
        assert both.came[-1] == b"next"
        assert both.answers() == [(4, b"\0\7")]


def test_it_is_a_client_of_paho() -> None:
    """Whose own methods are replaced: a version without them would not be guarded at all."""
    for name in (
        "_sock_recv",
        "_packet_read",
        "_packet_handle",
        "_packet_queue",
        "_packet_write",
        "_send_puback",
    ):
        assert callable(getattr(paho.Client, name))


@pytest.mark.parametrize("version", [MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311])
def test_what_is_not_written_in_time_leaves_nothing_behind(version: MQTTProtocolVersion) -> None:
    with ends(version) as both:
        both.tell(connack(version=4 if version == MQTTProtocolVersion.MQTTv311 else 5))
        left_out: list[int] = []
        both.client.on_left_out = left_out.append
        both.answers()
        gone = both.client.publish_until(time.monotonic() - 1, TOPIC, payload=b"late", qos=1)
        both.client.publish_until(time.monotonic() + 3600, TOPIC, payload=b"in time", qos=1)
        both.client.publish(TOPIC, b"whenever", qos=1)
        assert left_out == [gone.mid]
        assert gone.is_published(), "nobody waits for it"
        assert both.client.unacknowledged == 2
        written = b"".join(body for _, body in both.answers())
        assert (b"late" in written, b"in time" in written, b"whenever" in written) == (False, True, True)
