"""The recorder never lets the line wait, and keeps what it was given for as long as there is room."""

import itertools
import json
import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from edge.core.decision import Verdict
from edge.core.errors import JournalError
from edge.core.frame import Frame
from edge.inspection.inspector import Inspection, Inspector
from edge.outputs.mqtt.connection import Receipt
from edge.records.journal import Journal, Record
from edge.records.journal_file import BROKER
from edge.records.recorder import Recorder
from edge.records.result import PartResult, part_result
from edge.settings.journal import JournalSettings
from edge.trigger.trigger import PartContext
from testing.waiting import wait_for

NOTHING = np.zeros((1, 1), np.uint8)
Make = Callable[..., Recorder]


def verdict(number: int, *, reason: str | None = None) -> PartResult:
    return PartResult.model_validate(
        {
            "station": "a", "id": f"run-{number}", "part": f"p{number}", "sequence": number,
            "captured_at": datetime.now(UTC), "verdict": "ok", "action": "pass", "bundle_sha256": "0" * 64,
            "reason": reason,
        }
    )  # fmt: skip


def recorded(path: Path) -> list[int]:
    database = sqlite3.connect(path)
    rows = database.execute("SELECT message FROM inspections ORDER BY number").fetchall()
    database.close()
    return [json.loads(text)["sequence"] for (text,) in rows]


@pytest.fixture
def path(memory_path: Path) -> Path:
    return memory_path / "journal.sqlite"


@pytest.fixture
def alarms() -> list[tuple[str, bool]]:
    return []


@pytest.fixture
def recorder(path: Path, alarms: list[tuple[str, bool]]) -> Iterator[Make]:
    made: list[Recorder] = []

    def make(where: Path = path, **values: int) -> Recorder:
        recorder = Recorder(
            where,
            JournalSettings(**values),
            station="a",
            alarm=lambda name, text: alarms.append((name, text is not None)),
        )
        recorder.start([])
        made.append(recorder)
        return recorder

    yield make
    for each in made:
        each.stop(drain_s=0)


