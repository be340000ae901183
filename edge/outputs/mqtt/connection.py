"""One connection to the broker, from the attempt to its end, and what waits there to be acknowledged."""

import math
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.outputs.mqtt.guarded import GuardedClient

MOST_UNACKNOWLEDGED = 500
REFUSED_S = 0.5
"""So long nothing more is tried on a topic where the broker refused a message."""
STALL_S = 1.0
_LEFT_OUT = "not written in time"
_HEADERS = 64  # bytes of a packet that are neither topic, payload nor correlation data; more than there are

Protocol = Literal["5", "3.1.1"]


@dataclass(frozen=True)
class Receipt:
    """A message given to a connection; the acknowledgement carries an equal one."""

    connection: int
    message: int


@dataclass(frozen=True)
class _Given:
    """A message of QoS 1 that was handed over; times are monotonic seconds."""

    topic: str
    info: paho.MQTTMessageInfo
    at: float
    useless_from: float
    on_refused: Callable[[str], None]


class Connection:
    """One attempt, and the connection that it became. ``publish`` may be called on any thread."""

    def __init__(self, client: GuardedClient, number: int, protocol: Protocol) -> None:
        self.client = client
        self.number = number
        self.protocol: Protocol = protocol
        self.answered = threading.Event()
        self.accepted = False
        self.closed = threading.Event()
        self.news = threading.Event()
        """Set when it closed, or a message was refused."""
        self.refusal: str | None = None
        self.subscribed = threading.Event()
        self.subscription_error: str | None = None
        self.taken_over = False
        self.was_cut = False
        """Whether we ended it."""
        self.end: str | None = None
        """Why it ended, where anybody knows."""
        self.since = time.monotonic()
        self.largest: float = math.inf
        """Bytes of a packet that the broker takes."""
        self.most_unacknowledged = MOST_UNACKNOWLEDGED
        self.troubles: dict[str, str] = {}
        """Of the topics on which the latest message did not get through: why."""
        self._lock = threading.Lock()  # never held while paho is called: it holds its own when it calls us
        self._given: list[_Given] = []
        client.on_left_out = self._left_out
        self._refusals: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
        self._refused: dict[int, str] = {}
        self._again_at: dict[str, float] = {}

    @property
    def is_open(self) -> bool:
        """True if nothing ended it yet."""
        return not self.closed.is_set()

    def has_answer(self, reason: ReasonCode, properties: Properties | None) -> None:
        """The broker accepts the connection, and says what it takes; or refuses it."""
        self.largest = getattr(properties, "MaximumPacketSize", None) or math.inf
        most = getattr(properties, "ReceiveMaximum", None) or MOST_UNACKNOWLEDGED
        self.most_unacknowledged = min(MOST_UNACKNOWLEDGED, most)
        self.accepted = not reason.is_failure
        self.refusal = str(reason) if reason.is_failure else None
        self.answered.set()

    def has_subscriptions(self, reasons: Sequence[ReasonCode]) -> None:
        """The broker answers what was subscribed to."""
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self.subscription_error = f"the broker refuses our subscriptions: {refused[0]}"
        self.subscribed.set()

    def has_ended(self, flags: paho.DisconnectFlags, reason: ReasonCode) -> None:
        """There is no connection any more."""
        self.taken_over = str(reason) == "Session taken over"
        if self.client.fault is not None:
            self.end = f"the broker sent {self.client.fault}"
        elif flags.is_disconnect_packet_from_server:
            self.end = f"the broker said: {reason}"
        elif str(reason) == "Keep alive timeout":
            self.end = "the broker gave no sign of life"
        for event in (self.closed, self.news, self.subscribed, self.answered):
            event.set()

    def takes(self, topic: str, payload: bytes, correlation: bytes = b"") -> bool:
        """True if a message of this size may be sent; the broker would hang up on a larger one."""
        return len(topic.encode()) + len(payload) + len(correlation) + _HEADERS <= self.largest

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int,
        retain: bool,
        expires_s: float | None,
        useless_after: float,
        correlation: bytes | None,
        on_refused: Callable[[str], None],
    ) -> Receipt | None:
        """Hand a message over; None where that is not possible now."""
        if not self.is_open:
            return None
        if not self.takes(topic, payload, correlation or b""):
            self.troubles[topic] = f"larger than the {self.largest:g} bytes that the broker takes"
            return None
        if qos and (time.monotonic() < self._again_at.get(topic, 0.0) or not self._may_one_more()):
            return None
        info = self.client.publish_until(
            useless_after,
            topic,
            payload=payload,
            qos=qos,
            retain=retain,
            properties=self._properties(expires_s, correlation),
        )
        if info.rc != paho.MQTT_ERR_SUCCESS:
            return None
        if qos:
            now = time.monotonic()
            until = math.inf if expires_s is None else now + expires_s
            with self._lock:
                self._given.append(_Given(topic, info, now, until, on_refused))
        return Receipt(self.number, info.mid)

    def refused(self, message: int, reason: ReasonCode) -> None:
        """The broker does not take a message; called on paho's thread."""
        self._refusals.put((message, str(reason)))
        self.news.set()

    def _left_out(self, message: int) -> None:
        self._refusals.put((message, _LEFT_OUT))
        self.news.set()

    def settle(self) -> list[Receipt]:
        """Forget what was acknowledged, and tell whose message was refused; returns which those are."""
        with self._lock:
            given = list(self._given)
        over = [one for one in given if is_over(one.info)]  # first, or a refusal could be missed between
        while not self._refusals.empty():
            message, reason = self._refusals.get()
            self._refused[message] = reason
        refused = [(one, self._refused.pop(one.info.mid)) for one in given if one.info.mid in self._refused]
        settled = {id(one) for one in over} | {id(one) for one, _ in refused}
        with self._lock:
            self._given = [one for one in self._given if id(one) not in settled]
        for one in over:
            self.troubles.pop(one.topic, None)
        for one, reason in refused:
            if reason != _LEFT_OUT:  # that was us, not the broker
                self.troubles[one.topic] = reason
                self._again_at[one.topic] = time.monotonic() + REFUSED_S
            one.on_refused(reason)
        return [Receipt(self.number, one.info.mid) for one, _ in refused]

    def stalled(self, now: float, patience_s: float) -> str | None:
        """A message without an acknowledgement for too long, or None; of a command: after its use."""
        with self._lock:
            given = list(self._given)
        if any(now > one.useless_from + STALL_S for one in given):
            return "acknowledges no commands"
        old = next((one for one in given if now > one.at + patience_s), None)
        return None if old is None else f"did not acknowledge a message on {old.topic} for {patience_s:g} s"

    def cut(self) -> None:
        """End it at once: what was not sent yet is thrown away, and not sent late."""
        self.was_cut = True
        sock: Any = self.client.socket()
        if sock is not None:
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it ended by itself

    def _may_one_more(self) -> bool:
        with self._lock:
            given = list(self._given)
        most = self.most_unacknowledged
        return len(given) < most or sum(not is_over(one.info) for one in given) < most

    def _properties(self, expires_s: float | None, correlation: bytes | None) -> Properties | None:
        if self.protocol != "5" or (expires_s is None and correlation is None):
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if expires_s is not None:
            properties.MessageExpiryInterval = max(1, math.ceil(expires_s))
        if correlation is not None:
            properties.CorrelationData = correlation
        return properties


def is_over(info: paho.MQTTMessageInfo) -> bool:
    """True if the message was acknowledged, or never will be; paho raises where the link broke meanwhile."""
    return info.rc not in (paho.MQTT_ERR_SUCCESS, paho.MQTT_ERR_AGAIN) or info.is_published()
