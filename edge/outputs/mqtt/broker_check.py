"""Check that the broker lets a station do all that it needs: write its topics, hear what is sent to it."""

import json
import time
from collections.abc import Callable

from edge.core.errors import BrokerError
from edge.outputs.mqtt.client import NO_EXPIRY, BrokerLink, Incoming, Subscription
from edge.outputs.mqtt.connection import Receipt
from edge.outputs.mqtt.inbox import MAY_BE_RETAINED
from edge.outputs.mqtt.subscriptions import incoming_kinds
from edge.outputs.mqtt.topics import Topics
from edge.outputs.output import Checked
from edge.settings.settings import Settings

CONNECT_S = 6.0
ANSWER_S = 5.0
_STEP_S = 0.01


def check_broker(settings: Settings) -> Checked:
    """The same as ``try_broker``, where there is to be a broker."""
    return try_broker(settings) if settings.mqtt.enabled else Checked("switched off (mqtt.enabled)")


def try_broker(settings: Settings) -> Checked:
    """Log in, subscribe as the station does, and write a message that nobody acts on to each of its topics.

    Raises BrokerError with what the station could not do.
    """
    trial = _Trial(settings)
    protocol = trial.link.try_once()
    how = "encrypted" if settings.mqtt.encrypted else "in the clear"
    warnings = []
    if settings.mqtt.password.get_secret_value() and not settings.mqtt.encrypted:
        warnings.append('the password can be read on its way: mqtt.tls = "on"')
    if protocol == "3.1.1":
        warnings.append(f"{NO_EXPIRY}, nor does it say whether it takes one; see docs/guides/integration.md")
    trial.run()
    return Checked(
        f"{trial.link.address}: accepts the station (MQTT {protocol}, {how}), and takes its topics",
        (*warnings, *trial.warnings),
    )


class _Trial:
    """A client beside the station, which may be running."""

    def __init__(self, settings: Settings) -> None:
        topics = Topics(settings.station.name)
        self._message = json.dumps(
            {"schema": "linegate.check.v1", "station": settings.station.name, "simulated": True}
        ).encode()
        self._topics = _spoken(settings, topics)
        self._acknowledged: set[Receipt] = set()
        self._refused: dict[str, str] = {}
        self._lost: list[str] = []
        self.warnings: list[str] = []
        self.link = BrokerLink(
            settings.mqtt,
            client_id=f"linegate-{settings.station.name}-check",
            on_connected=lambda: None,
            on_acknowledged=self._acknowledged.add,
            on_lost=self._lost.append,
            subscriptions=[
                Subscription(topics.incoming(kind), wants_retained=True) for kind in incoming_kinds(settings)
            ],
            on_message=self._came,
            on_unreadable=lambda topic, why: self._found(topic, f"is {why}, and is refused"),
        )

    def run(self) -> None:
        """Raises BrokerError."""
        self.link.start(wait_s=CONNECT_S)
        try:
            given = {topic: self._write(topic) for topic in self._topics}
            _wait(lambda: all(self._is_settled(topic, receipt) for topic, receipt in given.items()))
            subscription_error, silent = (
                self.link.subscription_error,
                [t for t, receipt in given.items() if not self._is_settled(t, receipt)],
            )
        finally:
            self.link.stop()
        troubles = [f"{topic}: {why}" for topic, why in self._refused.items()]
        if self._lost:
            troubles.append(f"{self._lost[0]}: the connection did not last")
        elif subscription_error is not None:
            troubles.append(subscription_error)
        elif silent:
            troubles.append(f"{', '.join(silent)}: not acknowledged within {ANSWER_S:g} s")
        if troubles:
            raise BrokerError(
                f"{self.link.address}: {'; '.join(troubles)}; may this user write and read there? "
                "samples/mosquitto/acl shows what a station needs"
            )

    def _write(self, topic: str) -> Receipt | None:
        return self.link.publish(
            topic,
            self._message,
            qos=1,
            expires_s=1.0,
            on_refused=lambda reason: self._refused.update({topic: reason}),
        )

    def _is_settled(self, topic: str, receipt: Receipt | None) -> bool:
        return bool(self._lost) or topic in self._refused or receipt in self._acknowledged

    def _came(self, message: Incoming) -> None:
        if message.retained and message.topic.rsplit("/", 1)[-1] not in MAY_BE_RETAINED:
            self._found(message.topic, "is not acted on")

    def _found(self, topic: str, what: str) -> None:
        self.warnings.append(f"what is retained on {topic} {what}; delete it: mosquitto_pub -r -n -t {topic}")


def _spoken(settings: Settings, topics: Topics) -> list[str]:
    """Where a station with these settings speaks."""
    command = topics.command("reject" if settings.gate.mode == "reject-on-defect" else "pass")
    spoken = [topics.status, topics.verdict, command, topics.alarm, topics.stats, topics.response]
    spoken += [topics.bits] if settings.mqtt.bits else []
    return spoken + ([topics.shadow] if settings.shadow.bundle else [])


def _wait(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + ANSWER_S
    while not is_done() and time.monotonic() < deadline:
        time.sleep(_STEP_S)
