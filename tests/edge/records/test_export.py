"""The content of the journal, in files that other programs read, and as counts."""

import csv
import json
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.__main__ import main
from edge.core.csv_cells import from_cell
from edge.records.export import COLUMNS, parse_shifts, shift_start
from edge.records.journal import Record
from edge.records.result import PartResult
from tests.edge.records.journals import BrokerJournal

JOURNAL = Path("state/journal.sqlite")
SHIFTS = parse_shifts("06:00 14:00 22:00")


@pytest.fixture(autouse=True)
def _central_europe() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def record(number: int, moment: str, verdict: str = "ok", **more: object) -> Record:
    at = datetime.fromisoformat(moment).astimezone(UTC)
    message = PartResult.model_validate(
        {
            "station": "a", "id": f"run-{number}", "part": f"p{number}", "sequence": number,
            "captured_at": at, "verdict": verdict, "action": "pass", "bundle_sha256": "0" * 64, **more,
        }
    )  # fmt: skip
    return Record(at.timestamp(), message.payload().decode())


@pytest.fixture
def journal() -> BrokerJournal:
    """Five inspections of two days; the first two were sent."""
    journal = BrokerJournal(JOURNAL, max_rows=1000)
    journal.append(
        [
            record(1, "2026-11-20T05:59", "defect", score=0.9, reason='=cmd, "quoted"\nline'),
            record(2, "2026-11-20T06:00"),
            record(3, "2026-11-20T13:59", "fault", reason="no frame"),
            record(4, "2026-11-21T00:30"),
            record(5, "2026-11-21T05:00", "unsure", score=0.5),
        ]
    )
    journal.acknowledge(2, opening=journal.openings)
    journal.sync()
    return journal


def rows(file: str) -> list[dict[str, str]]:
    with Path(file).open(newline="", encoding="utf-8-sig") as text:
        return list(csv.DictReader(text))


def test_the_bundle_of_a_row_of_before_is_exported_under_its_name_of_now(journal: BrokerJournal) -> None:
    now = record(6, "2026-11-22T06:00")
    before = Record(now.recorded, now.message.replace('"bundle_sha256"', '"model_id"'))
    assert before.message != now.message
    journal.append([before])
    assert main(["--export", "all.csv"]) == 0
    assert rows("all.csv")[-1]["bundle_sha256"] == "0" * 64


