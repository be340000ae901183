"""When a line counts as ready and as alive: fed while it works or honestly waits, on a clock of our own."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
import pytest

from edge.camera.guard import CameraGuard
from edge.core.frame import Frame
from edge.settings.load_settings import load_settings
from edge.settings.settings import Settings
from edge.station.health import FAILURES, Health, Service, Vitals
from tests.edge.outputs.made_statistics import statistics
from tests.edge.service.test_supervisor import Heard

FRAME = Frame(np.zeros((1, 1), np.uint8), 0, captured=0.0, captured_at=datetime.now(UTC))


class Guard:
    """A camera that is there."""

    fault: str | None = None
    is_alive = True
    openings = 1


class Asked:
    """The health of a station that does nothing by itself."""

    def __init__(self) -> None:
        self.now = Vitals("ready", None, 0, 0, 0, {"the gate": True, "the recorder": True})
        self.asked: list[float | None] = []

    def vitals(self) -> Vitals:
        return self.now

    def set(self, **changes: Any) -> None:
        self.now = replace(self.now, **changes)

    def readings(self, station: str, *, camera: Guard, frame_age_s: float | None) -> None:
        self.asked.append(frame_age_s)


class Stand:
    """A service whose line turns ten times a second."""

    def __init__(self, settings: Settings) -> None:
        self.guard, self.health, self.heard = Guard(), Asked(), Heard(watchdog_s=10.0)
        self.service = Service(
            settings, cast("CameraGuard", self.guard), cast("Health", self.health), self.heard
        )
        self.now = 0.0
        self.service.start(self.now)

    def turn(self, seconds: float, *, frames: bool = False) -> int:
        """Let time pass; how often it was fed meanwhile."""
        before = self.heard.feedings
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            self.service.turn(self.now, FRAME if frames else None)
        return self.heard.feedings - before

    @property
    def is_ready(self) -> bool:
        return "READY=1" in self.heard.messages


@pytest.fixture
def stand() -> Stand:
    return Stand(load_settings(None, {}))


def test_the_first_frame_makes_it_ready(stand: Stand) -> None:
    stand.turn(1)
    assert not stand.is_ready
    stand.turn(0.1, frames=True)
    assert stand.is_ready


def test_a_camera_at_fault_was_tried(stand: Stand) -> None:
    stand.guard.fault = "no camera"
    stand.turn(0.1)
    assert stand.is_ready


def test_a_camera_that_takes_its_time_holds_up_the_start_for_ten_seconds(stand: Stand) -> None:
    stand.turn(9)
    assert not stand.is_ready
    stand.turn(2)
    assert stand.is_ready


@pytest.mark.parametrize("fault", [None, "no camera"])
def test_a_line_that_waits_for_parts_or_a_camera_is_fed_for_ever(stand: Stand, fault: str | None) -> None:
    stand.guard.fault = fault
    assert stand.turn(3600) > 3000


def test_parts_without_verdicts_starve_it(stand: Stand) -> None:
    stand.turn(1)
    stand.health.set(seen=1)
    assert stand.turn(9) > 0
    stand.turn(20)
    assert stand.turn(60) == 0


def test_a_part_may_wait_as_long_as_the_settings_let_it() -> None:
    stand = Stand(load_settings(None, {"trigger.kind": "message", "trigger.timeout_ms": "60000"}))
    stand.turn(1)
    stand.health.set(seen=1)
    assert stand.turn(65) > 60
    stand.health.set(decided=1)
    assert stand.turn(60) > 50


def test_inspections_that_all_fail_starve_it_and_a_few_do_not(stand: Stand) -> None:
    stand.health.set(failures=FAILURES - 1)
    assert stand.turn(60) > 50
    stand.health.set(failures=FAILURES)
    stand.turn(12)
    assert stand.turn(60) == 0
    stand.health.set(failures=0)
    assert stand.turn(10) > 5


@pytest.mark.parametrize("thread", ["the gate", "the recorder", "the camera's guard"])
def test_a_thread_that_is_gone_starves_it(stand: Stand, thread: str) -> None:
    stand.turn(1)
    if thread in stand.health.now.threads:
        stand.health.set(threads={**stand.health.now.threads, thread: False})
    else:
        stand.guard.is_alive = False
    stand.turn(12)
    assert stand.turn(60) == 0


def test_the_status_has_state_reason_and_counts(stand: Stand) -> None:
    stand.health.set(state="fault", reason="no camera")
    stand.service.count(statistics(verdicts={"ok": 7, "defect": 1}))
    stand.turn(0.1)
    assert "STATUS=fault: no camera; 7 ok, 1 defect" in stand.heard.messages


def test_readings_have_the_age_of_the_latest_frame(stand: Stand) -> None:
    stand.service.readings()
    stand.turn(0.1, frames=True)
    stand.service.readings()
    before, after = stand.health.asked
    assert before is None
    assert after is not None
