"""A broker that misbehaves, in more than forty ways: what it does is in KINDS, by name.

It speaks bytes, not MQTT. It may be good again at any time, on the same port, and notes what it is told
with a clock of its own.
"""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime

from testing.rigs.mqtt_bytes import (
    AUTH,
    CONNACK,
    CONNECT,
    DISCONNECT,
    FEFF,
    FORMAT_7,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBLISH,
    SUBACK,
    SUBSCRIBE,
    Packet,
    connack,
    packet,
    puback,
    publish,
    read_packet,
    size,
    text,
)
from testing.rigs.witness import TRANSPORT_S

COMMANDS = ("/reject", "/pass")
ANNOUNCE_LARGEST, ANNOUNCE_WINDOW, ANNOUNCE_KEEPALIVE = 0x27, 0x21, 0x13
_STEP_S = 0.02


class Talk:
    """One connection of a client, as the misbehaviour sees it."""

    def __init__(self, broker: FakeBroker, sock: socket.socket, kind: str | None) -> None:
        self.broker = broker
        self.kind = kind
        self.sock = sock
        self.chance = random.Random(1)
        self.version = 5

    @property
    def goes_on(self) -> bool:
        """True if it shall go on misbehaving."""
        return not self.broker.is_good and not self.broker.closed.is_set()

    def say(self, data: bytes) -> None:
        """Send bytes, for as long as the client takes them."""
        view = memoryview(data)
        while view and self.goes_on:
            with suppress(TimeoutError):
                view = view[self.sock.send(view) :]

    def packets(self) -> Iterator[Packet]:
        """Packets of the client, each noted with its time."""
        while True:
            try:
                found = read_packet(self.sock)
            except TimeoutError:
                continue
            if found is None:
                return
            if found.kind == CONNECT:
                self.version = found.body[6]
            self.broker.note(found, self.version, self.kind)
            yield found

    def wait(self) -> None:
        """Say nothing, and read nothing."""
        while self.goes_on:
            time.sleep(_STEP_S)

    def answer(self, found: Packet) -> None:
        """As a broker should."""
        if found.kind == CONNECT:
            self.say_always(connack(version=self.version))
        elif found.kind == SUBSCRIBE:
            body = found.number.to_bytes(2, "big") + (b"\0" if self.version == 5 else b"")
            self.say_always(packet(SUBACK, body + bytes([1] * self.broker.subscribed(found, self.version))))
        elif found.kind == PUBLISH and found.flags & 6:
            self.say_always(puback(found.number))
        elif found.kind == PINGREQ:
            self.say_always(packet(PINGRESP, b""))

    def say_always(self, data: bytes) -> None:
        with suppress(TimeoutError):
            self.sock.sendall(data)


Behaviour = Callable[[Talk], None]
Answer = Callable[[Talk, Packet], bool]
"""Says whether it answered a packet; else it is answered as it should be."""


def _at_once(data: bytes | Callable[[Talk], bytes]) -> Behaviour:
    """These bytes for an answer to CONNECT."""

    def behave(talk: Talk) -> None:
        for found in talk.packets():
            if found.kind == CONNECT:
                talk.say(data(talk) if callable(data) else data)
        talk.wait()

    return behave


def _answering(answer: Answer) -> Behaviour:
    def behave(talk: Talk) -> None:
        for found in talk.packets():
            if not talk.goes_on:
                return
            if not answer(talk, found):
                talk.answer(found)

    return behave


def _after(kind: int, data: Callable[[Talk], bytes], *, every: int = 1) -> Behaviour:
    """A broker as it should be, which says this besides after each of these packets."""
    seen: Counter[int] = Counter()

    def answer(talk: Talk, found: Packet) -> bool:
        talk.answer(found)
        seen[found.kind] += 1
        if found.kind == kind and seen[kind] % every == 0:
            talk.say(data(talk))
        return True

    return _answering(answer)


