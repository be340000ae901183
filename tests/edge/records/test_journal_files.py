"""The journal whose files are spoiled, taken away, moved or exchanged, or are another one's."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile

import pytest

from edge.core.errors import JournalError
from edge.records.journal import Record
from edge.records.journal_file import (
    SCHEMA_VERSION,
    ForeignJournalError,
    JournalFile,
    JournalInUseError,
    WrongJournalError,
    count_waiting,
    reading,
)
from tests.edge.records.journals import BrokerJournal, ids, message, records


@pytest.fixture
def path(memory_path: Path) -> Path:
    return memory_path / "journal.sqlite"


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
    before = BrokerJournal(path, max_rows=1000)
    before.append(records(1))
    before.close()
    assert callable(spoil)
    spoil(path)
    content = path.read_bytes()
    journal = BrokerJournal(path, max_rows=1000)
    journal.append(records(2))
    assert ids(journal.outbox(after=0, limit=9)) == ["run-2"]
    assert journal.replaced is not None
    (aside,) = (file for file in path.parent.iterdir() if ".aside-" in file.name)
    assert aside.name in journal.replaced
    assert aside.read_bytes() == content
    journal.close()


def test_a_file_that_breaks_while_it_is_used_is_set_aside(path: Path) -> None:
    journal = BrokerJournal(path, max_rows=10**6)
    journal.append(records(*range(2000)))
    journal.close()
    content = bytearray(path.read_bytes())
    content[4096 * 20 : 4096 * 30] = b"\xaa" * (4096 * 10)
    path.write_bytes(content)
    journal = BrokerJournal(path, max_rows=10**6)
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
        journal = BrokerJournal(path, max_rows=1000)
        journal.append(records(number))
        journal.close()
    assert len([file for file in path.parent.iterdir() if ".aside-" in file.name]) == 5


def test_a_file_that_is_taken_away_is_made_again(path: Path) -> None:
    journal = BrokerJournal(path, max_rows=1000)
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
    journal = BrokerJournal(path, max_rows=1000)
    for number in range(76):
        journal.append(records(number))
    path.with_name(f"{path.name}{taken}").unlink()
    journal.append(records(76))
    assert journal.replaced == f"journal: somebody took {path}-wal or -shm away; all was saved"
    killed = path.with_name("killed.sqlite")  # what a process finds that starts after a kill
    for suffix in ("", "-wal"):
        copyfile(f"{path}{suffix}", f"{killed}{suffix}")
    again = BrokerJournal(killed, max_rows=1000)
    assert ids(again.outbox(after=0, limit=100)) == [f"run-{number}" for number in range(77)]
    assert again.replaced is None
    again.close()
    journal.close()


def test_a_write_ahead_file_that_is_taken_away_between_two_processes_is_said(path: Path) -> None:
    journal = BrokerJournal(path, max_rows=1000)
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
    again = BrokerJournal(killed, max_rows=1000)
    again.append(records(5))
    assert again.replaced == f"journal: {killed} has lost its latest 2 inspections"
    again.close()
    after = BrokerJournal(killed, max_rows=1000)
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
    journal = BrokerJournal(path, max_rows=1000)
    journal.open()
    assert (journal.rows, journal.replaced) == (1, None)
    journal.close()


def test_rows_that_a_file_has_lost_by_the_time_it_is_opened_again_are_said(path: Path) -> None:
    journal = BrokerJournal(path, max_rows=1000)
    journal.append(records(1, 2, 3))
    journal.close()
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
    journal = BrokerJournal(path, max_rows=1000)
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
    journal = BrokerJournal(path, max_rows=1000)
    journal.append(records(1))
    path.with_name(f"{path.name}.lock").unlink()
    journal.append(records(2))
    with pytest.raises(JournalInUseError):
        BrokerJournal(path, max_rows=1000).open()
    journal.close()


def test_a_dead_disk_that_does_not_even_let_a_file_be_closed_is_an_error_like_others(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any other exception would end the thread that sends."""
    close = JournalFile.close

    def closed_with_an_error(file: JournalFile) -> None:
        close(file)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(JournalFile, "close", closed_with_an_error)
    journal = BrokerJournal(path, max_rows=1000)
    journal.append(records(1))
    refused = Record(float("nan"), message(2))  # kept as NULL, which the table does not take
    with pytest.raises(JournalError):
        journal.append([refused])
    journal.append(records(2))
    assert ids(journal.outbox(after=0, limit=9)) == ["run-1", "run-2"]
    journal.close()