def stalled(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """The journal's disk hangs until this is set."""
    goes_on = threading.Event()
    append = Journal.append

    def stall(self: Journal, records: list[Record]) -> None:
        goes_on.wait(60)
        append(self, records)

    monkeypatch.setattr(Journal, "append", stall)
    return goes_on


def test_everything_is_recorded_in_order_by_the_time_it_has_stopped(recorder: Make, path: Path) -> None:
    running = recorder()
    for number in range(500):
        running.record(verdict(number), NOTHING)
    assert running.stop(drain_s=0) == 0
    assert recorded(path) == list(range(500))


def test_what_comes_together_is_written_together_where_the_settings_say_so(
    recorder: Make, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    append = Journal.append

    def count(self: Journal, records: list[Record]) -> None:
        written.append(len(records))
        append(self, records)

    monkeypatch.setattr(Journal, "append", count)
    running = recorder(batch_ms=500)
    for number in range(20):
        running.record(verdict(number), NOTHING)
    wait_for(lambda: recorded(path) == list(range(20)))
    assert len(written) <= 2


def test_while_the_disk_stalls_the_line_goes_on_and_nothing_is_lost(
    recorder: Make, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = recorder()
    goes_on = stalled(monkeypatch)
    for number in range(200):
        running.record(verdict(number), NOTHING)
    assert recorded(path) == []
    assert running.waiting == 200
    goes_on.set()
    wait_for(lambda: recorded(path) == list(range(200)))


def test_a_disk_that_hangs_is_an_alarm_until_it_goes_on(
    recorder: Make, alarms: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = recorder()
    goes_on = stalled(monkeypatch)
    monkeypatch.setattr("edge.records.recorder.HANGS_S", 0.05)

    def is_said() -> bool:
        running.record(verdict(0), NOTHING)
        return bool(alarms)

    wait_for(is_said)
    goes_on.set()
    wait_for(lambda: len(alarms) > 1)
    assert alarms == [("journal", True), ("journal", False)]


def test_while_the_disk_fails_it_is_one_alarm_and_what_has_no_room_is_counted(
    recorder: Make, path: Path, alarms: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = recorder(queue=10)
    append = Journal.append

    def fail(self: Journal, records: list[Record]) -> None:
        raise JournalError("no room")

    monkeypatch.setattr("edge.records.recorder.RETRY_S", 0.01)
    monkeypatch.setattr(Journal, "append", fail)
    for number in range(15):
        running.record(verdict(number), NOTHING)
    wait_for(lambda: alarms == [("journal", True)])
    assert (running.unwritten, running.waiting) == (5, 10)
    monkeypatch.setattr(Journal, "append", append)
    wait_for(lambda: alarms == [("journal", True), ("journal", False)])
    wait_for(lambda: recorded(path) == list(range(10)))


def test_while_the_disk_takes_records_and_keeps_none_it_is_one_alarm(
    recorder: Make, path: Path, alarms: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file descriptor is left for the sync, for one."""
    refused: list[int] = []

    def refuse(_self: Journal) -> None:
        refused.append(1)
        raise JournalError("too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "sync", refuse)
        running = recorder(sync_ms=50)
        for number in range(4):
            so_far = len(refused)
            wait_for(lambda so_far=so_far: len(refused) > so_far)  # type: ignore[misc]
            running.record(verdict(number), NOTHING)
            wait_for(lambda number=number: recorded(path)[-1:] == [number])  # type: ignore[misc]
        assert alarms == [("journal", True)]
    for number in range(4, 1000):
        running.record(verdict(number), NOTHING)
        wait_for(lambda number=number: recorded(path)[-1:] == [number])  # type: ignore[misc]
        if len(alarms) > 1:
            break
    assert alarms == [("journal", True), ("journal", False)]


def test_unsent_verdicts_that_are_deleted_are_counted_and_an_alarm(
    path: Path, alarms: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.records.recorder.CHECKPOINT_ROWS", 1)

    class Away:
        consumer, receiver = BROKER, "broker"
        connection_number = None

    running = Recorder(
        path,
        JournalSettings(max_rows=1000, sync_ms=50),
        station="a",
        alarm=lambda name, text: alarms.append((name, text is not None)),
    )
    running.start([Away()])  # type: ignore[list-item]
    for number in range(1500):
        running.record(verdict(number), NOTHING)
    wait_for(lambda: running.dropped == 500)
    wait_for(lambda: alarms == [("journal-full", True)])
    assert running.stop(drain_s=0) == 1000
    assert recorded(path) == list(range(500, 1500))


def test_without_a_broker_nothing_waits_and_old_inspections_are_no_loss(
    recorder: Make, path: Path, alarms: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.records.recorder.CHECKPOINT_ROWS", 1)
    running = recorder(max_rows=1000, sync_ms=50)
    for number in range(1500):
        running.record(verdict(number), NOTHING)
    wait_for(lambda: recorded(path) == list(range(500, 1500)))
    assert (running.waiting, running.dropped, alarms) == (0, 0, [])


def test_what_is_recorded_while_no_broker_is_there_is_late_and_otherwise_what_waited_long(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Link:
        consumer, receiver = BROKER, "broker"
        connection_number: int | None = 1

        def __init__(self) -> None:
            self.sent: list[str] = []

        most_unacknowledged = 500

        def takes(self, _payload: bytes) -> bool:
            return True

        def send(self, payload: bytes) -> Receipt:
            self.sent.append(payload.decode())
            return Receipt(1, len(self.sent))

    link = Link()
    running = Recorder(path, JournalSettings(), station="a", alarm=lambda _name, _text: None)
    running.start([link])
    running.record(verdict(1), NOTHING)
    wait_for(lambda: recorded(path) == [1])
    link.connection_number = None
    running.record(verdict(2), NOTHING)
    wait_for(lambda: recorded(path) == [1, 2])
    link.connection_number = 1
    monkeypatch.setattr("edge.records.recorder.LATE_AFTER_S", 0.0)
    running.record(verdict(3), NOTHING)
    wait_for(lambda: len(link.sent) == 3)
    running.stop(drain_s=0)
    database = sqlite3.connect(path)
    kept = [text for (text,) in database.execute("SELECT message FROM inspections ORDER BY number")]
    database.close()
    assert [json.loads(text)["late"] for text in kept] == [False, True, True]
    assert kept[: len(link.sent)] == link.sent, "what is sent again after a power cut must be the same"


def test_a_clock_that_is_set_makes_no_verdict_late(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Link:
        consumer, receiver = BROKER, "broker"
        connection_number = 1
        most_unacknowledged = 500

        def takes(self, _payload: bytes) -> bool:
            return True

        def send(self, _payload: bytes) -> Receipt:
            return Receipt(1, 1)

    running = Recorder(path, JournalSettings(), station="a", alarm=lambda _name, _text: None)
    running.start([Link()])
    hours = itertools.count()
    wall = time.time()
    monkeypatch.setattr(time, "time", lambda: wall + 3600.0 * next(hours))
    running.record(verdict(1), NOTHING)
    wait_for(lambda: recorded(path) == [1])
    running.stop(drain_s=0)
    database = sqlite3.connect(path)
    ((text,),) = database.execute("SELECT message FROM inspections").fetchall()
    database.close()
    assert json.loads(text)["late"] is False


def test_a_disk_that_hangs_at_the_end_is_not_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge.records.recorder.STOP_S", 0.1)
    goes_on, hangs = threading.Event(), threading.Event()
    sync = Journal.sync

    def stall(self: Journal) -> None:
        hangs.set()
        goes_on.wait(60)
        sync(self)

    running = Recorder(path, JournalSettings(sync_ms=50), station="a", alarm=lambda _name, _text: None)
    running.start([])
    running.record(verdict(1), NOTHING)
    wait_for(lambda: recorded(path) == [1])
    monkeypatch.setattr(Journal, "sync", stall)
    assert hangs.wait(60)
    stopping = threading.Thread(target=running.stop, kwargs={"drain_s": 0}, daemon=True)
    stopping.start()
    stopping.join(20)
    ended = not stopping.is_alive()
    goes_on.set()
    stopping.join()
    assert ended
    assert caplog.text.count("its disk hangs, and it is left open: 0 inspections have no record") == 1


class SlowBroker:
    """Stands for a link whose broker takes one message whenever ``steps`` says so, and then freezes."""

    consumer, receiver = BROKER, "broker"

    def __init__(self, steps: int) -> None:
        self.connection_number: int | None = 1
        self.recorder: Recorder | None = None
        self.taken = 0
        self.most_unacknowledged = 500
        self._steps = steps

    def takes(self, _payload: bytes) -> bool:
        return True

    def send(self, _payload: bytes) -> Receipt:
        self.taken += 1
        receipt = Receipt(1, self.taken)
        if self.taken <= self._steps and self.recorder is not None:
            self.recorder.outbox(BROKER).acknowledged(receipt)
        return receipt


def test_at_the_end_a_broker_is_waited_for_while_it_takes_anything_and_no_longer(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.records.recorder.FROZEN", 0.0002)
    running = Recorder(path, JournalSettings(), station="a", alarm=lambda _name, _text: None)
    link = SlowBroker(steps=7)
    link.recorder = running
    running.start([link])
    for number in range(10):
        running.record(verdict(number), NOTHING)
    waiting: list[int] = []
    stopping = threading.Thread(target=lambda: waiting.append(running.stop(drain_s=1000)), daemon=True)
    stopping.start()
    stopping.join(60)
    assert waiting == [3]


def test_a_damaged_file_at_the_start_is_said_and_replaced(
    recorder: Make, path: Path, alarms: list[tuple[str, bool]]
) -> None:
    path.write_text("not a database, but long enough to be taken for one" * 50)
    running = recorder(sync_ms=50)
    running.record(verdict(1), NOTHING)
    wait_for(lambda: alarms == [("journal-replaced", True)])
    running.stop(drain_s=0)
    assert recorded(path) == [1]


def test_a_file_that_is_taken_away_is_said_and_replaced(
    recorder: Make, path: Path, alarms: list[tuple[str, bool]]
) -> None:
    running = recorder(sync_ms=50)
    running.record(verdict(1), NOTHING)
    wait_for(lambda: recorded(path) == [1])
    path.unlink()
    wait_for(lambda: alarms == [("journal-replaced", True)])
    running.record(verdict(2), NOTHING)
    running.stop(drain_s=0)
    assert recorded(path) == [2]


def test_a_folder_that_cannot_be_used_yet_stops_nothing(
    recorder: Make, memory_path: Path, alarms: list[tuple[str, bool]]
) -> None:
    (memory_path / "disk").write_text("in the way")
    running = recorder(memory_path / "disk" / "journal.sqlite", sync_ms=50)
    running.record(verdict(1), NOTHING)
    wait_for(lambda: alarms == [("journal", True)])
    (memory_path / "disk").unlink()
    wait_for(lambda: alarms == [("journal", True), ("journal", False)])
    running.stop(drain_s=0)
    assert recorded(memory_path / "disk" / "journal.sqlite") == [1]


@pytest.fixture
def small_disk(memory_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    folder = memory_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "linegate-test", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("no mounts are allowed here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_an_alarm_and_with_room_again_everything_is_recorded(
    recorder: Make, small_disk: Path, alarms: list[tuple[str, bool]]
) -> None:
    running = recorder(small_disk / "journal.sqlite", sync_ms=50)
    (small_disk / "ballast").write_bytes(b"x" * 700_000)
    for number in range(1000):
        running.record(verdict(number), NOTHING)
    wait_for(lambda: alarms == [("journal", True)])
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    wait_for(lambda: alarms == [("journal", True), ("journal", False)])
    wait_for(lambda: recorded(small_disk / "journal.sqlite") == list(range(1000)))
    assert running.unwritten == 0


def test_a_verdict_is_small_enough_for_any_broker_whatever_its_names_and_reasons() -> None:
    """A class of a bundle may have a name of 100 kB, and a folder files with long ones."""
    long = "\u2603" * 100_000
    model = SimpleNamespace(bundle=SimpleNamespace(sha256="0" * 64))
    inspector = cast("Inspector", SimpleNamespace(model=model, recipe="default"))
    context = PartContext("A-1", 1, 0.0)
    frame = Frame(NOTHING, 1, captured=0.0, captured_at=datetime.now(UTC), source=long, truth=long)
    found = Inspection(frame, Verdict.DEFECT, 0.9, long, reason=long)
    message = part_result(
        context, found, inspector, frames=1, station="a", simulated=False, run="run", action="reject"
    )
    assert len(message.payload()) < 8192
