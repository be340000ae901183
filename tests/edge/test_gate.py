"""What the gate is told, and until when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decision import Verdict
from edge.gate import Gate
from edge.settings import GateSettings

MODES = ["reject-on-defect", "reject-unless-ok"]


@given(st.sampled_from(MODES), st.sampled_from(list(Verdict)), st.floats(0, 10), st.floats(0, 10))
def test_no_command_is_sent_after_the_part_has_passed(
    mode: str, verdict: Verdict, captured: float, waited: float
) -> None:
    gate = Gate(GateSettings.model_validate({"mode": mode}))
    command = gate.command(verdict, captured, captured + waited)
    if command is not None:
        assert captured + waited <= command.due < command.valid_until


@given(st.floats(0, 1e6))
def test_only_an_ok_part_gets_a_pass_by_default(captured: float) -> None:
    gate = Gate(GateSettings(mode="reject-unless-ok"))
    assert {v for v in Verdict if gate.command(v, captured, captured)} == {Verdict.OK}


def test_unsure_and_fault_reject_by_default() -> None:
    gate = Gate(GateSettings())
    assert [v for v in Verdict if gate.command(v, 0, 0)] == [Verdict.DEFECT, Verdict.UNSURE, Verdict.FAULT]


@pytest.mark.parametrize("mode", MODES)
def test_the_settings_say_what_unsure_gets(mode: str) -> None:
    gate = Gate(GateSettings.model_validate({"mode": mode, "on_unsure": "pass"}))
    assert (gate.command(Verdict.UNSURE, 0, 0) is not None) == (mode == "reject-unless-ok")
