"""Results on their way from the journal to the broker."""

from edge.outputs.mqtt.client import BrokerLink
from edge.outputs.mqtt.connection import Receipt
from edge.records.journal_file import BROKER


class ResultCourier:
    """Publishes results on one topic, as edge.records.courier asks for."""

    consumer = BROKER
    receiver = "broker"

    def __init__(self, link: BrokerLink, topic: str) -> None:
        self._link = link
        self._topic = topic

    @property
    def connection_number(self) -> int | None:
        """Which connection to the broker there is now."""
        return self._link.connection_number

    @property
    def most_unacknowledged(self) -> int:
        """The number of messages that the broker takes before it acknowledges one."""
        return self._link.most_unacknowledged

    def takes(self, result: bytes) -> bool:
        """True if the broker takes a message of this size."""
        return self._link.takes(self._topic, result)

    def send(self, result: bytes) -> Receipt | None:
        """Publish it, with QoS 1."""
        return self._link.publish(self._topic, result, qos=1)
