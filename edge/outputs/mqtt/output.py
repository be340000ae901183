"""The broker as an output: everything is published, and what comes in is handed on as requests."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from edge.alarms.register import AlarmEvent
from edge.gate.gate import GateCommand
from edge.outputs.events import Disagreement, LatestPart, StateChanged
from edge.outputs.mqtt.announcer import Announcer, last_will
from edge.outputs.mqtt.client import BrokerLink, Incoming, Subscription, Will
from edge.outputs.mqtt.connection import Receipt
from edge.outputs.mqtt.courier import ResultCourier
from edge.outputs.mqtt.delivery import Delivery
from edge.outputs.mqtt.inbox import MAY_BE_RETAINED, Inbox
from edge.outputs.mqtt.subscriptions import incoming_kinds, refuse_without_broker
from edge.outputs.mqtt.topics import Topics
from edge.outputs.output import GateRole, Health, Output, Results
from edge.outputs.requests import Answer, CommandRequest, Receiver
from edge.outputs.statistics import StationStatistics
from edge.settings.alarms import Alarm
from edge.settings.settings import Settings

FIRST_ATTEMPT_S = 3.0


class MqttOutput(Output):
    """A station's side of MQTT. ``undelivered`` is called with a command that the broker did not take."""

    name = "the link to the broker"
    alarm = Alarm.BROKER
    gate_role: GateRole = "tells"

    def __init__(
        self,
        settings: Settings,
        receiver: Receiver,
        results: Results,
        undelivered: Callable[[GateCommand], None],
        *,
        simulated: bool,
    ) -> None:
        station, mqtt = settings.station.name, settings.mqtt
        topics = Topics(station)
        self._receiver = receiver
        self._results = results
        self._keepalive_s = mqtt.keepalive_s
        self._has_bits = mqtt.bits
        kinds = incoming_kinds(settings)
        self._hears_triggers = "trigger" in kinds
        self._hears_belt = "belt" in kinds or "encoder" in kinds
        self._state: StateChanged | None = None
        self._part: LatestPart | None = None
        will = last_will(station, datetime.now(UTC), simulated=simulated)
        self._inbox = Inbox(receiver, self._answer)
        self._link = BrokerLink(
            mqtt,
            client_id=f"linegate-{station}",
            will=Will(topics.status, will.payload()),
            on_connected=self._connected,
            on_acknowledged=self._acknowledged,
            on_refused=results.refused,
            on_lost=self._lost,
            on_turn=self._deliver_alarms,
            subscriptions=[
                Subscription(topics.incoming(kind), wants_retained=kind in MAY_BE_RETAINED) for kind in kinds
            ],
            on_message=self._inbox.receive,
            on_unreadable=self._inbox.unreadable,
        )
        self._say = Announcer(
            station,
            self._link,
            simulated=simulated,
            response_topics=mqtt.response_topics.split(),
            on_command_refused=undelivered,
        )
        self._alarms = Delivery(self._say.alarm, lambda: self._link.connection_number)
        self.courier = ResultCourier(self._link, topics.verdict)

    def start(self) -> None:
        """Connect; an absent broker is waited for in the background.

        The first attempt is awaited: the first part must not pass the gate for want of a moment.
        """
        self._link.start(wait_s=FIRST_ATTEMPT_S)

    def stop(self) -> None:
        """Say the latest state in place of the last will, and leave."""
        self._link.stop(b"" if self._state is None else self._say.status_message(self._state).payload())

    def command(self, command: GateCommand) -> bool:
        """Publish it; the broker keeps it no longer than it is of use."""
        return self._say.command(command)

    def state_changed(self, state: StateChanged) -> None:
        """Publish it, retained."""
        self._state = state
        self._say.status(state)

    def latest_part(self, part: LatestPart) -> None:
        """Publish it as bits, where the settings ask for them."""
        self._part = part
        self._say_bits()

    def alarm_changed(self, event: AlarmEvent) -> None:
        """Publish it, again and again until the broker has it."""
        self._alarms.add(event)
        self._alarms.deliver()

    def disagreement(self, found: Disagreement) -> None:
        """Publish it."""
        self._say.shadow(found)

    def statistics(self, statistics: StationStatistics) -> None:
        """Publish them, retained."""
        self._say.stats(statistics)

    @property
    def health(self) -> Health:
        """The connection, and what it lacks."""
        return Health(
            is_alive=self._link.is_alive,
            trouble=self._link.trouble,
            connected=self._link.connected,
            connections=self._link.connections,
            refused=self._inbox.refused,
        )

    def _connected(self) -> None:
        """A broker that is new, or was away, knows nothing."""
        if self._state is not None:
            self._say.status(self._state)
        self._say_bits()
        self._results.wake()
        if self._hears_triggers:
            self._receiver.triggers_heard(self._link.subscription_error, time.monotonic())

    def _lost(self, reason: str) -> None:
        """Messages of the line may have been lost since the broker was last known to be there."""
        if self._hears_triggers:
            self._receiver.triggers_heard(reason, time.monotonic() - 1.5 * self._keepalive_s)
        if self._hears_belt:
            self._receiver.belt_lost(reason)

    def _answer(self, asked: Incoming, request: CommandRequest | None, answer: Answer) -> None:
        self._say.response(asked, request, answer)

    def _deliver_alarms(self) -> None:
        self._alarms.deliver()

    def _acknowledged(self, receipt: Receipt) -> None:
        self._results.acknowledged(receipt)
        self._alarms.acknowledged(receipt)

    def _say_bits(self) -> None:
        """Say them, and again where another thread changed them meanwhile: what is retained is the latest.

        No lock, for what publishes must hold none.
        """
        said = None
        while self._has_bits and self._part is not None and said != (now := self._part):
            said = now
            self._say.bits(now)


def mqtt_output(
    settings: Settings,
    receiver: Receiver,
    results: Results,
    undelivered: Callable[[GateCommand], None],
    *,
    simulated: bool,
) -> MqttOutput | None:
    """The output, where mqtt.enabled; raises SettingsError where the line cannot do without it."""
    refuse_without_broker(settings)
    if not settings.mqtt.enabled:
        return None
    return MqttOutput(settings, receiver, results, undelivered, simulated=simulated)
