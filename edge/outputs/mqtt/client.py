"""The link to the broker: one paho client a connection, thrown away when the link is lost.

A new client for each connection leaves nothing to paho's own queues, which drop the newest
message when full and send old commands after a reconnect. Verdicts wait in the journal instead;
commands that cannot be sent now are never sent.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.core.errors import BrokerError
from edge.outputs.mqtt.connection import Connection, Protocol, Receipt, is_over
from edge.outputs.mqtt.dial import NO_ANSWER, hint, new_client, start_options, why_unreachable
from edge.settings.mqtt import MqttSettings

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.2
CONNECT_TIMEOUT_S = 5.0
# Mosquitto 2.0.11 ends the connection of a client whose name another one takes without saying why.
_SHORT_S = 5.0
_SHORT_TIMES = 3
_CHECK_S = 0.1
_TURN_S = 1.0
LEAVE_S = 1.0
ALIVE_S = 60.0  # more than an attempt may take: with two protocols, and a name that is slow to be found
PATIENCE_S = 30.0  # for an acknowledgement; doubled while it does not help, for each end costs commands
_MOST_PATIENCE_S = 600.0
_MOST_SAID = 20
_UNSUPPORTED = "Unsupported protocol version"
NO_EXPIRY = "the broker speaks only MQTT 3.1.1: a command that it holds back does not expire"


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
class Subscription:
    """A topic to hear; ``wants_retained`` also messages from before, kept by the broker."""

    topic: str
    wants_retained: bool = False


@dataclass(frozen=True)
class Will:
    """The message that the broker sends, and retains, when the connection ends without a goodbye."""

    topic: str
    payload: bytes


class BrokerLink:
    """Keeps a connection to the broker, for ever; every method returns at once.

    ``on_turn`` is called on our own thread some times a second while there is a connection.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        client_id: str,
        on_connected: Callable[[], None],
        on_acknowledged: Callable[[Receipt], None],
        on_refused: Callable[[Receipt], None] = lambda _: None,
        on_lost: Callable[[str], None] = lambda _: None,
        subscriptions: Sequence[Subscription] = (),
        on_turn: Callable[[], None] = lambda: None,
        on_message: Callable[[Incoming], None] = lambda _: None,
        on_unreadable: Callable[[str, str], None] = lambda _topic, _why: None,
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
        self._on_turn = on_turn
        self._on_message = on_message
        self._on_unreadable = on_unreadable
        self._connection: Connection | None = None
        self._stop = threading.Event()
        self._tried = threading.Event()
        self._said: set[str] = set()
        self._attempts = 0
        self._failed = 0
        self.connections = 0
        """How often the broker accepted a connection."""
        self._short = 0
        self._patience_s = PATIENCE_S
        self._turned = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    @property
    def address(self) -> str:
        """Host and port, for people."""
        return f"{self._settings.host}:{self._settings.port}"

    @property
    def alive_at(self) -> float:
        """When the link's thread last gave a sign of life, in monotonic seconds."""
        return self._turned

    @property
    def is_alive(self) -> bool:
        """True if our thread still connects, and connects again."""
        return self._thread.is_alive() and time.monotonic() - self._turned < ALIVE_S

    @property
    def connected(self) -> bool:
        """True if the broker accepted us and has not gone away since."""
        return self._open is not None

    def start(self, *, wait_s: float = 0.0) -> None:
        """Connect in the background; wait at most ``wait_s`` for the end of the first attempt."""
        self._thread.start()
        self._tried.wait(wait_s)

    def try_once(self) -> Protocol:
        """Connect, leave again and tell which protocol it was; raises BrokerError with the reason."""
        connection = self._connect()
        connection.client.disconnect()
        connection.client.loop_stop()
        return connection.protocol

    @property
    def connection_number(self) -> int | None:
        """Which connection there is now; None if there is none."""
        connection = self._open
        return None if connection is None else connection.number

    @property
    def protocol(self) -> Protocol | None:
        """The version of MQTT that is spoken now; None if there is no connection."""
        connection = self._open
        return None if connection is None else connection.protocol

    @property
    def most_unacknowledged(self) -> int:
        """The number of messages that the broker takes before it acknowledges one."""
        connection = self._open
        return 1 if connection is None else connection.most_unacknowledged

    @property
    def subscription_error(self) -> str | None:
        """Why nothing that is sent to us arrives over the connection that there is, or None."""
        connection = self._connection
        return "no broker" if connection is None else connection.subscription_error

    @property
    def trouble(self) -> str | None:
        """The trouble with the present connection, or None; also where there is none."""
        connection = self._open
        if connection is None:
            return None
        found = [] if connection.subscription_error is None else [connection.subscription_error]
        found += [f"{topic}: {why}" for topic, why in sorted(dict(connection.troubles).items())]
        if connection.protocol == "3.1.1" and self._settings.protocol == "auto":
            found.append(NO_EXPIRY)
        return f"mqtt: {self.address}: {'; '.join(found)}" if found else None

    def takes(self, topic: str, payload: bytes) -> bool:
        """True if the broker takes messages of this size; so far as is known, if there is none."""
        connection = self._open
        return connection is None or connection.takes(topic, payload)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int,
        retain: bool = False,
        expires_s: float | None = None,
        useless_after: float = math.inf,
        correlation: bytes | None = None,
        on_refused: Callable[[str], None] = lambda _: None,
    ) -> Receipt | None:
        """Hand a message to the connection that there is now; None if it cannot take it.

        ``on_refused`` is called with the reason, on our own thread, where the broker does not take it, and
        where it was not written to the network by ``useless_after``, in monotonic seconds: then it never is.
        No lock of ours may be held here: paho calls back while it holds its own.
        """
        connection = self._open
        if connection is None:
            return None
        return connection.publish(
            topic,
            payload,
            qos=qos,
            retain=retain,
            expires_s=expires_s,
            useless_after=useless_after,
            correlation=correlation,
            on_refused=on_refused,
        )

    def stop(self, goodbye: bytes = b"") -> None:
        """End; where there is a will, say goodbye in its place."""
        self._stop.set()
        connection = self._open
        if connection is not None:
            if self._will is not None:
                info = connection.client.publish(self._will.topic, goodbye, qos=1, retain=True)
                deadline = time.monotonic() + 1.0
                while not is_over(info) and time.monotonic() < deadline and connection.is_open:
                    connection.closed.wait(0.01)
            connection.client.disconnect()
            if not connection.closed.wait(LEAVE_S):
                connection.cut()
        if self._thread.is_alive():
            self._thread.join(LEAVE_S)  # an attempt to connect is not waited for

    @property
    def _open(self) -> Connection | None:
        connection = self._connection
        return connection if connection is not None and connection.is_open else None

    def _run(self) -> None:
        pause = FIRST_PAUSE_S
        while not self._stop.is_set():
            self._turned = time.monotonic()
            try:
                connection = self._connect()
            except Exception as error:  # whatever it is, a want of memory or threads, too: it may be over
                self._failed += 1
                self._complain(_in_words(error))
                self._tried.set()
                self._wait(pause)
                pause = min(pause * 2, self._settings.reconnect_max_s)
                continue
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
            self._failed = 0

    def _wait(self, pause: float) -> None:
        """Until the next attempt; a long pause is no hang."""
        end = time.monotonic() + pause
        while not self._stop.is_set() and (now := time.monotonic()) < end:
            self._turned = now
            self._stop.wait(min(_TURN_S, end - now))

    def _serve(self, connection: Connection) -> None:
        """Be connected, until the connection ends."""
        self._connection = connection
        self.connections += 1
        if not self._short:
            logger.info("mqtt: connected to %s (MQTT %s)", self.address, connection.protocol)
        if connection.protocol == "3.1.1" and self._settings.protocol == "auto":
            self._complain(f"{NO_EXPIRY}; docs/guides/integration.md says what the PLC must look at")
        self._subscribe(connection)
        self._on_connected()
        self._tried.set()
        while connection.is_open:
            connection.news.wait(_CHECK_S)
            connection.news.clear()
            self._maintain(connection)
            self._on_turn()

    def _maintain(self, connection: Connection) -> None:
        """Tell what was refused; end a connection that only swallows commands, to deliver them late."""
        self._turned = time.monotonic()
        for receipt in connection.settle():
            self._on_refused(receipt)
        for topic, why in dict(connection.troubles).items():
            self._complain(f"the broker at {self.address} refuses what is published on {topic}: {why}")
        stall = connection.stalled(self._turned, self._patience_s)
        if stall is not None:
            connection.end = f"the broker at {self.address} {stall}; connecting again"
            self._complain(connection.end)
            connection.cut()
            connection.closed.wait(CONNECT_TIMEOUT_S)
            connection.closed.set()

    def _subscribe(self, connection: Connection) -> None:
        """Every connection begins without subscriptions; what waited for us is too old to act on."""
        if not self._subscriptions:
            return
        if connection.protocol == "5":
            connection.client.subscribe([(one.topic, _options(one)) for one in self._subscriptions])
        else:
            connection.client.subscribe([(one.topic, 1) for one in self._subscriptions])
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        while not connection.subscribed.wait(_CHECK_S) and time.monotonic() < deadline:
            self._maintain(connection)
        if not connection.subscribed.is_set():
            connection.subscription_error = "the broker does not answer our subscriptions"
        if connection.subscription_error is not None and connection.is_open:
            self._complain(f"{connection.subscription_error}; may this user read?")

    def _lost(self, connection: Connection) -> float:
        """Say what happened, and how long to wait before trying again."""
        lasted = time.monotonic() - connection.since
        if lasted >= _SHORT_S:
            self._said.clear()
        self._patience_s = min(2 * self._patience_s, _MOST_PATIENCE_S) if connection.was_cut else PATIENCE_S
        # Ended without a word by a broker that was there all the time: as it does to a client whose name
        # another one takes. The two would throw each other out as fast as they come back: be the slower one.
        wordless = connection.end is None and lasted < _SHORT_S and not self._failed
        self._short = self._short + 1 if wordless else 0
        if connection.taken_over:
            reason = f"another client called {self._client_id} took over; has another station this name?"
            self._complain(reason)
            self._on_lost(reason)
            return self._settings.reconnect_max_s
        if self._short >= _SHORT_TIMES:
            reason = (
                f"the broker at {self.address} ends every connection soon and does not say why, as it does "
                f"when it restarts, and when another client called {self._client_id} comes"
            )
            self._complain(reason)
            self._on_lost(reason)
            return min(2.0 ** (self._short - _SHORT_TIMES), self._settings.reconnect_max_s)
        why = "" if connection.end is None else f" ({connection.end})"
        self._complain(f"lost the broker at {self.address}{why}; verdicts wait in the journal")
        self._on_lost(f"no broker at {self.address}")
        return FIRST_PAUSE_S

    def _complain(self, reason: str) -> None:
        """Each reason once, until a connection has held for a while."""
        if reason not in self._said and len(self._said) < _MOST_SAID and not self._stop.is_set():
            logger.error("mqtt: %s", reason)
            self._said.add(reason)

    def _connect(self) -> Connection:
        """MQTT 5, or 3.1.1 where the broker says that it does not speak 5: one that hangs says nothing."""
        protocol: Protocol = "3.1.1" if self._settings.protocol == "3.1.1" else "5"
        connection = self._attempt(protocol)
        if self._settings.protocol == "auto" and connection.refusal == _UNSUPPORTED:
            connection = self._attempt("3.1.1")
        if connection.accepted:
            return connection
        refusal = connection.refusal or connection.end or NO_ANSWER
        raise BrokerError(f"the broker at {self.address} refuses the connection: {refusal}{hint(refusal)}")

    def _attempt(self, protocol: Protocol) -> Connection:
        self._attempts += 1
        client = new_client(self._settings, self._client_id, protocol, self._on_unreadable)
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, qos=1, retain=True)
        connection = Connection(client, self._attempts, protocol)
        self._listen(connection)
        client.connect_timeout = CONNECT_TIMEOUT_S
        try:
            client.connect(
                self._settings.host,
                self._settings.port,
                keepalive=self._settings.keepalive_s,
                **start_options(protocol),
            )
        except (OSError, ValueError) as error:
            raise BrokerError(why_unreachable(self._settings, self.address, error)) from error
        client.loop_start()
        connection.answered.wait(CONNECT_TIMEOUT_S)
        if not connection.accepted:
            connection.cut()
            client.disconnect()
            client.loop_stop()
        return connection

    def _listen(self, connection: Connection) -> None:
        """Callbacks only set flags and pass things on: an exception there would end the connection."""

        def published(_client: object, _data: object, mid: int, reason: ReasonCode, _props: object) -> None:
            if reason.is_failure:
                connection.refused(mid, reason)
            else:
                self._on_acknowledged(Receipt(connection.number, mid))

        def came(_client: object, _data: object, message: paho.MQTTMessage) -> None:
            received = time.monotonic()
            try:
                self._on_message(_incoming(message, received))
            except Exception as error:  # nothing that a stranger sends may end this thread
                self._complain(f"a message: {type(error).__name__}: {error}")

        client = connection.client
        client.on_connect = lambda _client, _data, _flags, reason, answer: connection.has_answer(
            reason, answer
        )
        client.on_disconnect = lambda _client, _data, flags, reason, _: connection.has_ended(flags, reason)
        client.on_subscribe = lambda _client, _data, _mid, reasons, _: connection.has_subscriptions(reasons)
        client.on_message = came
        client.on_publish = published


def _options(subscription: Subscription) -> SubscribeOptions:
    """Options that leave out what the broker retained from another time, unless it is asked for."""
    kept = SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
    if not subscription.wants_retained:
        kept = SubscribeOptions.RETAIN_DO_NOT_SEND
    return SubscribeOptions(qos=1, retainHandling=kept)


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


def _in_words(error: Exception) -> str:
    if isinstance(error, BrokerError):
        return str(error)
    return f"cannot connect ({type(error).__name__}: {error})"
