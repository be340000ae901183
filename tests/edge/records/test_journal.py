"""The journal keeps what was recorded, in order, until the broker has it."""

import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.core.errors import JournalError
from edge.records.journal import LARGEST_BYTES, Record
from edge.records.journal_file import (
    EarlierJournalError,
    count_waiting,
    reading,
)
from testing.rigs.power import CuttableDisk, power_cut_is_missing
from tests.conftest import MEMORY
from tests.edge.records.journals import FIRST_SCHEMA, BrokerJournal, ids, message, records


@pytest.fixture
def path(memory_path: Path) -> Path:
    return memory_path / "journal.sqlite"


def test_what_was_recorded_is_there_after_a_restart(path: Path) -> None:
    journal = BrokerJournal(path, max_rows=1000)
    journal.append(records(1, 2))
    journal.append(records(3))
    journal.acknowledge(1, opening=journal.openings)
    journal.close()
    again = BrokerJournal(path, max_rows=1000)
    assert ids(again.outbox(after=0, limit=10)) == ["run-2", "run-3"]
    assert (again.waiting, again.rows) == (2, 3)
    again.close()


def test_beyond_its_bound_the_oldest_go_and_those_that_were_unsent_are_counted(path: Path) -> None:
    journal = BrokerJournal(path, max_rows=1000)
    journal.append(records(*range(1500)))
    journal.acknowledge(400, opening=journal.openings)
    assert journal.trim(now=0.0) == 500
    assert journal.dropped == 100
    assert (journal.rows, journal.waiting) == (1000, 1000)
    assert ids(journal.outbox(after=0, limit=1)) == ["run-500"]
    journal.close()


def test_by_age_only_what_was_sent_goes(path: Path) -> None:
    journal = BrokerJournal(path, max_rows=1000, max_age_s=100.0)
    journal.append(records(*range(10)))
    journal.acknowledge(4, opening=journal.openings)
    assert journal.trim(now=102.0) == 2
    assert journal.trim(now=10**6) == 2
    assert journal.trim(now=10**6) == 0
    assert (journal.waiting, journal.dropped) == (6, 0)
    journal.close()


YEAR = 365 * 86400.0


def test_a_clock_that_is_years_ahead_has_nothing_deleted_until_as_much_is_recorded_by_it(path: Path) -> None:
    journal = BrokerJournal(path, max_rows=1000, max_age_s=100.0)
    journal.append(records(*range(10)))
    journal.acknowledge(10, opening=journal.openings)
    assert journal.trim(now=10 * YEAR) == 0
    assert journal.leap == 10 * YEAR - 9
    journal.append([Record(10 * YEAR + second, message(10 + second)) for second in range(100)])
    assert journal.trim(now=10 * YEAR + 99) == 0
    journal.acknowledge(110, opening=journal.openings)
    journal.append([Record(10 * YEAR + 101, message(200))])
    assert journal.trim(now=10 * YEAR + 101) == 11
    assert journal.rows == 100
    journal.close()


def test_what_was_recorded_by_a_clock_that_lagged_goes_with_the_rows_around_it(path: Path) -> None:
    journal = BrokerJournal(path, max_rows=1000, max_age_s=100.0)
    journal.append(records(0, 1))
    journal.append([Record(YEAR + second, message(second)) for second in range(200)])
    journal.acknowledge(202, opening=journal.openings)
    assert journal.trim(now=YEAR + 10) == 0
    assert journal.trim(now=YEAR + 199) == 2 + 99
    journal.close()


def test_numbers_are_not_used_again_when_everything_was_deleted(path: Path) -> None:
    journal = BrokerJournal(path, max_rows=1000, max_age_s=1.0)
    journal.append(records(1, 2, 3))
    journal.acknowledge(3, opening=journal.openings)
    journal.trim(now=100.0)
    journal.close()
    again = BrokerJournal(path, max_rows=1000)
    again.append(records(4))
    assert [row.number for row in again.outbox(after=3, limit=9)] == [4]
    again.close()


def test_columns_are_read_out_of_the_message_and_looked_up_by_index(path: Path) -> None:
    journal = BrokerJournal(path, max_rows=1000)
    journal.append([Record(7.0, message(7, score=0.75, verdict="defect", **{"class": "dent", "lot": "L-1"}))])
    journal.close()
    database = sqlite3.connect(path)
    (row,) = database.execute('SELECT part, verdict, "class", score, lot, recipe FROM inspections')
    assert row == ("p7", "defect", "dent", 0.75, "L-1", None)
    for where in ("recorded > 1", "part = 'p7'", "verdict = 'defect' AND recorded > 1", "lot = 'L-1'"):
        plan = database.execute(f"EXPLAIN QUERY PLAN SELECT * FROM inspections WHERE {where}").fetchall()
        assert "USING INDEX" in plan[0][3], where
    database.close()


