"""The link to the broker: one paho client a connection, thrown away when the link is lost.

A new client for each connection leaves nothing to paho's own queues, which drop the newest
message when full and send old commands after a reconnect. Verdicts wait in the journal instead;
commands that cannot be sent now are never sent.
"""

import logging
import math
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.core.errors import BrokerError
from edge.settings.settings import MqttSettings

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.2
CONNECT_TIMEOUT_S = 5.0
# Mosquitto 2.0.11 does not say why: a connection that ends so soon, so often, was taken over.
_SHORT_S = 5.0
_SHORT_TIMES = 3
_CHECK_S = 0.1
_STALL_S = 1.0
_TURN_S = 1.0
_LEAVE_S = 1.0
_ALIVE_S = 60.0  # more than an attempt may take: with two protocols, and a name that is slow to be found
_UNSUPPORTED_PROTOCOL = {"Unsupported protocol version", "Protocol error", "Malformed packet"}

Protocol = Literal["5", "3.1.1"]


@dataclass(frozen=True)
class Receipt:
    """A message given to a connection; the acknowledgement carries an equal one."""

    connection: int
    message: int


@dataclass(frozen=True)
class Incoming:
    """A message from the network; ``received`` is monotonic seconds."""

    topic: str
    payload: bytes
    retained: bool
    received: float
    response_topic: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True)
class Will:
    """What the broker says, and retains, when the connection ends without a goodbye."""

    topic: str
    payload: bytes


class _Connection:
    """One attempt, and the connection that it became."""

    def __init__(self, client: paho.Client, number: int) -> None:
        self.client = client
        self.number = number
        self.answered = threading.Event()
        self.accepted = False
        self.closed = threading.Event()
        self.refusal: str | None = None
        self.subscribed = threading.Event()
        self.deaf: str | None = None
        self.taken_over = False
        self.since = time.monotonic()
        self._expiring: deque[tuple[float, paho.MQTTMessageInfo]] = deque()

    def note(self, expires: float, info: paho.MQTTMessageInfo) -> None:
        """A message of no use from ``expires`` on was handed over."""
        self._expiring.append((expires, info))

    def is_stalled(self, now: float) -> bool:
        """Whether the oldest such message is still not acknowledged, long after it was of use."""
        while self._expiring and self._expiring[0][1].is_published():
            self._expiring.popleft()
        return bool(self._expiring) and now > self._expiring[0][0] + _STALL_S

    def cut(self) -> None:
        """End it at once: what was not sent yet is thrown away, and not sent late."""
        sock: Any = self.client.socket()
        if sock is not None:
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it ended by itself


