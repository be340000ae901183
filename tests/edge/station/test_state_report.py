"""The bits that a PLC reads: always of the latest part, whoever says them again."""

from collections.abc import Callable
from typing import Any

from edge.core.decision import Verdict
from edge.station.state_report import StateReport
from edge.station.states import States


class Announced:
    """Notes the bits; ``meanwhile`` is what another thread does while they are published."""

    def __init__(self) -> None:
        self.bits_said: list[dict[str, Any]] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def status(self, *_: object) -> None:
        pass

    def bits(self, **bits: Any) -> None:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        self.bits_said.append(bits)


def started() -> tuple[StateReport, States, Announced]:
    states, announced = States(latch=False), Announced()
    states.start()
    report = StateReport(states, announced, has_bits=True)  # type: ignore[arg-type]
    report.update()
    return report, states, announced


RESULT = {"ready": True, "busy": False, "result_valid": True, "result_ok": True, "part": "A-1"}
NOTHING = {"ready": True, "busy": False, "result_valid": False, "result_ok": False, "part": None}


def test_the_result_of_the_first_part_outlasts_the_state_that_begins_with_it() -> None:
    report, states, announced = started()
    report.part("A-1", None)
    report.part("A-1", Verdict.OK, passes=True)
    states.run()
    report.update()
    assert announced.bits_said[-1] == RESULT


def test_a_part_stays_busy_and_a_result_valid_when_the_broker_comes_back() -> None:
    report, _, announced = started()
    report.part("A-1", None)
    report.repeat()
    assert (announced.bits_said[-1]["busy"], announced.bits_said[-1]["part"]) == (True, "A-1")
    report.part("A-1", Verdict.OK, passes=True)
    report.repeat()
    assert announced.bits_said[-1] == RESULT


def test_a_result_that_comes_while_the_bits_are_said_again_is_what_is_said_last() -> None:
    report, _, announced = started()
    announced.meanwhile = lambda: report.part("A-1", Verdict.OK, passes=True)
    report.repeat()
    assert announced.bits_said[-1] == RESULT


def test_no_result_outlasts_a_fault() -> None:
    report, states, announced = started()
    report.part("A-1", Verdict.OK, passes=True)
    states.fault("camera", "no frame")
    report.update()
    assert announced.bits_said[-1] == {**NOTHING, "ready": False}


def test_before_the_first_part_there_is_no_result() -> None:
    _, _, announced = started()
    assert announced.bits_said == [NOTHING]


def test_bits_that_did_not_change_are_not_said_again_with_the_state() -> None:
    report, states, announced = started()
    states.run()
    report.update()
    assert announced.bits_said == [NOTHING]