def _refusing(code: int) -> Behaviour:
    def behave(talk: Talk) -> None:
        for found in talk.packets():
            if found.kind == CONNECT:
                talk.say(connack(code))
                return

    return behave


def _leaving(code: int) -> Behaviour:
    return _after(PUBLISH, lambda _: packet(DISCONNECT, bytes([code])), every=20)


def _announcing(properties: bytes) -> Behaviour:
    def answer(talk: Talk, found: Packet) -> bool:
        if found.kind != CONNECT:
            return False
        talk.say(connack(0, properties))
        return True

    return _answering(answer)


def _acknowledging(say: Callable[[Packet], bytes]) -> Behaviour:
    """The acknowledgement of a message of QoS 1."""

    def answer(talk: Talk, found: Packet) -> bool:
        if found.kind != PUBLISH or not found.flags & 6:
            return False
        talk.say(say(found))
        return True

    return _answering(answer)


def _old(refusal: bytes) -> Behaviour:
    """A broker of MQTT 3.1.1, and how it says so to a client of MQTT 5."""

    def behave(talk: Talk) -> None:
        for found in talk.packets():
            if not talk.goes_on:
                return
            if talk.version == 5:
                talk.say(refusal)
                return
            talk.answer(found)

    return behave


def _hang_up(talk: Talk) -> None:
    for _ in talk.packets():
        return


def _reset(talk: Talk) -> None:
    for found in talk.packets():
        talk.answer(found)
        if found.kind == PUBLISH:
            talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return


def _silent(talk: Talk) -> None:
    for _ in talk.packets():
        pass


def _deaf(talk: Talk) -> None:
    """Reads nothing after the login, so that the client's words pile up."""
    for found in talk.packets():
        talk.answer(found)
        if found.kind == SUBSCRIBE:
            break
    talk.wait()


def _endless(talk: Talk) -> None:
    """One message without end."""
    for found in talk.packets():
        talk.answer(found)
        if found.kind == SUBSCRIBE:
            break
    talk.say(b"\x30" + size(268_435_455) + text("inspection/station-1/command") + b"\0")
    while talk.goes_on:
        talk.say(bytes(65536))


def _trickle(talk: Talk) -> None:
    """A byte now and then of a message that never ends."""
    for found in talk.packets():
        talk.answer(found)
        if found.kind == SUBSCRIBE:
            break
    talk.say(b"\x30" + size(1000))
    while talk.goes_on:
        talk.say(b"\0")
        time.sleep(0.2)


def _slow(talk: Talk) -> None:
    """Every byte after a while."""
    for found in talk.packets():
        if found.kind == CONNECT:
            for byte in connack():
                talk.say(bytes([byte]))
                time.sleep(0.1)
        elif talk.goes_on:
            time.sleep(0.1)
            talk.answer(found)
        else:
            return


def _flood(talk: Talk) -> None:
    """Messages as fast as they are taken, each answered by the client, whose answers nobody reads."""
    for found in talk.packets():
        talk.answer(found)
        if found.kind == SUBSCRIBE:
            break
    one = b"".join(
        publish("inspection/station-1/command", b'{"id": "%d"}' % number, qos=1, number=number)
        for number in range(1, 500)
    )
    while talk.goes_on:
        talk.say(one)


def _large(talk: Talk) -> bytes:
    return publish("inspection/station-1/command", bytes(50_000_000))


def _foreign(properties: bytes) -> Callable[[Talk], bytes]:
    def message(_: Talk) -> bytes:
        return publish("inspection/station-1/command", b"{}", properties, qos=1, retain=1)

    return message


def _noise(talk: Talk) -> bytes:
    return talk.chance.randbytes(1000)


def _commands_only(found: Packet) -> bytes:
    return puback(found.number) if found.topic.endswith(COMMANDS) else b""


REFUSALS = (0x01, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x97, 0x9F)
GOODBYES = (0x00, 0x8B, 0x8D, 0x8E, 0x93, 0x95, 0x97, 0x98)

