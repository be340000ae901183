"""The journal keeps what was recorded, in order, until the broker has it."""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.core.errors import JournalError
from edge.records.journal import LARGEST_BYTES, Journal, OutboxRow, Record
from edge.records.journal_file import (
    SCHEMA_VERSION,
    ForeignJournalError,
    JournalInUseError,
    WrongJournalError,
    count_waiting,
    reading,
)
from tests.conftest import MEMORY
from tests.rigs.power import CuttableDisk, power_cut_is_missing

FIRST_SCHEMA = """
CREATE TABLE inspections (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    recorded REAL NOT NULL,
    message TEXT NOT NULL,
    late INTEGER,
    acknowledged INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX outbox ON inspections (number) WHERE acknowledged = 0;
PRAGMA user_version = 1;
"""


def message(number: int, **more: object) -> str:
    return json.dumps({"id": f"run-{number}", "part": f"p{number}", "verdict": "ok", **more})


def records(*numbers: int) -> list[Record]:
    return [Record(float(number), message(number)) for number in numbers]


def ids(rows: list[OutboxRow]) -> list[str]:
    return [json.loads(row.message)["id"] for row in rows if row.message is not None]


@pytest.fixture
def path(memory_path: Path) -> Path:
    return memory_path / "journal.sqlite"


def test_what_was_recorded_is_there_after_a_restart(path: Path) -> None:
    journal = Journal(path, max_rows=1000)
    journal.append(records(1, 2))
    journal.append(records(3))
    journal.acknowledge(1, opening=journal.openings)
    journal.close()
    again = Journal(path, max_rows=1000)
    assert ids(again.outbox(after=0, limit=10)) == ["run-2", "run-3"]
    assert (again.waiting, again.rows) == (2, 3)
    again.close()


def test_beyond_its_bound_the_oldest_go_and_those_that_were_unsent_are_counted(path: Path) -> None:
    journal = Journal(path, max_rows=1000)
    journal.append(records(*range(1500)))
    journal.acknowledge(400, opening=journal.openings)
    assert journal.trim(now=0.0) == 500
    assert journal.dropped == 100
    assert (journal.rows, journal.waiting) == (1000, 1000)
    assert ids(journal.outbox(after=0, limit=1)) == ["run-500"]
    journal.close()


def test_by_age_only_what_was_sent_goes(path: Path) -> None:
    journal = Journal(path, max_rows=1000, max_age_s=100.0)
    journal.append(records(*range(10)))
    journal.acknowledge(4, opening=journal.openings)
    assert journal.trim(now=102.0) == 2
    assert journal.trim(now=10**6) == 2
    assert journal.trim(now=10**6) == 0
    assert (journal.waiting, journal.dropped) == (6, 0)
    journal.close()


YEAR = 365 * 86400.0


def test_a_clock_that_is_years_ahead_has_nothing_deleted_until_as_much_is_recorded_by_it(path: Path) -> None:
    journal = Journal(path, max_rows=1000, max_age_s=100.0)
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
    journal = Journal(path, max_rows=1000, max_age_s=100.0)
    journal.append(records(0, 1))
    journal.append([Record(YEAR + second, message(second)) for second in range(200)])
    journal.acknowledge(202, opening=journal.openings)
    assert journal.trim(now=YEAR + 10) == 0
    assert journal.trim(now=YEAR + 199) == 2 + 99
    journal.close()


def test_numbers_are_not_used_again_when_everything_was_deleted(path: Path) -> None:
    journal = Journal(path, max_rows=1000, max_age_s=1.0)
    journal.append(records(1, 2, 3))
    journal.acknowledge(3, opening=journal.openings)
    journal.trim(now=100.0)
    journal.close()
    again = Journal(path, max_rows=1000)
    again.append(records(4))
    assert [row.number for row in again.outbox(after=3, limit=9)] == [4]
    again.close()


def test_columns_are_read_out_of_the_message_and_looked_up_by_index(path: Path) -> None:
    journal = Journal(path, max_rows=1000)
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
    journal = Journal(path, max_rows=1000)
    journal.open()
    unsent = journal.outbox(after=0, limit=10)
    assert ids(unsent) == ["run-6", "run-8", "run-9"]
    assert [b'"late":true' in (row.message or b"") for row in unsent] == [False, True, True]
    assert (journal.rows, journal.replaced) == (5, None)
    journal.append(records(10))
    assert ids(journal.outbox(after=0, limit=10))[-1] == "run-10"
    journal.close()


