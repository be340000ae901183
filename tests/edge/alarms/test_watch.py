"""The watched conditions, and that nothing that goes wrong there reaches the line."""

import logging
import shutil
import threading
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.alarms.parts import PartRules, part_rules
from edge.alarms.register import AlarmEvent
from edge.alarms.watch import AlarmWatch
from edge.core.bundle.score_profile import ScoreProfile
from edge.core.runtime import load_model
from edge.inspection.inspector import Inspector
from edge.settings.alarms import Alarm, AlarmSettings

PROFILE = ScoreProfile(count=200, parts=200, scores=[number / 1000 for number in range(200)])


class Watched:
    """A watch without its thread, whose clock the test moves, and what it said."""

    def __init__(self, folder: Path, profile: ScoreProfile | None = None, **settings: Any) -> None:
        self.settings = AlarmSettings(**{"clear_s": 0, **settings})
        self.said: list[tuple[str, bool]] = []
        self.events: list[AlarmEvent] = []
        self.now = 0.0
        self.watch = AlarmWatch(
            self.settings,
            PartRules(self.settings, profile, ok_below=0.5),
            say=self._say,
            folders=[folder],
        )

    def _say(self, event: AlarmEvent) -> None:
        self.events.append(event)
        self.said.append((event.change.alarm, event.change.raised))

    def step(self, seconds: float = 1.0) -> None:
        self.now += seconds
        self.watch.step(self.now)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The readings of clock and disk."""
    says = SimpleNamespace(synchronised=True, free=10**12)
    monkeypatch.setattr("edge.alarms.watch.clock_is_synchronised", lambda: says.synchronised)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=says.free))
    return says


def test_rejects_in_a_row_are_raised_and_cleared_once(tmp_path: Path) -> None:
    here = Watched(tmp_path, rejects_in_row=3, rate_window=0)
    for rejected in (True, True, True, True, False, False, False, False):
        here.watch.part(0.9, rejected=rejected)
        here.step()
    assert here.said == [("rejects-in-row", True), ("rejects-in-row", False)]


def test_what_two_threads_tell_at_once_comes_in_the_order_in_which_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(deque[Any]):
        def append(self, told: Any) -> None:
            if told.trouble is not None:
                other.start()
                other.join(0.1)  # as long as it needs where nothing holds it up
            super().append(told)

    monkeypatch.setattr("edge.alarms.watch.deque", Slow)
    here = Watched(tmp_path)
    other = threading.Thread(target=here.watch.tell, args=(Alarm.BIN, None))
    here.watch.tell(Alarm.BIN, "a rejected part was not seen in the bin")
    other.join()
    here.step()
    here.step()
    assert here.said == [("bin", True), ("bin", False)]


def test_a_reject_rate_is_raised(tmp_path: Path) -> None:
    here = Watched(tmp_path, rejects_in_row=0, rate_window=50, rate_expected=0.01)
    for number in range(50):
        here.watch.part(0.9, rejected=number % 2 == 0)
    here.step()
    assert here.said == [("reject-rate", True)]


def test_drift_is_raised_and_parts_without_a_score_are_none(tmp_path: Path) -> None:
    here = Watched(tmp_path, PROFILE, rejects_in_row=0, rate_window=0, drift_window=50)
    for _ in range(50):
        here.watch.part(0.45, rejected=False)
        here.watch.part(None, rejected=True)
    here.step()
    assert here.said == [("score-drift", True)]


def test_a_bundle_without_scores_gives_no_drift_alarm_and_that_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, bundle: Path
) -> None:
    caplog.set_level(logging.INFO)
    part_rules(AlarmSettings(), Inspector(load_model(bundle, threads=1)))
    assert [record.getMessage() for record in caplog.records if "score-drift" in record.getMessage()] == [
        "alarms: no score-drift: the bundle has no scores of OK photographs; quantize it again"
    ]


def test_another_bundle_begins_anew(tmp_path: Path) -> None:
    here = Watched(tmp_path, rejects_in_row=2, rate_window=0)
    for _ in range(2):
        here.watch.part(0.9, rejected=True)
    here.step()
    here.watch.judge_by(PartRules(here.settings, None, ok_below=0.5))
    here.step()
    here.watch.part(0.9, rejected=True)
    here.step()
    assert here.said == [("rejects-in-row", True), ("rejects-in-row", False)]


def test_disk_and_clock_are_looked_at_now_and_then(tmp_path: Path, clock: SimpleNamespace) -> None:
    here = Watched(tmp_path, disk_free_mb=500, clock_s=60)
    clock.free, clock.synchronised = 10**8, False
    for _ in range(100):
        here.step()
    clock.free, clock.synchronised = 10**12, True
    for _ in range(20):
        here.step()
    assert here.said == [("disk", True), ("clock", True), ("disk", False), ("clock", False)]


def test_what_others_notice_is_raised_with_its_part(tmp_path: Path) -> None:
    here = Watched(tmp_path)
    here.watch.tell(Alarm.BIN, "a part is missing", part="A-1")
    here.step()
    here.watch.tell(Alarm.BIN, None)
    here.step()
    assert [(e.change.alarm, e.change.raised, e.change.part) for e in here.events] == [
        ("bin", True, "A-1"),
        ("bin", False, None),
    ]


def test_each_alarm_can_be_off_by_its_name(tmp_path: Path, clock: SimpleNamespace) -> None:
    here = Watched(tmp_path, PROFILE, off=" ".join(Alarm))
    clock.free, clock.synchronised = 0, False
    for _ in range(2000):
        here.watch.part(0.45, rejected=True)
    for alarm in Alarm:
        here.watch.tell(alarm, "broken")
    here.step()
    here.step(10_000.0)
    assert here.said == []


def test_an_alarm_that_is_not_there_cannot_be_off() -> None:
    with pytest.raises(ValueError, match="no alarm is called 'clok'"):
        AlarmSettings(off="clok")


def test_each_alarm_stands_in_the_documents() -> None:
    table = (Path(__file__).parents[3] / "docs" / "reference" / "alarms.md").read_text("utf-8")
    named = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
    assert named == list(Alarm)


def test_zero_switches_off_what_has_a_limit(tmp_path: Path, clock: SimpleNamespace) -> None:
    limits = ("rejects_in_row", "rate_window", "drift_window", "disk_free_mb", "clock_s")
    here = Watched(tmp_path, PROFILE, **dict.fromkeys(limits, 0))
    clock.free, clock.synchronised = 0, False
    for _ in range(2000):
        here.watch.part(0.45, rejected=True)
    here.step()
    here.step(10_000.0)
    assert here.said == []


def test_a_mistake_in_a_rule_is_said_once_and_does_not_end_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    steps = []
    enough = threading.Event()

    def fail(_self: AlarmWatch, now: float) -> None:
        steps.append(now)
        if len(steps) == 3:
            enough.set()
        raise ZeroDivisionError("no")

    monkeypatch.setattr(AlarmWatch, "step", fail)
    monkeypatch.setattr("edge.alarms.watch.TICK_S", 0.001)
    here = Watched(tmp_path)
    here.watch.start()
    assert enough.wait(10)
    here.watch.stop()
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


def test_who_tells_it_something_never_waits_for_a_disk_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, may_go_on = threading.Event(), threading.Event()

    def hang(_folder: object) -> SimpleNamespace:
        hangs.set()
        may_go_on.wait(20)
        return SimpleNamespace(free=10**12)

    monkeypatch.setattr(shutil, "disk_usage", hang)
    here = Watched(tmp_path, rejects_in_row=5)
    here.watch.start()
    assert hangs.wait(10)
    for _ in range(20_000):
        here.watch.part(0.9, rejected=True)
        here.watch.tell(Alarm.CAMERA, "gone")
        here.watch.tell(Alarm.CAMERA, None)
    assert not may_go_on.is_set()
    may_go_on.set()
    here.watch.stop()
    assert ("rejects-in-row", True) in here.said


def test_at_the_end_what_is_raised_is_cleared(tmp_path: Path) -> None:
    here = Watched(tmp_path, clear_s=3600)
    here.watch.tell(Alarm.CAMERA, "gone")
    here.watch.start()
    here.watch.stop()
    assert here.said == [("camera", True), ("camera", False)]
