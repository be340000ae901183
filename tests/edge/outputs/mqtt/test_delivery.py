"""Alarms reach the broker, however often it goes away."""

from datetime import UTC, datetime

from edge.alarms.register import AlarmEvent, Change
from edge.outputs.mqtt.connection import Receipt
from edge.outputs.mqtt.delivery import Delivery
from edge.settings.alarms import Alarm

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Broker:
    """Takes events while there is a connection."""

    def __init__(self) -> None:
        self.connection: int | None = 1
        self.said: list[tuple[str, bool, int]] = []
        self.ids: list[str] = []

    def say(self, event: AlarmEvent) -> Receipt | None:
        if self.connection is None:
            return None
        self.said.append((event.change.alarm, event.change.raised, event.change.times))
        self.ids.append(event.id)
        return Receipt(self.connection, len(self.said))


def event(alarm: str, times: int = 1, *, raised: bool = True) -> AlarmEvent:
    return AlarmEvent(Change(Alarm(alarm), "why", None, times, raised=raised), NOW)


def test_an_alarm_is_sent_once_over_one_connection() -> None:
    broker = Broker()
    delivery = Delivery(broker.say, lambda: broker.connection)
    delivery.add(event("disk"))
    for _ in range(3):
        delivery.deliver()
    assert broker.said == [("disk", True, 1)]


def test_an_alarm_that_was_not_acknowledged_is_sent_again_under_its_id_after_a_reconnect() -> None:
    broker = Broker()
    delivery = Delivery(broker.say, lambda: broker.connection)
    delivery.add(event("disk"))
    delivery.add(event("clock"))
    delivery.deliver()
    delivery.acknowledged(Receipt(1, 2))
    delivery.deliver()
    broker.connection = None
    delivery.deliver()
    broker.connection = 2
    delivery.deliver()
    assert broker.said == [("disk", True, 1), ("clock", True, 1), ("disk", True, 1)]
    assert broker.ids[0] == broker.ids[2] != broker.ids[1]


def test_what_happened_while_the_broker_was_away_arrives_in_order() -> None:
    broker = Broker()
    broker.connection = None
    delivery = Delivery(broker.say, lambda: broker.connection)
    for told in (event("disk"), event("clock"), event("disk", raised=False)):
        delivery.add(told)
        delivery.deliver()
    broker.connection = 1
    delivery.deliver()
    assert broker.said == [("disk", True, 1), ("clock", True, 1), ("disk", False, 1)]


def test_of_an_alarm_that_was_raised_often_only_the_latest_time_waits() -> None:
    broker = Broker()
    broker.connection = None
    delivery = Delivery(broker.say, lambda: broker.connection)
    for times in range(1, 1000):
        delivery.add(event("bin", times))
        delivery.add(event("bin", times, raised=False))
    broker.connection = 1
    delivery.deliver()
    assert broker.said == [("bin", True, 999), ("bin", False, 999)]
