"""The journal is searched along its indexes, for a moment at most, and never held up."""

import sqlite3
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edge.core.decision import Verdict
from edge.core.errors import JournalError
from edge.records import history
from edge.records.history import Wanted, glances, inspection, latest, neighbours, number_of
from edge.records.journal import Journal, Record
from tests.edge.page.leftovers import result

COUNT = 60


@pytest.fixture
def path(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "journal.sqlite", max_rows=1000)
    rows = [Record(1000.0 + number, result(number).payload().decode()) for number in range(COUNT)]
    journal.append([*rows[:30], Record(1029.5, "not JSON"), Record(1029.6, "{}"), *rows[30:]])
    journal.close()
    return tmp_path / "journal.sqlite"


def parts(path: Path, **wanted: object) -> list[str]:
    return [one.row["part"] for one in latest(path, Wanted(**wanted), limit=100)]  # type: ignore[arg-type]


def test_the_latest_come_first_and_rows_that_hold_no_verdict_are_left_out(path: Path) -> None:
    assert parts(path) == [f"P-{number}" for number in reversed(range(COUNT))]


@pytest.mark.parametrize(
    ("wanted", "is_wanted"),
    [
        ({"start": 1010.0, "end": 1020.0}, lambda n: 10 <= n < 20),
        ({"verdicts": (Verdict.DEFECT,)}, lambda n: n % 10 in (3, 9)),
        ({"verdicts": (Verdict.OK,)}, lambda n: n % 10 not in (3, 5, 7, 9)),
        ({"verdicts": (Verdict.UNSURE, Verdict.FAULT)}, lambda n: n % 10 in (5, 7)),
        ({"predicted": "unsure"}, lambda n: n % 10 == 5),
        ({"score_from": 0.9}, lambda n: n % 10 in (3, 9)),
        ({"score_from": 0.4, "score_to": 0.6}, lambda n: n % 10 == 5),
        ({"part": "P-7"}, lambda n: n == 7),
        ({"lot": "L1", "verdicts": (Verdict.FAULT,)}, lambda n: n in (7, 17)),
        ({"action": "reject"}, lambda n: n % 10 in (3, 5, 7, 9)),
        ({"part": "' OR 1=1 --"}, lambda n: False),
    ],
)
def test_what_is_wanted_is_found(path: Path, wanted: dict[str, object], is_wanted: object) -> None:
    expected = [f"P-{n}" for n in reversed(range(COUNT)) if is_wanted(n)]  # type: ignore[operator]
    assert parts(path, **wanted) == expected


def test_page_after_page_gives_every_one_once(path: Path) -> None:
    wanted = Wanted(verdicts=(Verdict.DEFECT, Verdict.FAULT))
    before, found = None, []
    while some := latest(path, wanted, limit=4, before=before):
        found += some
        before = some[-1].recorded, some[-1].number
    assert len(found) == COUNT * 3 // 10
    assert all((a.recorded, a.number) > (b.recorded, b.number) for a, b in pairwise(found))


def test_rejects_are_found_by_the_index_of_rejects_and_not_by_reading_all(path: Path) -> None:
    plans: list[str] = []

    class Explained(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if sql.startswith("SELECT number"):
                plans.extend(row[3] for row in super().execute(f"EXPLAIN QUERY PLAN {sql}", *values))
            return super().execute(sql, *values)

    database = sqlite3.connect(path, factory=Explained)
    history.latest_in(database, Wanted(start=1.0), Verdict.DEFECT, 10, (2000.0, 5))
    database.close()
    assert "USING INDEX by_reject" in plans[0]


def test_an_inspection_is_found_by_its_number_or_its_id(path: Path) -> None:
    found = inspection(path, 1)
    assert found is not None
    assert (found.id, found.row["part"]) == ("run-0", "P-0")
    assert inspection(path, 31) is None  # what is there is no verdict
    assert inspection(path, 1000) is None
    assert number_of(path, "run-59") == COUNT + 2
    assert number_of(path, "run-1", among=10) is None
    assert neighbours(path, 1) == (None, 2)
    assert neighbours(path, COUNT + 2) == (COUNT + 1, None)


def test_every_inspection_is_counted_from_a_moment_on(path: Path) -> None:
    counted = glances(path, 1050.0)
    assert [glance.verdict for glance in counted] == [result(n).verdict for n in range(50, 60)]
    assert {glance.action for glance in counted} == {"pass", "reject"}
    assert counted[0].latency_ms == 2.0 + 50 % 7


def test_a_search_that_takes_too_long_is_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "SEARCH_S", -1.0)
    monkeypatch.setattr(history, "STEPS", 10)
    with pytest.raises(JournalError, match="took longer"):
        parts(path, score_from=0.5)


def test_a_journal_that_is_no_journal_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal"):
        parts(tmp_path / "absent.sqlite")
    (tmp_path / "text.sqlite").write_text("no database, but as long as one would have to be" * 100)
    with pytest.raises(JournalError, match="cannot be read"):
        parts(tmp_path / "text.sqlite")


def test_a_journal_in_a_place_that_cannot_be_looked_into_is_said_to_be_unreadable(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"cannot be read \(File name too long\)"):
        parts(tmp_path / ("x" * 300))


def test_a_station_may_write_while_somebody_searches(path: Path) -> None:
    journal = Journal(path, max_rows=1000)
    journal.open()
    assert len(parts(path)) == COUNT
    journal.append([Record(2000.0, result(99).payload().decode())])
    assert parts(path)[0] == "P-99"
    journal.close()