def test_a_csv_file_holds_every_column_of_every_inspection(
    journal: BrokerJournal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--export", "all.csv"]) == 0
    assert capsys.readouterr().out == f"5 inspections of {JOURNAL.absolute()} written to all.csv\n"
    exported = rows("all.csv")
    assert tuple(exported[0]) == COLUMNS
    assert [row["id"] for row in exported] == [f"run-{n}" for n in range(1, 6)]
    assert [row["sent"] for row in exported] == ["true", "true", "false", "false", "false"]
    assert exported[0]["reason"] == '\'=cmd, "quoted"\nline', "a spreadsheet must not run it"
    assert from_cell(exported[0]["reason"]) == '=cmd, "quoted"\nline'
    assert Path("all.csv").read_bytes().startswith(b"\xef\xbb\xbfrecorded_at,")
    assert exported[0]["recorded_at"] == "2026-11-20T04:59:00.000Z"
    assert (exported[0]["score"], exported[1]["score"]) == ("0.9", "")
    journal.close()


def test_a_span_is_from_a_moment_up_to_another_in_local_time(journal: BrokerJournal) -> None:
    assert main(["--export", "day.csv", "--from", "2026-11-20T06:00", "--to", "2026-11-21"]) == 0
    assert [row["id"] for row in rows("day.csv")] == ["run-2", "run-3"]
    assert main(["--export", "utc.csv", "--from", "2026-11-20T23:00Z"]) == 0
    assert [row["id"] for row in rows("utc.csv")] == ["run-4", "run-5"]
    journal.close()


def test_a_parquet_file_has_types(journal: BrokerJournal) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert main(["--export", "all.parquet"]) == 0
    table = parquet.read_table("all.parquet").to_pylist()
    assert [row["score"] for row in table] == [0.9, None, None, None, 0.5]
    assert table[0]["recorded_at"] == datetime(2026, 11, 20, 4, 59, tzinfo=UTC)
    assert (table[0]["sent"], table[4]["sent"], table[4]["sequence"]) == (True, False, 5)
    journal.close()


def test_without_pyarrow_parquet_is_refused_with_what_to_install(
    journal: BrokerJournal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert main(["--export", "all.parquet"]) == 2
    assert "pip install 'linegate[parquet]'" in capsys.readouterr().err
    journal.close()


def test_rows_that_hold_no_verdict_are_left_out_and_counted(
    journal: BrokerJournal, capsys: pytest.CaptureFixture[str]
) -> None:
    other = sqlite3.connect("state/journal.sqlite")
    other.execute("UPDATE inspections SET message = '{' WHERE number = 2")
    other.commit()
    other.close()
    assert main(["--export", "rest.csv"]) == 0
    assert "1 rows hold no verdict; left out" in capsys.readouterr().err
    assert len(rows("rest.csv")) == 4
    journal.close()


def test_a_long_journal_is_exported_while_it_is_written(journal: BrokerJournal) -> None:
    journal.append([record(n, "2026-11-22T10:00") for n in range(6, 3006)])
    assert main(["--export", "long.csv"]) == 0
    assert [row["sequence"] for row in rows("long.csv")] == [str(n) for n in range(1, 3006)]
    journal.append([record(3006, "2026-11-22T10:00")])
    journal.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--export", "all.txt"], "must end in .csv or .parquet"),
        (["--export", "absent/all.csv"], "there is no folder absent"),
        (["--export", "all.csv", "--from", "yesterday"], "--from yesterday: no date or time"),
        (["--export", "all.csv", "--to", "9999-99-99"], "--to 9999-99-99: no date or time"),
        (["--export", "all.csv", "--from", "2026-11-21", "--to", "2026-11-20"], "must be later than --from"),
        (["--export", "all.csv", "--journal.path", "other.sqlite"], "other.sqlite: there is no journal"),
        (["--counts", "--journal.path", "other.sqlite"], "other.sqlite: there is no journal"),
        (["--from", "2026-11-21"], "--from: goes with --export and --counts"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_leaves_nothing(
    arguments: list[str], said: str, journal: BrokerJournal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["state"]
    journal.close()


def test_what_is_no_journal_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.sqlite").write_text("no journal" * 1000)
    assert main(["--export", "all.csv", "--journal.path", "other.sqlite"]) == 2
    assert "other.sqlite: cannot be read" in capsys.readouterr().err
    assert not Path("all.csv").exists()


@pytest.mark.parametrize("arguments", [["--counts"], ["--export", "all.csv"]])
def test_the_journal_of_a_settings_file_is_read_from_wherever_the_command_runs(
    arguments: list[str], journal: BrokerJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text('[station]\nname = "a"\n')
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main([*arguments, "--config", str(tmp_path / "config.toml")]) == 0
    assert [path.name for path in Path().iterdir()] == [*arguments[1:]]
    journal.close()


def test_a_table_of_counts_says_of_which_journal(
    journal: BrokerJournal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--counts"]) == 0
    assert capsys.readouterr().err == f"edge: counted in {JOURNAL.absolute()}\n"
    journal.close()


def test_counts_are_by_shift(journal: BrokerJournal, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--counts", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert [(row["shift"], row["inspected"]) for row in counts] == [
        ("2026-11-19T22:00", 1),
        ("2026-11-20T06:00", 2),
        ("2026-11-20T22:00", 2),
    ]
    assert {name: counts[1][name] for name in ("ok", "defect", "unsure", "fault")} == {
        "ok": 1, "defect": 0, "unsure": 0, "fault": 1
    }  # fmt: skip
    assert main(["--counts", "--from", "2026-11-21"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["shift", "recipe", "lot", "inspected", "ok", "defect", "unsure", "fault"]
    assert lines[1].split()[0] == "2026-11-20T22:00"
    assert main(["--counts", "--from", "2026-12-01"]) == 0
    assert capsys.readouterr().out == f"no inspections in {JOURNAL.absolute()}\n"
    journal.close()


@given(st.datetimes())
def test_every_moment_lies_in_the_shift_that_began_last(moment: datetime) -> None:
    assume(moment.year > 1)
    began = shift_start(moment, SHIFTS)
    assert began <= moment
    assert (moment - began).total_seconds() < 8 * 3600
    assert began.time() in SHIFTS
