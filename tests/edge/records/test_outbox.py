"""The outbox sends every verdict in order until it is acknowledged, and never two contents under one id."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.outputs.mqtt.connection import Receipt
from edge.records.journal import Record
from edge.records.journal_file import BROKER
from edge.records.outbox import WINDOW, Outbox, _Overdue
from testing.waiting import wait_for
from tests.edge.records.journals import BrokerJournal


class Broker:
    """Stands for the link: takes what is published, and acknowledges when told to."""

    consumer, receiver = BROKER, "broker"

    def __init__(self, outbox: Outbox) -> None:
        self.connection_number: int | None = 1
        self.most_unacknowledged = 500
        self.largest = 1000
        self.sent: list[bytes] = []
        self._outbox = outbox
        self._waiting: list[Receipt] = []

    def send(self, payload: bytes) -> Receipt | None:
        if self.connection_number is None:
            return None
        self.sent.append(payload)
        receipt = Receipt(self.connection_number, len(self.sent))
        self._waiting.append(receipt)
        return receipt

    def takes(self, payload: bytes) -> bool:
        return len(payload) <= self.largest

    def acknowledge(self, count: int) -> None:
        for _ in range(count):
            self._outbox.acknowledged(self._waiting.pop(0))

    def refuse(self, count: int) -> None:
        for _ in range(count):
            self._outbox.refused(self._waiting.pop(0))

    def reconnect(self) -> None:
        assert self.connection_number is not None
        self._waiting.clear()
        self.connection_number += 1
        self._outbox.wake()

    @property
    def ids(self) -> list[int]:
        return [int(json.loads(payload)["id"]) for payload in self.sent]


class Desk:
    """A journal with its outbox and a broker."""

    def __init__(self, path: Path) -> None:
        self.journal = BrokerJournal(path, max_rows=100_000)
        self.alarms: list[str | None] = []
        self.outbox = Outbox(
            self.journal,
            BROKER,
            alarm=lambda _, text: self.alarms.append(text),
            overdue_s=0.3,
        )
        self.broker = Broker(self.outbox)

    def record(self, *ids: int) -> None:
        self.journal.append([Record(0.0, json.dumps({"id": str(i)})) for i in ids])
        self.outbox.wake()

    def start(self) -> None:
        self.outbox.start(self.broker)

    def wait(self, condition: Callable[[], bool]) -> None:
        wait_for(condition)

    def stop(self) -> None:
        self.outbox.stop()
        self.journal.close()


@pytest.fixture
def desk(memory_path: Path) -> Iterator[Desk]:
    desk = Desk(memory_path / "journal.sqlite")
    yield desk
    desk.stop()


def test_no_more_than_a_window_is_in_flight(desk: Desk) -> None:
    desk.record(*range(WINDOW * 2))
    desk.start()
    desk.wait(lambda: len(desk.broker.sent) == WINDOW)
    desk.broker.acknowledge(WINDOW)
    desk.wait(lambda: len(desk.broker.sent) == WINDOW * 2)
    desk.broker.acknowledge(WINDOW)
    desk.wait(lambda: desk.journal.waiting == 0)
    assert desk.broker.ids == list(range(WINDOW * 2))


def test_what_was_in_flight_on_a_lost_connection_is_sent_again_on_the_next(desk: Desk) -> None:
    desk.record(1, 2, 3, 4)
    desk.start()
    desk.wait(lambda: len(desk.broker.sent) == 4)
    desk.broker.acknowledge(2)
    desk.wait(lambda: desk.journal.waiting == 2)
    desk.broker.reconnect()
    desk.wait(lambda: len(desk.broker.sent) == 6)
    assert desk.broker.ids[4:] == [3, 4]


def test_what_the_broker_refuses_for_now_is_sent_again_in_order(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.records.outbox.REFUSED_S", 0.05)
    desk.record(1, 2, 3)
    desk.start()
    desk.wait(lambda: len(desk.broker.sent) == 3)
    desk.broker.acknowledge(1)
    desk.broker.refuse(1)
    desk.broker.acknowledge(1)
    desk.wait(lambda: desk.broker.ids == [1, 2, 3, 2, 3])
    desk.broker.acknowledge(2)
    desk.wait(lambda: desk.journal.waiting == 0)


def test_it_is_prompt_while_there_is_a_broker_that_keeps_up(desk: Desk) -> None:
    desk.start()
    desk.wait(lambda: desk.outbox.is_prompt)
    desk.record(*range(WINDOW))
    desk.wait(lambda: len(desk.broker.sent) == WINDOW)
    desk.wait(lambda: not desk.outbox.is_prompt)
    desk.broker.acknowledge(WINDOW)
    desk.wait(lambda: desk.outbox.is_prompt)
    desk.broker.connection_number = None
    desk.wait(lambda: not desk.outbox.is_prompt)


def test_a_row_that_is_no_verdict_is_left_out_and_counted(desk: Desk, memory_path: Path) -> None:
    desk.record(1, 2, 3, 4)
    other = sqlite3.connect(memory_path / "journal.sqlite")
    other.execute("UPDATE inspections SET message = '' WHERE number IN (1, 3)")
    other.commit()
    other.close()
    desk.start()
    desk.wait(lambda: desk.broker.ids == [2, 4])
    desk.broker.acknowledge(2)
    desk.wait(lambda: desk.journal.waiting == 0)
    assert desk.outbox.unsendable == 2


def test_rows_that_are_no_verdicts_alone_do_not_stay(desk: Desk, memory_path: Path) -> None:
    desk.record(1, 2)
    other = sqlite3.connect(memory_path / "journal.sqlite")
    other.execute("UPDATE inspections SET message = ''")
    other.commit()
    other.close()
    desk.start()
    desk.wait(lambda: desk.journal.waiting == 0)


def test_a_journal_that_was_replaced_is_sent_from_its_start(desk: Desk, memory_path: Path) -> None:
    desk.record(1, 2)
    desk.start()
    desk.wait(lambda: len(desk.broker.sent) == 2)
    desk.broker.acknowledge(2)
    desk.wait(lambda: desk.journal.waiting == 0)
    for file in memory_path.iterdir():
        file.unlink()
    desk.record(3)
    desk.wait(lambda: desk.broker.ids == [1, 2, 3])


def test_an_acknowledgement_of_a_journal_that_was_replaced_is_none_of_the_new_one(
    desk: Desk, memory_path: Path
) -> None:
    desk.outbox.send_by(desk.broker)
    desk.record(1, 2)
    desk.outbox.step()
    for file in memory_path.iterdir():
        file.unlink()
    desk.record(3)
    desk.broker.acknowledge(2)
    desk.outbox.step()
    assert (desk.broker.ids, desk.journal.waiting) == ([1, 2, 3], 1)


def test_verdicts_that_nobody_acknowledges_are_an_alarm_until_somebody_does(desk: Desk) -> None:
    desk.start()
    desk.record(1, 2, 3)
    desk.wait(lambda: len(desk.alarms) == 1)
    assert "3 verdicts wait for the broker" in str(desk.alarms[0])
    assert "the broker does not acknowledge them" in str(desk.alarms[0])
    desk.broker.acknowledge(3)
    desk.wait(lambda: desk.alarms[1:] == [None])


def test_verdicts_that_wait_for_want_of_a_broker_are_an_alarm(desk: Desk) -> None:
    desk.broker.connection_number = None
    desk.start()
    desk.record(1)
    desk.wait(lambda: len(desk.alarms) == 1)
    assert "there is no broker" in str(desk.alarms[0])


def test_verdicts_wait_for_a_broker_that_takes_their_size_and_an_alarm_says_so(desk: Desk) -> None:
    desk.broker.largest = 5
    desk.start()
    desk.record(1, 2)
    desk.wait(lambda: len(desk.alarms) == 1)
    assert "row 1 is larger than the broker takes" in str(desk.alarms[0])
    assert desk.broker.ids == []
    desk.broker.largest = 1000
    desk.wait(lambda: desk.broker.ids == [1, 2])


def test_half_of_what_a_broker_takes_at_once_is_left_to_the_gate(desk: Desk) -> None:
    desk.broker.most_unacknowledged = 10
    desk.record(*range(20))
    desk.start()
    desk.wait(lambda: len(desk.broker.sent) == 5)
    desk.broker.acknowledge(5)
    desk.wait(lambda: len(desk.broker.sent) == 10)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.floats(0.01, 4)), min_size=1, max_size=60))
@example([(1, 0, 1), (1, 0, 1), (0, 0, 3), (0, 0, 4), (0, 0, 4), (0, 1, 4)])
def test_a_verdict_is_overdue_after_once_and_before_twice_the_time(
    steps: list[tuple[int, int, float]],
) -> None:
    """``came``, ``acknowledged`` and seconds of each step; every verdict's age is known to the test."""
    overdue, now, acknowledged = _Overdue(5.0), 0.0, 0
    recorded: list[float] = []
    for came, done, seconds in steps:
        now += seconds
        recorded += [now] * came
        acknowledged = min(len(recorded), acknowledged + done)
        said = overdue.check(len(recorded), acknowledged, now)
        age = now - recorded[acknowledged] if acknowledged < len(recorded) else 0.0
        if said:
            assert age > 5.0
        if age > 10.0 + max(seconds for _, _, seconds in steps):
            assert said
