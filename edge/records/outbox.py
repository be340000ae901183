"""From the journal to a consumer, such as the broker: every result, in order, until it is acknowledged."""

import logging
import math
import queue
import threading
import time
from collections import deque

from edge.alarms.latch import AlarmLatch, TellAlarm
from edge.core.errors import JournalError
from edge.core.once import Once
from edge.records.courier import Courier, Receipt
from edge.records.journal import Journal, OutboxRow
from edge.settings.alarms import Alarm

logger = logging.getLogger(__name__)

WINDOW = 50
_LEFT_OUT_S = 10.0
REFUSED_S = 5.0
_IDLE_S = 0.2
_MOST_MOMENTS = 1000


class Outbox:
    """A thread that hands what a consumer has not acknowledged to its courier, at most WINDOW at a time."""

    def __init__(
        self,
        journal: Journal,
        consumer: str,
        *,
        alarm: TellAlarm = lambda _name, _text: None,
        overdue_s: float = math.inf,
    ) -> None:
        self._journal = journal
        self._cursor = journal.cursor(consumer)
        self._overdue = _Overdue(overdue_s)
        self._waits = AlarmLatch(Alarm.OUTBOX, alarm)
        self._acknowledged: queue.SimpleQueue[Receipt] = queue.SimpleQueue()
        self._refused: queue.SimpleQueue[Receipt] = queue.SimpleQueue()
        self._again_at: float | None = None
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._courier: Courier | None = None
        self._sending: tuple[int, int] | None = None
        self._handed_over = 0
        self._in_flight: dict[Receipt, int] = {}
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._left_out_until = 0.0
        self._too_large: int | None = None
        self.unsendable = 0
        """Rows that were left out, for they hold no text that could be sent."""

    def start(self, courier: Courier) -> None:
        """Start sending by ``courier``, which is the consumer's."""
        self.send_by(courier)
        self._thread.start()

    def send_by(self, courier: Courier) -> None:
        """Who takes verdicts from now on."""
        self._courier = courier

    def step(self) -> None:
        """Note what was acknowledged, and send what there is to send; raises JournalError. For one thread."""
        self._mark()
        self._send()

    @property
    def is_prompt(self) -> bool:
        """True if what is recorded now is sent now: there is a connection, and it keeps up."""
        connected = self._courier is not None and self._courier.connection_number is not None
        return connected and self._cursor.waiting < WINDOW

    @property
    def is_alive(self) -> bool:
        """True if our thread still sends, or was never to."""
        return self._thread.is_alive() or self._courier is None

    def wake(self) -> None:
        """There is something to send, or a connection to send it over."""
        self._wake.set()

    def acknowledged(self, receipt: Receipt) -> None:
        """The consumer has this result; called on the courier's thread, where nothing may fail or wait."""
        self._acknowledged.put(receipt)
        self._wake.set()

    def refused(self, receipt: Receipt) -> None:
        """The consumer does not take this result, for now; called on the courier's thread."""
        self._refused.put(receipt)
        self._wake.set()

    def stop(self) -> None:
        """End the thread; what was not acknowledged waits in the journal for the next start."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _run(self) -> None:
        said = Once()
        while not self._stop.is_set():
            try:
                self.step()
                said.clear()
            except JournalError as error:
                if said.is_new(str(error)):
                    logger.error("outbox: %s; trying again", error)
            self._say(time.monotonic())
            self._wake.wait(_IDLE_S)
            self._wake.clear()
        self._mark()

    def _say(self, now: float) -> None:
        """Raise an alarm for what waits too long, whatever it waits for."""
        is_overdue = self._overdue.check(self._journal.last, self._cursor.acknowledged, now)
        if is_overdue and self._courier is not None:
            who = self._courier.receiver
            why = f"there is no {who}" if self._connection is None else f"the {who} does not acknowledge them"
            if self._too_large is not None:
                why = f"row {self._too_large} is larger than the {who} takes"
            self._waits.begins(
                f"outbox: {self._cursor.waiting} verdicts wait for the {who}, some for more than "
                f"{self._overdue.after_s:g} s (alarms.outbox_s): {why}"
            )
        elif now > self._left_out_until:
            self._waits.ends("outbox: verdicts are sent again")

    @property
    def _connection(self) -> int | None:
        return self._courier.connection_number if self._courier is not None else None

    def _mark(self) -> None:
        """Everything below the oldest that is in flight is acknowledged."""
        marked = False
        while not self._acknowledged.empty():
            marked = self._in_flight.pop(self._acknowledged.get(), None) is not None or marked
        while not self._refused.empty():
            if self._refused.get() in self._in_flight and self._again_at is None:
                self._again_at = time.monotonic() + REFUSED_S
        if marked:
            self._acknowledge(next(iter(self._in_flight.values()), self._handed_over + 1) - 1)

    def _acknowledge(self, upto: int) -> None:
        if self._sending is not None:
            self._cursor.acknowledge(upto, opening=self._sending[1])

    def _send(self) -> None:
        courier, connection = self._courier, self._connection
        if courier is None or connection is None:
            return
        if self._again_at is not None:
            if time.monotonic() < self._again_at:
                return
            self._again_at = self._sending = None
        if (connection, self._journal.openings) != self._sending:
            # A new connection, or another file, knows nothing of what was in flight: start over.
            self._sending = connection, self._journal.openings
            self._handed_over, self._in_flight = self._cursor.acknowledged, {}
        # Half of what the other side takes before it acknowledges any: the other half is for the gate.
        window = min(WINDOW, max(1, courier.most_unacknowledged // 2))
        while len(self._in_flight) < window and not self._stop.is_set():
            rows = self._cursor.rows(after=self._handed_over, limit=window - len(self._in_flight))
            if not rows or self._sending != (connection, self._journal.openings):
                return
            if not all(self._publish(courier, row) for row in rows):
                return

    def _publish(self, courier: Courier, row: OutboxRow) -> bool:
        """Hand one result over, or leave out what is none; False if that was not possible."""
        self._too_large = None
        if row.message is None:
            self._leave_out(row)
            if not self._in_flight:
                self._acknowledge(row.number)
        elif not courier.takes(row.message):
            self._too_large = row.number  # it waits, as do all behind it: none may be lost
            return False
        else:
            receipt = courier.send(row.message)
            if receipt is None:
                return False
            self._in_flight[receipt] = row.number
        self._handed_over = row.number
        return True

    def _leave_out(self, row: OutboxRow) -> None:
        """Others must not wait for what will never be a verdict."""
        self.unsendable += 1
        self._left_out_until = time.monotonic() + _LEFT_OUT_S
        self._waits.begins(
            f"outbox: row {row.number} holds nothing that can be sent; it is left out (records_dropped)"
        )


class _Overdue:
    """Notices a verdict that has waited for ``after_s``, before it has waited twice as long.

    It remembers which verdict was the last one at some moments, the oldest first, at most one in half of
    that time.
    """

    def __init__(self, after_s: float) -> None:
        self.after_s = after_s
        self._last_at: deque[tuple[int, float]] = deque()

    def check(self, last: int, acknowledged: int, now: float) -> bool:
        """Given the numbers of the last verdict and of the last that was acknowledged."""
        known = self._last_at
        if known and last < known[-1][0]:  # it is another journal
            known.clear()
        while known and known[0][0] <= acknowledged:
            known.popleft()
        number, moment = known[-1] if known else (acknowledged, -math.inf)
        if last > number and now - moment >= self.after_s / 2 and len(known) < _MOST_MOMENTS:
            known.append((last, now))
        return bool(known) and now - known[0][1] > self.after_s