def test_an_empty_file_of_the_first_version_becomes_one_of_this(path: Path) -> None:
    database = sqlite3.connect(path)
    database.executescript(FIRST_SCHEMA)
    database.close()
    journal = Journal(path, max_rows=1000)
    journal.append(records(1))
    assert journal.waiting == 1
    journal.close()


def break_off_the_start(path: Path) -> None:
    path.write_text("not a database, but long enough to be taken for one" * 50)


def make_newer(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    database.close()


def make_another_programs(path: Path) -> None:
    path.unlink(missing_ok=True)
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE songs (title TEXT)")
    database.close()


@pytest.mark.parametrize("spoil", [break_off_the_start, make_newer, make_another_programs])
def test_a_file_that_cannot_be_used_is_set_aside_and_kept(path: Path, spoil: object) -> None:
    before = Journal(path, max_rows=1000)
    before.append(records(1))
    before.close()
    assert callable(spoil)
    spoil(path)
    content = path.read_bytes()
    journal = Journal(path, max_rows=1000)
    journal.append(records(2))
    assert ids(journal.outbox(after=0, limit=9)) == ["run-2"]
    assert journal.replaced is not None
    (aside,) = (file for file in path.parent.iterdir() if ".aside-" in file.name)
    assert aside.name in journal.replaced
    assert aside.read_bytes() == content
    journal.close()


def test_a_file_that_breaks_while_it_is_used_is_set_aside(path: Path) -> None:
    journal = Journal(path, max_rows=10**6)
    journal.append(records(*range(2000)))
    journal.close()
    content = bytearray(path.read_bytes())
    content[4096 * 20 : 4096 * 30] = b"\xaa" * (4096 * 10)
    path.write_bytes(content)
    journal = Journal(path, max_rows=10**6)
    journal.open()
    with pytest.raises(JournalError, match=r"journal\.sqlite: cannot be used"):
        journal.outbox(after=0, limit=2000)
    assert "malformed" in str(journal.replaced)
    journal.append(records(1))
    assert ids(journal.outbox(after=0, limit=9)) == ["run-1"]
    assert journal.openings == 2
    journal.close()


def test_of_files_set_aside_only_the_latest_are_kept(path: Path) -> None:
    for number in range(7):
        break_off_the_start(path)
        journal = Journal(path, max_rows=1000)
        journal.append(records(number))
        journal.close()
    assert len([file for file in path.parent.iterdir() if ".aside-" in file.name]) == 5


def test_a_file_that_is_taken_away_is_made_again(path: Path) -> None:
    journal = Journal(path, max_rows=1000)
    journal.append(records(1))
    for file in path.parent.iterdir():
        file.unlink()
    journal.append(records(2))
    assert ids(journal.outbox(after=0, limit=9)) == ["run-2"]
    assert path.exists()
    journal.close()


@pytest.mark.parametrize("taken", ["-wal", "-shm"])
def test_a_write_ahead_file_that_is_taken_away_costs_no_row(path: Path, taken: str) -> None:
    """Its rows were published: a kill would take them."""
    journal = Journal(path, max_rows=1000)
    for number in range(76):
        journal.append(records(number))
    path.with_name(f"{path.name}{taken}").unlink()
    journal.append(records(76))
    assert journal.replaced == f"journal: somebody took {path}-wal or -shm away; all was saved"
    killed = path.with_name("killed.sqlite")  # what a process finds that starts after a kill
    for suffix in ("", "-wal"):
        copyfile(f"{path}{suffix}", f"{killed}{suffix}")
    again = Journal(killed, max_rows=1000)
    assert ids(again.outbox(after=0, limit=100)) == [f"run-{number}" for number in range(77)]
    assert again.replaced is None
    again.close()
    journal.close()


def test_a_write_ahead_file_that_is_taken_away_between_two_processes_is_said(path: Path) -> None:
    journal = Journal(path, max_rows=1000)
    journal.append(records(1))
    journal.sync()
    journal.checkpoint()
    journal.append(records(2, 3))
    journal.sync()
    journal.append(records(4))  # which a power cut may take: nobody counts on it
    killed = path.with_name("killed.sqlite")
    for suffix in ("", ".lock"):
        copyfile(f"{path}{suffix}", f"{killed}{suffix}")
    journal.close()
    again = Journal(killed, max_rows=1000)
    again.append(records(5))
    assert again.replaced == f"journal: {killed} has lost its latest 2 inspections"
    again.close()
    after = Journal(killed, max_rows=1000)
    after.open()
    assert after.replaced is None
    after.close()


def test_a_process_that_ends_without_closing_is_no_loss(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from edge.records.journal import Journal, Record\n"
        "journal = Journal(Path(sys.argv[1]), max_rows=1000)\n"
        "journal.append([Record(1.0, '{}')])\n"
        "journal.sync()"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], cwd=Path(__file__).parents[3], check=True)
    journal = Journal(path, max_rows=1000)
    journal.open()
    assert (journal.rows, journal.replaced) == (1, None)
    journal.close()