KINDS: dict[str, Behaviour] = {
    "nonsense for an answer": _at_once(_noise),
    "nonsense after a message": _after(PUBLISH, _noise, every=10),
    "hangs up": _hang_up,
    "resets after a message": _reset,
    "silent": _silent,
    "slow": _slow,
    "reads nothing": _deaf,
    "an endless message": _endless,
    "a trickle": _trickle,
    "a flood of commands": _flood,
    "a message of 50 MB": _after(SUBSCRIBE, _large),
    "half an answer": _at_once(connack()[:3]),
    "an answer that is too short": _at_once(packet(CONNACK, b"\0")),
    "a length of five bytes": _at_once(b"\x20\xff\xff\xff\xff\x01"),
    "an answer with an unknown property": _at_once(connack(0, b"\x7f\x00")),
    "an answer with a property cut short": _at_once(packet(CONNACK, b"\0\0\x09\x27\x00")),
    "another packet for an answer": _at_once(packet(PUBACK, b"\0\1")),
    "a message before the answer": _at_once(publish("inspection/station-1/command", b"{}")),
    "two answers": _at_once(connack() + connack()),
    "answers to CONNECT for everything": _after(PUBLISH, lambda _: connack()),
    "wrong numbers": _acknowledging(lambda found: puback(found.number ^ 0x5555)),
    "number 0": _acknowledging(lambda _: puback(0)),
    "never acknowledges": _acknowledging(lambda _: b""),
    "acknowledges commands only": _acknowledging(_commands_only),
    "acknowledges twice": _acknowledging(lambda found: 2 * puback(found.number)),
    "acknowledges with nonsense": _acknowledging(
        lambda found: packet(PUBACK, found.number.to_bytes(2, "big") + b"\x42\x05\x1f")
    ),
    "acknowledges as QoS 2": _acknowledging(lambda found: packet(5, found.number.to_bytes(2, "big"))),
    "refuses every message": _acknowledging(lambda found: puback(found.number, 0x87)),
    "over quota": _acknowledging(lambda found: puback(found.number, 0x97)),
    "does not answer subscriptions": _answering(lambda _, found: found.kind == SUBSCRIBE),
    "subscriptions answered by nonsense": _after(SUBSCRIBE, lambda _: packet(SUBACK, b"\0")),
    "a malformed user property": _after(PUBLISH, _foreign(FEFF), every=5),
    "a malformed format": _after(PUBLISH, _foreign(FORMAT_7), every=5),
    "a property twice": _after(PUBLISH, _foreign(b"\x08\0\1a\x08\0\1b"), every=5),
    "properties longer than the packet": _after(
        PUBLISH, lambda _: packet(PUBLISH, text("inspection/station-1/command") + b"\x7f{}")
    ),
    "a topic that is no text": _after(PUBLISH, lambda _: publish(b"\xff\xfe/command", b"{}"), every=5),
    "a topic longer than the packet": _after(PUBLISH, lambda _: packet(PUBLISH, b"\xff\xffab")),
    "topics that nobody asked for": _after(
        PUBLISH, lambda talk: publish(f"a/{talk.chance.random()}", b"{}"), every=2
    ),
    "messages of QoS 2": _after(PUBLISH, lambda _: publish("inspection/station-1/command", b"{}", qos=2)),
    "messages of QoS 3": _after(PUBLISH, lambda _: publish("inspection/station-1/command", b"{}", qos=3)),
    "pings": _after(PUBLISH, lambda _: 1000 * packet(PINGREQ, b"")),
    "asks for a login": _after(PUBLISH, lambda _: packet(AUTH, b"\x18\0")),
    "an unknown packet": _after(PUBLISH, lambda _: packet(0, b"")),
    "says that it takes packets of 1 byte": _announcing(bytes([ANNOUNCE_LARGEST]) + b"\0\0\0\1"),
    "says that it takes packets of 200 bytes": _announcing(bytes([ANNOUNCE_LARGEST]) + b"\0\0\0\xc8"),
    "takes one message at a time": _announcing(bytes([ANNOUNCE_WINDOW]) + b"\0\1"),
    "takes no message at a time": _announcing(bytes([ANNOUNCE_WINDOW]) + b"\0\0"),
    "wants no sign of life": _announcing(bytes([ANNOUNCE_KEEPALIVE]) + b"\0\0"),
    "says goodbye after a message": _after(PUBLISH, lambda _: packet(DISCONNECT, b"\x98")),
    "speaks only 3.1.1": _old(connack(1, version=4)),
    "speaks only 3.1.1, and says so in MQTT 5": _old(connack(0x84)),
    **{f"refuses with {code:#04x}": _refusing(code) for code in REFUSALS},
    **{f"says goodbye with {code:#04x}": _leaving(code) for code in GOODBYES},
}
"""What each misbehaviour does with a connection, until the broker is good."""
READS_LATE = ("slow", "a message of 50 MB")
"""What comes to these lies in the kernel for a while: no judges of what was late."""


