"""From the journal to the broker: every verdict, in order, until it is acknowledged."""

import logging
import queue
import sqlite3
import threading
import time

from edge.journal import Journal, OutboxRow
from edge.mqtt.client import BrokerLink

logger = logging.getLogger(__name__)

WINDOW = 50
LATE_AFTER_S = 2.0
_IDLE_S = 0.2


class Outbox:
    """A thread that reads unacknowledged verdicts and publishes them, at most WINDOW at a time."""

    def __init__(self, journal: Journal, topic: str) -> None:
        self._journal = journal
        self._topic = topic
        self._acknowledged: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._link: BrokerLink | None = None
        self._connections = 0
        self._cursor = 0
        self._in_flight = 0
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self, link: BrokerLink) -> None:
        """Start sending over ``link``."""
        self._link = link
        self._thread.start()

    def wake(self) -> None:
        """There is something to send, or a connection to send it over."""
        self._wake.set()

    def acknowledged(self, number: int) -> None:
        """The broker has this row; called on paho's thread, where nothing may fail."""
        self._acknowledged.put(number)
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
            numbers.append(self._acknowledged.get())
        if numbers:
            self._journal.acknowledge(numbers)
            self._in_flight = max(0, self._in_flight - len(numbers))

    def _send(self) -> None:
        link = self._link
        if link is None or not link.connected:
            return
        if link.connections != self._connections:
            # A new connection knows nothing of what was in flight on the old one: start over.
            self._connections, self._cursor, self._in_flight = link.connections, 0, 0
        while self._in_flight < WINDOW and not self._stop.is_set():
            rows = self._journal.outbox(after=self._cursor, limit=WINDOW - self._in_flight)
            if not rows:
                return
            for row in rows:
                if not link.publish_record(self._topic, self._payload(row), row.number):
                    return
                self._cursor = row.number
                self._in_flight += 1

    def _payload(self, row: OutboxRow) -> bytes:
        late = row.late
        if late is None:
            late = time.time() - row.recorded > LATE_AFTER_S
            self._journal.set_late(row.number, late=late)
        return row.message.replace('"late":false', '"late":true').encode() if late else row.message.encode()