def test_rows_that_a_file_has_lost_by_the_time_it_is_opened_again_are_said(path: Path) -> None:
    journal = Journal(path, max_rows=1000)
    journal.append(records(1, 2, 3))
    journal._close_file()
    other = sqlite3.connect(path)
    other.execute("DELETE FROM inspections WHERE number > 1")
    other.commit()
    other.close()
    journal.append(records(4))
    assert journal.replaced == f"journal: {path} has lost its latest 2 inspections"
    journal.close()


def test_where_nobody_may_look_into_the_folder_nothing_was_taken_away(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path, max_rows=1000)
    journal.append(records(1))

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as no_permission:
        no_permission.setattr(Path, "stat", forbidden)
        journal.append(records(2))
    assert journal.replaced is None
    assert ids(journal.outbox(after=0, limit=9)) == ["run-1", "run-2"]
    journal.close()


def test_a_lock_that_is_taken_away_is_locked_again_so_that_no_second_process_writes(path: Path) -> None:
    journal = Journal(path, max_rows=1000)
    journal.append(records(1))
    path.with_name(f"{path.name}.lock").unlink()
    journal.append(records(2))
    with pytest.raises(JournalInUseError):
        Journal(path, max_rows=1000).open()
    journal.close()


def test_a_journal_that_is_a_link_is_synced_and_locked_where_it_lies(path: Path) -> None:
    link = path.with_name("link.sqlite")
    link.symlink_to(path)
    journal = Journal(link, max_rows=1000)
    journal.append(records(1))
    assert path.with_name(f"{path.name}-wal").stat().st_size
    with pytest.raises(JournalInUseError):
        Journal(path, max_rows=1000).open()
    assert not link.with_name(f"{link.name}.lock").exists()
    journal.close()


def test_a_write_ahead_file_that_is_taken_away_before_a_checkpoint_costs_no_row(path: Path) -> None:
    """The checkpoint's own connection then makes a new one, of which the journal's knows nothing."""
    journal = Journal(path, max_rows=1000)
    journal.append(records(*range(50)))
    path.with_name(f"{path.name}-wal").unlink()
    journal.checkpoint()
    with pytest.raises(JournalError, match="cannot be read"), reading(path):
        pass
    journal.append(records(50))
    with reading(path) as database:
        assert count_waiting(database) == 51
    journal.close()
    again = Journal(path, max_rows=1000)
    assert ids(again.outbox(after=0, limit=100)) == [f"run-{number}" for number in range(51)]
    again.close()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)])
def test_what_is_no_file_is_neither_opened_nor_set_aside(path: Path, make: Callable[[Path], None]) -> None:
    """As a device would be: /dev/null, by root."""
    make(path)
    with pytest.raises(WrongJournalError, match="expected a file"):
        Journal(path, max_rows=1000).open()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_waits_in_another_station_s_journal_is_neither_sent_nor_taken_away(path: Path) -> None:
    theirs = Journal(path, max_rows=1000, station="left")
    theirs.append([Record(float(n), message(n, station="left")) for n in range(3)])
    theirs.close()
    ours = Journal(path, max_rows=1000, station="right")
    with pytest.raises(ForeignJournalError, match=r"is of station left, and station\.name is right"):
        ours.open()
    theirs.open()
    theirs.acknowledge(3, opening=theirs.openings)
    theirs.close()
    ours.append([Record(9.0, message(9, station="right"))])
    assert ids(ours.outbox(after=0, limit=9)) == ["run-9"]
    ours.close()


def test_another_station_s_journal_that_takes_the_place_of_ours_is_set_aside(path: Path) -> None:
    other = path.with_name("other.sqlite")
    theirs = Journal(other, max_rows=1000, station="left")
    theirs.append([Record(1.0, message(1, station="left"))])
    theirs.close()
    ours = Journal(path, max_rows=1000, station="right")
    ours.append([Record(2.0, message(2, station="right"))])
    other.replace(path)
    with pytest.raises(JournalError, match="is of station left"):
        ours.append([Record(3.0, message(3, station="right"))])
    ours.append([Record(3.0, message(3, station="right"))])
    assert ids(ours.outbox(after=0, limit=9)) == ["run-3"]
    assert ours.replaced is not None
    assert "is of station left" in ours.replaced
    assert len(list(path.parent.glob("*.aside-*Z"))) == 1
    ours.close()