class FakeBroker:
    """Listens on a port of its own; ``be`` changes what it does, and ends the connections that there are.

    It is good at first. What it was told is noted while it is good and while it is not.
    """

    def __init__(self) -> None:
        self.closed = threading.Event()
        self._kind: str | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.attempts = 0
        self.told: Counter[str] = Counter()
        """Messages by the last part of their topic, since ``be``."""
        self.late: list[tuple[str, float]] = []
        """Commands that came after the moment up to which they are valid: to which kind, how many seconds.

        By this clock, TRANSPORT_S allowed.
        """
        self.verdicts: dict[str, bytes] = {}
        """The first content of each id."""
        self.two_contents: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def is_good(self) -> bool:
        """True if it does as a broker should."""
        return self._kind is None

    def be(self, kind: str | None) -> None:
        """Misbehave in this way from now on, or in none."""
        with self._lock:
            self._kind = kind
            self.told.clear()
            self.attempts = 0
            ending, self._open = self._open, set()
        for sock in ending:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Be gone."""
        self.closed.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.be(None)

    def note(self, found: Packet, version: int, kind: str | None) -> None:
        """A packet came just now, over a connection on which it is of this kind."""
        if found.kind != PUBLISH:
            return
        now = time.time()
        kind_of_message = found.topic.rsplit("/", 1)[-1]
        with self._lock:
            self.told[kind_of_message] += 1
        if kind_of_message == "verdict":
            self._note_verdict(found.payload(version))
        if found.topic.endswith(COMMANDS):
            command = json.loads(found.payload(version))
            if "valid_until" not in command or kind in READS_LATE:
                return  # `edge --check` tries the topic
            until = datetime.fromisoformat(command["valid_until"]).timestamp()
            if now > until + TRANSPORT_S:
                self.late.append((kind or "good", round(now - until, 3)))

    def _note_verdict(self, payload: bytes) -> None:
        identity = json.loads(payload).get("id")
        if identity is not None and self.verdicts.setdefault(identity, payload) != payload:
            self.two_contents.append(identity)

    @staticmethod
    def subscribed(found: Packet, version: int) -> int:
        """The number of topics that a SUBSCRIBE names."""
        at, count = 3 if version == 5 else 2, 0
        while at < len(found.body):
            at += 3 + int.from_bytes(found.body[at : at + 2], "big")
            count += 1
        return count

    def _accept(self) -> None:
        while not self.closed.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(0.1)
            with self._lock:
                self._open.add(sock)
                self.attempts += 1
            threading.Thread(target=self._serve, args=(sock, self._kind), daemon=True).start()

    def _serve(self, sock: socket.socket, kind: str | None) -> None:
        talk = Talk(self, sock, kind)
        with suppress(OSError):
            if kind is None:
                for found in talk.packets():
                    talk.answer(found)
            else:
                KINDS[kind](talk)
        with self._lock:
            self._open.discard(sock)
        sock.close()
