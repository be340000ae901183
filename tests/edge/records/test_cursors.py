"""Each consumer of results has its own place in the journal, and the slowest decides what is kept."""

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import JournalError
from edge.outputs.mqtt.connection import Receipt
from edge.records.export import count_by_shift, parse_shifts, parse_span
from edge.records.journal import Journal
from edge.records.journal_file import BROKER, count_waiting, reading
from edge.records.recorder import Recorder
from edge.records.result import PartResult
from edge.settings.alarms import Alarm
from edge.settings.journal import JournalSettings
from testing.waiting import wait_for
from tests.edge.records.journals import ids, records

PLANT = "plant"
WRITTEN_BY_VERSION_2 = Path(__file__).parent / "version-2.sqlite"
"""Five inspections, of which the broker had acknowledged two, as the release with one cursor left them."""
NOTHING = np.zeros((8, 8), np.uint8)


@pytest.fixture
def path(memory_path: Path) -> Path:
    return memory_path / "journal.sqlite"


def opened(path: Path, *consumers: str, max_rows: int = 1000, max_age_s: float | None = None) -> Journal:
    journal = Journal(path, max_rows=max_rows, max_age_s=max_age_s)
    journal.serve(consumers)
    journal.open()
    return journal


def acknowledge(journal: Journal, consumer: str, number: int) -> None:
    journal.cursor(consumer).acknowledge(number, opening=journal.openings)


def waiting_for(journal: Journal, consumer: str) -> list[str]:
    return ids(journal.cursor(consumer).rows(after=0, limit=1000))


def test_what_one_consumer_has_still_waits_for_the_other(path: Path) -> None:
    journal = opened(path, BROKER, PLANT)
    journal.append(records(1, 2, 3))
    acknowledge(journal, BROKER, 3)
    acknowledge(journal, PLANT, 1)
    assert (waiting_for(journal, BROKER), waiting_for(journal, PLANT)) == ([], ["run-2", "run-3"])
    assert (journal.cursor(BROKER).waiting, journal.cursor(PLANT).waiting, journal.waiting) == (0, 2, 2)
    journal.close()
    with reading(path) as database:
        assert count_waiting(database) == 2
    again = opened(path, BROKER, PLANT)
    assert (waiting_for(again, BROKER), waiting_for(again, PLANT)) == ([], ["run-2", "run-3"])
    again.close()


def test_a_journal_of_version_2_keeps_its_rows_and_its_place_for_the_broker(path: Path) -> None:
    shutil.copy(WRITTEN_BY_VERSION_2, path)
    before = sqlite3.connect(path)
    kept = before.execute("SELECT number, recorded, message FROM inspections").fetchall()
    assert (before.execute("PRAGMA user_version").fetchone(), len(kept)) == ((2,), 5)
    before.close()
    journal = opened(path, BROKER)
    assert journal.replaced is None
    assert waiting_for(journal, BROKER) == ["run-3", "run-4", "run-5"]
    journal.append(records(6))
    acknowledge(journal, BROKER, 4)
    journal.close()
    with reading(path) as database:
        rows = database.execute("SELECT number, recorded, message FROM inspections").fetchall()
        assert rows[:5] == kept
        assert database.execute("SELECT * FROM cursors").fetchall() == [(BROKER, 4)]
        assert count_waiting(database) == 2
    again = opened(path, BROKER)
    assert waiting_for(again, BROKER) == ["run-5", "run-6"]
    again.close()


def test_a_journal_of_version_2_without_a_word_on_what_was_sent_is_set_aside(path: Path) -> None:
    shutil.copy(WRITTEN_BY_VERSION_2, path)
    broken = sqlite3.connect(path)
    broken.execute("DELETE FROM outbox")
    broken.commit()
    broken.close()
    journal = Journal(path, max_rows=1000)
    journal.serve([BROKER])
    with pytest.raises(JournalError, match="nothing says what was acknowledged"):
        journal.open()
    assert "nothing says what was acknowledged" in str(journal.replaced)
    journal.append(records(1))
    assert waiting_for(journal, BROKER) == ["run-1"]
    journal.close()