def test_a_file_of_the_first_version_keeps_its_verdicts_and_what_was_unsent_is_sent(path: Path) -> None:
    database = sqlite3.connect(path)
    database.executescript(FIRST_SCHEMA)
    rows = [(n, float(n), message(n)[:-1] + ',"late":false}', late, sent) for n, late, sent in (
        (3, 0, 1), (5, 1, 1), (6, 0, 0), (8, None, 1), (9, None, 0)
    )]  # fmt: skip
    database.executemany("INSERT INTO inspections VALUES (?, ?, ?, ?, ?)", rows)
    database.commit()
    database.close()
    journal = BrokerJournal(path, max_rows=1000)
    journal.open()
    unsent = journal.outbox(after=0, limit=10)
    assert ids(unsent) == ["run-6", "run-8", "run-9"]
    assert [b'"late":true' in (row.message or b"") for row in unsent] == [False, True, True]
    assert (journal.rows, journal.replaced) == (5, None)
    journal.append(records(10))
    assert ids(journal.outbox(after=0, limit=10))[-1] == "run-10"
    journal.close()


def test_a_file_of_the_second_version_keeps_its_verdicts_and_where_the_broker_was(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = BrokerJournal(path, max_rows=1000)
    before.append(records(1, 2, 3))
    before.close()
    database = sqlite3.connect(path)  # the broker alone had a cursor, in a table of its own
    database.executescript(
        "DROP TABLE cursors; CREATE TABLE outbox (acknowledged INTEGER NOT NULL);"
        "INSERT INTO outbox VALUES (1); PRAGMA user_version = 2"
    )
    database.close()
    with pytest.raises(EarlierJournalError, match="of an earlier release"), reading(path):
        pass
    journal = BrokerJournal(path, max_rows=1000)
    assert ids(journal.outbox(after=0, limit=9)) == ["run-2", "run-3"]
    assert (journal.rows, journal.replaced) == (3, None)
    journal.close()
    assert f"{path}: of an earlier release (version 2); all that it held is kept, as version 3" in caplog.text
    caplog.clear()
    BrokerJournal(path, max_rows=1000).close()
    assert caplog.text == ""


def test_an_empty_file_of_the_first_version_becomes_one_of_this(path: Path) -> None:
    database = sqlite3.connect(path)
    database.executescript(FIRST_SCHEMA)
    database.close()
    journal = BrokerJournal(path, max_rows=1000)
    journal.append(records(1))
    assert journal.waiting == 1
    journal.close()


@pytest.mark.parametrize(
    "spoilt", [b"\xff\xfe{}", b"{" + b" " * LARGEST_BYTES + b"}", b"", b"no JSON", 17, None]
)
def test_a_row_that_cannot_be_sent_is_known_and_does_not_hide_the_next(path: Path, spoilt: object) -> None:
    journal = BrokerJournal(path, max_rows=1000)
    journal.append(records(1, 2))
    other = sqlite3.connect(path)
    if spoilt is None:
        other.execute("UPDATE inspections SET message = zeroblob(100) WHERE number = 1")
    else:
        other.execute("UPDATE inspections SET message = CAST(? AS TEXT) WHERE number = 1", (spoilt,))
    other.commit()
    other.close()
    assert [row.message is None for row in journal.outbox(after=0, limit=9)] == [True, False]
    journal.close()


def test_a_full_disk_is_an_error_now_and_none_once_there_is_room(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def note(*values: Any, **named: Any) -> sqlite3.Connection:
        opened.append(connect(*values, **named))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", note)
    journal = BrokerJournal(path, max_rows=1000)
    journal.open()
    (database,) = opened
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(JournalError, match="full"):
        journal.append([Record(0.0, message(n, note="x" * 1000)) for n in range(50)])
    assert journal.waiting == 0
    database.execute("PRAGMA max_page_count = 100000")
    journal.append(records(1))
    assert ids(journal.outbox(after=0, limit=9)) == ["run-1"]
    journal.close()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_bytes_are_wrong_the_journal_works_again_after_a_few_tries(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        path = Path(folder) / "journal.sqlite"
        before = BrokerJournal(path, max_rows=1000)
        before.append(records(*range(30)))
        before.acknowledge(5, opening=before.openings)
        before.close()
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(content) - 1))
            some = data.draw(st.binary(min_size=1, max_size=40))
            content[at : at + len(some)] = some
        path.write_bytes(content[: data.draw(st.sampled_from([len(content), len(content) // 2, 100, 0]))])
        journal = BrokerJournal(path, max_rows=1000)
        for _ in range(4):
            try:
                journal.append(records(100))
                journal.outbox(after=0, limit=1000)
                journal.trim(now=0.0)
                journal.sync()
                break
            except JournalError:
                continue
        else:
            pytest.fail("no try worked")
        assert "run-100" in ids(journal.outbox(after=0, limit=1000))
        journal.close()


@pytest.fixture
def disk() -> Iterator[CuttableDisk]:
    """A disk whose power can be cut; it lies in memory, so that this machine's own disk does not matter."""
    missing = power_cut_is_missing()
    if missing is not None:
        pytest.skip(missing)
    with tempfile.TemporaryDirectory(prefix="linegate-", dir="/dev/shm") as folder:
        try:
            disk = CuttableDisk(Path(folder))
        except subprocess.CalledProcessError:
            pytest.skip("no disks may be mounted here")
        yield disk
        disk.close()


def test_what_was_synced_survives_a_power_cut_in_a_new_file_too(disk: CuttableDisk) -> None:
    file = disk.path / "state" / "journal.sqlite"
    journal = BrokerJournal(file, max_rows=1000)
    journal.append(records(1, 2))
    journal.acknowledge(1, opening=journal.openings)
    journal.sync()
    journal.append(records(3))
    disk.cut()
    journal.close()
    disk.power_up()
    again = BrokerJournal(file, max_rows=1000)
    again.append(records(4))
    assert ids(again.outbox(after=0, limit=9)) == ["run-2", "run-4"]
    assert again.replaced is None
    again.close()


def test_a_new_file_is_whole_before_its_first_sync(disk: CuttableDisk) -> None:
    file = disk.path / "state" / "journal.sqlite"
    journal = BrokerJournal(file, max_rows=1000)
    journal.open()
    disk.cut()
    journal.close()
    disk.power_up()
    with reading(file) as database:
        assert count_waiting(database) == 0


class JournalMachine(RuleBasedStateMachine):
    """Whatever happens to the process: what was appended is there, in order, until it is acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.generation = 0
        self.journal = self.opened()
        self.ids: list[str] = []
        self.acknowledged = 0
        self.surely_acknowledged = 0
        self.deleted = 0

    def opened(self) -> BrokerJournal:
        return BrokerJournal(
            Path(self.folder.name) / f"{self.generation}.sqlite", max_rows=20, max_age_s=30.0
        )

    @rule(count=st.integers(1, 12))
    def append(self, count: int) -> None:
        numbers = range(len(self.ids), len(self.ids) + count)
        self.journal.append(records(*numbers))
        self.ids += [f"run-{number}" for number in numbers]

    @rule(share=st.floats(0, 1))
    def acknowledge(self, share: float) -> None:
        upto = self.acknowledged + int(share * (len(self.ids) - self.acknowledged))
        self.journal.acknowledge(upto, opening=self.journal.openings)
        self.acknowledged = max(self.acknowledged, upto)

    @rule()
    def sync(self) -> None:
        self.journal.sync()
        self.journal.checkpoint()
        self.surely_acknowledged = self.acknowledged

    @rule(now=st.floats(0, 200))
    def trim(self, now: float) -> None:
        unsent_before, dropped_before = self.journal.waiting, self.journal.dropped
        deleted = self.journal.trim(now)
        assert unsent_before - self.journal.waiting == self.journal.dropped - dropped_before
        assert self.journal.rows <= 20
        self.deleted += deleted
        self.acknowledged = max(self.acknowledged, self.deleted)
        self.surely_acknowledged = max(self.surely_acknowledged, self.deleted)

    @rule()
    def restart(self) -> None:
        self.journal.close()
        self.surely_acknowledged = self.acknowledged
        self.journal = self.opened()
        self.journal.open()

    @rule()
    def kill(self) -> None:
        """A killed process leaves what its files hold at that moment."""
        self.journal.open()
        before = Path(self.folder.name) / f"{self.generation}.sqlite"
        self.generation += 1
        after = Path(self.folder.name) / f"{self.generation}.sqlite"
        for suffix in ("", "-wal"):
            if Path(f"{before}{suffix}").exists():
                copyfile(f"{before}{suffix}", f"{after}{suffix}")
        self.journal.close()
        self.journal = self.opened()
        self.journal.open()
        assert self.surely_acknowledged <= self.journal.acknowledged <= self.acknowledged
        self.acknowledged = self.journal.acknowledged

    @invariant()
    def the_outbox_is_everything_that_was_not_acknowledged(self) -> None:
        assert ids(self.journal.outbox(after=0, limit=10**6)) == self.ids[self.acknowledged :]
        assert self.journal.waiting == len(self.ids) - self.acknowledged
        assert self.journal.rows == len(self.ids) - self.deleted

    def teardown(self) -> None:
        self.journal.close()
        self.folder.cleanup()


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
