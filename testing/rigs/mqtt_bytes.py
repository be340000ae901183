"""MQTT as bytes: packets that no client library would write."""

from __future__ import annotations

import socket
from dataclasses import dataclass

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = 8, 9, 12, 13, 14, 15
FEFF = b"\x26\x00\x03\xef\xbb\xbf\x00\x01b"
"""A user property whose name is U+FEFF, which mosquitto takes and paho does not."""
FORMAT_7 = b"\x01\x07"
"""A payload-format indicator of 7; 0 and 1 are allowed."""


def size(number: int) -> bytes:
    """A variable byte integer."""
    out = bytearray()
    while True:
        number, digit = divmod(number, 128)
        out.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(out)


def text(value: str | bytes) -> bytes:
    """A string with its length before it."""
    data = value.encode() if isinstance(value, str) else value
    return len(data).to_bytes(2, "big") + data


def packet(kind: int, body: bytes, *, flags: int = 0) -> bytes:
    """A packet of this kind."""
    return bytes([kind << 4 | flags]) + size(len(body)) + body


def connack(code: int = 0, properties: bytes = b"", *, version: int = 5) -> bytes:
    """The answer to CONNECT; 3.1.1 knows no properties."""
    return packet(CONNACK, bytes([0, code]) + (size(len(properties)) + properties if version == 5 else b""))


def publish(
    topic: str | bytes,
    payload: bytes,
    properties: bytes = b"",
    *,
    qos: int = 0,
    retain: int = 0,
    number: int = 1,
) -> bytes:
    """A message of MQTT 5."""
    numbered = number.to_bytes(2, "big") if qos else b""
    body = text(topic) + numbered + size(len(properties)) + properties + payload
    return packet(PUBLISH, body, flags=qos << 1 | retain)


def puback(number: int, code: int = 0) -> bytes:
    """The answer to a message of QoS 1."""
    return packet(PUBACK, number.to_bytes(2, "big") + (bytes([code]) if code else b""))


@dataclass(frozen=True)
class Packet:
    """A packet from a client."""

    kind: int
    flags: int
    body: bytes

    @property
    def topic(self) -> str:
        """Of a PUBLISH."""
        return self.body[2 : 2 + int.from_bytes(self.body[:2], "big")].decode()

    @property
    def number(self) -> int:
        """Of a PUBLISH of QoS 1, or of a SUBSCRIBE."""
        at = 2 + len(self.topic.encode()) if self.kind == PUBLISH else 0
        return int.from_bytes(self.body[at : at + 2], "big")

    def payload(self, version: int) -> bytes:
        """Of a PUBLISH."""
        rest = self.body[2 + len(self.topic.encode()) + (2 if self.flags & 6 else 0) :]
        if version < 5:
            return rest
        length, at, shift = 0, 0, 0
        while True:
            length |= (rest[at] & 127) << shift
            shift += 7
            at += 1
            if not rest[at - 1] & 128:
                return rest[at + length :]


def read_packet(sock: socket.socket) -> Packet | None:
    """The next packet of a client; None at the end of the connection."""
    head = sock.recv(1)  # between packets a timeout is the caller's
    if not head:
        return None
    length, shift = 0, 0
    while True:
        digit = _read(sock, 1)
        if digit is None:
            return None
        length |= (digit[0] & 127) << shift
        shift += 7
        if not digit[0] & 128:
            break
    body = _read(sock, length)
    return None if body is None else Packet(head[0] >> 4, head[0] & 15, body)


def _read(sock: socket.socket, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        try:
            more = sock.recv(count - len(data))
        except TimeoutError:
            continue
        if not more:
            return None
        data += more
    return bytes(data)


def say_once(port: int, *packets: bytes, client_id: str = "raw") -> None:
    """Log in to a broker as an MQTT 5 client, send packets, wait for the answer to a ping, and leave."""
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.settimeout(10)
        sock.sendall(packet(CONNECT, text("MQTT") + b"\x05\x02\x00\x3c\x00" + text(client_id)))
        read_packet(sock)
        sock.sendall(b"".join(packets) + packet(PINGREQ, b""))
        while (answer := read_packet(sock)) is not None and answer.kind != PINGRESP:
            pass
        sock.sendall(packet(DISCONNECT, b""))
