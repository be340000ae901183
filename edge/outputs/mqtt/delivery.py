"""Alarms on their way to the broker: each until it is acknowledged, over as many connections as it takes."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge.alarms.register import AlarmEvent
from edge.outputs.mqtt.connection import Receipt


@dataclass(eq=False)
class _Waiting:
    event: AlarmEvent
    receipt: Receipt | None = None


class Delivery:
    """Messages without an acknowledgement, in order, and no more than the latest time of each alarm.

    ``say`` publishes an event and returns its receipt, or None; ``connection`` is the number of the
    connection that there is. Any thread.
    """

    def __init__(
        self, say: Callable[[AlarmEvent], Receipt | None], connection: Callable[[], int | None]
    ) -> None:
        self._say = say
        self._connection = connection
        self._lock = (
            threading.Lock()
        )  # held while it publishes; ``acknowledged``, on paho's thread, takes none
        self._waiting: list[_Waiting] = []
        self._acknowledged: queue.SimpleQueue[Receipt] = queue.SimpleQueue()

    def add(self, event: AlarmEvent) -> None:
        """One more event; an earlier raising of the same alarm, and its end, are no news any more."""
        change = event.change
        with self._lock:
            self._waiting = [
                waiting
                for waiting in self._waiting
                if waiting.event.change.alarm != change.alarm or waiting.event.change.times == change.times
            ]
            self._waiting.append(_Waiting(event))

    def acknowledged(self, receipt: Receipt) -> None:
        """The broker has this message, which may be any of the station's."""
        if self._waiting:
            self._acknowledged.put(receipt)

    def deliver(self) -> None:
        """Send what was not sent over the connection that there is, and forget what arrived."""
        with self._lock:
            self._forget_arrived()
            connection = self._connection()
            if connection is None:
                return
            for waiting in self._waiting:
                if waiting.receipt is None or waiting.receipt.connection != connection:
                    waiting.receipt = self._say(waiting.event)
                    if waiting.receipt is None:
                        return

    def _forget_arrived(self) -> None:
        arrived = set()
        while not self._acknowledged.empty():
            arrived.add(self._acknowledged.get())
        self._waiting = [waiting for waiting in self._waiting if waiting.receipt not in arrived]
