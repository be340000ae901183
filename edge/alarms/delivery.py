"""Alarms on their way to the broker: each until it is acknowledged, over as many connections as it takes."""

import queue
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from edge.alarms.register import Change
from edge.outputs.mqtt.connection import Receipt


@dataclass(eq=False)
class AlarmEvent:
    """A change with its moment; the same ``id`` is the same event."""

    change: Change
    at: datetime
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    receipt: Receipt | None = None


class Delivery:
    """What the broker has not acknowledged, in order, and no more than the latest time of each alarm.

    ``say`` publishes an event and returns its receipt, or None; ``connection`` is the number of the
    connection that there is. Only ``acknowledged`` may be called on another thread.
    """

    def __init__(
        self, say: Callable[[AlarmEvent], Receipt | None], connection: Callable[[], int | None]
    ) -> None:
        self._say = say
        self._connection = connection
        self._waiting: list[AlarmEvent] = []
        self._acknowledged: queue.SimpleQueue[Receipt] = queue.SimpleQueue()

    def add(self, change: Change, at: datetime) -> None:
        """One more event; an earlier raising of the same alarm, and its end, are no news any more."""
        self._waiting = [
            waiting
            for waiting in self._waiting
            if waiting.change.alarm != change.alarm or waiting.change.times == change.times
        ]
        self._waiting.append(AlarmEvent(change, at))

    def acknowledged(self, receipt: Receipt) -> None:
        """The broker has this message, which may be any of the station's."""
        if self._waiting:
            self._acknowledged.put(receipt)

    def deliver(self) -> None:
        """Send what was not sent over the connection that there is, and forget what arrived."""
        arrived = set()
        while not self._acknowledged.empty():
            arrived.add(self._acknowledged.get())
        self._waiting = [event for event in self._waiting if event.receipt not in arrived]
        connection = self._connection()
        if connection is None:
            return
        for event in self._waiting:
            if event.receipt is None or event.receipt.connection != connection:
                event.receipt = self._say(event)
                if event.receipt is None:
                    return