def test_a_journal_that_is_a_link_is_synced_and_locked_where_it_lies(path: Path) -> None:
    link = path.with_name("link.sqlite")
    link.symlink_to(path)
    journal = BrokerJournal(link, max_rows=1000)
    journal.append(records(1))
    assert path.with_name(f"{path.name}-wal").stat().st_size
    with pytest.raises(JournalInUseError):
        BrokerJournal(path, max_rows=1000).open()
    assert not link.with_name(f"{link.name}.lock").exists()
    journal.close()


def test_a_write_ahead_file_that_is_taken_away_before_a_checkpoint_costs_no_row(path: Path) -> None:
    """The checkpoint's own connection then makes a new one, of which the journal's knows nothing."""
    journal = BrokerJournal(path, max_rows=1000)
    journal.append(records(*range(50)))
    path.with_name(f"{path.name}-wal").unlink()
    journal.checkpoint()
    with pytest.raises(JournalError, match="cannot be read"), reading(path):
        pass
    journal.append(records(50))
    with reading(path) as database:
        assert count_waiting(database) == 51
    journal.close()
    again = BrokerJournal(path, max_rows=1000)
    assert ids(again.outbox(after=0, limit=100)) == [f"run-{number}" for number in range(51)]
    again.close()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)])
def test_what_is_no_file_is_neither_opened_nor_set_aside(path: Path, make: Callable[[Path], None]) -> None:
    """As a device would be: /dev/null, by root."""
    make(path)
    with pytest.raises(WrongJournalError, match="expected a file"):
        BrokerJournal(path, max_rows=1000).open()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_waits_in_another_station_s_journal_is_neither_sent_nor_taken_away(path: Path) -> None:
    theirs = BrokerJournal(path, max_rows=1000, station="left")
    theirs.append([Record(float(n), message(n, station="left")) for n in range(3)])
    theirs.close()
    ours = BrokerJournal(path, max_rows=1000, station="right")
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
    theirs = BrokerJournal(other, max_rows=1000, station="left")
    theirs.append([Record(1.0, message(1, station="left"))])
    theirs.close()
    ours = BrokerJournal(path, max_rows=1000, station="right")
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
    before = BrokerJournal(backup, max_rows=1000)
    before.append(records(*range(100)))
    before.close()
    journal = BrokerJournal(path, max_rows=1000)
    journal.append(records(1001, 1002))
    path.rename(moved)
    backup.rename(path)
    journal.append(records(1003))
    assert ids(journal.outbox(after=0, limit=200)) == [f"run-{n}" for n in [*range(100), 1003]]
    journal.close()
    away = BrokerJournal(moved, max_rows=1000)
    assert ids(away.outbox(after=0, limit=200)) == ["run-1001", "run-1002"]
    away.close()


def test_one_row_of_another_station_among_ours_is_left_out(path: Path) -> None:
    journal = BrokerJournal(path, max_rows=1000, station="right")
    journal.append(
        [Record(1.0, message(n, station=name)) for n, name in enumerate(["right", "left", "right"])]
    )
    assert [row.message is None for row in journal.outbox(after=0, limit=9)] == [False, True, False]
    journal.close()


def test_a_second_process_may_read_but_not_write(path: Path) -> None:
    journal = BrokerJournal(path, max_rows=1000)
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
