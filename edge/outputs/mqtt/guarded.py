"""paho's client, on its guard: nothing that comes in ends its thread, fills memory, or silences the station.

paho takes one malformed property of a message for the end of the connection, so that a retained one
would end every connection; and it makes as much room as a packet claims to need. What others publish is
refused here, message by message; what a broker itself must not send ends the connection, with a reason.

And it hands what is published to a thread of its own, which may come to run late: a message that is of use
until some moment is looked at once more there, just before it is written.

The overridden methods are paho's own (2.1 to 2.2); tests/edge/outputs/mqtt/test_guarded.py holds them to it.
"""

import math
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import MessageType, MQTTErrorCode
from paho.mqtt.exception import MalformedPacket

LARGEST_PACKET = 16 * 1024
"""Bytes of a packet that is taken; MQTT 5 brokers are told, and keep larger ones back."""
PACKET_S = 30.0
_KEPT = 2 * 65536  # what names the topic and the number of a message, however large that is
_CHUNK = 64 * 1024
_MOST_UNSENT = 20_000
_QOS = 0x06
_QOS_1 = 0x02


class _Dated(bytearray):
    """A packet that is not to be written after a moment, in monotonic seconds."""

    useless_after = math.inf


class GuardedClient(paho.Client):
    """A client of one connection; ``fault`` says what the broker sent that ended it, or None.

    ``on_unreadable`` is called with the topic of a message that is refused, and why, on paho's thread;
    ``on_left_out`` with the number of a message that was not written in time and never will be, on the same.
    """

    def __init__(self, *args: Any, on_unreadable: Callable[[str, str], None], **more: Any) -> None:
        super().__init__(*args, **more)
        self.fault: str | None = None
        self.on_left_out: Callable[[int], None] = lambda _: None
        self._on_unreadable = on_unreadable
        self._publishing = threading.local()
        self._packet_began: float | None = None
        self._has_answer = False

    @property
    def unacknowledged(self) -> int:
        """Count of messages that were handed over and wait for the broker's acknowledgement."""
        return int(self._inflight_messages)

    def publish_until(self, useless_after: float, topic: str, **message: Any) -> paho.MQTTMessageInfo:
        """Publish what must be written by then, in monotonic seconds, or not at all."""
        self._publishing.useless_after = useless_after
        try:
            return self.publish(topic, **message)
        finally:
            self._publishing.useless_after = math.inf

    def _packet_queue(
        self, command: int, packet: bytes | bytearray, mid: int, qos: int, *more: Any, **named: Any
    ) -> MQTTErrorCode:
        useless_after = getattr(self._publishing, "useless_after", math.inf)
        if useless_after < math.inf:
            packet = _Dated(packet)
            packet.useless_after = useless_after
        return super()._packet_queue(command, packet, mid, qos, *more, **named)

    def _packet_write(self) -> MQTTErrorCode:
        now = time.monotonic()
        for waiting in self._out_packet.copy():
            if waiting["pos"] == 0 and now > getattr(waiting["packet"], "useless_after", math.inf):
                self._out_packet.remove(waiting)
                self._leave_out(waiting["mid"])
        return super()._packet_write()

    def _leave_out(self, number: int) -> None:
        """Nothing waits any more for the acknowledgement of a message that was not written."""
        self.on_left_out(number)
        with self._out_message_mutex:
            message = self._out_messages.pop(number, None)
            if message is not None:
                self._inflight_messages -= 1
                message.info._set_as_published()

    def _sock_recv(self, bufsize: int) -> bytes:
        return super()._sock_recv(min(bufsize, _CHUNK))

    def _packet_read(self) -> MQTTErrorCode:
        result = super()._packet_read()
        if result == MQTTErrorCode.MQTT_ERR_PROTOCOL and self.fault is None and self._has_answer:
            self.fault = "what is not MQTT"
        if self._in_packet["command"] == 0:
            self._packet_began = None
            return result
        if self._in_packet["remaining_length"] > LARGEST_PACKET:
            del self._in_packet["packet"][_KEPT:]
        now = time.monotonic()
        self._packet_began = now if self._packet_began is None else self._packet_began
        if now - self._packet_began > PACKET_S:
            return self._end(f"a packet that was not complete after {PACKET_S:g} s")
        return result

    def _packet_handle(self) -> MQTTErrorCode:
        """Raises MalformedPacket, and nothing else, which ends the connection."""
        kind = self._in_packet["command"] & 0xF0
        if len(self._out_packet) > _MOST_UNSENT:
            return self._end("more than it takes answers for")
        if kind == MessageType.PUBLISH:
            return self._handle_foreign()
        length = self._in_packet["remaining_length"]
        if length > LARGEST_PACKET:
            return self._end(f"a packet of {length} bytes; at most {LARGEST_PACKET} are taken")
        if kind == MessageType.PINGREQ or (kind == MessageType.CONNACK) == self._has_answer:
            return self._end(f"a packet of type {kind >> 4} where none may come")
        own_keepalive = self._keepalive
        try:
            result = super()._packet_handle()
        except Exception as error:
            self.fault = f"a malformed packet of type {kind >> 4} ({error})"
            raise MalformedPacket(self.fault) from error
        if kind == MessageType.CONNACK:
            self._has_answer = True
            # A broker may ask for another one; 0, or a longer one, would leave a dead link unnoticed.
            self._keepalive = min(self._keepalive or own_keepalive, own_keepalive)
        return result

    def _handle_foreign(self) -> MQTTErrorCode:
        """A message: what somebody else wrote, so that nothing in it is the broker's fault but its frame."""
        qos, length = self._in_packet["command"] & _QOS, self._in_packet["remaining_length"]
        if not self._has_answer:
            return self._end("a message before it took the connection")
        if qos > _QOS_1:
            return self._end("a message of QoS 2, for which nobody asked")
        if length > LARGEST_PACKET:
            return self._refuse(f"{length} bytes; at most {LARGEST_PACKET} are taken")
        try:
            return super()._packet_handle()
        except Exception as error:
            return self._refuse(f"malformed ({error})")

    def _refuse(self, why: str) -> MQTTErrorCode:
        """Leave a message out, and acknowledge it, or the broker would send it again."""
        packet = bytes(self._in_packet["packet"][:_KEPT])
        has_number = bool(self._in_packet["command"] & _QOS)
        try:
            (length,) = struct.unpack_from("!H", packet)
            topic, *number = struct.unpack_from(f"!{length}s{'H' * has_number}", packet, 2)
        except struct.error as error:
            self.fault = "a message without topic and number"
            raise MalformedPacket(self.fault) from error
        self._on_unreadable(topic.decode("utf-8", "replace"), why)
        return self._send_puback(*number) if has_number else MQTTErrorCode.MQTT_ERR_SUCCESS

    def _end(self, fault: str) -> MQTTErrorCode:
        self.fault = fault
        return MQTTErrorCode.MQTT_ERR_PROTOCOL
