"""The journal keeps what was recorded, in order, until the broker has it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import JournalError
from edge.journal import Journal


def test_what_was_recorded_is_there_after_a_restart(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite", max_rows=1000)
    for number in range(5):
        journal.append(f"message {number}", recorded=float(number))
    journal.acknowledge([1, 3])
    journal.close()
    again = Journal(tmp_path / "j.sqlite", max_rows=1000)
    assert [row.message for row in again.outbox(after=0, limit=10)] == ["message 1", "message 3", "message 4"]
    assert again.waiting() == 3
    again.close()


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(1, 20)))
def test_the_outbox_is_what_was_not_acknowledged_in_order(acknowledged: set[int]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "j.sqlite", max_rows=1000)
        for number in range(1, 21):
            journal.append(str(number), recorded=0.0)
        journal.acknowledge(sorted(acknowledged))
        expected = [number for number in range(1, 21) if number not in acknowledged]
        assert [row.number for row in journal.outbox(after=0, limit=100)] == expected
        journal.close()


def test_at_the_bound_sent_rows_go_first_and_lost_ones_are_counted(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite", max_rows=1000)
    for number in range(1000):
        journal.append(str(number), recorded=0.0)
    journal.acknowledge(range(101, 501))
    for number in range(500):
        journal.append(str(number), recorded=0.0)
    assert journal.dropped == 100
    assert journal.waiting() == 1000
    assert journal.outbox(after=0, limit=1)[0].number == 101 + 400
    journal.close()


def test_lateness_is_said_once_and_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite", max_rows=1000)
    number = journal.append("m", recorded=0.0)
    assert journal.outbox(after=0, limit=1)[0].late is None
    journal.set_late(number, late=False)
    assert journal.outbox(after=0, limit=1)[0].late is False
    journal.close()


def test_a_file_that_is_no_database_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "j.sqlite").write_text("not a database, but long enough to be taken for one" * 50)
    with pytest.raises(JournalError, match=r"j\.sqlite"):
        Journal(tmp_path / "j.sqlite", max_rows=1000)
