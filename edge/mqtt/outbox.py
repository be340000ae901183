"""From the journal to the broker: every verdict, in order, until it is acknowledged."""

import logging
import queue
import sqlite3
import threading
import time

from edge.journal import Journal, OutboxRow
from edge.mqtt.client import BrokerLink, Receipt

logger = logging.getLogger(__name__)

WINDOW = 50
LATE_AFTER_S = 2.0
_IDLE_S = 0.2


class Outbox:
    """A thread that reads unacknowledged verdicts and publishes them, at most WINDOW at a time."""

    def __init__(self, journal: Journal, topic: str) -> None:
        self._journal = journal
        self._topic = topic
        self._acknowledged: queue.SimpleQueue[Receipt] = queue.SimpleQueue()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._link: BrokerLink | None = None
        self._connection: int | None = None
        self._cursor = 0
        self._in_flight: dict[Receipt, int] = {}
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self, link: BrokerLink) -> None:
        """Start sending over ``link``."""
        self._link = link
        self._thread.start()

    def wake(self) -> None:
        """There is something to send, or a connection to send it over."""
        self._wake.set()

    def acknowledged(self, receipt: Receipt) -> None:
        """The broker has this message; called on paho's thread, where nothing may fail or wait."""
        self._acknowledged.put(receipt)
        self._wake.set()

    def drain(self, timeout: float) -> int:
        """Wait until everything is acknowledged; returns how many verdicts are still waiting."""
        deadline = time.monotonic() + timeout
        while (waiting := self._journal.waiting()) and time.monotonic() < deadline:
            self._wake.set()
            time.sleep(0.02)
        return waiting

    def stop(self) -> None:
        """End the thread; what was not acknowledged waits in the journal for the next start."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _run(self) -> None:
        complained = False
        while not self._stop.is_set():
            try:
                self._mark()
                self._send()
                complained = False
            except sqlite3.Error as error:
                if not complained:
                    logger.error("journal: cannot be used for sending (%s); trying again", error)
                complained = True
            self._wake.wait(_IDLE_S)
            self._wake.clear()

    def _mark(self) -> None:
        numbers = []
        while not self._acknowledged.empty():
            number = self._in_flight.pop(self._acknowledged.get(), None)
            if number is not None:
                numbers.append(number)
        if numbers:
            self._journal.acknowledge(numbers)

    def _send(self) -> None:
        link = self._link
        number = link.connection_number if link is not None else None
        if link is None or number is None:
            return
        if number != self._connection:
            # A new connection knows nothing of what was in flight on the old one: start over.
            self._connection, self._cursor, self._in_flight = number, 0, {}
        while len(self._in_flight) < WINDOW and not self._stop.is_set():
            rows = self._journal.outbox(after=self._cursor, limit=WINDOW - len(self._in_flight))
            if not rows:
                return
            for row in rows:
                receipt = link.publish(self._topic, self._payload(row), qos=1)
                if receipt is None:
                    return
                self._cursor = row.number
                self._in_flight[receipt] = row.number

    def _payload(self, row: OutboxRow) -> bytes:
        late = row.late
        if late is None:
            late = time.time() - row.recorded > LATE_AFTER_S
            self._journal.set_late(row.number, late=late)
        return row.message.replace('"late":false', '"late":true').encode() if late else row.message.encode()