def test_a_new_consumer_begins_with_what_is_recorded_next(path: Path) -> None:
    journal = opened(path, BROKER)
    journal.append(records(1, 2))
    journal.close()
    more = opened(path, BROKER, PLANT)
    more.append(records(3))
    assert waiting_for(more, PLANT) == ["run-3"]
    assert waiting_for(more, BROKER) == ["run-1", "run-2", "run-3"]
    more.close()


def test_who_is_no_consumer_any_more_is_not_waited_for(path: Path) -> None:
    journal = opened(path, BROKER, PLANT)
    journal.append(records(1, 2))
    acknowledge(journal, BROKER, 2)
    journal.close()
    fewer = opened(path, BROKER)
    assert fewer.waiting == 0
    fewer.append(records(3))
    fewer.close()
    back = opened(path, BROKER, PLANT)
    assert waiting_for(back, PLANT) == [], "what was recorded meanwhile is not of its time"
    back.close()


def test_without_a_consumer_nothing_waits_and_numbers_go_on(path: Path) -> None:
    journal = opened(path, max_age_s=1.0)
    journal.append(records(1, 2, 3))
    assert journal.waiting == 0
    assert journal.trim(now=100.0) == 3
    journal.close()
    again = opened(path, BROKER)
    again.append(records(4))
    assert [row.number for row in again.cursor(BROKER).rows(after=0, limit=9)] == [4]
    assert again.replaced is None
    again.close()


def test_killed_before_the_first_sync_a_new_consumer_still_has_its_place(path: Path) -> None:
    """It is written down at once, and not by the sync, which comes half a second later."""
    program = (
        "import os, sys; from pathlib import Path; from edge.records.journal import Journal, Record\n"
        "journal = Journal(Path(sys.argv[1]), max_rows=1000); journal.serve(['mqtt', 'plant'])\n"
        'journal.append([Record(1.0, \'{"id": "run-1"}\')]); os._exit(9)\n'
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=60)
    journal = opened(path, BROKER, PLANT)
    assert (waiting_for(journal, BROKER), waiting_for(journal, PLANT)) == (["run-1"], ["run-1"])
    journal.close()


def test_a_file_that_cannot_be_used_when_consumers_are_named_has_them_before_its_first_row(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path, max_rows=1000)
    journal.open()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    journal.serve([PLANT])  # the file is busy for longer than it waits
    other.execute("COMMIT")
    other.close()
    journal.append(records(1))
    assert waiting_for(journal, PLANT) == ["run-1"]
    journal.close()


def test_by_age_only_what_the_slowest_has_is_deleted(path: Path) -> None:
    journal = opened(path, BROKER, PLANT, max_age_s=10.0)
    journal.append(records(1, 2, 3))
    acknowledge(journal, BROKER, 3)
    acknowledge(journal, PLANT, 1)
    assert journal.trim(now=100.0) == 1
    assert (waiting_for(journal, PLANT), journal.dropped) == (["run-2", "run-3"], 0)
    journal.close()


def test_beyond_the_bound_what_somebody_does_not_have_is_dropped_and_counted(path: Path) -> None:
    journal = opened(path, BROKER, PLANT, max_rows=3)
    journal.append(records(*range(10)))
    acknowledge(journal, BROKER, 10)
    acknowledge(journal, PLANT, 5)
    assert journal.trim(now=0.0) == 7
    assert journal.dropped == 2
    assert waiting_for(journal, PLANT) == ["run-7", "run-8", "run-9"]
    assert waiting_for(journal, BROKER) == []
    journal.close()