def test_a_file_that_is_moved_keeps_all_and_what_comes_in_its_place_is_not_mixed_with_it(path: Path) -> None:
    backup, moved = path.with_name("backup.sqlite"), path.with_name("moved.sqlite")
    before = Journal(backup, max_rows=1000)
    before.append(records(*range(100)))
    before.close()
    journal = Journal(path, max_rows=1000)
    journal.append(records(1001, 1002))
    path.rename(moved)
    backup.rename(path)
    journal.append(records(1003))
    assert ids(journal.outbox(after=0, limit=200)) == [f"run-{n}" for n in [*range(100), 1003]]
    journal.close()
    away = Journal(moved, max_rows=1000)
    assert ids(away.outbox(after=0, limit=200)) == ["run-1001", "run-1002"]
    away.close()


def test_one_row_of_another_station_among_ours_is_left_out(path: Path) -> None:
    journal = Journal(path, max_rows=1000, station="right")
    journal.append(
        [Record(1.0, message(n, station=name)) for n, name in enumerate(["right", "left", "right"])]
    )
    assert [row.message is None for row in journal.outbox(after=0, limit=9)] == [False, True, False]
    journal.close()


def test_a_second_process_may_read_but_not_write(path: Path) -> None:
    journal = Journal(path, max_rows=1000)
    journal.append(records(1))
    code = (
        "import sys; from pathlib import Path; from edge.records.journal import Journal\n"
        "Journal(Path(sys.argv[1]), max_rows=1000).open()"
    )
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", code, str(path)]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert JournalInUseError.__name__ in ended.stderr
    assert "another process writes it" in ended.stderr
    journal.append(records(2))
    journal.close()


@pytest.mark.parametrize(
    "spoilt", [b"\xff\xfe{}", b"{" + b" " * LARGEST_BYTES + b"}", b"", b"no JSON", 17, None]
)
def test_a_row_that_cannot_be_sent_is_known_and_does_not_hide_the_next(path: Path, spoilt: object) -> None:
    journal = Journal(path, max_rows=1000)
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


def test_a_full_disk_is_an_error_now_and_none_once_there_is_room(path: Path) -> None:
    journal = Journal(path, max_rows=1000)
    journal.open()
    assert journal._file is not None
    pages = journal._file.database.execute("PRAGMA page_count").fetchone()[0]
    journal._file.database.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(JournalError, match="full"):
        journal.append([Record(0.0, message(n, note="x" * 1000)) for n in range(50)])
    assert journal.waiting == 0
    journal._file.database.execute("PRAGMA max_page_count = 100000")
    journal.append(records(1))
    assert ids(journal.outbox(after=0, limit=9)) == ["run-1"]
    journal.close()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_bytes_are_wrong_the_journal_works_again_after_a_few_tries(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        path = Path(folder) / "journal.sqlite"
        before = Journal(path, max_rows=1000)
        before.append(records(*range(30)))
        before.acknowledge(5, opening=before.openings)
        before.close()
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(content) - 1))
            some = data.draw(st.binary(min_size=1, max_size=40))
            content[at : at + len(some)] = some
        path.write_bytes(content[: data.draw(st.sampled_from([len(content), len(content) // 2, 100, 0]))])
        journal = Journal(path, max_rows=1000)
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
    journal = Journal(file, max_rows=1000)
    journal.append(records(1, 2))
    journal.acknowledge(1, opening=journal.openings)
    journal.sync()
    journal.append(records(3))
    disk.cut()
    journal.close()
    disk.power_up()
    again = Journal(file, max_rows=1000)
    again.append(records(4))
    assert ids(again.outbox(after=0, limit=9)) == ["run-2", "run-4"]
    assert again.replaced is None
    again.close()


def test_a_new_file_is_whole_before_its_first_sync(disk: CuttableDisk) -> None:
    file = disk.path / "state" / "journal.sqlite"
    journal = Journal(file, max_rows=1000)
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

    def opened(self) -> Journal:
        return Journal(Path(self.folder.name) / f"{self.generation}.sqlite", max_rows=20, max_age_s=30.0)

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
        """What a killed process leaves is what its files hold at that moment."""
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
