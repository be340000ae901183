"""The bits that a PLC reads: always of the latest part, whoever says them again."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, cast

from edge.core.decision import Verdict
from edge.outputs.events import LatestPart, StateChanged
from edge.outputs.outputs import Outputs
from edge.station.state_report import StateReport
from edge.station.states import States


class Told:
    """Notes the bits; ``meanwhile`` is what another thread does while they are told."""

    def __init__(self) -> None:
        self.bits: list[dict[str, Any]] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def state_changed(self, _state: StateChanged) -> None:
        pass

    def latest_part(self, part: LatestPart) -> None:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        self.bits.append(asdict(part))


def started() -> tuple[StateReport, States, Told]:
    states, told = States(latch=False), Told()
    states.start()
    report = StateReport(states, cast("Outputs", told), bundle_sha256="0" * 64, recipe="default")
    report.update()
    return report, states, told


RESULT = {"ready": True, "busy": False, "result_valid": True, "result_ok": True, "part": "A-1"}
NOTHING = {"ready": True, "busy": False, "result_valid": False, "result_ok": False, "part": None}


def test_the_result_of_the_first_part_outlasts_the_state_that_begins_with_it() -> None:
    report, states, told = started()
    report.part("A-1", None)
    report.part("A-1", Verdict.OK, passes=True)
    states.run()
    report.update()
    assert told.bits[-1] == RESULT


def test_a_part_stays_busy_and_a_result_valid_when_the_broker_comes_back() -> None:
    report, _, told = started()
    report.part("A-1", None)
    report.repeat()
    assert (told.bits[-1]["busy"], told.bits[-1]["part"]) == (True, "A-1")
    report.part("A-1", Verdict.OK, passes=True)
    report.repeat()
    assert told.bits[-1] == RESULT


def test_a_result_that_comes_while_the_bits_are_said_again_is_what_is_said_last() -> None:
    report, _, told = started()
    told.meanwhile = lambda: report.part("A-1", Verdict.OK, passes=True)
    report.repeat()
    assert told.bits[-1] == RESULT


def test_no_result_outlasts_a_fault() -> None:
    report, states, told = started()
    report.part("A-1", Verdict.OK, passes=True)
    states.fault("camera", "no frame")
    report.update()
    assert told.bits[-1] == {**NOTHING, "ready": False}


def test_before_the_first_part_there_is_no_result() -> None:
    _, _, told = started()
    assert told.bits == [NOTHING]


def test_bits_that_did_not_change_are_not_said_again_with_the_state() -> None:
    report, states, told = started()
    states.run()
    report.update()
    assert told.bits == [NOTHING]