def test_an_export_says_that_a_row_was_sent_once_everybody_has_it(path: Path) -> None:
    journal = opened(path, BROKER, PLANT)
    journal.append(records(1, 2))
    acknowledge(journal, BROKER, 2)
    acknowledge(journal, PLANT, 1)
    journal.close()
    with reading(path) as database:
        sent = database.execute(
            "SELECT number <= (SELECT min(acknowledged) FROM cursors) FROM inspections ORDER BY number"
        ).fetchall()
    assert sent == [(1,), (0,)]
    assert count_by_shift(path, parse_shifts("06:00"), parse_span(None, None)) is not None


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["append", BROKER, PLANT, "trim", "again"]), st.integers(1, 6)), max_size=25
    )
)
def test_no_consumer_misses_a_row_or_sees_one_twice_in_another_order(
    steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Beside a model: what each was given and acknowledged, in order, is what was recorded."""
    path = tmp_path_factory.mktemp("cursors") / "journal.sqlite"
    journal, recorded = opened(path, BROKER, PLANT), 0
    had = {BROKER: 0, PLANT: 0}
    for what, count in steps:
        if what == "append":
            journal.append(records(*range(recorded + 1, recorded + count + 1)))
            recorded += count
        elif what == "trim":
            journal.trim(now=0.0)
        elif what == "again":
            journal.close()
            journal = opened(path, BROKER, PLANT)
        else:
            rows = journal.cursor(what).rows(after=0, limit=count)
            assert ids(rows) == [f"run-{had[what] + n + 1}" for n in range(len(rows))]
            assert len(rows) == min(count, recorded - had[what])
            had[what] += len(rows)
            acknowledge(journal, what, had[what])
    assert journal.waiting == recorded - min(had.values())
    journal.close()


class Side:
    """A consumer's side: takes what it is given, and acknowledges once it may."""

    receiver = "side"
    most_unacknowledged = 500

    def __init__(self, consumer: str, recorder: Recorder) -> None:
        self.consumer = consumer
        self.connection_number: int | None = 1
        self.taken: list[str] = []
        self.may = threading.Event()
        self._outbox = recorder.outbox(consumer)

    def takes(self, _result: bytes) -> bool:
        return True

    def send(self, result: bytes) -> Receipt:
        self.taken.append(json.loads(result)["id"])
        receipt = Receipt(1, len(self.taken))  # the same on both sides: each hears of its own
        if self.may.is_set():
            self._outbox.acknowledged(receipt)
        return receipt


def result(number: int) -> PartResult:
    return PartResult.model_validate(
        {
            "station": "a", "simulated": True, "id": f"r-{number}", "part": f"p{number}", "sequence": number,
            "captured_at": "2026-12-01T00:00:00Z", "verdict": "ok", "action": "pass",
            "bundle_sha256": "0" * 64,
        }
    )  # fmt: skip


@pytest.fixture
def alarms() -> list[tuple[Alarm, str | None]]:
    return []


@pytest.fixture
def recorder(path: Path, alarms: list[tuple[Alarm, str | None]]) -> Callable[[], Recorder]:
    def make() -> Recorder:
        return Recorder(
            path,
            JournalSettings(),
            station="a",
            alarm=lambda name, text: alarms.append((name, text)),
            overdue_s=0.2,
        )

    return make


def test_one_that_is_away_holds_up_no_other_and_its_alarm_is_over_when_it_has_all(
    recorder: Callable[[], Recorder], alarms: list[tuple[Alarm, str | None]]
) -> None:
    running = recorder()
    quick, slow = Side(BROKER, running), Side(PLANT, running)
    quick.may.set()
    running.start([quick, slow])
    for number in range(5):
        running.record(result(number), NOTHING)
    expected = [f"r-{number}" for number in range(5)]
    wait_for(lambda: quick.taken == expected and slow.taken == expected)
    wait_for(lambda: any(name == "outbox" and text is not None for name, text in alarms))
    assert "wait for the side" in str(next(text for name, text in alarms if name == "outbox"))
    assert running.waiting == 5
    slow.may.set()
    for number in range(1, 6):
        running.outbox(PLANT).acknowledged(Receipt(1, number))
    wait_for(lambda: running.waiting == 0)
    wait_for(lambda: [text for name, text in alarms if name == "outbox"][-1] is None)
    assert running.stop(drain_s=5) == 0


def test_at_the_next_start_each_gets_what_it_does_not_have(recorder: Callable[[], Recorder]) -> None:
    first = recorder()
    quick, slow = Side(BROKER, first), Side(PLANT, first)
    quick.may.set()
    first.start([quick, slow])
    for number in range(3):
        first.record(result(number), NOTHING)
    wait_for(lambda: len(quick.taken) == len(slow.taken) == 3)
    assert first.stop(drain_s=0.1) == 3
    second = recorder()
    quick, slow = Side(BROKER, second), Side(PLANT, second)
    quick.may.set()
    slow.may.set()
    second.start([quick, slow])
    wait_for(lambda: second.waiting == 0)
    assert (quick.taken, slow.taken) == ([], ["r-0", "r-1", "r-2"])
    second.stop(drain_s=0)