class BrokerLink:
    """Keeps a connection to the broker, for ever; every method returns at once."""

    def __init__(
        self,
        settings: MqttSettings,
        *,
        client_id: str,
        on_connected: Callable[[], None],
        on_acknowledged: Callable[[Receipt], None],
        on_refused: Callable[[Receipt], None] = lambda _: None,
        on_lost: Callable[[str], None] = lambda _: None,
        subscriptions: Sequence[str] = (),
        on_message: Callable[[Incoming], None] = lambda _: None,
        will: Will | None = None,
    ) -> None:
        self._settings = settings
        self._client_id = client_id
        self._will = will
        self._on_connected = on_connected
        self._on_acknowledged = on_acknowledged
        self._on_refused = on_refused
        self._on_lost = on_lost
        self._subscriptions = tuple(subscriptions)
        self._on_message = on_message
        self._protocol: Protocol = "3.1.1" if settings.protocol == "3.1.1" else "5"
        self._connection: _Connection | None = None
        self._stop = threading.Event()
        self._tried = threading.Event()
        self._complained = False
        self._refused_publish = False
        self._attempts = 0
        self.connections = 0
        """How often the broker let us in."""
        self._short = 0
        self._turned = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    @property
    def address(self) -> str:
        """Host and port, for people."""
        return f"{self._settings.host}:{self._settings.port}"

    @property
    def is_alive(self) -> bool:
        """Whether our thread still connects, and connects again."""
        return self._thread.is_alive() and time.monotonic() - self._turned < _ALIVE_S

    @property
    def connected(self) -> bool:
        """Whether the broker accepted us and has not gone away since."""
        connection = self._connection
        return connection is not None and not connection.closed.is_set()

    def start(self, *, wait_s: float = 0.0) -> None:
        """Connect in the background; wait at most ``wait_s`` for the end of the first attempt."""
        self._thread.start()
        self._tried.wait(wait_s)

    def try_once(self) -> Protocol:
        """Connect, leave again and tell which protocol it was; raises BrokerError with the reason."""
        connection = self._connect()
        connection.client.disconnect()
        connection.client.loop_stop()
        return self._protocol

    @property
    def connection_number(self) -> int | None:
        """Which connection there is now; None if there is none."""
        connection = self._connection
        return None if connection is None or connection.closed.is_set() else connection.number

    @property
    def deaf(self) -> str | None:
        """Why nothing that is sent to us arrives over the connection that there is, or None."""
        connection = self._connection
        return "no broker" if connection is None else connection.deaf

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int,
        retain: bool = False,
        expires_s: float | None = None,
        correlation: bytes | None = None,
    ) -> Receipt | None:
        """Hand a message to the connection that there is now; None if there is none.

        No lock of ours may be held here: paho calls back while it holds its own.
        """
        connection = self._connection
        if connection is None or connection.closed.is_set():
            return None
        properties = None
        if self._protocol == "5" and (expires_s is not None or correlation is not None):
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            if expires_s is not None:
                properties.MessageExpiryInterval = max(1, math.ceil(expires_s))
            if correlation is not None:
                properties.CorrelationData = correlation
        info = connection.client.publish(topic, payload, qos=qos, retain=retain, properties=properties)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            return None
        if expires_s is not None:
            connection.note(time.monotonic() + expires_s, info)
        return Receipt(connection.number, info.mid)

    def stop(self, goodbye: bytes = b"") -> None:
        """End; where there is a will, say goodbye in its place."""
        self._stop.set()
        connection = self._connection
        if connection is not None and not connection.closed.is_set():
            if self._will is not None:
                info = connection.client.publish(self._will.topic, goodbye, qos=1, retain=True)
                deadline = time.monotonic() + 1.0
                while not _is_over(info) and time.monotonic() < deadline and not connection.closed.is_set():
                    connection.closed.wait(0.01)
            connection.client.disconnect()
            if not connection.closed.wait(_LEAVE_S):
                connection.cut()
        if self._thread.is_alive():
            self._thread.join(_LEAVE_S)  # an attempt to connect is not waited for

    def _run(self) -> None:
        pause = FIRST_PAUSE_S
        while not self._stop.is_set():
            self._turned = time.monotonic()
            try:
                connection = self._connect()
            except Exception as error:  # whatever it is, a want of memory or threads, too: it may be over
                self._complain(_in_words(error))
                self._tried.set()
                self._wait(pause)
                pause = min(pause * 2, self._settings.reconnect_max_s)
                continue
            pause = FIRST_PAUSE_S
            self._complained = False
            self._refused_publish = False
            try:
                self._serve(connection)
            except Exception as error:  # the same
                self._complain(_in_words(error))
                connection.cut()
            self._connection = None
            connection.client.loop_stop()
            if not self._stop.is_set():
                pause = self._lost(connection)
                self._wait(pause)

    def _wait(self, pause: float) -> None:
        """Until the next attempt; a long pause is no hang."""
        end = time.monotonic() + pause
        while not self._stop.is_set() and (now := time.monotonic()) < end:
            self._turned = now
            self._stop.wait(min(_TURN_S, end - now))

    def _serve(self, connection: _Connection) -> None:
        """Be connected, until the connection ends."""
        self._connection = connection
        self.connections += 1
        logger.info("mqtt: connected to %s (MQTT %s)", self.address, self._protocol)
        self._subscribe(connection)
        self._on_connected()
        self._tried.set()
        self._stay(connection)

    def _stay(self, connection: _Connection) -> None:
        """Until the connection ends; one that only swallows commands, to deliver them late, is ended."""
        while not connection.closed.wait(_CHECK_S):
            self._turned = time.monotonic()
            if connection.is_stalled(self._turned):
                self._complain(f"the broker at {self.address} acknowledges no commands; connecting again")
                connection.cut()
                connection.closed.wait(CONNECT_TIMEOUT_S)
                connection.closed.set()

    def _subscribe(self, connection: _Connection) -> None:
        """Every connection begins without subscriptions; what waited for us is too old to act on."""
        if self._subscriptions:
            connection.client.subscribe([(topic, 1) for topic in self._subscriptions])
            if not connection.subscribed.wait(CONNECT_TIMEOUT_S):
                connection.deaf = "the broker does not answer our subscriptions"

    def _lost(self, connection: _Connection) -> float:
        """Say what happened, and how long to wait before trying again."""
        self._short = self._short + 1 if time.monotonic() - connection.since < _SHORT_S else 0
        if connection.taken_over or self._short >= _SHORT_TIMES:
            # Two clients with one name throw each other out as fast as they come back: be the slower one.
            what = "took over" if connection.taken_over else "seems to take over, again and again"
            reason = f"another client called {self._client_id} {what}; has another station this name?"
            self._complain(reason)
            self._on_lost(reason)
            return self._settings.reconnect_max_s
        self._complain(f"lost the broker at {self.address}; verdicts wait in the journal")
        self._on_lost(f"no broker at {self.address}")
        return FIRST_PAUSE_S

    def _complain(self, reason: str) -> None:
        """Once when the link breaks; what follows is the same trouble."""
        if not self._complained and not self._stop.is_set():
            logger.error("mqtt: %s", reason)
        self._complained = True

    def _connect(self) -> _Connection:
        connection = self._attempt()
        if connection.accepted:
            return connection
        refusal = connection.refusal or "no answer"
        unanswered = connection.refusal is None or connection.refusal in _UNSUPPORTED_PROTOCOL
        if self._settings.protocol == "auto" and unanswered:
            # Old brokers answer MQTT 5 with an error or by hanging up: try the other one next.
            self._protocol = "3.1.1" if self._protocol == "5" else "5"
            connection = self._attempt()
            if connection.accepted:
                return connection
            refusal = connection.refusal or refusal
        hint = _hint(refusal)
        raise BrokerError(f"the broker at {self.address} does not let us in: {refusal}{hint}")

    def _attempt(self) -> _Connection:
        self._attempts += 1
        connection = _Connection(self._new_client(), self._attempts)
        self._listen(connection)
        client = connection.client
        client.connect_timeout = CONNECT_TIMEOUT_S
        try:
            client.connect(
                self._settings.host,
                self._settings.port,
                keepalive=self._settings.keepalive_s,
                **self._start_options(),
            )
        except (OSError, ValueError) as error:
            raise BrokerError(self._why_unreachable(error)) from error
        client.loop_start()
        connection.answered.wait(CONNECT_TIMEOUT_S)
        if not connection.accepted:
            client.disconnect()
            client.loop_stop()
        return connection

    def _why_unreachable(self, error: OSError | ValueError) -> str:
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"the broker at {self.address} cannot be trusted: {error.verify_message}; "
                "mqtt.ca_file names the authority that signed its certificate"
            )
        if isinstance(error, ssl.SSLError) or (
            isinstance(error, ConnectionResetError) and self._settings.encrypted
        ):
            return (
                f"the broker at {self.address} speaks no TLS; is mqtt.port the one for it, usually 8883? "
                'mqtt.tls = "off" does without'
            )
        text = getattr(error, "strerror", None) or str(error)
        return f"no broker at {self.address} ({text}); is it running, and are mqtt.host and mqtt.port right?"

    def _start_options(self) -> dict[str, Any]:
        return {"clean_start": True} if self._protocol == "5" else {}

    def _new_client(self) -> paho.Client:
        version = MQTTProtocolVersion.MQTTv5 if self._protocol == "5" else MQTTProtocolVersion.MQTTv311
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=version,
            reconnect_on_failure=False,
        )
        if self._settings.username:
            client.username_pw_set(self._settings.username, self._settings.password.get_secret_value())
        if self._settings.encrypted:
            try:
                context = ssl.create_default_context(cafile=self._settings.ca_file or None)
            except (OSError, ssl.SSLError) as error:
                raise BrokerError(
                    f"mqtt.ca_file: {self._settings.ca_file}: cannot be used ({error})"
                ) from error
            if self._settings.cert_file:
                _load_certificate(context, self._settings.cert_file, self._settings.key_file)
            client.tls_set_context(context)
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, qos=1, retain=True)
        client.max_inflight_messages_set(100)
        client.on_socket_open = _send_at_once
        return client

    def _listen(self, connection: _Connection) -> None:
        """Callbacks only set flags and pass things on: an exception there would end paho's thread."""

        def connected(
            _client: paho.Client, _data: object, _flags: object, reason: ReasonCode, _props: object
        ) -> None:
            connection.accepted = not reason.is_failure
            connection.refusal = str(reason) if reason.is_failure else None
            connection.answered.set()

        def disconnected(
            _client: paho.Client, _data: object, _flags: object, reason: ReasonCode, _props: object
        ) -> None:
            connection.taken_over = str(reason) == "Session taken over"
            connection.closed.set()
            connection.subscribed.set()
            connection.answered.set()

        def published(
            _client: paho.Client, _data: object, mid: int, reason: ReasonCode, _props: object
        ) -> None:
            if reason.is_failure:
                if not self._refused_publish:
                    logger.error(
                        "mqtt: %s refuses what we publish: %s; may this user write?", self.address, reason
                    )
                self._refused_publish = True
                self._on_refused(Receipt(connection.number, mid))
            else:
                self._on_acknowledged(Receipt(connection.number, mid))

        def subscribed(
            _client: paho.Client, _data: object, _mid: int, reasons: list[ReasonCode], _props: object
        ) -> None:
            refused = [str(reason) for reason in reasons if reason.is_failure]
            if refused:
                connection.deaf = f"the broker refuses our subscriptions: {refused[0]}"
                logger.error(
                    "mqtt: %s lets us not read what is sent to us: %s; may this user?",
                    self.address,
                    refused[0],
                )
            connection.subscribed.set()

        def came(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
            received = time.monotonic()
            try:
                self._on_message(_incoming(message, received))
            except Exception:  # nothing that a stranger sends may end this thread
                logger.exception("mqtt: a message")

        connection.client.on_subscribe = subscribed
        connection.client.on_message = came
        connection.client.on_connect = connected
        connection.client.on_disconnect = disconnected
        connection.client.on_publish = published


def _send_at_once(_client: paho.Client, _data: object, sock: Any) -> None:
    """No command waits until what was sent before it is acknowledged, which may take 40 ms.

    As it would by Nagle's algorithm (RFC 896) and delayed acknowledgements (RFC 1122, section 4.2.3.2).
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _incoming(message: paho.MQTTMessage, received: float) -> Incoming:
    properties = message.properties
    return Incoming(
        message.topic,
        bytes(message.payload),
        retained=message.retain,
        received=received,
        response_topic=getattr(properties, "ResponseTopic", None),
        correlation=getattr(properties, "CorrelationData", None),
    )


def _is_over(info: paho.MQTTMessageInfo) -> bool:
    """Whether the message was acknowledged, or never will be; paho raises where the link broke meanwhile."""
    return info.rc not in (paho.MQTT_ERR_SUCCESS, paho.MQTT_ERR_AGAIN) or info.is_published()


def _load_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        # Without a password of ours OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ssl.SSLError) as error:
        raise BrokerError(
            f"mqtt.cert_file, mqtt.key_file: {certificate}, {key}: cannot be used ({error})"
        ) from error


def _in_words(error: Exception) -> str:
    if isinstance(error, BrokerError):
        return str(error)
    return f"cannot connect ({type(error).__name__}: {error})"


def _hint(refusal: str) -> str:
    if "authorized" in refusal.lower() or "password" in refusal.lower():
        return "; check mqtt.username and mqtt.password"
    return ""
